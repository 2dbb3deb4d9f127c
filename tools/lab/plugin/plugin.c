/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a MariaDB server look like an Aurora MySQL instance.
 *
 * Four plugins in one library.  `aurora` carries @@aurora_server_id and @@aurora_version, whose
 * names come from the plugin's.  `REPLICA_HOST_STATUS` is a table in INFORMATION_SCHEMA: its rows
 * are the lines of a file that the lab's supervisor replaces, a field for each column, separated by
 * tabs, in the columns' order.  So are `AURORA_GLOBAL_DB_INSTANCE_STATUS` and
 * `AURORA_GLOBAL_DB_STATUS`, of files that tests write; without them they are empty, as in a cluster
 * that is of no global database.  The first table also makes @@innodb_read_only tell the role; that
 * is done here because an INFORMATION_SCHEMA plugin is started after InnoDB, a daemon plugin before.
 */
#include "server.h"

#include <stdio.h>
#include <string.h>

#include <mysql/plugin.h>

#define COLUMNS 6 /* at most */

static char *server_id;
static char *version;
static char *status_file;
static char *global_file;
static char *regions_file;

/* Not read-only: a blue/green switchover renames running instances. */
static MYSQL_SYSVAR_STR(server_id, server_id, PLUGIN_VAR_MEMALLOC | PLUGIN_VAR_RQCMDARG,
	"Name of this instance", NULL, NULL, "");
static MYSQL_SYSVAR_STR(version, version, PLUGIN_VAR_READONLY | PLUGIN_VAR_RQCMDARG,
	"Version of Aurora that is imitated", NULL, NULL, "3.08.0");
static MYSQL_SYSVAR_STR(status_file, status_file, PLUGIN_VAR_READONLY | PLUGIN_VAR_RQCMDARG,
	"File with the rows of REPLICA_HOST_STATUS", NULL, NULL, "");
static MYSQL_SYSVAR_STR(global_file, global_file, PLUGIN_VAR_READONLY | PLUGIN_VAR_RQCMDARG,
	"File with the rows of AURORA_GLOBAL_DB_INSTANCE_STATUS", NULL, NULL, "");
static MYSQL_SYSVAR_STR(regions_file, regions_file, PLUGIN_VAR_READONLY | PLUGIN_VAR_RQCMDARG,
	"File with the rows of AURORA_GLOBAL_DB_STATUS", NULL, NULL, "");

static struct st_mysql_sys_var *variables[] = {
	MYSQL_SYSVAR(server_id),
	MYSQL_SYSVAR(version),
	MYSQL_SYSVAR(status_file),
	MYSQL_SYSVAR(global_file),
	MYSQL_SYSVAR(regions_file),
	NULL,
};

struct table {
	char *const *file; /* NULL in it, or empty: there are no rows */
	unsigned n;
	struct {
		const char *name;
		enum lab_type type;
		unsigned length;
	} columns[COLUMNS];
	enum lab_type types[COLUMNS];
	struct lab_column server_columns[COLUMNS + 1];
};

static struct table replicas = {.file = &status_file,
	.n = 6,
	.columns = {
		{"SERVER_ID", LAB_VARCHAR, 100},
		{"SESSION_ID", LAB_VARCHAR, 100},
		{"IS_CURRENT", LAB_TINY, 4},
		{"CPU", LAB_DOUBLE, 22},
		{"LAST_UPDATE_TIMESTAMP", LAB_DATETIME, 6},
		{"REPLICA_LAG_IN_MILLISECONDS", LAB_DOUBLE, 22},
	}};
static struct table global = {.file = &global_file,
	.n = 4,
	.columns = {
		{"SERVER_ID", LAB_VARCHAR, 100},
		{"SESSION_ID", LAB_VARCHAR, 100},
		{"AWS_REGION", LAB_VARCHAR, 100},
		{"VISIBILITY_LAG_IN_MSEC", LAB_DOUBLE, 22},
	}};
static struct table regions = {.file = &regions_file,
	.n = 3,
	.columns = {
		{"AWS_REGION", LAB_VARCHAR, 100},
		{"DURABILITY_LAG_IN_MILLISECONDS", LAB_DOUBLE, 22},
		{"RPO_LAG_IN_MILLISECONDS", LAB_DOUBLE, 22},
	}};

/* Splits a line at its tabs, in place.  Returns whether it has exactly so many. */
static bool split(char *line, const char **texts, unsigned n_wanted)
{
	unsigned n = 0;

	line[strcspn(line, "\n")] = '\0';
	for (char *text; (text = strsep(&line, "\t")) != NULL; n++)
		if (n < n_wanted)
			texts[n] = text;
	return n == n_wanted;
}

static int fill(void *thd, void *tables, const struct table *of)
{
	const char *texts[COLUMNS];
	char line[1024];
	bool failed = false;
	void *table;
	FILE *rows;

	if (!*of->file || !**of->file)
		return 0;
	table = lab_server_table(tables, of->types, of->n);
	if (!table) {
		lab_server_fail("lab: this server's tables are laid out differently");
		return 1;
	}
	rows = fopen(*of->file, "re");
	if (!rows) {
		lab_server_fail("lab: the status file cannot be read");
		return 1;
	}
	while (!failed && fgets(line, sizeof(line), rows))
		if (split(line, texts, of->n))
			failed = lab_server_store(thd, table, texts, of->n);
	fclose(rows);
	return failed;
}

static int fill_replicas(void *thd, void *tables, void *cond)
{
	return fill(thd, tables, &replicas);
}

static int fill_global(void *thd, void *tables, void *cond)
{
	return fill(thd, tables, &global);
}

static int fill_regions(void *thd, void *tables, void *cond)
{
	return fill(thd, tables, &regions);
}

static void columns_give(struct lab_schema_table *to, struct table *of)
{
	for (unsigned i = 0; i < of->n; i++) {
		of->types[i] = of->columns[i].type;
		of->server_columns[i] = (struct lab_column){
			.type_handler = lab_server_type_handler(of->columns[i].type),
			.length = of->columns[i].length,
			.name = of->columns[i].name,
			.name_length = strlen(of->columns[i].name),
		};
	}
	of->server_columns[of->n].type_handler = lab_server_type_handler(LAB_VARCHAR);
	to->columns = of->server_columns;
}

/* In whatever order the server starts them. */
static int table_init(struct lab_schema_table *to, struct table *of, bool tie_role)
{
	const char *problem = lab_server_init();

	if (!problem && tie_role)
		problem = lab_server_tie_role();
	if (problem) {
		fprintf(stderr, "pelorus lab plugin: %s; it does not load\n", problem);
		return 1;
	}
	columns_give(to, of);
	return 0;
}

static int replicas_init(void *arg)
{
	struct lab_schema_table *to = arg;

	to->fill_table = fill_replicas;
	return table_init(to, &replicas, true);
}

static int global_init(void *arg)
{
	struct lab_schema_table *to = arg;

	to->fill_table = fill_global;
	return table_init(to, &global, false);
}

static int regions_init(void *arg)
{
	struct lab_schema_table *to = arg;

	to->fill_table = fill_regions;
	return table_init(to, &regions, false);
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
	.init = replicas_init,
	.version = 0x0100,
	.version_info = "1.0",
	.maturity = MariaDB_PLUGIN_MATURITY_STABLE,
},
{
	.type = MYSQL_INFORMATION_SCHEMA_PLUGIN,
	.info = &table_info,
	.name = "AURORA_GLOBAL_DB_INSTANCE_STATUS",
	.author = "The Pelorus authors",
	.descr = "Topology of a global database",
	.license = PLUGIN_LICENSE_PROPRIETARY,
	.init = global_init,
	.version = 0x0100,
	.version_info = "1.0",
	.maturity = MariaDB_PLUGIN_MATURITY_STABLE,
},
{
	.type = MYSQL_INFORMATION_SCHEMA_PLUGIN,
	.info = &table_info,
	.name = "AURORA_GLOBAL_DB_STATUS",
	.author = "The Pelorus authors",
	.descr = "Regions of a global database",
	.license = PLUGIN_LICENSE_PROPRIETARY,
	.init = regions_init,
	.version = 0x0100,
	.version_info = "1.0",
	.maturity = MariaDB_PLUGIN_MATURITY_STABLE,
}
maria_declare_plugin_end;
#pragma GCC visibility pop
