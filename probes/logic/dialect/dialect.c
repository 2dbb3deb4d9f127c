/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialects by name, and what server errors say about a topology.
 */
#include "dialect.h"

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

/* Server error numbers, from MySQL's and MariaDB's error reference. */
static const struct {
	unsigned number;
	enum pel_why why;
} errors[] = {
	{1044, PEL_WHY_DENIED},        /* ER_DBACCESS_DENIED_ERROR */
	{1045, PEL_WHY_DENIED},        /* ER_ACCESS_DENIED_ERROR */
	{1142, PEL_WHY_DENIED},        /* ER_TABLEACCESS_DENIED_ERROR */
	{1143, PEL_WHY_DENIED},        /* ER_COLUMNACCESS_DENIED_ERROR */
	{1227, PEL_WHY_DENIED},        /* ER_SPECIFIC_ACCESS_DENIED_ERROR */
	{1251, PEL_WHY_DENIED},        /* ER_NOT_SUPPORTED_AUTH_MODE */
	{1698, PEL_WHY_DENIED},        /* ER_ACCESS_DENIED_NO_PASSWORD_ERROR */
	{3118, PEL_WHY_DENIED},        /* ER_ACCOUNT_HAS_BEEN_LOCKED */
	{4151, PEL_WHY_DENIED},        /* MariaDB's ER_ACCOUNT_HAS_BEEN_LOCKED */
	{1820, PEL_WHY_DENIED},        /* ER_MUST_CHANGE_PASSWORD */
	{1862, PEL_WHY_DENIED},        /* ER_MUST_CHANGE_PASSWORD_LOGIN */
	{1054, PEL_WHY_NOT_A_CLUSTER}, /* ER_BAD_FIELD_ERROR */
	{1109, PEL_WHY_NOT_A_CLUSTER}, /* ER_UNKNOWN_TABLE */
	{1146, PEL_WHY_NOT_A_CLUSTER}, /* ER_NO_SUCH_TABLE */
	{1193, PEL_WHY_NOT_A_CLUSTER}, /* ER_UNKNOWN_SYSTEM_VARIABLE */
};

enum pel_why dialect_why(unsigned server_errno)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (errors[i].number == server_errno)
			return errors[i].why;
	}
	return PEL_WHY_NONE;
}
