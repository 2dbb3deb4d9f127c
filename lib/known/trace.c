/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include "address.h"
#include "common/text.h"
#include "base/quiet.h"

#include <time.h>
#include <unistd.h>

#define LINE 640

/* Names, words and addresses hold nothing that either format would have to escape. */
static void put(char line[static LINE], const char *key, const char *value, bool quoted)
{
	bool json = env_get()->trace_json, first = line[0] == '\0';

	text_append(line, LINE, first ? json ? "{" : "" : json ? "," : " ");
	text_append(line, LINE, json ? "\"" : "");
	text_append(line, LINE, key);
	text_append(line, LINE, json ? "\":" : "=");
	text_append(line, LINE, json && quoted ? "\"" : "");
	text_append(line, LINE, value);
	text_append(line, LINE, json && quoted ? "\"" : "");
}

static void put_number(char line[static LINE], const char *key, int n)
{
	char text[16] = "";

	text_append_number(text, sizeof(text), (uint64_t)n);
	put(line, key, text, false);
}

static void put_time(char line[static LINE])
{
	char text[32] = "", part[8] = "";
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_REALTIME, &now);
	text_append_number(text, sizeof(text), (uint64_t)now.tv_sec);
	text_append_number(part, sizeof(part), (uint64_t)now.tv_nsec / 1000 + 1000000);
	part[0] = '.'; /* in the place of the one that kept the zeros behind it */
	text_append(text, sizeof(text), part);
	put(line, "time", text, false);
}

void trace_write(const char *event, const char *name, const char *why, const struct pel_addr *to,
	int fd, int error)
{
	struct quiet quiet = quiet_begin();
	char line[LINE] = "", addr[ADDRESS_TEXT];

	put_time(line);
	put_number(line, "pid", getpid());
	put(line, "event", event, true);
	put(line, "name", name, true);
	if (fd >= 0)
		put_number(line, "fd", fd);
	if (to && to->family) {
		address_to_text(to, false, addr);
		put(line, "to", addr, true);
		if (to->port)
			put_number(line, "port", to->port);
	}
	put(line, "why", why, true);
	if (error)
		put_number(line, "error", error);
	text_append(line, LINE, env_get()->trace_json ? "}\n" : "\n");
	quiet_add(env_get()->trace, line);
	quiet_end(quiet);
}
