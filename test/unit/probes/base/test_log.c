/* SPDX-License-Identifier: Apache-2.0 */
/* The log: the form of its lines, and that it never floods. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/events.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t now_ms;

static int64_t clock_of_test(void *ctx)
{
	return *(int64_t *)ctx;
}

static struct log *log_in(const char *path, enum log_format format, struct events *events)
{
	struct log *log;

	assert_int_equal(log_new(path, format, LOG_INFO, events, &log), 0);
	log_set_clock(log, clock_of_test, &now_ms);
	return log;
}

static char *content(const char *path, size_t *ret_lines)
{
	static char text[1 << 18];
	FILE *f = fopen(path, "re");
	size_t n = fread(text, 1, sizeof(text) - 1, f);

	fclose(f);
	text[n] = '\0';
	*ret_lines = 0;
	for (char *at = text; (at = strchr(at, '\n')); at++)
		++*ret_lines;
	return text;
}

static int path_make(void **state)
{
	static char path[64];

	strcpy(path, "/tmp/test_log.XXXXXX");
	close(mkstemp(path));
	now_ms = 1767323045678;
	*state = path;
	return 0;
}

static int path_remove(void **state)
{
	return unlink(*state);
}

static void a_line_in_logfmt(void **state)
{
	struct log *log = log_in(*state, LOG_FORMAT_LOGFMT, NULL);
	size_t lines;

	log_say(log, LOG_INFO, "writer-changed", "c.x", "i-1", "from %s to \"%s\"", "a", "b");
	log_say(log, LOG_WARNING, "plain", NULL, NULL, "word");
	log_say(log, LOG_DEBUG, "hidden", NULL, NULL, "below the level");
	assert_string_equal(content(*state, &lines),
		"time=2026-01-02T03:04:05.678Z level=info code=writer-changed cluster=c.x "
		"instance=i-1 text=\"from a to \\\"b\\\"\"\n"
		"time=2026-01-02T03:04:05.678Z level=warning code=plain text=word\n");
	log_free(log);
}

static void a_line_as_text(void **state)
{
	struct log *log = log_in(*state, LOG_FORMAT_TEXT, NULL);
	char big[5000];
	size_t lines;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_say(log, LOG_INFO, "writer-changed", "c.x", "i-1", "the writer is %s", "i-1");
	log_say(log, LOG_WARNING, "plain", NULL, NULL, "two\nlines, \033[31mred\377");
	assert_string_equal(content(*state, &lines),
		"2026-01-02T03:04:05.678Z info writer-changed c.x i-1: the writer is i-1\n"
		"2026-01-02T03:04:05.678Z warning plain: two?lines, ?[31mred\377\n");
	log_say(log, LOG_INFO, "a", big, big, "%s", big);
	(void)content(*state, &lines);
	assert_int_equal(lines, 3);
	log_free(log);
}

static void what_is_said_is_counted_by_its_code(void **state)
{
	struct events *events = events_new();
	struct log *log = log_in(*state, LOG_FORMAT_LOGFMT, events);

	for (int i = 0; i < 20; i++)
		log_say(log, LOG_DEBUG, "writer-lost", NULL, NULL, "below the level");
	log_say(log, LOG_INFO, "no-code-of-ours", NULL, NULL, "is counted nowhere");
	for (unsigned i = 0; log_code(i); i++)
		assert_int_equal(events_counted(events, i),
			strcmp(log_code(i), "writer-lost") == 0 ? 20 : 0);
	log_free(log);
	events_free(events);
}

static void a_line_in_json(void **state)
{
	struct log *log = log_in(*state, LOG_FORMAT_JSON, NULL);
	struct json_object *o;
	size_t lines;

	log_say(log, LOG_ERROR, "code", "c", NULL, "two\nlines");
	o = json_tokener_parse(content(*state, &lines));
	assert_int_equal(lines, 1);
	assert_string_equal(json_object_get_string(json_object_object_get(o, "text")),
		"two\nlines");
	assert_string_equal(json_object_get_string(json_object_object_get(o, "level")), "error");
	json_object_put(o);
	log_free(log);
}

static void no_text_makes_two_lines(void **state)
{
	struct log *log = log_in(*state, LOG_FORMAT_LOGFMT, NULL);
	char big[5000];
	size_t lines;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_say(log, LOG_INFO, "a", "evil\ncode=b", "i\n", "forged\nlevel=error");
	log_say(log, LOG_INFO, "a", big, big, "%s", big);
	(void)content(*state, &lines);
	assert_int_equal(lines, 2);
	log_free(log);
}

static void a_flood_is_counted_not_written(void **state)
{
	struct log *log = log_in(*state, LOG_FORMAT_LOGFMT, NULL);
	size_t lines;

	for (int i = 0; i < 1000; i++)
		log_say(log, LOG_INFO, "same", "c", NULL, "again");
	(void)content(*state, &lines);
	assert_int_equal(lines, LOG_BURST);
	log_say(log, LOG_INFO, "same", "other", NULL, "another cluster is not muted");
	log_say(log, LOG_INFO, "different", "c", NULL, "another code is not muted");
	(void)content(*state, &lines);
	assert_int_equal(lines, LOG_BURST + 2);
	now_ms += 60000;
	log_say(log, LOG_INFO, "same", "c", NULL, "again");
	assert_non_null(strstr(content(*state, &lines), "suppressed=990 text=again"));
	assert_int_equal(lines, LOG_BURST + 3);
	log_free(log);
}

static void a_flood_of_codes_is_bounded_too(void **state)
{
	struct log *log = log_in(*state, LOG_FORMAT_LOGFMT, NULL);
	char cluster[16];
	size_t lines;

	for (int i = 0; i < 1000; i++) {
		(void)sprintf(cluster, "c%d", i);
		log_say(log, LOG_INFO, "same", cluster, NULL, "again");
	}
	(void)content(*state, &lines);
	assert_int_equal(lines, 1000);
	log_free(log);
}

/* A pipe in the place of standard error, as full as it can be. */
static void pipe_fill(int ends[2])
{
	char pages[8192] = {0};

	assert_int_equal(pipe(ends), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, sizeof(pages)) > 0);
	assert_int_equal(write(ends[1], pages, sizeof(pages)), sizeof(pages));
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
}

static void a_log_that_nobody_reads_loses_lines_and_tells_so(void **state)
{
	struct log *log = log_in(NULL, LOG_FORMAT_LOGFMT, NULL);
	int ends[2], before = dup(STDERR_FILENO);
	char text[8192];
	ssize_t n;

	(void)state;
	pipe_fill(ends);
	log_say(log, LOG_INFO, "a", NULL, NULL, "x"); /* a call that waited would never return */
	log_say(log, LOG_INFO, "b", NULL, NULL, "x");
	assert_int_equal(read(ends[0], text, sizeof(text)), sizeof(text));
	log_say(log, LOG_INFO, "c", NULL, NULL, "x");
	log_say(log, LOG_INFO, "d", NULL, NULL, "x");
	n = read(ends[0], text, sizeof(text) - 1);
	dup2(before, STDERR_FILENO);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "code=c lost=2 text=x\n"));
	assert_non_null(strstr(text, "code=d text=x\n"));
	close(before);
	close(ends[0]);
	close(ends[1]);
	log_free(log);
}

/* A terminal that nobody reads says that it can be written to, and then blocks. */
static void a_terminal_that_stalls_holds_up_nobody(void **state)
{
	int main_end = posix_openpt(O_RDWR | O_NOCTTY), saved = dup(STDERR_FILENO), end;
	struct log *log;
	char code[16], text[256], *lost;

	assert_true(main_end >= 0 && grantpt(main_end) == 0 && unlockpt(main_end) == 0);
	end = open(ptsname(main_end), O_RDWR | O_NOCTTY);
	assert_int_equal(dup2(end, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(log_new(NULL, LOG_FORMAT_LOGFMT, LOG_INFO, NULL, &log), 0);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)alarm(20);
	for (int i = 0; i < 2000; i++) {
		(void)sprintf(code, "code-%d", i);
		log_say(log, LOG_INFO, code, NULL, NULL, "%0*d", 200 + i % 700, i);
	}
	assert_int_equal(fcntl(main_end, F_SETFL, O_NONBLOCK), 0);
	while (read(main_end, text, sizeof(text)) > 0)
		;
	log_say(log, LOG_INFO, "read-again", NULL, NULL, "x");
	memset(text, 0, sizeof(text));
	(void)!read(main_end, text, sizeof(text) - 1);
	(void)alarm(0);
	lost = strstr(text, "code=read-again lost=");
	assert_non_null(lost);
	log_free(log);
	close(end);
	close(main_end);
	close(saved);
}

static void a_clock_set_back_mutes_nobody(void **state)
{
	struct log *log = log_in(*state, LOG_FORMAT_LOGFMT, NULL);
	size_t lines;

	for (int i = 0; i < LOG_BURST + 5; i++)
		log_say(log, LOG_INFO, "same", "c", NULL, "again");
	now_ms -= 3600000;
	log_say(log, LOG_INFO, "same", "c", NULL, "again");
	(void)content(*state, &lines);
	assert_int_equal(lines, LOG_BURST + 1);
	log_free(log);
}

static void an_event_is_remembered(void **state)
{
	struct events *events = events_new();
	struct log *log = log_in(*state, LOG_FORMAT_LOGFMT, events);
	char line[EVENTS_LINE_MAX];

	log_say(log, LOG_INFO, "not-an-event", NULL, NULL, "x");
	log_event(log, LOG_INFO, "an-event", "c", "i", "n=%d", 7);
	assert_int_equal(events_next(events, 0, line), 1);
	assert_non_null(strstr(line,
		"\"code\":\"an-event\",\"cluster\":\"c\",\"instance\":\"i\",\"text\":\"n=7\""));
	assert_int_equal(events_next(events, 1, line), 0);
	log_free(log);
	events_free(events);
}

static void a_full_file_is_turned_over(void **state)
{
	struct log *log = log_in(*state, LOG_FORMAT_LOGFMT, NULL);
	char old[80], big[401];
	struct stat st;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	(void)sprintf(old, "%s.1", (char *)*state);
	for (int i = 0; i < 3 * LOG_FILE_MAX / 480; i++, now_ms += 60000)
		log_say(log, LOG_INFO, "same", NULL, NULL, "%s", big);
	assert_int_equal(stat(*state, &st), 0);
	assert_true(st.st_size <= LOG_FILE_MAX + 2048);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(old, &st), 0);
	assert_true(st.st_size <= LOG_FILE_MAX + 2048);
	log_free(log);
	unlink(old);
}

static void a_link_is_not_followed(void **state)
{
	char link_path[80];
	struct log *log;

	(void)sprintf(link_path, "%s.link", (char *)*state);
	assert_int_equal(symlink(*state, link_path), 0);
	assert_int_equal(log_new(link_path, LOG_FORMAT_JSON, LOG_INFO, NULL, &log), -ELOOP);
	unlink(link_path);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, path_make, path_remove)
	const struct CMUnitTest tests[] = {
		CASE(a_line_in_logfmt),
		CASE(a_line_as_text),
		CASE(what_is_said_is_counted_by_its_code),
		CASE(a_line_in_json),
		CASE(no_text_makes_two_lines),
		CASE(a_flood_is_counted_not_written),
		CASE(a_flood_of_codes_is_bounded_too),
		CASE(a_log_that_nobody_reads_loses_lines_and_tells_so),
		CASE(a_terminal_that_stalls_holds_up_nobody),
		CASE(a_clock_set_back_mutes_nobody),
		CASE(an_event_is_remembered),
		CASE(a_full_file_is_turned_over),
		CASE(a_link_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
