/* SPDX-License-Identifier: Apache-2.0 */
/* The named locks by which the probers of many hosts share one warm-up. */
#include "lock.h"

#include "common/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* By the id's hash: a name has 64 characters at most, and an id may have as many. */
#define LOCK "'pelorus.warm.%016" PRIx64 "'"
#define DONE "'pelorus.warm.%016" PRIx64 ".done'"

void warm_lock_ask(const char *id, char ret[static WARM_LOCK_QUERY_MAX])
{
	(void)snprintf(ret, WARM_LOCK_QUERY_MAX,
		"SELECT GET_LOCK(" LOCK ", 0), IS_USED_LOCK(" DONE ")", pel_name_hash(id),
		pel_name_hash(id));
}

struct warm_lock_look warm_lock_read(const char *const *row, unsigned n)
{
	if (!row || n != 2)
		return (struct warm_lock_look){0};
	return (struct warm_lock_look){
		.got = row[0] && strcmp(row[0], "1") == 0,
		.warmed = row[1],
	};
}

void warm_lock_done(const char *id, char ret[static WARM_LOCK_QUERY_MAX])
{
	(void)snprintf(ret, WARM_LOCK_QUERY_MAX,
		"SELECT GET_LOCK(" DONE ", 0), RELEASE_LOCK(" LOCK ")", pel_name_hash(id),
		pel_name_hash(id));
}

bool warm_lock_is_refused(unsigned error)
{
	/* ER_OPTION_PREVENTS_STATEMENT, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_READ_ONLY_MODE */
	return error == 1290 || error == 1792 || error == 1836;
}
