/* SPDX-License-Identifier: Apache-2.0 */
#include "retry.h"

#include "common/errors.h"

#include <stddef.h>
#include <string.h>

static const struct {
	unsigned error;
	enum retry_cause cause;
} causes[] = {
	{2006, CAUSE_NEVER_SENT}, /* CR_SERVER_GONE_ERROR: the packet could not be written */
	{2013, CAUSE_IN_FLIGHT},  /* CR_SERVER_LOST */
	{2055, CAUSE_IN_FLIGHT},  /* CR_SERVER_LOST_EXTENDED */
	{2026, CAUSE_IN_FLIGHT},  /* CR_SSL_CONNECTION_ERROR: what 2013 is over TLS */
	{1053, CAUSE_IN_FLIGHT},  /* ER_SERVER_SHUTDOWN: MySQL says so of a KILL, too */
	{1290, CAUSE_REFUSED},    /* ER_OPTION_PREVENTS_STATEMENT */
	{1792, CAUSE_REFUSED},    /* ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION */
	{1836, CAUSE_REFUSED},    /* ER_READ_ONLY_MODE */
	{1047, CAUSE_REFUSED},    /* ER_UNKNOWN_COM_ERROR: a Galera node without its group */
};

enum retry_cause retry_cause_of(unsigned error)
{
	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++) {
		if (causes[i].error == error)
			return causes[i].cause;
	}
	return CAUSE_NONE;
}

/* "... is running with the --read-only option ..."; 1290 is told of other options as well. */
bool retry_is_read_only(const char *message)
{
	return message && (strstr(message, "read-only") || strstr(message, "read_only"));
}

bool retry_is_hopeless(unsigned error, const char *message)
{
	if (error == 2026) /* of a handshake that broke off, or of a certificate */
		return message && strstr(message, "certificate");
	return error == 1049 || pel_error_of(error) == PEL_ERROR_DENIED; /* ER_BAD_DB_ERROR */
}

/* What has effects in the session alone leaves none behind when the session dies. */
static bool is_harmless_twice(enum pel_sql_class class)
{
	return class == PEL_SQL_READ || class == PEL_SQL_SET || class == PEL_SQL_USE ||
		class == PEL_SQL_BEGIN;
}

enum retry_action retry_decide(const struct retry_situation *s)
{
	if (s->cause == CAUSE_NONE)
		return RETRY_TELL;
	if (!s->clean || !s->idle || s->class == PEL_SQL_PEEK)
		return s->cause == CAUSE_REFUSED ? RETRY_TELL : RETRY_LEAVE;
	if (s->ping)
		return RETRY_MOVE;
	if (s->retry == RETRY_OFF || s->class == PEL_SQL_DIRTY)
		return RETRY_TELL;
	return s->cause == CAUSE_IN_FLIGHT && !is_harmless_twice(s->class) ? RETRY_TELL
									   : RETRY_MOVE;
}

enum retry_evidence retry_evidence_of(const struct pel_hot *hot, const struct sever_socket *socket,
	bool by_role, uint64_t failed_ns, uint64_t now_ns)
{
	enum sever_reason reason = sever_decide(hot, socket, SEVER_ALL, true, now_ns);
	const struct pel_hot_instance *in;
	unsigned i;

	if (reason == SEVER_UNREACHABLE || reason == SEVER_GONE || reason == SEVER_REPLACED)
		return EVIDENCE_MOVED;
	if (reason >= SEVER_FIRST)
		return by_role ? EVIDENCE_MOVED : EVIDENCE_WELL;
	if (hot->dns_only)
		return EVIDENCE_NEVER;
	i = sever_find_instance(hot, &socket->real);
	if (i == PEL_NONE || hot->state != PEL_STATE_KNOWN)
		return EVIDENCE_NOT_YET;
	in = &hot->instances[i];
	return in->health == PEL_HEALTH_OK && in->evidence_ns > failed_ns + RETRY_NEWER_NS
		? EVIDENCE_WELL
		: EVIDENCE_NOT_YET;
}
