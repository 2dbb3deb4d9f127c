/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include "move.h"
#include "common/text.h"
#include "base/env.h"
#include "prober/slot.h"

#include <string.h>

#define TRIES 3

void call_note(struct handle *h, const char *text, size_t n)
{
	unsigned flags = handle_sql_flags(h);

	session_note(&h->session, pel_sql_classify(text, n, flags), text, n, flags);
}

static int run_once(const struct call *call)
{
	int result;

	client_depth++;
	result = call->run(call);
	client_depth--;
	return result;
}

/* The error as the library tells it, kept: questions on the connection overwrite it. */
static void keep_error(const struct call *call, struct shown_error *ret)
{
	const struct client_functions *real = &call->handle->library->real;
	const char *state, *message;

	if (call->stmt) {
		ret->error = real->stmt_errno(call->stmt->stmt);
		state = real->stmt_sqlstate(call->stmt->stmt);
		message = real->stmt_error(call->stmt->stmt);
	} else {
		ret->error = real->errnum(call->handle->mysql);
		state = real->sqlstate(call->handle->mysql);
		message = real->error(call->handle->mysql);
	}
	ret->sqlstate[0] = ret->message[0] = '\0';
	text_append(ret->sqlstate, sizeof(ret->sqlstate), state ? state : "");
	text_append(ret->message, sizeof(ret->message), message ? message : "");
}

struct retry_situation call_situation(const struct call *call, enum retry_cause cause)
{
	const struct handle *h = call->handle;
	const struct session *s = &h->session;
	unsigned status = handle_status(h);
	bool known = status != CLIENT_STATUS_UNKNOWN;
	bool on = known             ? (status & CLIENT_STATUS_AUTOCOMMIT) != 0
		: s->autocommit_set ? s->autocommit
				    : h->autocommit_known && h->autocommit;

	return (struct retry_situation){
		.cause = cause,
		.class = call->text ? pel_sql_classify(call->text, call->n, handle_sql_flags(h))
				    : call->class,
		.retry = env_get()->retry,
		.autocommit = on,
		/* libmariadb clears the flag when a send fails: without autocommit one is open. */
		.in_transaction = s->transaction || !on ||
			(known && (status & CLIENT_STATUS_IN_TRANSACTION) != 0),
		.dirty = s->dirty,
		.once = call->once,
		.resets = call->resets,
	};
}

/* The statement failed by itself; in doubt about what it left, the session is dirty. */
void call_note_failure(const struct call *call)
{
	if (call->text && !pel_sql_is_harmless(call->text, call->n) &&
		pel_sql_classify(call->text, call->n, 0) == PEL_SQL_DIRTY)
		call->handle->session.dirty = true;
}

static void note_success(const struct call *call)
{
	if (call->text)
		call_note(call->handle, call->text, call->n);
}

static void show(const struct call *call, const struct shown_error *shown)
{
	call->handle->shown = *shown;
	if (call->stmt)
		call->stmt->shown = *shown;
}

int call_recover(const struct call *call, int result)
{
	struct shown_error shown;

	for (int i = 0; i < TRIES; i++) {
		struct retry_situation situation;
		enum retry_action action;
		enum retry_cause cause;

		keep_error(call, &shown);
		cause = retry_cause_of(shown.error);
		if (cause == CAUSE_NONE) {
			call_note_failure(call);
			return result;
		}
		situation = call_situation(call, cause);
		if (move_connection(call->handle, cause) < 0)
			break;
		action = retry_decide(&situation);
		if (action != RETRY_AGAIN) {
			char original[SHOWN_MESSAGE_MAX];

			memcpy(original, shown.message, sizeof(original));
			shown_set(&shown, shown.error, action, original);
			break;
		}
		slot_count(SLOT_RETRIED);
		result = run_once(call);
		if (result == 0) {
			note_success(call);
			return 0;
		}
	}
	show(call, &shown);
	return result;
}

int call_run(const struct call *call)
{
	int result;

	call->handle->shown.error = 0;
	if (call->stmt)
		call->stmt->shown.error = 0;
	result = run_once(call);
	return result == 0 ? 0 : call_recover(call, result);
}

int call_from(struct call *call, const void *from)
{
	const struct library *lib = call->handle ? call->handle->library : library_of(from);

	if (!lib)
		return 1;
	call->real = &lib->real;
	return call->handle ? call_run(call) : call->run(call);
}
