/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include "connection.h"
#include "move.h"
#include "common/clock.h"
#include "base/env.h"
#include "known/plan.h"
#include "prober/slot.h"

void call_note(struct handle *h, const char *text, size_t n)
{
	unsigned flags = handle_sql_flags(h);

	session_note(&h->session, pel_sql_classify(text, n, flags), text, n, flags);
}

/*
 * True if the text asks for what a session left behind when it was moved.  Most statements surely do not:
 * it is the others that are searched.  An insert behind the move has begun a past that may be asked for.
 */
static bool asks_for_past(struct handle *h, const char *text, size_t n)
{
	enum pel_sql_class class = pel_sql_classify(text, n, handle_sql_flags(h));

	if ((class != PEL_SQL_DIRTY && class != PEL_SQL_PEEK) ||
		!(pel_sql_recalls(text, n, false) || (h->pinged && pel_sql_recalls(text, n, true))))
		return false;
	/* Who asks for the very last statement as well would be told of a question of ours. */
	h->moved = h->pinged || pel_sql_recalls(text, n, true) || move_has_no_id(h);
	return h->moved;
}

void call_begin(struct handle *h, const char *text, size_t n)
{
	connection_note_begin(h);
	if (h->moved && asks_for_past(h, text, n)) {
		connection_sever(h);
		h->left = true;
	}
	h->pinged = false;
}

static bool is_loss(enum retry_cause cause)
{
	return cause != CAUSE_NONE && cause != CAUSE_REFUSED;
}

static struct retry_situation situation(const struct handle *h, enum retry_cause cause,
	const char *text, size_t n)
{
	return (struct retry_situation){
		.cause = cause,
		.class = text ? pel_sql_classify(text, n, handle_sql_flags(h)) : PEL_SQL_READ,
		.retry = env_get()->retry,
		.clean = handle_is_clean(h),
		.idle = handle_is_idle(h),
		.ping = text == NULL,
	};
}

static bool is_to_be_moved(struct handle *h, const struct retry_situation *s, uint64_t until_ns)
{
	enum retry_action action = retry_decide(s);
	bool possible;

	/* A reader's name gives no writer: a refused write there is what was asked for. */
	if (s->cause == CAUSE_REFUSED && h->role != PEL_ROLE_WRITER)
		return false;
	possible = move_is_possible(h);
	if (is_loss(s->cause)) {
		connection_note_loss(h, s->cause);
		h->left = action == RETRY_LEAVE || !possible;
	}
	if (h->left || action != RETRY_MOVE || !possible)
		return false;
	if (connection_failed_over(h, s->cause, until_ns))
		return true;
	h->left = is_loss(s->cause);
	return false;
}

int call_failed(struct handle *h, call_run *run, const char *text, size_t n, int result)
{
	struct retry_situation s;
	enum pel_mode mode;
	uint64_t until_ns;

	h->left |= library_reconnects(h->library, h->mysql);
	if (h->left)
		return result;
	s = situation(h, retry_cause_of(h->library->real.errnum(h->mysql)), text, n);
	/* What a statement that was refused half-way may have left nobody can tell. */
	if (!is_loss(s.cause) && s.class == PEL_SQL_DIRTY)
		h->session.dirty = true;
	mode = plan_mode(h->followed);
	if (s.cause == CAUSE_NONE || mode == PEL_MODE_OFF)
		return result;
	until_ns = clock_now_ns() + library_limit_ns(h->library, h->mysql, CLIENT_OPT_READ_TIMEOUT);
	/* Where nothing is moved, nothing is waited for. */
	if (!is_to_be_moved(h, &s, mode == PEL_MODE_ACTIVE ? until_ns : 0))
		return result;
	if (mode == PEL_MODE_OBSERVE)
		slot_count_seen(h->followed->hash, SEEN_MOVED);
	if (mode != PEL_MODE_ACTIVE || !move_connection(h, until_ns))
		return result;
	h->moved = true;
	h->pinged = text == NULL;
	slot_count(SLOT_RETRIED);
	result = run(h->library, h->mysql, text, n);
	if (result == 0 && text)
		call_note(h, text, n);
	return result;
}

void call_note_failure(struct handle *h)
{
	enum retry_cause cause = retry_cause_of(h->library->real.errnum(h->mysql));
	struct retry_situation s = situation(h, cause, NULL, 0);

	if (!h->left && is_loss(cause)) {
		connection_note_loss(h, cause);
		h->left = retry_decide(&s) == RETRY_LEAVE;
	}
}
