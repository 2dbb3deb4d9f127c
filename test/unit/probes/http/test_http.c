/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP on the loop, against a server in a thread: it reads one request per connection, writes the
 * bytes that the case names, and closes or holds the connection.
 */
#include "http/http.h"
#include "http/headers.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define OK                                                                                         \
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Consul-Index: 77\r\nConnection: "               \
	"close\r\n\r\nhello"
#define TOO_LATE_NS (20 * LOOP_S)

struct server {
	int listener;
	uint16_t port;
	const char *reply;
	size_t padding; /* bytes of 'x' behind the reply */
	bool hold;      /* keeps the connection open until the client goes */
	char request[4096];
	pthread_t thread;
};

struct heard {
	struct loop *loop;
	int calls;
	int error;
	unsigned status;
	char body[64];
	uint64_t index;
	uint32_t retry_after_s;
	char problem[128];
	unsigned lines;
	char last_line[64];
	struct http_call *call;
	bool cancel_at_line;
};

static void take_request(int fd, char *request, size_t size)
{
	size_t n = 0;

	request[0] = '\0';
	while (n < size - 1 && !strstr(request, "\r\n\r\n")) {
		ssize_t got = recv(fd, request + n, size - 1 - n, 0);

		if (got <= 0)
			return;
		n += (size_t)got;
		request[n] = '\0';
	}
}

static void pad(int fd, size_t n)
{
	static char block[65536];

	memset(block, 'x', sizeof(block));
	while (n > 0) {
		ssize_t sent = send(fd, block, n < sizeof(block) ? n : sizeof(block), MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		n -= (size_t)sent;
	}
}

static void *serve(void *ctx)
{
	struct server *s = ctx;
	int fd = accept(s->listener, NULL, NULL);
	char byte;

	if (fd < 0)
		return NULL;
	take_request(fd, s->request, sizeof(s->request));
	if (s->reply)
		(void)send(fd, s->reply, strlen(s->reply), MSG_NOSIGNAL);
	pad(fd, s->padding);
	while (s->hold && recv(fd, &byte, 1, 0) > 0)
		;
	close(fd);
	return NULL;
}

static void server_start(struct server *s)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(addr);

	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->listener >= 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&addr, size), 0);
	assert_int_equal(listen(s->listener, 8), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&addr, &size), 0);
	s->port = ntohs(addr.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listener);
}

static void on_done(void *ctx, const struct http_answer *answer)
{
	struct heard *h = ctx;
	char buffer[64];
	const char *problem = http_problem(answer, buffer, sizeof(buffer));

	h->calls++;
	h->error = answer->error;
	h->status = answer->status;
	h->index = answer->index;
	h->retry_after_s = answer->retry_after_s;
	snprintf(h->body, sizeof(h->body), "%.*s", (int)answer->size, answer->body);
	snprintf(h->problem, sizeof(h->problem), "%s", problem ? problem : "");
	loop_stop(h->loop, 1);
}

static void on_line(void *ctx, const char *line, size_t n)
{
	struct heard *h = ctx;

	h->lines++;
	snprintf(h->last_line, sizeof(h->last_line), "%s", line);
	if (h->cancel_at_line) {
		http_cancel(h->call);
		loop_stop(h->loop, 2);
	}
}

static void on_too_late(void *ctx)
{
	loop_stop(ctx, 99);
}

static void fetch(struct server *s, struct http_request *request, struct heard *h, int expected)
{
	struct http *http;
	struct loop_timer late;
	char url[64];

	assert_int_equal(loop_new(NULL, &h->loop), 0);
	assert_int_equal(http_new(h->loop, &http), 0);
	loop_timer_init(&late, on_too_late, h->loop);
	loop_timer_set_in(h->loop, &late, TOO_LATE_NS);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/path?q=1", s->port);
	request->url = url;
	if (!request->timeout_ms)
		request->timeout_ms = 15000;
	assert_int_equal(http_start(http, request, on_done, h, &h->call), 0);
	assert_int_equal(h->calls, 0);
	assert_int_equal(loop_run(h->loop), expected);
	loop_timer_stop(h->loop, &late);
	http_free(http);
	loop_free(h->loop);
}

static void an_answer_comes_with_what_its_headers_say(void **state)
{
	struct server s = {.reply = OK};
	struct http_request request = {.headers = {"X-One: 1", "Authorization: secret"}};
	struct heard h = {0};

	server_start(&s);
	fetch(&s, &request, &h, 1);
	server_end(&s);
	assert_int_equal(h.calls, 1);
	assert_int_equal(h.status, 200);
	assert_string_equal(h.body, "hello");
	assert_int_equal(h.index, 77);
	assert_string_equal(h.problem, "");
	assert_int_equal(strncmp(s.request, "GET /path?q=1 HTTP/1.1\r\n", 24), 0);
	assert_non_null(strstr(s.request, "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(s.request, "\r\nAuthorization: secret\r\n"));
}

static void a_body_makes_it_a_post(void **state)
{
	struct server s = {.reply = OK};
	struct http_request request = {.body = "a\0b", .body_size = 3};
	struct heard h = {0};

	server_start(&s);
	fetch(&s, &request, &h, 1);
	server_end(&s);
	assert_int_equal(strncmp(s.request, "POST /path", 10), 0);
	assert_non_null(strstr(s.request, "\r\nContent-Length: 3\r\n"));
}

static void bad_answers_are_told_apart(void **state)
{
	static const struct {
		const char *reply;
		size_t padding;
		bool hold;
		int error;
		unsigned status;
		const char *problem;
	} cases[] = {
		{"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n", 0, false, 0,
			500, "it answered 500"},
		{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
			0, false, 0, 302, "it answered with a redirect (302)"},
		{NULL, 0, false, -EPROTO, 0, "its answer was cut off"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", 0, false, -EPROTO, 200,
			"its answer was cut off"},
		{"SSH-2.0-x\r\n", 0, false, -EPROTO, 0, "its answer was cut off"},
		{"HTTP/1.1 200 OK\r\n\r\n", 10 << 20, false, -EMSGSIZE, 200,
			"its answer is too large"},
		{NULL, 0, true, -ETIMEDOUT, 0, "no answer in time"},
		{"HTTP/1.1 200 OK\r\n\r\nforever", 0, true, -ETIMEDOUT, 200, "no answer in time"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct server s = {.reply = cases[i].reply,
			.padding = cases[i].padding,
			.hold = cases[i].hold};
		struct http_request request = {.timeout_ms = cases[i].hold ? 300 : 15000};
		struct heard h = {0};

		server_start(&s);
		fetch(&s, &request, &h, 1);
		server_end(&s);
		assert_int_equal(h.calls, 1);
		assert_int_equal(h.error, cases[i].error);
		assert_int_equal(h.status, cases[i].status);
		assert_string_equal(h.problem, cases[i].problem);
	}
}

static void nobody_there_is_told(void **state)
{
	struct server s = {.reply = OK};
	struct http_request request = {0};
	struct heard h = {0};

	server_start(&s);
	server_end(&s);
	fetch(&s, &request, &h, 1);
	assert_int_equal(h.error, -ECONNREFUSED);
}

static void a_stream_is_handed_over_line_by_line(void **state)
{
	struct server s = {.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				    "5\r\none\nt\r\n3\r\nwo\n\r\n4\r\nrest\r\n0\r\n\r\n"};
	struct http_request request = {.line = on_line};
	struct heard h = {0};

	server_start(&s);
	fetch(&s, &request, &h, 1);
	server_end(&s);
	assert_int_equal(h.lines, 2);
	assert_string_equal(h.last_line, "two");
	assert_string_equal(h.body, "rest");
}

static void a_call_may_be_cancelled_from_its_own_callback(void **state)
{
	struct server s = {.reply = "HTTP/1.1 200 OK\r\n\r\none\ntwo\n", .hold = true};
	struct http_request request = {.line = on_line};
	struct heard h = {.cancel_at_line = true};

	server_start(&s);
	fetch(&s, &request, &h, 2);
	server_end(&s);
	assert_int_equal(h.lines, 1);
	assert_int_equal(h.calls, 0);
}

static void plain_http_to_afar_is_refused(void **state)
{
	struct loop *loop;
	struct http *http;
	struct http_call *call;
	struct http_request request = {.url = "http://10.255.255.1/"};

	assert_int_equal(loop_new(NULL, &loop), 0);
	assert_int_equal(http_new(loop, &http), 0);
	assert_int_equal(http_start(http, &request, on_done, NULL, &call), -EPERM);
	request.url = "gopher://h/";
	assert_int_equal(http_start(http, &request, on_done, NULL, &call), -EINVAL);
	request = (struct http_request){.url = "http://127.0.0.1/", .headers = {"A: b\r\nC: d"}};
	assert_int_equal(http_start(http, &request, on_done, NULL, &call), -EINVAL);
	request.headers[0] = NULL;
	request.headers_file = "/nonexistent";
	assert_int_equal(http_start(http, &request, on_done, NULL, &call), -ENOENT);
	http_free(http);
	loop_free(loop);
}

static void headers_of_a_file_must_be_private(void **state)
{
	char path[] = "/tmp/pelorus-headers-XXXXXX";
	static const char text[] = "# why\r\n\nX-Token: a b\r\nX-Two:2";
	struct curl_slist *list = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_int_equal(fchmod(fd, 0604), 0);
	assert_int_equal(http_headers_read(&list, path), -EACCES);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(http_headers_read(&list, path), 0);
	assert_string_equal(list->data, "X-Token: a b");
	assert_string_equal(list->next->data, "X-Two:2");
	assert_null(list->next->next);
	curl_slist_free_all(list);
	close(fd);
	unlink(path);
}

static void numbers_are_read_from_their_own_header_only(void **state)
{
	static const struct {
		const char *line;
		bool found;
		uint64_t value;
	} cases[] = {
		{"X-Consul-Index: 12\r\n", true, 12},
		{"x-consul-index:12", true, 12},
		{"X-Consul-Index: 12x\r\n", false, 0},
		{"X-Consul-Index:\r\n", false, 0},
		{"X-Consul-Index: -1\r\n", false, 0},
		{"X-Consul-Index: 99999999999999999999\r\n", false, 0},
		{"X-Consul-Indexes: 1\r\n", false, 0},
		{"", false, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t value = 0;

		assert_int_equal(http_header_number(cases[i].line, strlen(cases[i].line),
					 "X-Consul-Index", &value),
			cases[i].found);
		if (cases[i].found)
			assert_int_equal(value, cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes_with_what_its_headers_say),
		cmocka_unit_test(a_body_makes_it_a_post),
		cmocka_unit_test(bad_answers_are_told_apart),
		cmocka_unit_test(nobody_there_is_told),
		cmocka_unit_test(a_stream_is_handed_over_line_by_line),
		cmocka_unit_test(a_call_may_be_cancelled_from_its_own_callback),
		cmocka_unit_test(plain_http_to_afar_is_refused),
		cmocka_unit_test(headers_of_a_file_must_be_private),
		cmocka_unit_test(numbers_are_read_from_their_own_header_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
