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

void line_put(char line[static LINE_MAX_SIZE], bool json, const char *key, enum line_value kind,
	const char *value)
{
	append(line, *line == '\0' ? json ? "{" : "" : json ? "," : " ");
	append(line, json ? "\"" : "");
	append(line, key);
	append(line, json ? "\":" : "=");
	if (kind == LINE_QUOTED || (json && kind == LINE_WORD))
		append_quoted(line, value);
	else
		append(line, value);
}

void line_put_number(char line[static LINE_MAX_SIZE], bool json, const char *key, uint64_t n)
{
	char digits[24] = "";

	text_append_number(digits, sizeof(digits), n);
	line_put(line, json, key, LINE_NUMBER, digits);
}

void line_end(char line[static LINE_MAX_SIZE], bool json)
{
	text_append(line, LINE_MAX_SIZE, json ? "}\n" : "\n");
}

static void build_fields(const struct line *l, bool json, char *ret)
{
	char time[64] = ""; /* 28, in the last year that there is a number for */

	append_time(time, l->time_s);
	line_put(ret, json, "time", LINE_WORD, time);
	line_put(ret, json, "level", LINE_WORD, "warning");
	line_put(ret, json, "code", LINE_WORD, l->code);
	line_put_number(ret, json, "pid", l->pid);
	line_put(ret, json, "text", LINE_QUOTED, l->sentence);
	if (l->detail && *l->detail)
		line_put(ret, json, "detail", LINE_QUOTED, l->detail);
}

void line_build(const struct line *line, enum line_format format, char ret[static LINE_MAX_SIZE])
{
	ret[0] = '\0';
	if (format == LINE_TEXT)
		build_text(line, ret);
	else
		build_fields(line, format == LINE_JSON, ret);
	line_end(ret, format == LINE_JSON);
}
