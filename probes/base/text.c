/* SPDX-License-Identifier: Apache-2.0 */
/* Text built into a buffer of fixed size. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TAIL 4 /* kept free by strings, so that what encloses them can be closed */

void text_add(struct text *text, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->at + text->n, text->size - text->n, format, args);
	va_end(args);
	if (n > 0)
		text->n += (size_t)n < text->size - text->n ? (size_t)n : text->size - text->n - 1;
}

/* The length of a UTF-8 sequence of two to four bytes, 0 if it is none. */
static size_t utf8_length(const unsigned char *at)
{
	size_t n = at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc2 ? 2 : 0;

	if (at[0] >= 0xf5)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

/* Encodes one character of `at`; returns how many bytes it took. */
static size_t encode(const unsigned char *at, char ret[static 8])
{
	size_t n = 1;

	if (*at == '"' || *at == '\\') {
		(void)snprintf(ret, 8, "\\%c", *at);
	} else if (*at < ' ' || *at == 0x7f) {
		(void)snprintf(ret, 8, "\\u%04x", *at);
	} else if (*at < 0x80) {
		(void)snprintf(ret, 8, "%c", *at);
	} else {
		n = utf8_length(at);
		(void)snprintf(ret, 8, "%.*s", n ? (int)n : 1, n ? (const char *)at : "?");
	}
	return n ? n : 1;
}

void text_add_json(struct text *text, const char *value)
{
	const unsigned char *at = (const unsigned char *)value;
	char piece[8];

	text_add(text, "\"");
	while (*at) {
		at += encode(at, piece);
		if (text->n + strlen(piece) + TAIL >= text->size)
			break;
		text_add(text, "%s", piece);
	}
	text_add(text, "\"");
}

bool text_has_room(const struct text *text, size_t key_length)
{
	return text->size - text->n > key_length + 32;
}

bool text_is_plain(const char *value)
{
	for (; *value; value++) {
		if (*value < ' ' || *value > '~')
			return false;
	}
	return true;
}

void text_time(int64_t time_ms, char ret[static TEXT_TIME_MAX])
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(ret, TEXT_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(ret + n, TEXT_TIME_MAX - n, ".%03dZ", (int)(time_ms % 1000));
}
