/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results as text for tests: rows "a|b|c" separated by ';', NULL is an empty cell.  A first row that
 * begins with '#' has the names of the columns.
 */
#ifndef CELLS_H
#define CELLS_H

#include "common/rows.h"

#include <stdio.h>
#include <string.h>

#define CELLS_MAX 8

struct cells {
	char text[65536];
	char *at;
	const char *row[CELLS_MAX];
	const char *names[CELLS_MAX];
	struct pel_cells cells;
};

static inline const char *const *cells_next(void *context)
{
	struct cells *c = context;
	char *end, *cell;

	if (*c->at == '\0')
		return NULL;
	memset(c->row, 0, sizeof(c->row));
	end = c->at + strcspn(c->at, ";");
	cell = c->at;
	c->at = end + (*end == ';');
	*end = '\0';
	for (unsigned i = 0; i < CELLS_MAX && cell; i++) {
		char *next = strchr(cell, '|');

		if (next)
			*next++ = '\0';
		c->row[i] = *cell ? cell : NULL;
		cell = next;
	}
	return c->row;
}

static inline const char *cells_name(void *context, unsigned column)
{
	struct cells *c = context;

	return c->names[column];
}

static inline const struct pel_cells *cells_of(struct cells *c, const char *text, unsigned columns)
{
	(void)snprintf(c->text, sizeof(c->text), "%s", text);
	c->at = c->text;
	c->cells = (struct pel_cells){.next = cells_next, .context = c, .n_columns = columns};
	if (*c->at == '#') {
		c->at++;
		memcpy(c->names, cells_next(c), sizeof(c->names));
		c->cells.name = cells_name;
	}
	return &c->cells;
}

#endif
