/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three calls of <ucontext.h> that pelorusd's coroutines make, which musl declares and does not
 * have, on x86-64: as much of them as is needed there.  The signal mask stays as it is.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

/* What swap_stacks() pops, the lowest address first. */
struct frame {
	uint64_t floats; /* the control words of SSE and of the x87 */
	uint64_t r15, r14, r13, r12, rbx, rbp;
	void (*go_on)(void);
	uint64_t
		end; /* nobody returns from `begin`, and the stack is aligned as if it were called */
};

void begin(void);
void swap_stacks(greg_t *save, greg_t load);
int run(ucontext_t *c, void (*call)(unsigned, unsigned), uint64_t one, uint64_t two);

__asm__(".text\n"
	".type swap_stacks, @function\n"
	".hidden swap_stacks\n"
	"swap_stacks:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	sub $8, %rsp\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	add $8, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".type begin, @function\n"
	".hidden begin\n"
	"begin:\n"
	"	mov %r12, %rdi\n"
	"	mov %rbx, %rsi\n"
	"	mov %r13, %rdx\n"
	"	mov %r14, %rcx\n"
	"	call run\n"
	"	ud2\n");

/* On the new stack. */
__attribute__((visibility("hidden"))) int run(ucontext_t *c, void (*call)(unsigned, unsigned),
	uint64_t one, uint64_t two)
{
	call((unsigned)one, (unsigned)two);
	return swapcontext(c, c->uc_link);
}

int getcontext(ucontext_t *c)
{
	memset(c, 0, sizeof(*c));
	return 0;
}

/* `call` with two numbers, and no other kind. */
void makecontext(ucontext_t *c, void (*call)(void), int n, ...)
{
	uintptr_t top = ((uintptr_t)c->uc_stack.ss_sp + c->uc_stack.ss_size) & ~(uintptr_t)15;
	struct frame *f = (struct frame *)(top - sizeof(*f) - 8);
	unsigned floats[2] = {0};
	va_list list;

	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(floats[0]), "=m"(floats[1]));
	va_start(list, n);
	*f = (struct frame){.go_on = begin, .r12 = (uintptr_t)c, .rbx = (uintptr_t)call};
	f->r13 = va_arg(list, unsigned);
	f->r14 = va_arg(list, unsigned);
	va_end(list);
	memcpy(&f->floats, floats, sizeof(floats));
	c->uc_mcontext.gregs[REG_RSP] = (greg_t)(uintptr_t)f;
}

int swapcontext(ucontext_t *from, const ucontext_t *to)
{
	swap_stacks(&from->uc_mcontext.gregs[REG_RSP], to->uc_mcontext.gregs[REG_RSP]);
	return 0;
}
