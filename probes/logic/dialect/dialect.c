/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialects by name, and what server errors say about a topology.
 */
#include "dialect.h"

#include "common/errors.h"

#include <string.h>

static const struct dialect *const dialects[] = {&dialect_aurora, &dialect_read_only};

const struct dialect *dialect_find(const char *name)
{
	for (size_t i = 0; i < sizeof(dialects) / sizeof(*dialects); i++) {
		if (strcmp(dialects[i]->name, name) == 0)
			return dialects[i];
	}
	return NULL;
}

enum pel_why dialect_why(unsigned server_errno)
{
	static const enum pel_why whys[] = {[PEL_ERROR_OTHER] = PEL_WHY_NONE,
		[PEL_ERROR_DENIED] = PEL_WHY_DENIED,
		[PEL_ERROR_NO_TABLE] = PEL_WHY_NOT_A_CLUSTER};

	return whys[pel_error_of(server_errno)];
}
