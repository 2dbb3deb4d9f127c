/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from an error: one row per rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rules/retry.h"
#include "topo.h"

#define NEVER_SENT CAUSE_NEVER_SENT
#define IN_FLIGHT CAUSE_IN_FLIGHT
#define REFUSED CAUSE_REFUSED
#define WRITER PEL_ROLE_WRITER
#define READER PEL_ROLE_READER

static const struct row {
	const char *title;
	enum retry_cause cause;
	enum pel_sql_class class;
	enum retry_action action;
	bool dirty, busy, ping, off;
} rows[] = {
	{"a write that was never sent", NEVER_SENT, PEL_SQL_WRITE, RETRY_MOVE},
	{"a write that was refused", REFUSED, PEL_SQL_WRITE, RETRY_MOVE},
	{"a write in flight", IN_FLIGHT, PEL_SQL_WRITE, RETRY_TELL},
	{"a read in flight", IN_FLIGHT, PEL_SQL_READ, RETRY_MOVE},
	{"a statement's own trouble", CAUSE_NONE, PEL_SQL_WRITE, RETRY_TELL},
	{"a read in flight, in a transaction", IN_FLIGHT, PEL_SQL_READ, RETRY_LEAVE, .busy = true},
	{"a write never sent, in a transaction", NEVER_SENT, PEL_SQL_WRITE, RETRY_LEAVE,
		.busy = true},
	{"a write refused, in a transaction", REFUSED, PEL_SQL_WRITE, RETRY_TELL, .busy = true},
	{"a COMMIT of a lost transaction", NEVER_SENT, PEL_SQL_END, RETRY_LEAVE, .busy = true},
	{"a read in a dirty session", NEVER_SENT, PEL_SQL_READ, RETRY_LEAVE, .dirty = true},
	{"a write refused in a dirty session", REFUSED, PEL_SQL_WRITE, RETRY_TELL, .dirty = true},
	{"a ping in a dirty session", NEVER_SENT, PEL_SQL_READ, RETRY_LEAVE, .dirty = true,
		.ping = true},
	{"a ping", NEVER_SENT, PEL_SQL_READ, RETRY_MOVE, .ping = true},
	{"a ping that broke off", IN_FLIGHT, PEL_SQL_READ, RETRY_MOVE, .ping = true},
	{"a dirty statement, never sent", NEVER_SENT, PEL_SQL_DIRTY, RETRY_TELL},
	{"a dirty statement, refused", REFUSED, PEL_SQL_DIRTY, RETRY_TELL},
	{"a dirty statement, in flight", IN_FLIGHT, PEL_SQL_DIRTY, RETRY_TELL},
	{"what asks for this session", NEVER_SENT, PEL_SQL_PEEK, RETRY_LEAVE},
	{"a setting in flight", IN_FLIGHT, PEL_SQL_SET, RETRY_MOVE},
	{"USE in flight", IN_FLIGHT, PEL_SQL_USE, RETRY_MOVE},
	{"BEGIN in flight", IN_FLIGHT, PEL_SQL_BEGIN, RETRY_MOVE},
	{"COMMIT in flight, outside a transaction", IN_FLIGHT, PEL_SQL_END, RETRY_TELL},
	{"COMMIT never sent, outside a transaction", NEVER_SENT, PEL_SQL_END, RETRY_MOVE},
	{"PELORUS_RETRY=off", NEVER_SENT, PEL_SQL_READ, RETRY_TELL, .off = true},
	{"a ping with PELORUS_RETRY=off", NEVER_SENT, PEL_SQL_READ, RETRY_MOVE, .off = true,
		.ping = true},
};

static void every_situation_has_its_action(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct retry_situation s = {
			.cause = rows[i].cause,
			.class = rows[i].class,
			.retry = rows[i].off ? RETRY_OFF : RETRY_SAFE,
			.clean = !rows[i].dirty,
			.idle = !rows[i].busy,
			.ping = rows[i].ping,
		};

		if (retry_decide(&s) != rows[i].action)
			fail_msg("%s", rows[i].title);
	}
}

/* Nothing that may have effects is executed again in doubt, and no session in doubt is moved. */
static void what_is_in_doubt_is_never_repeated(void **state)
{
	for (unsigned bits = 0; bits < 8; bits++) {
		for (unsigned class = PEL_SQL_DIRTY; class <= PEL_SQL_END; class ++) {
			struct retry_situation s = {
				.cause = IN_FLIGHT,
				.class = (enum pel_sql_class) class,
				.retry = bits & 1 ? RETRY_OFF : RETRY_SAFE,
				.clean = bits & 2,
				.idle = bits & 4,
			};

			if (class == PEL_SQL_DIRTY || class == PEL_SQL_WRITE ||
				class == PEL_SQL_PEEK || class == PEL_SQL_END || !s.clean ||
				!s.idle)
				assert_int_not_equal(retry_decide(&s), RETRY_MOVE);
		}
	}
}

static void errors_have_causes(void **state)
{
	assert_int_equal(retry_cause_of(2006), NEVER_SENT);
	assert_int_equal(retry_cause_of(2013), IN_FLIGHT);
	assert_int_equal(retry_cause_of(2026), IN_FLIGHT);
	assert_int_equal(retry_cause_of(2055), IN_FLIGHT);
	assert_int_equal(retry_cause_of(1053), IN_FLIGHT);
	assert_int_equal(retry_cause_of(1290), REFUSED);
	assert_int_equal(retry_cause_of(1792), REFUSED);
	assert_int_equal(retry_cause_of(1836), REFUSED);
	assert_int_equal(retry_cause_of(1047), REFUSED);
	assert_int_equal(retry_cause_of(1062), CAUSE_NONE);
	/* A group's member that was expelled: the group may have had the transaction before that. */
	assert_int_equal(retry_cause_of(3100), CAUSE_NONE);
	assert_int_equal(retry_cause_of(2014), CAUSE_NONE);
	assert_int_equal(retry_cause_of(0), CAUSE_NONE);
}

static void a_refusal_tells_for_what_option(void **state)
{
	assert_true(
		retry_is_read_only("The MariaDB server is running with the --read-only option"));
	assert_true(retry_is_read_only("... with the --super_read_only option"));
	assert_false(retry_is_read_only("... with the --secure-file-priv option"));
	assert_false(retry_is_read_only(NULL));
}

static void some_errors_no_waiting_cures(void **state)
{
	static const unsigned hopeless[] = {1044, 1045, 1049, 1130, 1227, 3159};
	static const unsigned others[] = {1040, 1053, 2002, 2003, 2013};

	for (size_t i = 0; i < sizeof(hopeless) / sizeof(*hopeless); i++)
		assert_true(retry_is_hopeless(hopeless[i], ""));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_false(retry_is_hopeless(others[i], "certificate"));
	assert_true(retry_is_hopeless(2026, "TLS/SSL error: certificate verify failed"));
	assert_false(retry_is_hopeless(2026, "TLS/SSL error: Connection reset by peer"));
}

static const struct evidence_row {
	const char *title;
	const char *topology;
	enum pel_role role; /* that the instance had */
	unsigned at;        /* its index at that time */
	enum retry_evidence evidence;
	bool older, dns_only, by_dns, old_news;
} evidence_rows[] = {
	{"a writer that is well", "W R", WRITER, 0, EVIDENCE_WELL},
	{"a writer that was well before the failure", "W R", WRITER, 0, EVIDENCE_NOT_YET,
		.older = true},
	{"a writer that is being looked at closely", "Wp R", WRITER, 0, EVIDENCE_NOT_YET},
	{"a writer that is a reader now", "R W", WRITER, 0, EVIDENCE_MOVED},
	{"a writer that says reader", "Wr R", WRITER, 0, EVIDENCE_MOVED},
	{"a writer that is lost", "R R", WRITER, 0, EVIDENCE_MOVED},
	{"a writer that cannot be reached", "Wu R", WRITER, 0, EVIDENCE_MOVED},
	{"a writer that left the cluster", "W R", WRITER, 7, EVIDENCE_MOVED},
	{"a reader that is well", "W R", READER, 1, EVIDENCE_WELL},
	{"a reader, while there is no writer", "R R", READER, 1, EVIDENCE_NOT_YET},
	{"a reader that cannot be reached", "W Ru", READER, 1, EVIDENCE_MOVED},
	{"a reader that left the cluster", "W R", READER, 7, EVIDENCE_MOVED},
	{"a reader that was promoted", "R W", READER, 1, EVIDENCE_MOVED},
	{"an address that is no member's, where DNS led", "W R", WRITER, 7, EVIDENCE_NOT_YET,
		.by_dns = true},
	{"a writer that was a reader before the statement", "R W", WRITER, 0, EVIDENCE_WELL,
		.old_news = true},
	{"a reader that was promoted before the statement", "R W", READER, 1, EVIDENCE_WELL,
		.old_news = true},
	{"... and cannot be reached", "R Wu", READER, 1, EVIDENCE_MOVED, .old_news = true},
	{"... and left the cluster", "R W", READER, 7, EVIDENCE_MOVED, .old_news = true},
	{"DNS is all that is known", "W R", WRITER, 0, EVIDENCE_NEVER, .dns_only = true},
};

static void evidence_is_newer_than_the_failure(void **state)
{
	for (size_t i = 0; i < sizeof(evidence_rows) / sizeof(*evidence_rows); i++) {
		const struct evidence_row *row = &evidence_rows[i];
		struct pel_hot hot = topo(row->topology);
		const struct sever_socket socket = {
			.uid = TOPO_UID,
			.identity = row->by_dns ? 0 : 100u + row->at,
			.real = {.family = 4,
				.port = 3306,
				.ip = {10, 0, 0, (uint8_t)(row->at + 1)}},
			.role = (uint8_t)row->role,
		};
		uint64_t failed_ns = row->older ? TOPO_NOW : TOPO_NOW - SECONDS(1);

		hot.dns_only = row->dns_only;
		if (retry_evidence_of(&hot, &socket, !row->old_news, failed_ns, TOPO_NOW) !=
			row->evidence)
			fail_msg("%s", row->title);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_situation_has_its_action),
		cmocka_unit_test(what_is_in_doubt_is_never_repeated),
		cmocka_unit_test(errors_have_causes),
		cmocka_unit_test(a_refusal_tells_for_what_option),
		cmocka_unit_test(some_errors_no_waiting_cures),
		cmocka_unit_test(evidence_is_newer_than_the_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
