/* SPDX-License-Identifier: Apache-2.0 */
/* One line of what the library says, in the form that was asked for.  Pure, without memory. */
#ifndef PELORUS_LIB_BASE_LINE_H
#define PELORUS_LIB_BASE_LINE_H

#include <stddef.h>
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

#endif
