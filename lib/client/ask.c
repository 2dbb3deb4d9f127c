/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include <errno.h>
#include <string.h>

bool abi_ask_do(const struct abi_handle *h, const char *text)
{
	bool done;

	abi_depth++;
	done = h->client->real.real_query(h->mysql, text, strlen(text)) == 0;
	abi_depth--;
	return done;
}

/* Sends a question and takes its whole result; NULL if there is none. */
static void *ask(const struct abi_handle *h, const char *text)
{
	const struct abi_real *real = &h->client->real;

	if (real->real_query(h->mysql, text, strlen(text)) != 0)
		return NULL;
	return real->store_result(h->mysql);
}

int abi_ask_role(const struct abi_handle *h, struct abi_answer *ret)
{
	const struct abi_real *real = &h->client->real;
	char **row;
	void *result;

	abi_depth++;
	result = ask(h, "SELECT @@innodb_read_only, @@autocommit");
	row = result ? real->fetch_row(result) : NULL;
	if (row) {
		ret->role = pel_rows_role(row[0]);
		ret->autocommit = row[1] && strcmp(row[1], "1") == 0;
	}
	if (result)
		real->free_result(result);
	abi_depth--;
	return row ? 0 : -EIO;
}

struct cells {
	const struct abi_real *real;
	void *result;
};

static const char *const *next_row(void *context)
{
	const struct cells *c = context;

	return (const char *const *)c->real->fetch_row(c->result);
}

int abi_ask_rows(const struct abi_handle *h, struct pel_rows *ret)
{
	struct cells c = {.real = &h->client->real};
	int r = -EIO;

	abi_depth++;
	c.result = ask(h, PEL_ROWS_QUERY);
	if (c.result) {
		const struct pel_cells cells = {.next = next_row,
			.context = &c,
			.n_columns = c.real->num_fields(c.result)};

		r = pel_rows_read(&cells, ret);
		c.real->free_result(c.result);
	}
	abi_depth--;
	return r;
}
