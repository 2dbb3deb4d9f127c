/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster asked directly, without a prober: one connection to one server, one question. */
#ifndef DIRECT_H
#define DIRECT_H

#include "report.h"

#include <stdint.h>

struct direct_options {
	const char *host; /* NULL: of the option file */
	const char *user;
	const char *password;
	const char *defaults_file; /* NULL: the usual ones */
	const char *ssl_ca;
	uint16_t port; /* 0: of the option file, or 3306 */
	bool ssl;
	bool ssl_verify;
};

/* Fills the report; the exit status, with `ret_why` filled if it is not 0. */
int direct_ask(const struct direct_options *options, struct report *ret, char ret_why[static 256]);

#endif
