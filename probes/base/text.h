/* SPDX-License-Identifier: Apache-2.0 */
/* Text built into a buffer of fixed size: what does not fit is cut off, and the end is kept. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_TIME_MAX 32

/* at[0..n) is the text, terminated; n never exceeds size - 1. */
struct text {
	char *at;
	size_t n;
	size_t size;
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As a JSON string in quotes.  Bytes that are not UTF-8 become '?'; cut off, it is still closed. */
void text_add_json(struct text *text, const char *value);

/* True if a member with a key of that length still fits, at least with the start of its value. */
bool text_has_room(const struct text *text, size_t key_length);

/* True if there is nothing but printable ASCII. */
bool text_is_plain(const char *value);

/* RFC 3339 in UTC with milliseconds. */
void text_time(int64_t time_ms, char ret[static TEXT_TIME_MAX]);

#endif
