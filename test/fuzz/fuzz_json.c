/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the readers of JSON: coordinators' answers in every format, credentials, secrets.  The
 * first byte chooses the format.  What is taken has to keep its promises.
 */
#include "http/aws/creds_parse.h"
#include "http/coordinator_parse.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_view(const struct coordinator_view *view)
{
	unsigned writers = 0;

	check(view->n > 0 && view->n <= PEL_MAP_INSTANCES);
	for (unsigned i = 0; i < view->n; i++) {
		const struct coordinator_host *host = &view->hosts[i];

		check(strnlen(host->host, PEL_NAME_MAX) < PEL_NAME_MAX && host->host[0]);
		check(host->role == PEL_ROLE_WRITER || host->role == PEL_ROLE_READER);
		check(fnmatch("*[13]*", host->host, FNM_CASEFOLD) == 0);
		writers += host->role == PEL_ROLE_WRITER;
	}
	check(writers <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data + 1;
	struct coordinator_view view = {.n = 0};
	struct aws_creds creds;
	char user[32], password[32];

	if (size == 0)
		return 0;
	size--;
	if (coordinator_parse((enum coordinator_format)(data[0] % 5), body, size, "*[13]*",
		    &view) == COORDINATOR_OK)
		check_view(&view);
	if (aws_creds_parse_json(body, size, &creds) == 0)
		check(creds.id[0] && creds.secret[0] && !strpbrk(creds.token, "\r\n"));
	if (aws_secret_parse(body, size, user, sizeof(user), password, sizeof(password)) == 0)
		check(user[0] && password[0]);
	return 0;
}
