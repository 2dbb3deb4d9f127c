/* SPDX-License-Identifier: Apache-2.0 */
/* One line of what the library says or traces, in the form that was asked for.  Pure, without memory. */
#ifndef PELORUS_LIB_BASE_LINE_H
#define PELORUS_LIB_BASE_LINE_H

#include <stdbool.h>
#include <stdint.h>

/* PELORUS_LOG_FORMAT */
enum line_format { LINE_TEXT = 0, LINE_LOGFMT, LINE_JSON };

#define LINE_MAX_SIZE 768

struct line {
	const char *code, *sentence;
	const char *detail; /* NULL or empty: none */
	uint64_t time_s;    /* since 1970 */
	uint64_t pid;
};

/* With its line feed; what does not fit is cut off within a value. */
void line_build(const struct line *line, enum line_format format, char ret[static LINE_MAX_SIZE]);

/* A line by its fields, which begins empty, as logfmt or JSON. */
enum line_value {
	LINE_NUMBER,
	LINE_WORD,   /* nothing in it is to be escaped: logfmt has no quotation marks around it */
	LINE_QUOTED, /* whatever it is */
};
void line_put(char line[static LINE_MAX_SIZE], bool json, const char *key, enum line_value kind,
	const char *value);
void line_put_number(char line[static LINE_MAX_SIZE], bool json, const char *key, uint64_t n);
void line_end(char line[static LINE_MAX_SIZE], bool json);

#endif
