/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include "move.h"
#include "base/env.h"
#include "prober/slot.h"
#include "common/text.h"

#include <errno.h>
#include <string.h>

#define TRIES 3

void abi_note(struct abi_handle *h, const char *text, size_t n)
{
	unsigned flags = abi_handle_sql_flags(h);

	abi_session_note(&h->session, pel_sql_classify(text, n, flags), text, n, flags);
}

static int run_once(const struct abi_call *call)
{
	int result;

	abi_depth++;
	result = call->run(call);
	abi_depth--;
	return result;
}

/* The error as the library tells it, kept: questions on the connection overwrite it. */
static void keep_error(const struct abi_call *call, struct abi_told *ret)
{
	const struct abi_real *real = &call->handle->client->real;
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

struct abi_situation abi_situation_of(const struct abi_call *call, enum abi_cause cause)
{
	const struct abi_handle *h = call->handle;
	const struct abi_session *s = &h->session;
	unsigned status = abi_handle_status(h);
	bool told = status != ABI_STATUS_UNKNOWN;
	bool on = told              ? (status & ABI_STATUS_AUTOCOMMIT) != 0
		: s->autocommit_set ? s->autocommit
				    : h->autocommit_known && h->autocommit;

	return (struct abi_situation){
		.cause = cause,
		.class = call->text ? pel_sql_classify(call->text, call->n, abi_handle_sql_flags(h))
				    : call->class,
		.retry = env_get()->retry,
		.autocommit = on,
		/* libmariadb clears the flag when a send fails: without autocommit one is open. */
		.in_transaction = s->transaction || !on ||
			(told && (status & ABI_STATUS_IN_TRANSACTION) != 0),
		.dirty = s->dirty,
		.once = call->once,
		.resets = call->resets,
	};
}

/* The statement failed by itself; in doubt about what it left, the session is dirty. */
void abi_note_failure(const struct abi_call *call)
{
	if (call->text && !pel_sql_is_harmless(call->text, call->n) &&
		pel_sql_classify(call->text, call->n, 0) == PEL_SQL_DIRTY)
		call->handle->session.dirty = true;
}

static void note_success(const struct abi_call *call)
{
	if (call->text)
		abi_note(call->handle, call->text, call->n);
}

static void tell(const struct abi_call *call, const struct abi_told *told)
{
	call->handle->told = *told;
	if (call->stmt)
		call->stmt->told = *told;
}

int abi_recover(const struct abi_call *call, int result)
{
	struct abi_told told;

	for (int i = 0; i < TRIES; i++) {
		struct abi_situation situation;
		enum abi_action action;
		enum abi_cause cause;

		keep_error(call, &told);
		cause = abi_cause_of(told.error);
		if (cause == ABI_CAUSE_NONE) {
			abi_note_failure(call);
			return result;
		}
		situation = abi_situation_of(call, cause);
		if (abi_move(call->handle, cause) < 0)
			break;
		action = abi_decide(&situation);
		if (action != ABI_EXECUTE_AGAIN) {
			char original[ABI_MESSAGE_MAX];

			memcpy(original, told.message, sizeof(original));
			abi_tell(&told, told.error, action, original);
			break;
		}
		slot_count(SLOT_RETRIED);
		result = run_once(call);
		if (result == 0) {
			note_success(call);
			return 0;
		}
	}
	tell(call, &told);
	return result;
}

int abi_run(const struct abi_call *call)
{
	int result;

	call->handle->told.error = 0;
	if (call->stmt)
		call->stmt->told.error = 0;
	result = run_once(call);
	return result == 0 ? 0 : abi_recover(call, result);
}
