/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugin needs of the server and no public header gives. */
#ifndef LAB_PLUGIN_SERVER_H
#define LAB_PLUGIN_SERVER_H

#include <stdbool.h>
#include <stddef.h>

/* One column of an INFORMATION_SCHEMA table, in the order of the server's own ST_FIELD_INFO. */
struct lab_column {
	const void *type_handler;
	unsigned length;
	unsigned is_unsigned;
	const void *typelib;
	const char *name;
	size_t name_length;
	unsigned nullability;
	const char *old_name;
	size_t old_name_length;
	unsigned open_method;
};

/* The head of the server's ST_SCHEMA_TABLE. */
struct lab_schema_table {
	const char *table_name;
	const struct lab_column *columns;
	int (*reset_table)(void);
	int (*fill_table)(void *thd, void *tables, void *cond);
};

enum lab_type {
	LAB_VARCHAR,
	LAB_TINY,
	LAB_DOUBLE,
	LAB_DATETIME,
	LAB_TYPES,
};

/*
 * Finds the server's symbols and checks that its structures look as assumed.  Returns NULL, or one
 * sentence that says what does not fit; then nothing else of this file may be called.
 */
const char *lab_server_init(void);

/* Makes @@innodb_read_only tell @@read_only.  NULL, or what does not fit. */
const char *lab_server_tie_role(void);

const void *lab_server_type_handler(enum lab_type type);

/*
 * The table that a fill function is to fill: finds it behind the server's TABLE_LIST, the first
 * time by search, later at the offsets found then.  `types` are the `n` columns' types.
 * NULL if it is not there.
 */
void *lab_server_table(const void *tables, const enum lab_type *types, unsigned n);

/* Stores texts, one per column, as one row.  Returns true on error, as the server's function. */
bool lab_server_store(void *thd, void *table, const char *const *texts, unsigned n);

/* Fails the running statement with a sentence. */
void lab_server_fail(const char *sentence);

#endif
