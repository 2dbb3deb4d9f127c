/* SPDX-License-Identifier: Apache-2.0 */
/* Something to log in with, wherever it comes from. */
#ifndef CREDENTIAL_H
#define CREDENTIAL_H

#include "config.h"

enum credential_origin {
	CREDENTIAL_CONFIGURED = 0, /* pelorus.conf, a secret store */
	CREDENTIAL_OPTION_FILE,    /* my.cnf, [client] and [pelorus] */
	CREDENTIAL_FOLLOWED,       /* handed over by an application with `follow` */
};

struct credential {
	enum credential_origin origin;
	char user[CONFIG_USER_MAX];
	char password[CONFIG_PASSWORD_MAX];
	struct tls_settings tls; /* never used with weaker ones */
};

#endif
