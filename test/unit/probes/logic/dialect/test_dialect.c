/* SPDX-License-Identifier: Apache-2.0 */
/* Dialects: how the answers of each kind of server become evidence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cells.h"
#include "table.h"
#include "logic/dialect/dialect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct row {
	const char *title;
	const struct dialect *dialect;
	enum dialect_question question;
	unsigned columns;
	const char *answer;
	const char *
		picture; /* i identity, r role, t table, l lag, s stopped, h hosts, p replicas; role,
			     * of many, - refuses, ? unsettled; id; uuid; term; lag; hosts */
	int r;
};

#define HELLO DIALECT_HELLO
#define ROLE DIALECT_ROLE
#define TABLE DIALECT_TABLE
#define LAG DIALECT_LAG
#define REPLICAS DIALECT_REPLICAS
#define AURORA &dialect_aurora
#define READ_ONLY &dialect_read_only
#define GROUP &dialect_group_replication
#define MULTI_AZ &dialect_multi_az
#define GLOBAL &dialect_global
#define GALERA &dialect_galera
#define WSREP "wsrep_on|ON;wsrep_provider|/usr/lib/galera/libgalera_smm.so;"

static const struct row rows[] = {
	{"Aurora greets with id, uuid and role", AURORA, HELLO, 2,
		"aurora_server_id|demo-1;innodb_read_only|OFF;server_uuid|8f2a-11",
		"ir w demo-1 8f2a-11", 0},
	{"... as a reader", AURORA, HELLO, 2,
		"aurora_server_id|demo-2;innodb_read_only|ON;server_uuid|8f2a-12",
		"ir r demo-2 8f2a-12", 0},
	{"... in any order and case", AURORA, HELLO, 2,
		"SERVER_UUID|U;Innodb_Read_Only|ON;AURORA_SERVER_ID|Demo-2", "ir r demo-2 U", 0},
	{"MariaDB's uid, a hash of its port and card, is no identity", AURORA, HELLO, 2,
		"aurora_server_id|demo-1;innodb_read_only|OFF;server_uid|k3/+x=", "ir w demo-1 ",
		0},
	{"a server without an Aurora id is no Aurora", AURORA, HELLO, 2,
		"innodb_read_only|OFF;server_uuid|U", NULL, -ENODATA},
	{"an id that is a path is none", AURORA, HELLO, 2,
		"aurora_server_id|../evil;innodb_read_only|OFF;server_uuid|U", NULL, -ENODATA},
	{"an id that is a host name is none", AURORA, HELLO, 2,
		"aurora_server_id|evil.example.com;innodb_read_only|OFF", NULL, -ENODATA},
	{"a uuid with a blank is none", AURORA, HELLO, 2,
		"aurora_server_id|demo-1;innodb_read_only|OFF;server_uuid|a b", "ir w demo-1 ", 0},
	{"a uuid that is too long is none", AURORA, HELLO, 2,
		"aurora_server_id|demo-1;innodb_read_only|OFF;"
		"server_uuid|0123456789012345678901234567890123456789",
		"ir w demo-1 ", 0},
	{"an identity without a role is one", AURORA, HELLO, 2,
		"aurora_server_id|demo-1;server_uuid|U", "i ? demo-1 U", 0},
	{"a variable without a value is not there", AURORA, HELLO, 2,
		"aurora_server_id|demo-1;innodb_read_only||;server_uuid|U", "i ? demo-1 U", 0},
	{"no variable at all says nothing", AURORA, HELLO, 2, "", NULL, -ENODATA},
	{"other columns are no greeting", AURORA, HELLO, 3, "aurora_server_id|demo-1|x", NULL,
		-EPROTO},
	{"the role alone, writer", AURORA, ROLE, 1, "0", "r w  ", 0},
	{"the role alone, reader", AURORA, ROLE, 1, "1", "r r  ", 0},
	{"a role that is none says nothing", AURORA, ROLE, 1, "2", NULL, -ENODATA},
	{"no row says nothing", AURORA, ROLE, 1, "", NULL, -ENODATA},
	{"two columns are no role", AURORA, ROLE, 2, "0|0", NULL, -EPROTO},
	{"the table has the role too", AURORA, TABLE, 7, "0|demo-1|1|5|0|0|0", "rt w  ", 0},
	{"an empty table has the role alone", AURORA, TABLE, 7, "1||||||", "r r  ", 0},
	{"a table without a role is a table", AURORA, TABLE, 7, "|demo-1|1|5|0|0|0", "t ?  ", 0},
	{"neither role nor rows say nothing", AURORA, TABLE, 7, "||||||", NULL, -ENODATA},
	{"other columns are no table", AURORA, TABLE, 6, "0|demo-1|1|5|0|0", NULL, -EPROTO},

	{"plain replication greets with uuid and role, and no id", READ_ONLY, HELLO, 2,
		"read_only|ON;server_uuid|U", "ir r  U", 0},
	{"... as the writer", READ_ONLY, HELLO, 2, "read_only|OFF;server_uuid|U", "ir w  U", 0},
	{"... whatever InnoDB and Aurora say", READ_ONLY, HELLO, 2,
		"read_only|OFF;innodb_read_only|ON;aurora_server_id|x", "ir w  ", 0},
	{"... and without a role not at all", READ_ONLY, HELLO, 2, "server_uuid|U", NULL, -ENODATA},
	{"... as MariaDB 12 that refuses administrators too", READ_ONLY, HELLO, 2,
		"read_only|NO_LOCK_NO_ADMIN", "ir r  ", 0},
	{"its role alone", READ_ONLY, ROLE, 1, "1", "r r  ", 0},
	{"... as MariaDB 12 that locks no rows either", READ_ONLY, ROLE, 1, "NO_LOCK", "r r  ", 0},
	{"... not a word that nobody knows", READ_ONLY, ROLE, 1, "LOCK", NULL, -ENODATA},
	{"in place of a table it tells its lag", READ_ONLY, LAG, 2,
		"#Source_Host|Seconds_Behind_Source;a|7", "ls ?   7000", 0},
	{"... as MariaDB and older servers call it", READ_ONLY, LAG, 3,
		"#x|Seconds_Behind_Master|y;1|0|2", "ls ?   0", 0},
	{"... of several sources the worst", READ_ONLY, LAG, 1, "#Seconds_Behind_Source;1;9;2",
		"ls ?   9000", 0},
	{"... which is one whose replication does not run", READ_ONLY, LAG, 2,
		"#Seconds_Behind_Source|x;1|a;|b", "ls ?   unknown", 0},
	{"... saturating", READ_ONLY, LAG, 1, "#Seconds_Behind_Source;99999999999",
		"ls ?   4294967294", 0},
	{"a lag that is no number is unknown", READ_ONLY, LAG, 1, "#Seconds_Behind_Source;-1",
		"ls ?   unknown", 0},
	{"... with anything behind it too", READ_ONLY, LAG, 1, "#Seconds_Behind_Source;1s",
		"ls ?   unknown", 0},
	{"one that hears no more has stopped", READ_ONLY, LAG, 2,
		"#Slave_IO_Running|Seconds_Behind_Master;No|", "ls ?   stopped", 0},
	{"... that applies no more too, by any of its sources", READ_ONLY, LAG, 2,
		"#Seconds_Behind_Source|Replica_SQL_Running;0|Yes;|No", "ls ?   stopped", 0},
	{"... not one that looks for its source", READ_ONLY, LAG, 3,
		"#Replica_IO_Running|Replica_SQL_Running|Seconds_Behind_Source;Connecting|Yes|",
		"ls ?   unknown", 0},
	{"who replicates from nobody knows no lag", READ_ONLY, LAG, 1, "#Seconds_Behind_Source",
		"ls ?   unknown", 0},
	{"without such a column it is no answer", READ_ONLY, LAG, 2, "#Source_Host|x;a|7", NULL,
		-EPROTO},
	{"... nor without names", READ_ONLY, LAG, 7, "0|demo-1|1|5|0|0|0", NULL, -EPROTO},

	{"a writer tells the hosts of its replicas", READ_ONLY, REPLICAS, 5,
		"#Server_Id|Host|Port|Source_Id|Replica_UUID;2|Db2.example.com|3306|1|U;"
		"3|db3.example.com|3307|1|V",
		"p ?   R:db2.example.com:3306 R:db3.example.com:3307", 0},
	{"... as MariaDB calls them, with accounts between", READ_ONLY, REPLICAS, 6,
		"#Server_id|Host|User|Password|Port|Master_id;2|db2|u|p|3306|1", "p ?   R:db2:3306",
		0},
	{"... not of one that has told none", READ_ONLY, REPLICAS, 4,
		"#Server_id|Host|Port|Master_id;2||3306|1;3|db3|3306|1", "p ?   R:db3:3306", 0},
	{"... that there are none", READ_ONLY, REPLICAS, 4, "#Server_id|Host|Port|Master_id",
		"p ?  ", 0},
	{"... and refuses what is no host, or no port", READ_ONLY, REPLICAS, 2,
		"#Host|Port;../a|3306;b|0;c|70000;d e|3306", "p ?   refused 4", 0},
	{"other columns are no replicas", READ_ONLY, REPLICAS, 2, "#Hosts|Port;a|3306", NULL,
		-EPROTO},

	{"a member of a group greets with its uuid, its role and the view that it has", GROUP,
		HELLO, 2,
		"server_uuid|U;group_replication_group_name|G;group_role|0;group_view|9:4",
		"irs w  U 9:4", 0},
	{"... as a reader", GROUP, HELLO, 2,
		"server_uuid|U;group_replication_group_name|G;group_role|1;group_view|9:4",
		"irs r  U 9:4", 0},
	{"... whatever read_only says", GROUP, HELLO, 2,
		"server_uuid|U;group_replication_group_name|G;group_role|1;group_view|9:4;read_only|0",
		"irs r  U 9:4", 0},
	{"... and by its variables alone without a role", GROUP, HELLO, 2,
		"server_uuid|U;group_replication_group_name|G", "i ?  U", 0},
	{"a server without a group's name is no member of one", GROUP, HELLO, 2,
		"server_uuid|U;group_replication_group_name|;group_role|0", NULL, -ENODATA},
	{"a member's role and view", GROUP, ROLE, 2, "0|17959213129038303:5",
		"rs w   17959213129038303:5", 0},
	{"who is not online, or in a minority, only ages", GROUP, ROLE, 2, "2|9:5",
		"rls r   9:5 stopped", 0},
	{"a view that is none is no term", GROUP, ROLE, 2, "1|", "rs r  ", 0},
	{"... nor is half of one", GROUP, ROLE, 2, "1|9:", "rs r  ", 0},
	{"... nor one with more", GROUP, ROLE, 2, "1|9:5:6", "rs r  ", 0},
	{"... nor a number", GROUP, ROLE, 2, "1|95", "rs r  ", 0},
	{"one of several primaries", GROUP, ROLE, 2, "3|9:5", "rs w*   9:5", 0},
	{"a role that is none of these says nothing", GROUP, ROLE, 2, "12|9:5", NULL, -ENODATA},
	{"... nor does a word", GROUP, ROLE, 2, "1x|9:5", NULL, -ENODATA},
	{"... nor does NULL", GROUP, ROLE, 2, "|9:5", NULL, -ENODATA},
	{"... nor no row", GROUP, ROLE, 2, "", NULL, -ENODATA},
	{"other columns are no role of a group", GROUP, ROLE, 1, "0", NULL, -EPROTO},
	{"the group's table tells hosts and ports", GROUP, TABLE, 6,
		"0|9:5|0|My1.example.com|3306|PRIMARY;0|9:5|0|my2.example.com|3307|SECONDARY",
		"rsh w   9:5 W:my1.example.com:3306 R:my2.example.com:3307", 0},
	{"... and a reader's lag", GROUP, TABLE, 6, "1|9:5|2500000|a|3306|PRIMARY",
		"rlsh r   9:5 2500 W:a:3306", 0},
	{"... which a clock that is behind makes none", GROUP, TABLE, 6, "1|9:5|-7|a|3306|PRIMARY",
		"rlsh r   9:5 0 W:a:3306", 0},
	{"... an unfit member tells no hosts: it may know itself alone", GROUP, TABLE, 6,
		"2|9:5|0|a|3306|PRIMARY", "rls r   9:5 stopped", 0},
	{"... nor does one that has never been in the group", GROUP, TABLE, 6, "2|||||",
		"rls r   stopped", 0},
	{"a host that is none is refused", GROUP, TABLE, 6,
		"1|9:5|0|../a|3306|PRIMARY;1|9:5|0|b|0|SECONDARY;1|9:5|0|c|70000|SECONDARY",
		"rls r   9:5 0 refused 3", 0},
	{"an empty table of a group says nothing", GROUP, TABLE, 6, "", NULL, -ENODATA},
	{"other columns are no group's table", GROUP, TABLE, 7, "0|9:5|0|a|3306|PRIMARY|x", NULL,
		-EPROTO},

	{"a node of Galera greets with what it may do and its group's formation", GALERA, HELLO, 2,
		WSREP "group_role|3;group_view|6127131231131231:12", "irs w*   6127131231131231:12",
		0},
	{"... and by its variables alone without a role", GALERA, HELLO, 2, WSREP "read_only|OFF",
		"i ?  ", 0},
	{"a server without the library is none", GALERA, HELLO, 2,
		"wsrep_on|ON;wsrep_provider|none;group_role|3", NULL, -ENODATA},
	{"... nor is one on which that is off", GALERA, HELLO, 2,
		"wsrep_on|OFF;wsrep_provider|/x.so;group_role|3", NULL, -ENODATA},
	{"a node that may be written to", GALERA, ROLE, 2, "3|7:4", "rs w*   7:4", 0},
	{"... a donor", GALERA, ROLE, 2, "4|7:4", "rls w*   7:4 stopped", 0},
	{"a read-only node", GALERA, ROLE, 2, "1|7:4", "rs r   7:4", 0},
	{"... a donor", GALERA, ROLE, 2, "2|7:4", "rls r   7:4 stopped", 0},
	{"a node that is out of its group", GALERA, ROLE, 2, "5|", "rs r-  ", 0},
	{"a node whose group is about to change", GALERA, ROLE, 2, "9|7:4", "rs w*?   7:4", 0},
	{"... and one that is out of it", GALERA, ROLE, 2, "11|", "rs r-?  ", 0},
	{"a formation without a number is none", GALERA, ROLE, 2, "3|7:18446744073709551615x",
		"rs w*  ", 0},
	{"other columns are no answer of a node", GALERA, ROLE, 1, "3", NULL, -EPROTO},
	{"no row of a node says nothing", GALERA, ROLE, 2, "", NULL, -ENODATA},

	{"an instance of a Multi-AZ cluster greets with uuid and role", MULTI_AZ, HELLO, 2,
		"read_only|OFF;server_uuid|U;report_host|10.0.0.1;basedir|/rdsdbbin/mysql/",
		"ir w  U", 0},
	{"... wherever it lives, where that was told", MULTI_AZ, HELLO, 2,
		"read_only|ON;server_uuid|U;report_host||", "ir r  U", 0},
	{"... and without a role not at all", MULTI_AZ, HELLO, 2, "server_uuid|U", NULL, -ENODATA},
	{"its role alone", MULTI_AZ, ROLE, 1, "0", "r w  ", 0},
	{"its table tells the endpoints of all", MULTI_AZ, TABLE, 3,
		"1|a.X.rds.amazonaws.com|3306;1|b.x.rds.amazonaws.com|3307",
		"rh r   R:a.x.rds.amazonaws.com:3306 R:b.x.rds.amazonaws.com:3307", 0},
	{"... an empty one the role", MULTI_AZ, TABLE, 3, "0||", "r w  ", 0},
	{"... and refuses what is no host", MULTI_AZ, TABLE, 3, "0|a b|3306;0|c|99999",
		"r w   refused 2", 0},
	{"an instance of a global database greets with uuid and role", GLOBAL, HELLO, 2,
		"aurora_server_id|a;innodb_read_only|ON;server_uuid|U;read_only|OFF", "ir r  U", 0},
	{"... and is one of Aurora's", GLOBAL, HELLO, 2, "innodb_read_only|ON;server_uuid|U", NULL,
		-ENODATA},
	{"its role alone", GLOBAL, ROLE, 1, "0", "r w  ", 0},
	{"its table tells ids and regions", GLOBAL, TABLE, 6,
		"0|a|A|us-east-1|1|0;0|a|b|eu-west-1|0|70.5", "rh w   W:a:us-east-1 R:b:eu-west-1",
		0},
	{"... and a reader's own lag", GLOBAL, TABLE, 6,
		"1|b|a|us-east-1|1|0;1|b|b|eu-west-1|0|70.5",
		"rlh r   70 W:a:us-east-1 R:b:eu-west-1", 0},
	{"... that it does not know it", GLOBAL, TABLE, 6, "1|b|b|eu-west-1|0|",
		"rlh r   unknown R:b:eu-west-1", 0},
	{"... not of its namesake in another region", GLOBAL, TABLE, 6,
		"1|b|b|eu-west-1|0|70.5;1|b|b|us-east-1|1|",
		"rlh r   70 R:b:eu-west-1 W:b:us-east-1", 0},
	{"... of several that may be its own the worst", GLOBAL, TABLE, 6,
		"1|b|b|eu-west-1|0|70.5;1|b|b|us-west-1|0|2",
		"rlh r   70 R:b:eu-west-1 R:b:us-west-1", 0},
	{"... of a database that is none, the role", GLOBAL, TABLE, 6, "0|a||||", "r w  ", 0},
	{"an id or a region that is a host is refused", GLOBAL, TABLE, 6,
		"1|b|a.evil|us-east-1|1|0;1|b|c|evil.example|0|1;1|b|d||0|1;"
		"1|b|e|a-region-with-a-very-long-name-of-more|0|1",
		"r r   refused 4", 0},
	{"other columns are no global table", GLOBAL, TABLE, 5, "1|b|a|us-east-1|1", NULL, -EPROTO},

	{"its lag is that of a replica", MULTI_AZ, LAG, 1, "#Seconds_Behind_Source;3",
		"ls ?   3000", 0},
};

static int read(const struct row *row, const struct pel_cells *cells, struct evidence *e)
{
	const struct dialect *d = row->dialect;

	return row->question == HELLO ? dialect_read_hello(cells, &d, e)
				      : d->read(row->question, cells, e);
}

static void put(char *text, size_t size, const char *format, ...)
{
	size_t n = strlen(text);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text + n, size - n, format, args);
	va_end(args);
}

static void picture_of(const struct evidence *e, char *text, size_t size)
{
	static const char letters[] = "irtlshp";

	*text = '\0';
	for (unsigned i = 0; letters[i]; i++) {
		if (e->has & 1u << i)
			put(text, size, "%c", letters[i]);
	}
	put(text, size, " %c%s%s%s", "?rw"[e->role], e -> of_many ? "*" : "", e->refuses ? "-" : "",
		e->unsettled ? "?" : "");
	put(text, size, " %s %s", e->id, e->uuid);
	if (e->term.count)
		put(text, size, " %" PRIu64 ":%" PRIu64, e->term.era, e->term.count);
	if (e->has & EVIDENCE_LAG && e->stopped)
		put(text, size, " stopped");
	else if (e->has & EVIDENCE_LAG && e->lag_ms == PEL_LAG_UNKNOWN)
		put(text, size, " unknown");
	else if (e->has & EVIDENCE_LAG)
		put(text, size, " %" PRIu32, e->lag_ms);
	for (unsigned i = 0; e->has & (EVIDENCE_HOSTS | EVIDENCE_REPLICAS) && i < e->n_hosts; i++) {
		if (*e->hosts[i].region)
			put(text, size, " %c:%s:%s", "?RW"[e->hosts[i].role], e -> hosts[i].host,
				e->hosts[i].region);
		else
			put(text, size, " %c:%s:%u", "?RW"[e->hosts[i].role], e -> hosts[i].host,
				e->hosts[i].port);
	}
	if (e->n_refused)
		put(text, size, " refused %u", e->n_refused);
}

static void holds(void **state)
{
	const struct row *row = *state;
	static struct cells c;
	static struct evidence e;
	char text[256];

	e = (struct evidence){.sent_ns = 5, .received_ns = 6};
	assert_int_equal(read(row, cells_of(&c, row->answer, row->columns), &e), row->r);
	assert_int_equal(e.sent_ns, 5);
	assert_int_equal(e.received_ns, 6);
	if (!row->picture)
		return;
	picture_of(&e, text, sizeof(text));
	assert_string_equal(text, row->picture);
}

static void a_greeting_tells_the_dialect(void **state)
{
	static const struct {
		const char *greeting, *name;
	} cases[] = {
		{"aurora_server_id|demo-1;innodb_read_only|OFF;read_only|OFF", "aurora"},
		{"read_only|ON;innodb_read_only|ON;server_uuid|U", "read_only"},
		{"aurora_server_id|../evil;read_only|OFF", "read_only"},
		{"read_only|ON;server_uuid|U;group_replication_group_name|G", "group_replication"},
		{"read_only|ON;server_uuid|U;group_replication_group_name|", "read_only"},
		{"read_only|OFF;" WSREP, "galera"},
		{"read_only|OFF;wsrep_on|ON;wsrep_provider|none", "read_only"},
		{"read_only|OFF;wsrep_on|OFF;wsrep_provider|/usr/lib/x.so", "read_only"},
		{"read_only|OFF;aurora_server_id|a;" WSREP, "aurora"},
		{"read_only|ON;report_host|10.0.0.1;basedir|/rdsdbbin/mysql-8.4.7.R1/", "multi_az"},
		{"read_only|ON;report_host|;basedir|/rdsdbbin/mysql/", "read_only"},
		{"read_only|ON;report_host|10.0.0.1;basedir|/usr/", "read_only"},
		{"server_uuid|U", NULL},
		{"", NULL},
	};
	static struct cells c;
	static struct evidence e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct dialect *d = NULL;

		assert_int_equal(dialect_read_hello(cells_of(&c, cases[i].greeting, 2), &d, &e),
			cases[i].name ? 0 : -ENODATA);
		assert_int_equal(d != NULL, cases[i].name != NULL);
		if (d)
			assert_string_equal(d->name, cases[i].name);
	}
	assert_int_equal(dialect_aurora.hosts, DIALECT_HOSTS_BY_DOMAIN);
	assert_int_equal(dialect_read_only.hosts, DIALECT_HOSTS_CONFIGURED);
}

/* Of more members than there is room for the writer is one. */
static void a_list_that_is_cut_has_the_writer(void **state)
{
	static struct cells c;
	static struct evidence e;
	const struct evidence_host *last = &e.hosts[PEL_MAP_INSTANCES - 1];
	char text[1024] = "";

	(void)state;
	for (unsigned i = 0; i <= PEL_MAP_INSTANCES; i++)
		put(text, sizeof(text), "1|me|i%u|us-east-1|%u|0;", i, i == PEL_MAP_INSTANCES);
	e = (struct evidence){0};
	assert_int_equal(dialect_global.read(TABLE, cells_of(&c, text, 6), &e), 0);
	assert_int_equal(e.n_hosts, PEL_MAP_INSTANCES);
	assert_int_equal(e.n_refused, 1);
	assert_true(e.is_cut);
	assert_int_equal(last->role, PEL_ROLE_WRITER);
	assert_string_equal(last->host, "i32");
	assert_string_equal(last->region, "us-east-1");
}

/* Each question is one plain statement; identity and role are asked of every kind. */
static void every_dialect_has_its_questions(void **state)
{
	unsigned n = 0;

	(void)state;
	assert_null(dialect_at(0));
	for (const struct dialect *d; (d = dialect_at(n + 1)) != NULL; n++) {
		assert_true(d->queries[DIALECT_HELLO] && d->queries[DIALECT_ROLE]);
		assert_true(d->queries[DIALECT_TABLE] || d->hosts == DIALECT_HOSTS_CONFIGURED);
		assert_true(d->grants && d->grants[0]);
		for (int q = 0; q < DIALECT_QUESTIONS; q++) {
			if (d->queries[q])
				assert_null(strchr(d->queries[q], ';'));
		}
	}
	assert_true(n >= 2);
	assert_ptr_equal(dialect_at(n), &dialect_read_only); /* it takes everybody for its own */
	assert_null(dialect_at(n + 1));
}

static void errors_say_why(void **state)
{
	static const struct {
		unsigned number;
		enum pel_why why;
	} cases[] = {
		{1045, PEL_WHY_DENIED},
		{1142, PEL_WHY_DENIED},
		{1227, PEL_WHY_DENIED},
		{1698, PEL_WHY_DENIED},
		{1109, PEL_WHY_NOT_A_CLUSTER},
		{1146, PEL_WHY_NOT_A_CLUSTER},
		{1193, PEL_WHY_NOT_A_CLUSTER},
		{1040, PEL_WHY_NONE},
		{1129, PEL_WHY_NONE},
		{1203, PEL_WHY_NONE},
		{1053, PEL_WHY_NONE},
		{1927, PEL_WHY_NONE},
		{2013, PEL_WHY_NONE},
		{0, PEL_WHY_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(dialect_why(cases[i].number), cases[i].why);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(a_greeting_tells_the_dialect),
		cmocka_unit_test(a_list_that_is_cut_has_the_writer),
		cmocka_unit_test(every_dialect_has_its_questions),
		cmocka_unit_test(errors_say_why),
	};

	return table_run("dialect", TABLE_OF(rows, holds, others), NULL, NULL);
}
