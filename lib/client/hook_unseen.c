/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each has six arguments at most, all of them pointers or integers: they are passed on as the words that
 * they came in, whatever their types are, and so is the result.
 */
#include "hook.h"

typedef long unseen_call(long a, long b, long c, long d, long e, long f);

static const struct {
	unsigned place;
	enum { CONNECTION, STATEMENT } kind;
} all[] = {
#define ROW(name, place, kind) {place, kind},
	UNSEEN_EACH(ROW)
#undef ROW
};

static struct handle *guard(enum unseen which, const void *object, const void *from)
{
	struct statement *s;

	if (all[which].kind == CONNECTION)
		return hook_guard(object, from);
	s = hook_guard_statement(object, from);
	return s ? s->handle : NULL;
}

/* What is told beside the words comes last, so that they stay in the registers that they came in. */
static long pass(long a, long b, long c, long d, long e, long f, enum unseen which,
	const void *from)
{
	struct handle *h = guard(which, (const void *)(all[which].place == 0 ? a : b), from);
	const struct library *lib = h ? h->library : library_of(from);
	unseen_call *real = lib ? (unseen_call *)(uintptr_t)lib->real.unseen[which] : NULL;

	if (h)
		h->session.dirty = true;
	if (real)
		return real(a, b, c, d, e, f);
	if (all[which].place == 0)
		return 2; /* an error; of those that do not block, too */
	*(client_bool *)a = 1;
	return 0; /* nothing to wait for */
}

#define HOOK(name, place, kind)                                                                    \
	CLIENT_EXPORT unseen_call name;                                                            \
	long name(long a, long b, long c, long d, long e, long f)                                  \
	{                                                                                          \
		return pass(a, b, c, d, e, f, UNSEEN_##name, HOOK_CALLER);                         \
	}
UNSEEN_EACH(HOOK)
