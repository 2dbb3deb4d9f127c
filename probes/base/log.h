/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one line per change of state, never per poll, with a code that stays the same for ever.
 *
 * logfmt, JSON or text, to standard error or to a file that is turned over when it grows.  A code
 * is a short lower-case word with hyphens ("writer-changed"), and stands in codes.h.  More than
 * LOG_BURST lines with the same code and cluster within a minute are counted, not written; the
 * count is told with the next one.  So are lines that nobody reads: no call waits for a full pipe.
 * Arguments must not contain secrets.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_BURST 10
#define LOG_FILE_MAX (1 << 20)

enum log_level { LOG_ERROR = 0, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_FORMAT_LOGFMT = 0, LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

struct events;
struct log;

/*
 * `path` NULL: standard error.  `events` may be NULL; it takes what log_event() says.
 * 0 or -errno.
 */
int log_new(const char *path, enum log_format format, enum log_level level, struct events *events,
	struct log **ret);
void log_free(struct log *log);

/* Of enum log_format, in its order, then NULL. */
extern const char *const log_format_words[];
/* False if it is none of logfmt, json and text. */
bool log_format_parse(const char *word, enum log_format *ret);
void log_set_format(struct log *log, enum log_format format);

/* The codes of codes.h, each of which events_counted() counts; NULL behind the last. */
const char *log_code(unsigned i);

/* For tests: another wall clock, in milliseconds. */
void log_set_clock(struct log *log, int64_t (*now_ms)(void *ctx), void *ctx);

/* `cluster` and `instance` may be NULL.  A NULL log is ignored. */
void log_say(struct log *log, enum log_level level, const char *code, const char *cluster,
	const char *instance, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* The same, and the ring of events remembers it: what `pelorus events` shows. */
void log_event(struct log *log, enum log_level level, const char *code, const char *cluster,
	const char *instance, const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
