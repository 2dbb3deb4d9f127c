/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text in a buffer of fixed size.  Nothing is cut off, but for what a line for people says: what
 * does not fit is left out whole and remembered, so that one look at buf_error() after the last
 * addition is enough.
 */
#ifndef BUF_H
#define BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_MAX 32

struct buf {
	char *data; /* always terminated */
	size_t size;
	size_t n;
	bool overflow;
};

void buf_init(struct buf *buf, char *data, size_t size);

void buf_add(struct buf *buf, const char *word);
void buf_add_n(struct buf *buf, const char *data, size_t n);
void buf_addf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* RFC 3986: everything but unreserved characters (and those in `keep`, may be "") as %XX. */
void buf_add_percent(struct buf *buf, const char *word, const char *keep);

/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void buf_add_json(struct buf *buf, const char *word);

/* The same for people: cut off if need be, still closed, and with room for what closes the line. */
void buf_add_json_cut(struct buf *buf, const char *word);

/* True if a member of that name still fits, at least with the start of its value. */
bool buf_has_room(const struct buf *buf, const char *key);

/* A member of a JSON object, cut as above, behind its '{' or ','; nothing without a value or room. */
void buf_add_member(struct buf *buf, const char *key, const char *value);

/* Base64 with padding (RFC 4648). */
void buf_add_base64(struct buf *buf, const void *data, size_t size);

/* 0, or -ENOBUFS if anything did not fit. */
int buf_error(const struct buf *buf);

/* Decodes base64 with padding.  The number of bytes, -EINVAL or -ENOBUFS. */
long base64_parse(const char *word, void *ret, size_t size);

/* RFC 3339 in UTC with milliseconds. */
void time_format(int64_t time_ms, char ret[static TIME_MAX]);

#endif
