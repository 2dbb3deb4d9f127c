/* SPDX-License-Identifier: Apache-2.0 */
/* What an error of a server, or of the client's login, says about those who asked. */
#ifndef PELORUS_LIB_COMMON_ERRORS_H
#define PELORUS_LIB_COMMON_ERRORS_H

enum pel_error {
	PEL_ERROR_OTHER = 0,
	PEL_ERROR_DENIED,   /* who asked may not: another password, or a privilege, would mend it */
	PEL_ERROR_NO_TABLE, /* there is no such table, column or variable */
};

enum pel_error pel_error_of(unsigned mysql_errno);

#endif
