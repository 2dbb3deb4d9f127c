/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: a line is built whole in a buffer, then written with one write(), so that lines of
 * worker and supervisor never mix.  Nobody waits for who reads them: what a full pipe, disk, or a
 * terminal that is held, does not take whole is lost and counted.
 */
#include "log.h"

#include "buf.h"
#include "codes.h"
#include "events.h"

#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOG_CODES 128 /* pairs of code and cluster that are counted at once */
#define LOG_MINUTE_MS 60000
#define LOG_LINE_MAX 2048

struct tally {
	uint64_t key;
	int64_t since_ms;
	unsigned said;
	unsigned suppressed;
};

struct log {
	int fd;
	char *path;
	enum log_format format;
	enum log_level level;
	struct events *events;
	int64_t (*now_ms)(void *ctx);
	void *now_ctx;
	unsigned lost; /* lines, since the last that was taken */
	struct tally tallies[LOG_CODES];
};

struct line {
	enum log_level level;
	const char *code, *cluster, *instance, *text;
	int64_t time_ms;
	unsigned suppressed, lost;
};

static const char *const level_names[] = {"error", "warning", "info", "debug"};

#define NAME(code, sentence) code,
static const char *const codes[] = {CODES_SAID(NAME, NAME)};
#undef NAME
#define CODES (sizeof(codes) / sizeof(*codes))
_Static_assert(CODES <= EVENTS_CODES, "EVENTS_CODES");

static int64_t wall_clock(void *ctx)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int file_open(const char *path)
{
	int fd =
		open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);

	return fd < 0 ? -errno : fd;
}

/* A terminal whose reader stalls says that it can be written to, and then it cannot. */
static int stderr_open(void)
{
	int fd = isatty(STDERR_FILENO)
		? open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
		: -1;

	return fd < 0 ? STDERR_FILENO : fd;
}

int log_new(const char *path, enum log_format format, enum log_level level, struct events *events,
	struct log **ret)
{
	struct log *log = calloc(1, sizeof(*log));
	int r = -ENOMEM;

	if (!log)
		return r;
	log->format = format;
	log->level = level;
	log->events = events;
	log->now_ms = wall_clock;
	log->fd = path ? -1 : stderr_open();
	if (path) {
		log->path = strdup(path);
		log->fd = log->path ? file_open(path) : -ENOMEM;
		r = log->fd;
		if (r < 0) {
			free(log->path);
			free(log);
			return r;
		}
	}
	*ret = log;
	return 0;
}

void log_free(struct log *log)
{
	if (!log)
		return;
	if (log->fd != STDERR_FILENO)
		(void)close(log->fd);
	free(log->path);
	free(log);
}

const char *const log_format_words[] = {"logfmt", "json", "text", NULL};

bool log_format_parse(const char *word, enum log_format *ret)
{
	for (unsigned i = 0; log_format_words[i]; i++) {
		if (strcmp(word, log_format_words[i]) == 0) {
			*ret = (enum log_format)i;
			return true;
		}
	}
	return false;
}

void log_set_format(struct log *log, enum log_format format)
{
	log->format = format;
}

const char *log_code(unsigned i)
{
	return i < CODES ? codes[i] : NULL;
}

static void count(struct log *log, const char *code)
{
	for (unsigned i = 0; log->events && i < CODES; i++) {
		if (strcmp(code, codes[i]) == 0)
			events_count(log->events, i);
	}
}

void log_set_clock(struct log *log, int64_t (*now_ms)(void *ctx), void *ctx)
{
	log->now_ms = now_ms;
	log->now_ctx = ctx;
}

/* The full file becomes PATH.1; whoever else writes to it goes on there until it turns over too. */
static void file_turn_over(struct log *log)
{
	struct stat st;
	char *old;
	int fd;

	if (!log->path || fstat(log->fd, &st) < 0 || st.st_size < LOG_FILE_MAX)
		return;
	if (asprintf(&old, "%s.1", log->path) < 0)
		return;
	(void)rename(log->path, old);
	free(old);
	fd = file_open(log->path);
	if (fd < 0)
		return;
	(void)close(log->fd);
	log->fd = fd;
}

static uint64_t key_of(const char *code, const char *cluster)
{
	return pel_name_hash(code) * 31 + pel_name_hash(cluster ? cluster : "");
}

/* The tally of a key; when all places are taken, that of the oldest is given to the new one. */
static struct tally *tally_of(struct log *log, uint64_t key, int64_t now_ms)
{
	struct tally *oldest = &log->tallies[0];

	for (unsigned i = 0; i < LOG_CODES; i++) {
		struct tally *t = &log->tallies[i];

		if (t->key == key)
			return t;
		if (t->since_ms < oldest->since_ms)
			oldest = t;
	}
	*oldest = (struct tally){.key = key, .since_ms = now_ms};
	return oldest;
}

/* True if a line may be written; then *ret_suppressed tells how many were not before it. */
static bool may_say(struct log *log, const char *code, const char *cluster, int64_t now_ms,
	unsigned *ret_suppressed)
{
	struct tally *t = tally_of(log, key_of(code, cluster), now_ms);

	if (now_ms - t->since_ms >= LOG_MINUTE_MS || now_ms < t->since_ms) {
		t->since_ms = now_ms;
		t->said = 0;
	}
	if (t->said == LOG_BURST) {
		t->suppressed++;
		return false;
	}
	t->said++;
	*ret_suppressed = t->suppressed;
	t->suppressed = 0;
	return true;
}

static bool is_plain(const char *value)
{
	for (const char *c = value; *c; c++) {
		if (*c <= ' ' || *c > '~' || *c == '"' || *c == '=' || *c == '\\')
			return false;
	}
	return *value;
}

static void put_logfmt(struct buf *b, const char *key, const char *value)
{
	if (!value || !buf_has_room(b, key))
		return;
	buf_addf(b, "%s%s=", b->n ? " " : "", key);
	if (is_plain(value) && buf_has_room(b, value))
		buf_add(b, value);
	else
		buf_add_json_cut(b, value);
}

static void put_count(struct buf *b, enum log_format format, const char *key, unsigned count)
{
	char text[16];

	if (!count)
		return;
	(void)snprintf(text, sizeof(text), "%u", count);
	(format == LOG_FORMAT_JSON ? buf_add_member : put_logfmt)(b, key, text);
}

/* What servers say is in it, too: nothing that a terminal would obey. */
static void put_text(struct buf *b, const char *separator, const char *value)
{
	if (!value)
		return;
	buf_add(b, separator);
	for (; *value && buf_has_room(b, ""); value++)
		buf_add_n(b, (unsigned char)*value < ' ' || *value == 0x7f ? "?" : value, 1);
}

static void text_build(const struct line *l, const char *time, struct buf *b)
{
	put_text(b, "", time);
	put_text(b, " ", level_names[l->level]);
	put_text(b, " ", l->code);
	put_text(b, " ", l->cluster);
	put_text(b, " ", l->instance);
	put_text(b, ": ", l->text);
	if (l->suppressed)
		buf_addf(b, " (suppressed %u)", l->suppressed);
	if (l->lost)
		buf_addf(b, " (lost %u)", l->lost);
	buf_add(b, "\n");
}

static void line_build(const struct line *l, enum log_format format, struct buf *b)
{
	void (*put)(struct buf *, const char *, const char *) =
		format == LOG_FORMAT_JSON ? buf_add_member : put_logfmt;
	char time[TIME_MAX];

	time_format(l->time_ms, time);
	if (format == LOG_FORMAT_TEXT) {
		text_build(l, time, b);
		return;
	}
	put(b, "time", time);
	put(b, "level", level_names[l->level]);
	put(b, "code", l->code);
	put(b, "cluster", l->cluster);
	put(b, "instance", l->instance);
	put_count(b, format, "suppressed", l->suppressed);
	put_count(b, format, "lost", l->lost);
	put(b, "text", l->text);
	buf_add(b, format == LOG_FORMAT_JSON ? "}\n" : "\n");
}

/* A pipe that can be written to takes a whole page, and a line is shorter. */
static bool is_writable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static void say(struct log *log, struct line *line)
{
	char buffer[LOG_LINE_MAX];
	struct buf b;
	ssize_t n;

	if (!is_writable(log->fd)) {
		log->lost++;
		return;
	}
	line->lost = log->lost;
	log->lost = 0;
	buf_init(&b, buffer, sizeof(buffer));
	line_build(line, log->format, &b);
	file_turn_over(log);
	n = write(log->fd, buffer, b.n);
	if (n < 0 && errno == EINTR)
		n = write(log->fd, buffer, b.n);
	if (n != (ssize_t)b.n)
		log->lost = line->lost + 1;
}

static void vsay(struct log *log, struct line *line, bool event, const char *format, va_list args)
{
	char text[1024];

	if (!log)
		return;
	(void)vsnprintf(text, sizeof(text), format, args);
	line->text = text;
	line->time_ms = log->now_ms(log->now_ctx);
	count(log, line->code);
	if (event && log->events)
		events_add(log->events, line->time_ms, line->code, line->cluster, line->instance,
			text);
	if (line->level <= log->level &&
		may_say(log, line->code, line->cluster, line->time_ms, &line->suppressed))
		say(log, line);
}

void log_say(struct log *log, enum log_level level, const char *code, const char *cluster,
	const char *instance, const char *format, ...)
{
	struct line line = {.level = level, .code = code, .cluster = cluster, .instance = instance};
	va_list args;

	va_start(args, format);
	vsay(log, &line, false, format, args);
	va_end(args);
}

void log_event(struct log *log, enum log_level level, const char *code, const char *cluster,
	const char *instance, const char *format, ...)
{
	struct line line = {.level = level, .code = code, .cluster = cluster, .instance = instance};
	va_list args;

	va_start(args, format);
	vsay(log, &line, true, format, args);
	va_end(args);
}
