/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time is computed here: gmtime_r() takes a lock and may read files, in somebody else's program.
 */
#include "line.h"

#include "common/text.h"

#define ENDS 8 /* kept free for what closes a line */

static void append(char *to, const char *more)
{
	text_append(to, LINE_MAX_SIZE - ENDS, more);
}

/* A value in quotation marks; a byte that is not plain ASCII is a question mark. */
static void append_quoted(char *to, const char *value)
{
	append(to, "\"");
	for (; *value; value++) {
		char piece[3] = {*value < ' ' || *value > '~' ? '?' : *value};

		if (*value == '"' || *value == '\\') {
			piece[0] = '\\';
			piece[1] = *value;
		}
		if (strlen(to) + strlen(piece) + 1 >= LINE_MAX_SIZE - ENDS)
			break;
		append(to, piece);
	}
	append(to, "\"");
}

static void append_two(char *to, uint64_t n, const char *behind)
{
	if (n < 10)
		append(to, "0");
	text_append_number(to, LINE_MAX_SIZE - ENDS, n);
	append(to, behind);
}

/* RFC 3339, UTC; days to a date by counting years from March, each 400 of which have 146097 days. */
static void append_time(char *to, uint64_t s)
{
	uint64_t days = s / 86400 + 719468, era = days / 146097, day = days % 146097;
	uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	uint64_t of_year = day - (365 * year + year / 4 - year / 100);
	uint64_t march = (5 * of_year + 2) / 153, month = march < 10 ? march + 3 : march - 9;

	text_append_number(to, LINE_MAX_SIZE - ENDS, year + era * 400 + (month <= 2));
	append(to, "-");
	append_two(to, month, "-");
	append_two(to, of_year - (153 * march + 2) / 5 + 1, "T");
	append_two(to, s / 3600 % 24, ":");
	append_two(to, s / 60 % 60, ":");
	append_two(to, s % 60, "Z");
}

static void build_text(const struct line *l, char *ret)
{
	append(ret, "pelorus[");
	append(ret, l->code);
	append(ret, "]: ");
	append(ret, l->sentence);
	if (l->detail && *l->detail) {
		append(ret, ": ");
		append(ret, l->detail);
	}
}

static void build_logfmt(const struct line *l, char *ret)
{
	append(ret, "time=");
	append_time(ret, l->time_s);
	append(ret, " level=warning code=");
	append(ret, l->code);
	append(ret, " pid=");
	text_append_number(ret, LINE_MAX_SIZE - ENDS, l->pid);
	append(ret, " text=");
	append_quoted(ret, l->sentence);
	if (l->detail && *l->detail) {
		append(ret, " detail=");
		append_quoted(ret, l->detail);
	}
}

static void build_json(const struct line *l, char *ret)
{
	append(ret, "{\"time\":\"");
	append_time(ret, l->time_s);
	append(ret, "\",\"level\":\"warning\",\"code\":\"");
	append(ret, l->code);
	append(ret, "\",\"pid\":");
	text_append_number(ret, LINE_MAX_SIZE - ENDS, l->pid);
	append(ret, ",\"text\":");
	append_quoted(ret, l->sentence);
	if (l->detail && *l->detail) {
		append(ret, ",\"detail\":");
		append_quoted(ret, l->detail);
	}
	text_append(ret, LINE_MAX_SIZE, "}");
}

void line_build(const struct line *line, enum line_format format, char ret[static LINE_MAX_SIZE])
{
	ret[0] = '\0';
	if (format == LINE_LOGFMT)
		build_logfmt(line, ret);
	else if (format == LINE_JSON)
		build_json(line, ret);
	else
		build_text(line, ret);
	text_append(ret, LINE_MAX_SIZE, "\n");
}
