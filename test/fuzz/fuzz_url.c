/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the readers of URLs, HOST:PORT, base64, times and profiles.  A URL that is taken is one
 * that its own parts make again.
 */
#include "http/aws/profile.h"
#include "base/buf.h"
#include "base/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void fuzz_url(const char *text)
{
	struct url url, again;
	char whole[2 * URL_MAX];

	if (url_parse(text, &url) < 0)
		return;
	check(url.port != 0 && url.path[0] == '/' && !strpbrk(url.path, " \r\n\t"));
	snprintf(whole, sizeof(whole), "http%s://%s%s", url.tls ? "s" : "", url.authority,
		url.path);
	check(url_parse(whole, &again) == 0);
	check(strcmp(url.host, again.host) == 0 && url.port == again.port);
	check(strcmp(url.path, again.path) == 0 && strcmp(url.authority, again.authority) == 0);
}

static void fuzz_base64(const char *text)
{
	char bytes[512], back[1024];
	struct buf buf;
	long n = base64_parse(text, bytes, sizeof(bytes));

	if (n < 0)
		return;
	buf_init(&buf, back, sizeof(back));
	buf_add_base64(&buf, bytes, (size_t)n);
	check(strlen(back) == strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[4096], host[PEL_NAME_MAX];
	struct aws_profile profile = {.region = ""};
	uint16_t port;
	int64_t time;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	fuzz_url(text);
	fuzz_base64(text);
	if (url_parse_host(text, host, &port) == 0)
		check(host[0] && strlen(host) < sizeof(host));
	(void)aws_parse_time(text, &time);
	for (unsigned file = AWS_FILE_CREDENTIALS; file <= AWS_FILE_CONFIG; file++) {
		(void)aws_profile_parse(text, size, (enum aws_file)file, "default", &profile);
		check(!profile.creds.id[0] == !profile.creds.secret[0]);
	}
	return 0;
}
