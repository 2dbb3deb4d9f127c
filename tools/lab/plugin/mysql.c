/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a MySQL server look like an Aurora MySQL instance.
 *
 * @@aurora_server_id and @@aurora_version are variables of a plugin of that name.  A table cannot be
 * added to INFORMATION_SCHEMA, nor can @@innodb_read_only be changed, so statements that ask for them
 * are replaced before the server parses them.  One that is prepared and has a `?` it would not
 * understand after that; such a one is replaced when it was parsed.
 */
#include "mysql.h"
#include "rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUERY_MAX 65536 /* what is longer asks for nothing of Aurora */

#pragma GCC visibility push(default)
struct mysql_memory *mysql_malloc_service = SERVICE_VERSION;
struct mysql_parser *mysql_parser_service = SERVICE_VERSION;
#pragma GCC visibility pop

static char *server_id;
static char *version;
static char *status_file;
static char *global_file;

#define TEXT(variable, flag, text, preset)                                                         \
	{                                                                                          \
		VARIABLE_TEXT | VARIABLE_MEMALLOC | (flag), #variable, text, NULL, NULL,           \
			&(variable), preset                                                        \
	}

/* Not read-only: a blue/green switchover renames running instances. */
static struct mysql_variable id_variable = TEXT(server_id, 0, "Name of this instance", "");
static struct mysql_variable version_variable =
	TEXT(version, VARIABLE_READONLY, "Version of Aurora that is imitated", "3.08.0");
static struct mysql_variable status_variable =
	TEXT(status_file, VARIABLE_READONLY, "File with the rows of REPLICA_HOST_STATUS", "");
static struct mysql_variable global_variable = TEXT(global_file, VARIABLE_READONLY,
	"File with the rows of AURORA_GLOBAL_DB_INSTANCE_STATUS", "");
static struct mysql_variable *variables[] = {&id_variable, &version_variable, &status_variable,
	&global_variable, NULL};

static char *read_rows(unsigned table)
{
	const char *path = table == LAB_REPLICA_HOST_STATUS ? status_file : global_file;
	FILE *file = path && *path ? fopen(path, "re") : NULL;
	char *rows = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	if (getdelim(&rows, &size, '\0', file) < 0) {
		free(rows);
		rows = NULL;
	}
	fclose(file);
	return rows;
}

static int notify(void *thd, int class, const void *data)
{
	const struct mysql_parse_event *event = data;
	bool is_prepared = event->event == AFTER_PARSE, has_marker;
	struct mysql_text made;
	char *text, *copy;
	int failed = 0;

	if (class != AUDIT_PARSE || event->query.size > QUERY_MAX ||
		(is_prepared && !(*event->flags & IS_PREPARED)))
		return 0;
	text = lab_rewrite(event->query.text, event->query.size, read_rows, &has_marker);
	if (!text || has_marker != is_prepared) {
		free(text);
		return 0;
	}
	made = (struct mysql_text){text, strlen(text)};
	if (is_prepared) {
		failed = mysql_parser_service->parse(thd, made, 1, NULL, NULL);
		*event->flags |= IS_REWRITTEN;
	} else if ((copy = mysql_malloc_service->get(0, made.size + 1, 0)) != NULL) {
		memcpy(copy, text, made.size + 1);
		*event->rewritten = (struct mysql_text){copy, made.size};
		*event->flags |= IS_REWRITTEN;
	}
	free(text);
	return failed;
}

static struct mysql_audit info = {AUDIT_INTERFACE, NULL, notify,
	{[AUDIT_PARSE] = BEFORE_PARSE | AFTER_PARSE}};

static int nothing(void *plugin)
{
	return 0;
}

/* clang-format off */
#pragma GCC visibility push(default)
int _mysql_plugin_interface_version_ = PLUGIN_INTERFACE;
int _mysql_sizeof_struct_st_plugin_ = sizeof(struct mysql_plugin);
struct mysql_plugin _mysql_plugin_declarations_[] = {
	{
		.type = PLUGIN_AUDIT,
		.info = &info,
		.name = "aurora",
		.author = "The Pelorus authors",
		.description = "Identity and topology of an instance of a lab",
		.license = PLUGIN_PROPRIETARY,
		.init = nothing,
		.deinit = nothing,
		.version = 0x0100,
		.variables = variables,
	},
	{0},
};
#pragma GCC visibility pop
