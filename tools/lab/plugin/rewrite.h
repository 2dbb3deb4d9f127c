/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that ask for what Aurora has, as statements that a plain MySQL server understands. */
#ifndef LAB_PLUGIN_REWRITE_H
#define LAB_PLUGIN_REWRITE_H

#include <stdbool.h>
#include <stddef.h>

enum {
	LAB_REPLICA_HOST_STATUS,
	LAB_GLOBAL_INSTANCE_STATUS,
	LAB_TABLES,
};

/*
 * `rows` gives the lines of a table, a field for each column, separated by tabs, in memory that is
 * freed; NULL is none.  Returns the other statement, to be freed, or NULL if this one means itself.
 * has_marker: whether it has a `?` for a value, as only statements have that are prepared.
 */
char *lab_rewrite(const char *text, size_t size, char *(*rows)(unsigned table), bool *has_marker);

#endif
