/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions on the application's own connection, when no statement of its is under way.  They change
 * what mysql_errno(), mysql_affected_rows() and the like say.
 */
#ifndef PELORUS_LIB_CLIENT_ASK_H
#define PELORUS_LIB_CLIENT_ASK_H

#include "handle.h"

#include "common/rows.h"

#include <stdbool.h>

/* What the server says of itself and of the session. */
struct abi_answer {
	enum pel_role role; /* PEL_ROLE_UNKNOWN: it has no such variable */
	bool autocommit;
};

/* 0, or -EIO if the connection is lost or the answer no answer. */
int abi_ask_role(const struct abi_handle *h, struct abi_answer *ret);

/* The topology by the table of the server's; 0, -ENODATA, -EPROTO, -EIO. */
int abi_ask_rows(const struct abi_handle *h, struct pel_rows *ret);

/* Executes a statement without a result; false if it failed. */
bool abi_ask_do(const struct abi_handle *h, const char *text);

#endif
