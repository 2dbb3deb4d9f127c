/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each has six arguments at most, all of them pointers or integers: they are passed on as the words that
 * they came in, whatever their types are, and so is the result.
 */
#include "hook.h"

typedef long unseen_call(long a, long b, long c, long d, long e, long f);

static const unsigned char places[] = {
#define PLACE(name, place) place,
	UNSEEN_EACH(PLACE)
#undef PLACE
};

/* What is told beside the words comes last, so that they stay in the registers that they came in. */
static long pass(long a, long b, long c, long d, long e, long f, enum unseen which,
	const void *from)
{
	const void *object = (const void *)(places[which] == 0 ? a : b);
	struct statement *s = hook_guard_statement(object, from);
	struct handle *h = s ? s->handle : hook_guard(object, from);
	const struct library *lib = h ? h->library : library_of(from);
	unseen_call *real = lib ? (unseen_call *)(uintptr_t)lib->real.unseen[which] : NULL;

	if (s && (which == UNSEEN_mysql_stmt_close || which == UNSEEN_mysql_stmt_close_start))
		statement_free(s);
	else if (h)
		h->session.dirty = true;
	if (real)
		return real(a, b, c, d, e, f);
	if (places[which] == 0)
		return 2; /* an error; of those that do not block, too */
	*(client_bool *)a = 1;
	return 0; /* nothing to wait for */
}

#define HOOK(name, place)                                                                          \
	CLIENT_EXPORT unseen_call name;                                                            \
	long name(long a, long b, long c, long d, long e, long f)                                  \
	{                                                                                          \
		return pass(a, b, c, d, e, f, UNSEEN_##name, HOOK_CALLER);                         \
	}
UNSEEN_EACH(HOOK)
