/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a MariaDB server look like an Aurora MySQL instance.
 *
 * Two plugins in one library.  `aurora` carries @@aurora_server_id and @@aurora_version, whose
 * names come from the plugin's.  `REPLICA_HOST_STATUS` is the table in INFORMATION_SCHEMA: its rows
 * are the lines of a file that the lab's supervisor replaces, six fields each, separated by tabs,
 * in the columns' order.  It also makes @@innodb_read_only tell the role; that is done here because
 * an INFORMATION_SCHEMA plugin is started after InnoDB, a daemon plugin before it.
 */
#include "server.h"

#include <stdio.h>
#include <string.h>

#include <mysql/plugin.h>

#define COLUMNS 6

static char *server_id;
static char *version;
static char *status_file;

/* Not read-only: a blue/green switchover renames running instances. */
static MYSQL_SYSVAR_STR(server_id, server_id, PLUGIN_VAR_MEMALLOC | PLUGIN_VAR_RQCMDARG,
	"Name of this instance", NULL, NULL, "");
static MYSQL_SYSVAR_STR(version, version, PLUGIN_VAR_READONLY | PLUGIN_VAR_RQCMDARG,
	"Version of Aurora that is imitated", NULL, NULL, "3.08.0");
static MYSQL_SYSVAR_STR(status_file, status_file, PLUGIN_VAR_READONLY | PLUGIN_VAR_RQCMDARG,
	"File with the rows of REPLICA_HOST_STATUS", NULL, NULL, "");

static struct st_mysql_sys_var *variables[] = {
	MYSQL_SYSVAR(server_id),
	MYSQL_SYSVAR(version),
	MYSQL_SYSVAR(status_file),
	NULL,
};

static const struct {
	const char *name;
	enum lab_type type;
	unsigned length;
} columns[COLUMNS] = {
	{"SERVER_ID", LAB_VARCHAR, 100},
	{"SESSION_ID", LAB_VARCHAR, 100},
	{"IS_CURRENT", LAB_TINY, 4},
	{"CPU", LAB_DOUBLE, 22},
	{"LAST_UPDATE_TIMESTAMP", LAB_DATETIME, 6},
	{"REPLICA_LAG_IN_MILLISECONDS", LAB_DOUBLE, 22},
};

static enum lab_type types[COLUMNS];
static struct lab_column server_columns[COLUMNS + 1];

/* Splits a line at its tabs, in place.  Returns whether it has exactly the columns' number. */
static bool split(char *line, const char **texts)
{
	unsigned n = 0;

	line[strcspn(line, "\n")] = '\0';
	for (char *text; (text = strsep(&line, "\t")) != NULL; n++)
		if (n < COLUMNS)
			texts[n] = text;
	return n == COLUMNS;
}

static int fill(void *thd, void *tables, void *cond)
{
	const char *texts[COLUMNS];
	char line[1024];
	bool failed = false;
	void *table = lab_server_table(tables, types, COLUMNS);
	FILE *rows;

	if (!table) {
		lab_server_fail("lab: this server's tables are laid out differently");
		return 1;
	}
	rows = fopen(status_file, "re");
	if (!rows) {
		lab_server_fail("lab: the status file cannot be read");
		return 1;
	}
	while (!failed && fgets(line, sizeof(line), rows))
		if (split(line, texts))
			failed = lab_server_store(thd, table, texts, COLUMNS);
	fclose(rows);
	return failed;
}

static int table_init(void *arg)
{
	struct lab_schema_table *table = arg;
	const char *problem = lab_server_init();

	if (!problem)
		problem = lab_server_tie_role();
	if (problem) {
		fprintf(stderr, "pelorus lab plugin: %s; it does not load\n", problem);
		return 1;
	}
	for (unsigned i = 0; i < COLUMNS; i++) {
		types[i] = columns[i].type;
		server_columns[i] = (struct lab_column){
			.type_handler = lab_server_type_handler(columns[i].type),
			.length = columns[i].length,
			.name = columns[i].name,
			.name_length = strlen(columns[i].name),
		};
	}
	server_columns[COLUMNS].type_handler = lab_server_type_handler(LAB_VARCHAR);
	table->columns = server_columns;
	table->fill_table = fill;
	return 0;
}

static struct st_mysql_daemon daemon_info = {MYSQL_DAEMON_INTERFACE_VERSION};
static struct st_mysql_information_schema table_info = {MYSQL_INFORMATION_SCHEMA_INTERFACE_VERSION};

/* clang-format off */
#pragma GCC visibility push(default)
maria_declare_plugin(pelorus_lab)
{
	.type = MYSQL_DAEMON_PLUGIN,
	.info = &daemon_info,
	.name = "aurora",
	.author = "The Pelorus authors",
	.descr = "Identity of an instance of a lab",
	.license = PLUGIN_LICENSE_PROPRIETARY,
	.version = 0x0100,
	.system_vars = variables,
	.version_info = "1.0",
	.maturity = MariaDB_PLUGIN_MATURITY_STABLE,
},
{
	.type = MYSQL_INFORMATION_SCHEMA_PLUGIN,
	.info = &table_info,
	.name = "REPLICA_HOST_STATUS",
	.author = "The Pelorus authors",
	.descr = "Topology of a lab's cluster",
	.license = PLUGIN_LICENSE_PROPRIETARY,
	.init = table_init,
	.version = 0x0100,
	.version_info = "1.0",
	.maturity = MariaDB_PLUGIN_MATURITY_STABLE,
}
maria_declare_plugin_end;
#pragma GCC visibility pop
