/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of dialects, the greeting that they have in common, and what server errors say about a
 * topology.
 */
#include "dialect.h"
#include "variables.h"

#include "common/errors.h"

#include <errno.h>

#define DIALECT_PLACE(word) &dialect_##word,
static const struct dialect *const dialects[] = {CONFIG_DIALECTS(DIALECT_PLACE) NULL};

const struct dialect *dialect_at(unsigned place)
{
	return place && place < sizeof(dialects) / sizeof(*dialects) ? dialects[place - 1] : NULL;
}

const char *dialect_greeting(void)
{
	return DIALECT_VARIABLES;
}

static const struct dialect *detect(const struct dialect_variables *v)
{
	unsigned i = 0;

	while (dialects[i] && !dialects[i]->detects(v))
		i++;
	return dialects[i];
}

int dialect_read_hello(const struct pel_cells *cells, const struct dialect **dialect,
	struct evidence *evidence)
{
	struct dialect_variables v;
	int r = dialect_read_variables(cells, &v);

	if (r < 0)
		return r;
	if (!*dialect)
		*dialect = detect(&v);
	return *dialect ? (*dialect)->read_hello(&v, evidence) : -ENODATA;
}

enum pel_why dialect_why(unsigned server_errno)
{
	static const enum pel_why whys[] = {[PEL_ERROR_OTHER] = PEL_WHY_NONE,
		[PEL_ERROR_DENIED] = PEL_WHY_DENIED,
		[PEL_ERROR_NO_TABLE] = PEL_WHY_NOT_A_CLUSTER};

	return whys[pel_error_of(server_errno)];
}
