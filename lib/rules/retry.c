/* SPDX-License-Identifier: Apache-2.0 */
#include "retry.h"

#include <stddef.h>

static const struct {
	unsigned error;
	enum retry_cause cause;
} causes[] = {
	{2006, CAUSE_NEVER_SENT}, /* CR_SERVER_GONE_ERROR: the packet could not be written */
	{2013, CAUSE_IN_FLIGHT},  /* CR_SERVER_LOST */
	{2055, CAUSE_IN_FLIGHT},  /* CR_SERVER_LOST_EXTENDED */
	{2026, CAUSE_IN_FLIGHT},  /* CR_SSL_CONNECTION_ERROR: what 2013 is over TLS */
	{1053, CAUSE_IN_FLIGHT},  /* ER_SERVER_SHUTDOWN */
	{1290, CAUSE_REFUSED},    /* ER_OPTION_PREVENTS_STATEMENT */
	{1792, CAUSE_REFUSED},    /* ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION */
	{1836, CAUSE_REFUSED},    /* ER_READ_ONLY_MODE */
};

enum retry_cause retry_cause_of(unsigned error)
{
	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++) {
		if (causes[i].error == error)
			return causes[i].cause;
	}
	return CAUSE_NONE;
}

/* What has effects in the session alone leaves none behind when the session dies. */
static bool is_harmless_twice(enum pel_sql_class class)
{
	return class == PEL_SQL_READ || class == PEL_SQL_SET || class == PEL_SQL_USE ||
		class == PEL_SQL_BEGIN;
}

static bool may_execute_again(const struct retry_situation *s)
{
	if (s->retry == RETRY_OFF || s->once)
		return false;
	if (s->resets)
		return true;
	if (s->dirty || s->in_transaction || !s->autocommit)
		return false;
	if (s->class == PEL_SQL_DIRTY || s->class == PEL_SQL_PEEK)
		return false;
	return s->cause != CAUSE_IN_FLIGHT || is_harmless_twice(s->class);
}

enum retry_action retry_decide(const struct retry_situation *s)
{
	if (may_execute_again(s))
		return RETRY_AGAIN;
	if (s->in_transaction)
		return RETRY_SHOW_UNKNOWN;
	if (s->cause == CAUSE_IN_FLIGHT && !is_harmless_twice(s->class))
		return RETRY_SHOW_UNKNOWN;
	return RETRY_SHOW_CHANGED;
}

const char *retry_sqlstate_of(enum retry_action action)
{
	return action == RETRY_SHOW_UNKNOWN ? "08007" : "08S02";
}
