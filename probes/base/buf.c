/* SPDX-License-Identifier: Apache-2.0 */
/* Text in a buffer of fixed size, and the encodings that HTTP interfaces speak. */
#include "buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define TAIL 4 /* kept free by what is cut, so that what encloses it can be closed */

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void buf_init(struct buf *buf, char *data, size_t size)
{
	*buf = (struct buf){.data = data, .size = size};
	data[0] = '\0';
}

void buf_add_n(struct buf *buf, const char *data, size_t n)
{
	if (buf->overflow || n >= buf->size - buf->n) {
		buf->overflow = true;
		return;
	}
	memcpy(buf->data + buf->n, data, n);
	buf->n += n;
	buf->data[buf->n] = '\0';
}

void buf_add(struct buf *buf, const char *word)
{
	buf_add_n(buf, word, strlen(word));
}

void buf_addf(struct buf *buf, const char *format, ...)
{
	size_t room = buf->size - buf->n;
	va_list args;
	int n;

	if (buf->overflow)
		return;
	va_start(args, format);
	n = vsnprintf(buf->data + buf->n, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room) {
		buf->data[buf->n] = '\0';
		buf->overflow = true;
		return;
	}
	buf->n += (size_t)n;
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '-' || c == '.' || c == '_' || c == '~';
}

void buf_add_percent(struct buf *buf, const char *word, const char *keep)
{
	for (; *word; word++) {
		if (is_unreserved(*word) || strchr(keep, *word))
			buf_add_n(buf, word, 1);
		else
			buf_addf(buf, "%%%02X", (unsigned char)*word);
	}
}

/* The length of the well-formed UTF-8 sequence at `at` (RFC 3629), or 0. */
static size_t utf8_length(const unsigned char *at)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t n;
	} forms[] = {{0x00, 0x7f, 0, 0, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4}};

	for (size_t f = 0; f < sizeof(forms) / sizeof(*forms); f++) {
		if (at[0] < forms[f].first || at[0] > forms[f].last)
			continue;
		if (forms[f].n > 1 && (at[1] < forms[f].low || at[1] > forms[f].high))
			return 0;
		for (size_t i = 2; i < forms[f].n; i++) {
			if ((at[i] & 0xc0) != 0x80)
				return 0;
		}
		return forms[f].n;
	}
	return 0;
}

/* Encodes one character of `at`; returns how many bytes of it that took. */
static size_t encode(const char *at, char ret[static 8])
{
	size_t n = utf8_length((const unsigned char *)at);

	if (n == 0)
		strcpy(ret, "\\ufffd");
	else if (*at == '"' || *at == '\\')
		(void)snprintf(ret, 8, "\\%c", *at);
	else if ((unsigned char)*at < ' ' || *at == 0x7f)
		(void)snprintf(ret, 8, "\\u%04x", (unsigned char)*at);
	else
		(void)snprintf(ret, 8, "%.*s", (int)n, at);
	return n ? n : 1;
}

static void add_json(struct buf *buf, const char *word, bool cut)
{
	char piece[8];

	buf_add(buf, "\"");
	while (*word) {
		word += encode(word, piece);
		if (cut && buf->n + strlen(piece) + TAIL >= buf->size)
			break;
		buf_add(buf, piece);
	}
	buf_add(buf, "\"");
}

void buf_add_json(struct buf *buf, const char *word)
{
	add_json(buf, word, false);
}

void buf_add_json_cut(struct buf *buf, const char *word)
{
	add_json(buf, word, true);
}

void buf_add_member(struct buf *buf, const char *key, const char *value)
{
	if (!value || !buf_has_room(buf, key))
		return;
	buf_addf(buf, "%s\"%s\":", buf->n ? "," : "{", key);
	buf_add_json_cut(buf, value);
}

bool buf_has_room(const struct buf *buf, const char *key)
{
	return buf->size - buf->n > strlen(key) + 32;
}

void buf_add_base64(struct buf *buf, const void *data, size_t size)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < size; i += 3) {
		uint32_t b = i + 1 < size ? at[i + 1] : 0, c = i + 2 < size ? at[i + 2] : 0;
		uint32_t bits = (uint32_t)at[i] << 16 | b << 8 | c;
		char four[4] = {base64_digits[bits >> 18], base64_digits[bits >> 12 & 63],
			i + 1 < size ? base64_digits[bits >> 6 & 63] : '=',
			i + 2 < size ? base64_digits[bits & 63] : '='};

		buf_add_n(buf, four, sizeof(four));
	}
}

int buf_error(const struct buf *buf)
{
	return buf->overflow ? -ENOBUFS : 0;
}

/* One group of four digits into up to three bytes; the number of bytes, or -EINVAL. */
static int parse_four(const char *word, uint8_t ret[static 3])
{
	uint32_t bits = 0;
	int pad = word[3] != '=' ? 0 : word[2] != '=' ? 1 : 2;

	for (int i = 0; i < 4; i++) {
		const char *digit = i < 4 - pad ? strchr(base64_digits, word[i]) : base64_digits;

		if (!digit || *digit == '\0')
			return -EINVAL;
		bits = bits << 6 | (uint32_t)(digit - base64_digits);
	}
	for (int i = 0; i < 3; i++)
		ret[i] = (uint8_t)(bits >> (16 - 8 * i));
	return 3 - pad;
}

long base64_parse(const char *word, void *ret, size_t size)
{
	size_t length = strlen(word), n = 0;

	if (length % 4 != 0)
		return -EINVAL;
	for (size_t i = 0; i < length; i += 4) {
		uint8_t three[3];
		int got = parse_four(word + i, three);

		if (got < 0 || (got < 3 && i + 4 < length))
			return -EINVAL;
		if (n + (size_t)got > size)
			return -ENOBUFS;
		memcpy((uint8_t *)ret + n, three, (size_t)got);
		n += (size_t)got;
	}
	return (long)n;
}

void time_format(int64_t time_ms, char ret[static TIME_MAX])
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(ret, TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(ret + n, TIME_MAX - n, ".%03dZ", (int)(time_ms % 1000));
}
