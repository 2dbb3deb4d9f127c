/* SPDX-License-Identifier: Apache-2.0 */
/* What coordinators say, each format as its interface answers. */
#include "http/coordinator_parse.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ORCH(host, read_only, from, valid)                                                         \
	"{\"Key\":{\"Hostname\":\"" host "\",\"Port\":3306},\"MasterKey\":{\"Hostname\":\"" from   \
	"\",\"Port\":0},\"ReadOnly\":" read_only ",\"IsLastCheckValid\":" valid                    \
	",\"ReplicationLagSeconds\":{\"Int64\":0,\"Valid\":true}}"
#define HEADER                                                                                     \
	"\"header\":{\"cluster_id\":\"1\",\"member_id\":\"2\",\"revision\":\"42\",\"raft_term\":"  \
	"\"2\"}"
#define DB1 "ZGIxOjMzMDY=" /* db1:3306 */
#define DOCUMENT64 "eyJwcmltYXJ5IjogImE6MSIsICJzZWNvbmRhcnkiOiBbImI6MiJdfQ=="

/* As the documentation of MaxScale's REST API shows /v1/servers, in part. */
#define MAXSCALE(host, port, state)                                                                 \
	"{\"attributes\":{\"gtid_binlog_pos\":\"0-3000-8\",\"last_event\":\"master_up\","           \
	"\"master_id\":-1,\"name\":\"server1\",\"node_id\":3000,\"parameters\":{\"address\":" host  \
	",\"extra_port\":0,\"port\":" port ",\"rank\":\"primary\",\"socket\":null,\"ssl\":false},"  \
	"\"read_only\":false,\"replication_lag\":0,\"server_id\":3000,\"slave_connections\":[],"    \
	"\"state\":\"" state                                                                        \
	"\",\"statistics\":{\"connections\":1}},\"id\":\"server1\",\"links\":{"                     \
	"\"self\":\"http://localhost:8989/v1/servers/server1/\"},\"relationships\":{\"monitors\":{" \
	"\"data\":[{\"id\":\"MariaDB-Monitor\",\"type\":\"monitors\"}]}},\"type\":\"servers\"}"
/* Columns of ProxySQL's tables, as texts, as its clients have them. */
#define PROXYSQL(group, host, status)                                                              \
	"{\"hostgroup_id\":\"" group "\",\"hostname\":\"" host                                     \
	"\",\"port\":\"3306\",\"status\":\"" status "\",\"writer_hostgroup\":\"10\"}"

struct row {
	const char *body;
	enum coordinator_verdict verdict;
	const char *expected; /* "host:port/W host:port/R", in order */
	enum coordinator_format format;
	uint64_t index;
};

static const struct row rows[] = {
	{"{\"primary\": \"127.0.0.1:6379\", \"secondary\": [\"127.0.0.1:6380\"]}", COORDINATOR_OK,
		"127.0.0.1:6379/W 127.0.0.1:6380/R", COORDINATOR_DOCUMENT, 0},
	{"{\"primary\": \"DB1\", \"secondary\": [\"db1\", \"[::1]:3307\"]}\n", COORDINATOR_OK,
		"db1:0/W ::1:3307/R", COORDINATOR_DOCUMENT, 0},
	{"{\"secondary\": [\"b:1\"]}", COORDINATOR_OK, "b:1/R", COORDINATOR_DOCUMENT, 0},
	{"{}", COORDINATOR_NOTHING, NULL, COORDINATOR_DOCUMENT, 0},
	{"{\"primary\": null}", COORDINATOR_NOTHING, NULL, COORDINATOR_DOCUMENT, 0},
	{"{\"primary\": 1}", COORDINATOR_GARBAGE, NULL, COORDINATOR_DOCUMENT, 0},
	{"{\"primary\": \"a\\u0000b\"}", COORDINATOR_GARBAGE, NULL, COORDINATOR_DOCUMENT, 0},
	{"{\"primary\": \"a b\"}", COORDINATOR_GARBAGE, NULL, COORDINATOR_DOCUMENT, 0},
	{"{\"secondary\": \"a\"}", COORDINATOR_GARBAGE, NULL, COORDINATOR_DOCUMENT, 0},
	{"{\"secondary\": [1]}", COORDINATOR_GARBAGE, NULL, COORDINATOR_DOCUMENT, 0},
	{"{\"primary\": \"a\"} {", COORDINATOR_GARBAGE, NULL, COORDINATOR_DOCUMENT, 0},
	{"{\"primary\": \"a\"", COORDINATOR_GARBAGE, NULL, COORDINATOR_DOCUMENT, 0},
	{"[]", COORDINATOR_GARBAGE, NULL, COORDINATOR_DOCUMENT, 0},
	{"<html>502</html>", COORDINATOR_GARBAGE, NULL, COORDINATOR_DOCUMENT, 0},
	{"", COORDINATOR_GARBAGE, NULL, COORDINATOR_DOCUMENT, 0},

	{"[" ORCH("db1", "false", "", "true") "," ORCH("db2", "true", "db1", "true") "]",
		COORDINATOR_OK, "db1:3306/W db2:3306/R", COORDINATOR_ORCHESTRATOR, 0},
	{ORCH("db1", "false", "_", "true"), COORDINATOR_OK, "db1:3306/W", COORDINATOR_ORCHESTRATOR,
		0},
	{"[" ORCH("db1", "false", "", "false") "," ORCH("db2", "false", "db1", "true") "]",
		COORDINATOR_OK, "db2:3306/R", COORDINATOR_ORCHESTRATOR, 0},
	{"[" ORCH("db1", "false", "", "true") "," ORCH("db2", "false", "", "true") "]",
		COORDINATOR_TWO, NULL, COORDINATOR_ORCHESTRATOR, 0},
	{"[]", COORDINATOR_NOTHING, NULL, COORDINATOR_ORCHESTRATOR, 0},
	{"[{\"Key\":{\"Hostname\":\"db1\",\"Port\":70000},\"IsLastCheckValid\":true}]",
		COORDINATOR_GARBAGE, NULL, COORDINATOR_ORCHESTRATOR, 0},
	{"[{}]", COORDINATOR_GARBAGE, NULL, COORDINATOR_ORCHESTRATOR, 0},
	{"{\"Code\":\"ERROR\",\"Message\":\"no cluster\"}", COORDINATOR_GARBAGE, NULL,
		COORDINATOR_ORCHESTRATOR, 0},

	{"{\"members\":[{\"name\":\"n1\",\"role\":\"leader\",\"state\":\"running\",\"host\":"
	 "\"db1\","
	 "\"port\":3306},{\"name\":\"n2\",\"role\":\"replica\",\"state\":\"streaming\",\"host\":"
	 "\"db2\",\"port\":3306,\"lag\":0},{\"name\":\"n3\",\"role\":\"replica\",\"state\":"
	 "\"stopped\",\"host\":\"db3\",\"port\":3306,\"lag\":\"unknown\"}],\"scope\":\"x\"}",
		COORDINATOR_OK, "db1:3306/W db2:3306/R", COORDINATOR_PATRONI, 0},
	{"{\"members\":[]}", COORDINATOR_NOTHING, NULL, COORDINATOR_PATRONI, 0},
	{"{\"members\":[{\"host\":\"a\"}]}", COORDINATOR_GARBAGE, NULL, COORDINATOR_PATRONI, 0},
	{"{\"members\":{}}", COORDINATOR_GARBAGE, NULL, COORDINATOR_PATRONI, 0},

	{"[{\"LockIndex\":0,\"Key\":\"mysql/master/x\",\"Flags\":0,\"Value\":\"" DB1
	 "\",\"CreateIndex\":1,\"ModifyIndex\":7}]",
		COORDINATOR_OK, "db1:3306/W", COORDINATOR_CONSUL, 7},
	{"[{\"Value\":\"" DOCUMENT64 "\",\"ModifyIndex\":8}]", COORDINATOR_OK, "a:1/W b:2/R",
		COORDINATOR_CONSUL, 8},
	{"[]", COORDINATOR_NOTHING, NULL, COORDINATOR_CONSUL, 0},
	{"[{\"Value\":null,\"ModifyIndex\":8}]", COORDINATOR_GARBAGE, NULL, COORDINATOR_CONSUL, 0},
	{"[{\"Value\":\"%%%%\",\"ModifyIndex\":8}]", COORDINATOR_GARBAGE, NULL, COORDINATOR_CONSUL,
		0},
	{"[{\"Value\":\"" DB1 "\",\"ModifyIndex\":-8}]", COORDINATOR_GARBAGE, NULL,
		COORDINATOR_CONSUL, 0},

	{"{" HEADER ",\"kvs\":[{\"key\":\"a2V5\",\"create_revision\":\"2\",\"mod_revision\":\"40\","
	 "\"version\":\"1\",\"value\":\"" DB1 "\"}],\"count\":\"1\"}",
		COORDINATOR_OK, "db1:3306/W", COORDINATOR_ETCD, 42},
	{"{" HEADER "}", COORDINATOR_NOTHING, NULL, COORDINATOR_ETCD, 42},
	{"{\"result\":{" HEADER ",\"created\":true}}", COORDINATOR_NOTHING, NULL, COORDINATOR_ETCD,
		42},
	{"{\"result\":{" HEADER
	 ",\"events\":[{\"kv\":{\"value\":\"YTox\"}},{\"kv\":{\"value\":\"" DB1 "\"}}]}}",
		COORDINATOR_OK, "db1:3306/W", COORDINATOR_ETCD, 42},
	{"{\"result\":{" HEADER ",\"events\":[{\"type\":\"DELETE\",\"kv\":{\"key\":\"a2V5\"}}]}}",
		COORDINATOR_NOTHING, NULL, COORDINATOR_ETCD, 42},
	{"{\"result\":{" HEADER ",\"canceled\":true,\"compact_revision\":\"40\"}}",
		COORDINATOR_AGAIN, NULL, COORDINATOR_ETCD, 0},
	{"{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"unavailable\"}}",
		COORDINATOR_AGAIN, NULL, COORDINATOR_ETCD, 0},
	{"{\"header\":{\"revision\":\"-1\"}}", COORDINATOR_GARBAGE, NULL, COORDINATOR_ETCD, 0},
	{"{}", COORDINATOR_GARBAGE, NULL, COORDINATOR_ETCD, 0},

	{"{\"data\":[" MAXSCALE("\"db1\"", "3000", "Master, Running") "," MAXSCALE("\"db2\"",
		 "3001",
		 "Slave, Running") "],\"links\":{\"self\":\"http://localhost:8989/v1/servers/\"}}",
		COORDINATOR_OK, "db1:3000/W db2:3001/R", COORDINATOR_MAXSCALE, 0},
	{"{\"data\":[" MAXSCALE("\"db1\"", "3000",
		 "Master, Synced, Running") "," MAXSCALE("\"db2\"", "3001",
		 "Slave, Synced, Running") "]}",
		COORDINATOR_OK, "db1:3000/W db2:3001/R", COORDINATOR_MAXSCALE, 0},
	{"{\"data\":[" MAXSCALE("\"db1\"", "3000", "Down") "," MAXSCALE("\"db2\"", "3001",
		 "Relay Master, Slave, Running") "," MAXSCALE("\"db3\"", "3002",
		 "Maintenance, Slave, Running") "," MAXSCALE("\"db4\"", "3003",
		 "Running") "," MAXSCALE("\"db5\"", "3004", "Draining, Slave, Running") "]}",
		COORDINATOR_OK, "db2:3001/R", COORDINATOR_MAXSCALE, 0},
	{"{\"data\":[" MAXSCALE("\"db1\"", "3000", "Master, Running") "," MAXSCALE("\"db2\"",
		 "3001", "Master, Running") "]}",
		COORDINATOR_TWO, NULL, COORDINATOR_MAXSCALE, 0},
	{"{\"data\":[" MAXSCALE("null", "3000", "Master, Running") "]}", COORDINATOR_GARBAGE, NULL,
		COORDINATOR_MAXSCALE, 0},
	{"{\"data\":[" MAXSCALE("\"db1\"", "null", "Master, Running") "]}", COORDINATOR_GARBAGE,
		NULL, COORDINATOR_MAXSCALE, 0},
	{"{\"data\":[]}", COORDINATOR_NOTHING, NULL, COORDINATOR_MAXSCALE, 0},
	{"{\"data\":{\"attributes\":{\"module\":\"mariadbmon\"},\"type\":\"monitors\"}}",
		COORDINATOR_GARBAGE, NULL, COORDINATOR_MAXSCALE, 0},
	{"{\"errors\":[{\"detail\":\"Unauthorized\"}]}", COORDINATOR_GARBAGE, NULL,
		COORDINATOR_MAXSCALE, 0},

	{"[" PROXYSQL("10", "db1", "ONLINE") "," PROXYSQL("20", "db1", "ONLINE") "," PROXYSQL("20",
		 "db2", "ONLINE") "," PROXYSQL("20", "db3", "SHUNNED") "," PROXYSQL("20", "db4",
		 "OFFLINE_SOFT") "]",
		COORDINATOR_OK, "db1:3306/W db2:3306/R", COORDINATOR_PROXYSQL, 0},
	{"[" PROXYSQL("20", "db1", "ONLINE") "," PROXYSQL("10", "db1", "ONLINE") "]",
		COORDINATOR_OK, "db1:3306/W", COORDINATOR_PROXYSQL, 0},
	{"[{\"hostgroup_id\":10,\"hostname\":\"db1\",\"port\":3306,\"status\":\"ONLINE\","
	 "\"writer_hostgroup\":10}]",
		COORDINATOR_OK, "db1:3306/W", COORDINATOR_PROXYSQL, 0},
	{"[" PROXYSQL("10", "db1", "ONLINE") "," PROXYSQL("10", "db2", "ONLINE") "]",
		COORDINATOR_TWO, NULL, COORDINATOR_PROXYSQL, 0},
	{"[" PROXYSQL("10", "db1", "OFFLINE_HARD") "]", COORDINATOR_NOTHING, NULL,
		COORDINATOR_PROXYSQL, 0},
	{"[{\"hostgroup_id\":10,\"hostname\":\"db1\",\"port\":3306,\"status\":\"ONLINE\"}]",
		COORDINATOR_GARBAGE, NULL, COORDINATOR_PROXYSQL, 0},
	{"[1]", COORDINATOR_GARBAGE, NULL, COORDINATOR_PROXYSQL, 0},
	{"{\"type\":\"out\",\"error\":\"Script execution timed out\",\"error_code\":\"62\"}",
		COORDINATOR_GARBAGE, NULL, COORDINATOR_PROXYSQL, 0},
};

static void show(const struct coordinator_view *view, char *ret, size_t size)
{
	struct buf buf;

	buf_init(&buf, ret, size);
	for (unsigned i = 0; i < view->n; i++)
		buf_addf(&buf, "%s%s:%u/%c", i ? " " : "", view->hosts[i].host, view->hosts[i].port,
			view->hosts[i].role == PEL_ROLE_WRITER ? 'W' : 'R');
}

static void answers_are_read_as_their_format_says(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct coordinator_view view = {.n = 0};
		enum coordinator_verdict verdict;
		char text[1024];

		verdict = coordinator_parse(rows[i].format, rows[i].body, strlen(rows[i].body),
			NULL, &view);
		show(&view, text, sizeof(text));
		if (verdict != rows[i].verdict)
			fail_msg("%s: %s", rows[i].body, coordinator_verdict_text(verdict));
		assert_string_equal(text, rows[i].expected ? rows[i].expected : "");
		assert_int_equal(view.index, rows[i].index);
	}
}

static void hosts_outside_the_pattern_are_refused(void **state)
{
	static const char body[] =
		"{\"primary\":\"a.db.example.com\",\"secondary\":[\"evil.org\"]}";
	static const char inside[] = "{\"primary\":\"A.db.example.com:3306\"}";
	static const char longer[] = "{\"primary\":\"a.db.example.com.evil.org\"}";
	struct coordinator_view view = {.n = 99};

	assert_int_equal(coordinator_parse(COORDINATOR_DOCUMENT, body, strlen(body),
				 "*.db.example.com", &view),
		COORDINATOR_OUTSIDE);
	assert_int_equal(coordinator_parse(COORDINATOR_DOCUMENT, longer, strlen(longer),
				 "*.db.example.com", &view),
		COORDINATOR_OUTSIDE);
	assert_int_equal(view.n, 99);
	assert_int_equal(coordinator_parse(COORDINATOR_DOCUMENT, inside, strlen(inside),
				 "*.db.example.com", &view),
		COORDINATOR_OK);
	assert_int_equal(view.n, 1);
}

static void too_many_members_are_refused(void **state)
{
	struct coordinator_view view = {.n = 0};
	char body[2048];
	struct buf buf;

	for (int extra = 0; extra < 2; extra++) {
		buf_init(&buf, body, sizeof(body));
		buf_add(&buf, "{\"secondary\":[\"a:1\"");
		for (int i = 1; i < PEL_MAP_INSTANCES + extra; i++)
			buf_addf(&buf, ",\"a:%d\"", i + 1);
		buf_add(&buf, "]}");
		assert_int_equal(coordinator_parse(COORDINATOR_DOCUMENT, body, buf.n, NULL, &view),
			extra ? COORDINATOR_GARBAGE : COORDINATOR_OK);
	}
}

static void ten_megabytes_are_refused(void **state)
{
	size_t n = 10 * 1024 * 1024;
	struct coordinator_view view;
	char *body = malloc(n);

	assert_non_null(body);
	memset(body, ' ', n);
	memcpy(body, "{\"primary\":\"a\"}", 15);
	assert_int_equal(coordinator_parse(COORDINATOR_DOCUMENT, body, n, NULL, &view),
		COORDINATOR_GARBAGE);
	free(body);
}

static void deep_nesting_is_refused(void **state)
{
	struct coordinator_view view;
	char body[4096];

	memset(body, '[', sizeof(body));
	assert_int_equal(coordinator_parse(COORDINATOR_ORCHESTRATOR, body, sizeof(body), NULL,
				 &view),
		COORDINATOR_GARBAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read_as_their_format_says),
		cmocka_unit_test(hosts_outside_the_pattern_are_refused),
		cmocka_unit_test(too_many_members_are_refused),
		cmocka_unit_test(ten_megabytes_are_refused),
		cmocka_unit_test(deep_nesting_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
