/* SPDX-License-Identifier: Apache-2.0 */
/* An instance that is named on the command line, as the control socket wants it. */
#ifndef INSTANCE_REF_H
#define INSTANCE_REF_H

#include <pelorus/control.h>

/*
 * Puts verb, name= and id= of the instance with this id or host into `request`.  `cluster` is a name
 * that leads to its cluster; NULL: the only one that has it.  The exit status; what is wrong has
 * been told.
 */
int instance_ref_request(const char *command, const char *verb, const char *cluster,
	const char *instance, char request[static PEL_CONTROL_MAX]);

#endif
