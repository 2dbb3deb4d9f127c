/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics over HTTP: what is a request, and that nobody who is slow is in another's way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/listen.h"
#include "base/loop.h"
#include "control/scrape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct {
	const char *sentence, *text;
	enum scrape_verdict verdict;
} requests[] = {
	{"metrics", "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", SCRAPE_METRICS},
	{"health", "GET /healthz HTTP/1.0\r\n\r\n", SCRAPE_HEALTH},
	{"with a query", "GET /metrics?a=b HTTP/1.1\r\n\r\n", SCRAPE_METRICS},
	{"line feeds alone", "GET /metrics HTTP/1.1\n\n", SCRAPE_METRICS},
	{"nothing", "", SCRAPE_MORE},
	{"half a head", "GET /metrics HTTP/1.1\r\nHost: a\r\n", SCRAPE_MORE},
	{"elsewhere", "GET / HTTP/1.1\r\n\r\n", SCRAPE_NOT_FOUND},
	{"a longer path", "GET /metricsx HTTP/1.1\r\n\r\n", SCRAPE_NOT_FOUND},
	{"a shorter path", "GET /metric HTTP/1.1\r\n\r\n", SCRAPE_NOT_FOUND},
	{"another method", "POST /metrics HTTP/1.1\r\n\r\n", SCRAPE_NOT_ALLOWED},
	{"a method that begins so", "GETS /metrics HTTP/1.1\r\n\r\n", SCRAPE_NOT_ALLOWED},
	{"no target", "GET HTTP/1.1\r\n\r\n", SCRAPE_BAD},
	{"no version", "GET /metrics\r\n\r\n", SCRAPE_BAD},
	{"an empty line", "\r\n\r\n", SCRAPE_BAD},
	{"a version in the next line", "GET /metrics\r\n HTTP/1.1\r\n\r\n", SCRAPE_BAD},
};

static void requests_are_judged(void **state)
{
	static char long_one[SCRAPE_REQUEST_MAX];

	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		if (scrape_judge(requests[i].text, strlen(requests[i].text)) != requests[i].verdict)
			fail_msg("%s", requests[i].sentence);
	}
	memset(long_one, 'a', sizeof(long_one));
	assert_int_equal(scrape_judge(long_one, sizeof(long_one)), SCRAPE_BAD);
	assert_int_equal(scrape_judge(long_one, sizeof(long_one) - 1), SCRAPE_MORE);
}

static void places_to_listen_at_are_understood_or_refused(void **state)
{
	static const struct {
		const char *word;
		int family;
	} words[] = {{"127.0.0.1:9187", AF_INET}, {"[::1]:9187", AF_INET6},
		{"unix:/run/a", AF_UNIX}, {"0.0.0.0:1", AF_INET}, {"", 0}, {"localhost:9187", 0},
		{"127.0.0.1", 0}, {"127.0.0.1:", 0}, {"127.0.0.1:0", 0}, {"127.0.0.1:65536", 0},
		{"127.0.0.1:1x", 0}, {":9187", 0}, {"::1:9187", 0}, {"[::1]", 0}, {"unix:", 0},
		{"unix:a", 0}};
	struct listen_address a;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		int r = listen_parse(words[i].word, &a);

		if (r != (words[i].family ? 0 : -EINVAL) ||
			(r == 0 && a.addr.ss_family != words[i].family))
			fail_msg("'%s': %d", words[i].word, r);
	}
}

struct world {
	struct loop *loop;
	struct scrape *scrape;
	char folder[32], where[64];
	struct listen_address address;
};

static unsigned put(void *ctx, unsigned from, FILE *out)
{
	fprintf(out, "part %u\n", from);
	return (from + 1) % 3;
}

static int world_make(void **state)
{
	static struct world w;
	const struct scrape_options options = {.mode = 0600, .put = put};

	strcpy(w.folder, "/tmp/test_scrape.XXXXXX");
	assert_non_null(mkdtemp(w.folder));
	snprintf(w.where, sizeof(w.where), "unix:%s/socket", w.folder);
	assert_int_equal(listen_parse(w.where, &w.address), 0);
	assert_int_equal(loop_new(NULL, &w.loop), 0);
	assert_int_equal(scrape_new(w.loop, &options, &w.scrape), 0);
	*state = &w;
	return 0;
}

static int world_end(void **state)
{
	struct world *w = *state;

	scrape_free(w->scrape);
	loop_free(w->loop);
	(void)unlink(w->where + 5);
	assert_int_equal(rmdir(w->folder), 0);
	return 0;
}

static int client(const struct world *w)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (connect(fd, (const struct sockaddr *)&w->address.addr, w->address.size) < 0) {
		(void)close(fd);
		return -errno;
	}
	return fd;
}

/* What comes until the connection ends. */
static char *answer(struct world *w, int fd)
{
	static char text[4096];
	size_t n = 0;
	ssize_t got;

	while ((got = recv(fd, text + n, sizeof(text) - 1 - n, 0)) != 0) {
		if (got < 0)
			assert_int_equal(loop_step(w->loop), 0);
		n += got > 0 ? (size_t)got : 0;
	}
	text[n] = '\0';
	(void)close(fd);
	return text;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void the_whole_text_is_served(void **state)
{
	static const char body[] = "\r\n\r\npart 0\npart 1\npart 2\n";
	struct world *w = *state;
	struct stat st;
	char *text;
	int fd;

	scrape_listen(w->scrape, w->where);
	assert_int_equal(stat(w->where + 5, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	fd = client(w);
	say(fd, "GET /met");
	assert_int_equal(loop_step(w->loop), 0);
	say(fd, "rics HTTP/1.1\r\n\r\n");
	text = answer(w, fd);
	assert_true(strncmp(text, "HTTP/1.1 200 OK\r\n", 17) == 0);
	assert_non_null(strstr(text, "\r\nContent-Length: 21\r\n"));
	assert_string_equal(strstr(text, "\r\n\r\n"), body);
	fd = client(w);
	say(fd, "PUT /metrics HTTP/1.1\r\n\r\n");
	text = answer(w, fd);
	assert_non_null(strstr(text, " 405 Method Not Allowed\r\n"));
	assert_non_null(strstr(text, "\r\nAllow: GET\r\n"));
}

static void who_says_nothing_gives_way(void **state)
{
	struct world *w = *state;
	int silent[10], fd;

	scrape_listen(w->scrape, w->where);
	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++) {
		silent[i] = client(w);
		assert_true(silent[i] >= 0);
		assert_int_equal(loop_step(w->loop), 0);
	}
	fd = client(w);
	say(fd, "GET /healthz HTTP/1.1\r\n\r\n");
	assert_non_null(strstr(answer(w, fd), "\r\n\r\nOK\n"));
	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++)
		(void)close(silent[i]);
}

static void a_path_is_taken_from_the_dead_alone(void **state)
{
	struct world *w = *state;
	int fd = listen_open(&w->address, 0600);

	assert_true(fd >= 0);
	assert_int_equal(listen_open(&w->address, 0600), -EADDRINUSE);
	(void)close(fd);
	fd = listen_open(&w->address, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(unlink(w->where + 5), 0);
	assert_int_equal(symlink("/etc/passwd", w->where + 5), 0);
	assert_int_equal(listen_open(&w->address, 0600), -EADDRINUSE);
}

static void nowhere_nobody_is_answered(void **state)
{
	struct world *w = *state;
	int fd;

	scrape_listen(w->scrape, w->where);
	fd = client(w);
	assert_true(fd >= 0);
	(void)close(fd);
	scrape_listen(w->scrape, "");
	assert_int_equal(client(w), -ECONNREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_judged),
		cmocka_unit_test(places_to_listen_at_are_understood_or_refused),
		cmocka_unit_test_setup_teardown(the_whole_text_is_served, world_make, world_end),
		cmocka_unit_test_setup_teardown(who_says_nothing_gives_way, world_make, world_end),
		cmocka_unit_test_setup_teardown(a_path_is_taken_from_the_dead_alone, world_make,
			world_end),
		cmocka_unit_test_setup_teardown(nowhere_nobody_is_answered, world_make, world_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
