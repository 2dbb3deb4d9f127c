/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact text in a buffer of fixed size, for requests and names: nothing is ever cut off silently
 * (as text.h does for people).  What does not fit is left out whole and remembered: one look at
 * buf_error() after the last addition is enough.
 */
#ifndef BUF_H
#define BUF_H

#include <stdbool.h>
#include <stddef.h>

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

/* Base64 with padding (RFC 4648). */
void buf_add_base64(struct buf *buf, const void *data, size_t size);

/* 0, or -ENOBUFS if anything did not fit. */
int buf_error(const struct buf *buf);

/* Decodes base64 with padding.  The number of bytes, -EINVAL or -ENOBUFS. */
long base64_parse(const char *word, void *ret, size_t size);

#endif
