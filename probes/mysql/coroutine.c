/* SPDX-License-Identifier: Apache-2.0 */
#include "coroutine.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define STACK_SIZE 65536

int coroutine_init(struct coroutine *c, void (*run)(void *ctx), void *ctx)
{
	*c = (struct coroutine){.run = run, .ctx = ctx, .stack = malloc(STACK_SIZE)};
	return c->stack ? 0 : -ENOMEM;
}

void coroutine_deinit(struct coroutine *c)
{
	free(c->stack);
	c->stack = NULL;
}

/* makecontext() passes integers alone. */
static void begin(unsigned high, unsigned low)
{
	struct coroutine *c = (struct coroutine *)((uintptr_t)high << 16 << 16 | low);

	c->run(c->ctx);
}

bool coroutine_enter(struct coroutine *c)
{
	if (!c->paused) {
		(void)getcontext(&c->inner);
		c->inner.uc_stack.ss_sp = c->stack;
		c->inner.uc_stack.ss_size = STACK_SIZE;
		c->inner.uc_link = &c->outer;
		makecontext(&c->inner, (void (*)(void))begin, 2,
			(unsigned)((uintptr_t)c >> 16 >> 16), (unsigned)(uintptr_t)c);
	}
	c->paused = false;
	(void)swapcontext(&c->outer, &c->inner);
	return !c->paused;
}

void coroutine_pause(struct coroutine *c)
{
	c->paused = true;
	(void)swapcontext(&c->inner, &c->outer);
}
