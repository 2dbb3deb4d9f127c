/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include "address.h"
#include "common/text.h"
#include "base/line.h"
#include "base/quiet.h"

#include <time.h>
#include <unistd.h>

static void put_time(char line[static LINE_MAX_SIZE], bool json)
{
	char text[32] = "", part[8] = "";
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_REALTIME, &now);
	text_append_number(text, sizeof(text), (uint64_t)now.tv_sec);
	text_append_number(part, sizeof(part), (uint64_t)now.tv_nsec / 1000 + 1000000);
	part[0] = '.'; /* in the place of the one that kept the zeros behind it */
	text_append(text, sizeof(text), part);
	line_put(line, json, "time", LINE_NUMBER, text);
}

void trace_write(const char *event, const char *name, const char *why, const struct pel_addr *to,
	int fd, int error)
{
	struct quiet quiet = quiet_begin();
	char line[LINE_MAX_SIZE] = "", addr[ADDRESS_TEXT];
	bool json = env_get()->trace_json;

	put_time(line, json);
	line_put_number(line, json, "pid", (uint64_t)getpid());
	line_put(line, json, "event", LINE_WORD, event);
	line_put(line, json, "name", LINE_WORD, name);
	if (fd >= 0)
		line_put_number(line, json, "fd", (uint64_t)fd);
	if (to && to->family) {
		address_to_text(to, false, addr);
		line_put(line, json, "to", LINE_WORD, addr);
		if (to->port)
			line_put_number(line, json, "port", to->port);
	}
	line_put(line, json, "why", LINE_WORD, why);
	if (error)
		line_put_number(line, json, "error", (uint64_t)error);
	line_end(line, json);
	quiet_add(env_get()->trace, line);
	quiet_end(quiet);
}
