/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: what a request may look like, and how the server bears with bad ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "control/control.h"
#include "base/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *sentence;
	const char *text;
	const char *why; /* NULL: it is fine */
	const char *key, *value;
} requests[] = {
	{"a verb alone", "status", NULL, NULL, NULL},
	{"a verb with a line feed", "status\n", NULL, NULL, NULL},
	{"fields", "follow\nname=a.b\nport=3306\n", NULL, "port", "3306"},
	{"a last line without its end", "follow\nname=a", NULL, "name", "a"},
	{"an empty value", "follow\npassword=\n", NULL, "password", ""},
	{"an equals sign in a value", "follow\npassword=a=b\n", NULL, "password", "a=b"},
	{"blanks stay", "follow\npassword= a \n", NULL, "password", " a "},
	{"escapes", "follow\npassword=%25a%0Ab\n", NULL, "password", "%a\nb"},
	{"a key that is not there", "follow\nname=a\n", NULL, "nam", NULL},
	{"nothing", "", "expected text without NUL", NULL, NULL},
	{"only a line feed", "\n", "expected a verb", NULL, NULL},
	{"a verb in capitals", "STATUS\n", "expected a verb", NULL, NULL},
	{"a verb with blanks", "status now\n", "expected a verb", NULL, NULL},
	{"HTTP", "GET / HTTP/1.1\r\n", "expected a verb", NULL, NULL},
	{"a verb of bytes", "\xff\xfe\xfd", "expected a verb", NULL, NULL},
	{"a field without a sign", "follow\nname\n", "expected key=value", NULL, NULL},
	{"a field without a key", "follow\n=a\n", "expected a key", NULL, NULL},
	{"a key with blanks", "follow\nna me=a\n", "expected a key", NULL, NULL},
	{"a key twice", "follow\nname=a\nname=b\n", "expected each key once", NULL, NULL},
	{"a lonely percent sign", "follow\nname=%\n", "expected % as %25", NULL, NULL},
	{"an unknown escape", "follow\nname=%41\n", "expected % as %25", NULL, NULL},
	{"an escaped NUL", "follow\nname=a%00b\n", "expected % as %25", NULL, NULL},
	{"a lower-case escape", "follow\nname=%0a\n", "expected % as %25", NULL, NULL},
	{"an empty line", "follow\n\nname=a\n", "expected key=value", NULL, NULL},
};

static void requests_are_understood_or_refused(void **state)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		char buffer[256];
		struct control_request request;
		const char *why = "";
		size_t n = strlen(requests[i].text);
		int r;

		memcpy(buffer, requests[i].text, n);
		r = control_parse(buffer, n, &request, &why);
		if ((r < 0) != (requests[i].why != NULL) ||
			(r < 0 && !strstr(why, requests[i].why)))
			fail_msg("%s: %d, '%s'", requests[i].sentence, r, why);
		if (r == 0 && requests[i].key) {
			const char *value = control_get(&request, requests[i].key);

			if (!value != !requests[i].value ||
				(value && strcmp(value, requests[i].value) != 0))
				fail_msg("%s: '%s'", requests[i].sentence,
					value ? value : "(none)");
		}
	}
}

static void a_request_with_a_zero_byte_is_refused(void **state)
{
	char buffer[] = "follow\nname=a\0b\n";
	struct control_request request;
	const char *why;

	assert_int_equal(control_parse(buffer, sizeof(buffer) - 1, &request, &why), -EBADMSG);
}

static void more_fields_than_fit_are_refused(void **state)
{
	char buffer[1024] = "follow\n";
	struct control_request request;
	const char *why;

	for (int i = 0; i <= CONTROL_FIELDS; i++)
		(void)sprintf(buffer + strlen(buffer), "k%c=1\n", 'a' + i);
	assert_int_equal(control_parse(buffer, strlen(buffer), &request, &why), -EBADMSG);
	assert_non_null(strstr(why, "no more than 24"));
}

static void what_is_written_is_read_again(void **state)
{
	static const char *const values[] = {"", "a", "%", "%%25\n\n%0A", "=", "\t\x01\xff"};
	char buffer[256];
	struct control_request request;
	const char *why;

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		strcpy(buffer, "follow\n");
		assert_int_equal(pel_control_put(buffer, sizeof(buffer), "a", values[i]), 0);
		assert_int_equal(pel_control_put(buffer, sizeof(buffer), "b", "c"), 0);
		assert_int_equal(control_parse(buffer, strlen(buffer), &request, &why), 0);
		assert_string_equal(control_get(&request, "a"), values[i]);
		assert_string_equal(control_get(&request, "b"), "c");
	}
}

static void what_does_not_fit_is_not_written(void **state)
{
	char buffer[32] = "x\n", value[64];

	memset(value, '%', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (size_t n = 0; n < sizeof(value); n++) {
		value[n] = '\0';
		strcpy(buffer, "x\n");
		if (pel_control_put(buffer, sizeof(buffer), "key", value) < 0)
			assert_string_equal(buffer, "x\n");
		else
			assert_true(strlen(buffer) == 2 + 4 + 3 * n + 1);
		value[n] = '%';
	}
}

/* A server on a socket of its own, run by hand round by round. */
struct fixture {
	char path[64];
	int listen_fd;
	struct loop *loop;
	struct control *control;
	bool answer_waits;
	unsigned ran;
	uint64_t later_ns; /* than the clock says */
};

static uint64_t now_ns(void *ctx)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * LOOP_S + (uint64_t)now.tv_nsec +
		((const struct fixture *)ctx)->later_ns;
}

static void run_big(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	for (int i = 0; i < 40000; i++)
		control_reply_add(reply, "line %d\n", i);
}

static void run_wait(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	struct fixture *f = ctx;

	f->ran++;
	if (f->answer_waits)
		control_reply_wait(reply);
	else
		control_reply_add(reply, "now\n");
}

static void run_fail(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	control_reply_add(reply, "half an answer");
	control_reply_error(reply, "code", "a %s", "sentence");
}

static const struct control_verb verbs[] = {
	{"big", CONTROL_ANYONE, run_big},
	{"fail", CONTROL_ANYONE, run_fail},
	{"wait", CONTROL_ANYONE, run_wait},
	{0},
};

static int setup(void **state)
{
	static struct fixture f;
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	const struct loop_clock clock = {.now_ns = now_ns, .ctx = &f};
	struct control_options options = {.verbs = verbs, .shared = true, .ctx = &f};

	memset(&f, 0, sizeof(f));
	(void)sprintf(f.path, "/tmp/test_control.%d", getpid());
	(void)unlink(f.path);
	strcpy(name.sun_path, f.path);
	f.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(f.listen_fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(f.listen_fd, 1024), 0);
	assert_int_equal(loop_new(&clock, &f.loop), 0);
	options.listen_fd = f.listen_fd;
	assert_int_equal(control_new(f.loop, &options, &f.control), 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	control_free(f->control);
	loop_free(f->loop);
	close(f->listen_fd);
	return unlink(f->path);
}

static int client(struct fixture *f)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(name.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

/* Lets the server run until the client has a packet; its size, 0 at the end. */
static ssize_t receive(struct fixture *f, int fd, char *to, size_t size)
{
	for (int i = 0; i < 10000; i++) {
		ssize_t n = recv(fd, to, size, MSG_DONTWAIT);

		if (n >= 0)
			return n;
		assert_int_equal(errno, EAGAIN);
		assert_int_equal(loop_step(f->loop), 0);
	}
	return -1;
}

static void expect(struct fixture *f, int fd, const char *answer)
{
	char text[1024];
	ssize_t n = receive(f, fd, text, sizeof(text) - 1);

	assert_true(n > 0);
	text[n] = '\0';
	if (strncmp(text, answer, strlen(answer)) != 0)
		fail_msg("got '%s'", text);
}

static void bad_requests_are_refused_and_counted(void **state)
{
	struct fixture *f = *state;
	const struct control_counters *c = control_counters(f->control);
	char big[PEL_CONTROL_MAX + 1];
	int fd = client(f);

	memset(big, 'a', sizeof(big));
	send(fd, "what\n", 5, 0);
	expect(f, fd, "error unknown ");
	send(fd, "\xff\0\xff", 3, 0);
	expect(f, fd, "error malformed ");
	send(fd, big, sizeof(big), 0);
	expect(f, fd, "error oversized ");
	send(fd, "fail", 4, 0);
	expect(f, fd, "error code a sentence\n");
	send(fd, "wait", 4, 0);
	expect(f, fd, "ok\nnow\n");
	assert_int_equal(c->malformed, 2);
	assert_int_equal(c->oversized, 1);
	assert_int_equal(c->requests, 5);
	close(fd);
}

static void a_long_reply_comes_in_packets(void **state)
{
	struct fixture *f = *state;
	static char packet[PEL_CONTROL_REPLY + 1], all[1 << 20];
	size_t total = 0;
	unsigned packets = 0;
	int fd = client(f), line = 0;

	send(fd, "big", 3, 0);
	for (;;) {
		ssize_t n = receive(f, fd, packet, PEL_CONTROL_REPLY + 1);
		bool more = n > 6 && memcmp(packet + n - 6, "\n+more", 6) == 0;

		assert_in_range(n, 1, PEL_CONTROL_REPLY);
		packets++;
		memcpy(all + total, packet, (size_t)n - (more ? 6 : 0));
		total += (size_t)n - (more ? 6 : 0);
		if (!more)
			break;
	}
	assert_true(packets > 5);
	all[total] = '\0';
	assert_memory_equal(all, "ok\n", 3);
	for (char *at = strtok(all + 3, "\n"); at; at = strtok(NULL, "\n"))
		assert_int_equal(atoi(at + 5), line++);
	assert_int_equal(line, 40000);
	close(fd);
}

static void who_does_not_read_holds_up_nobody(void **state)
{
	struct fixture *f = *state;
	int deaf = client(f), other = client(f);

	for (int i = 0; i < 3; i++)
		send(deaf, "big", 3, 0);
	send(other, "wait", 4, 0);
	expect(f, other, "ok\nnow\n");
	close(deaf);
	send(other, "wait", 4, 0);
	expect(f, other, "ok\nnow\n");
	close(other);
	for (int i = 0; i < 10 && control_connections(f->control); i++)
		assert_int_equal(loop_step(f->loop), 0);
	assert_int_equal(control_connections(f->control), 0);
}

static void who_asks_and_leaves_is_served(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);

	send(fd, "wait", 4, 0);
	send(fd, "wait", 4, 0);
	send(fd, "wait", 4, 0);
	close(fd);
	for (int i = 0; i < 10 && !(f->ran == 3 && control_connections(f->control) == 0); i++)
		assert_int_equal(loop_step(f->loop), 0);
	assert_int_equal(f->ran, 3);
	assert_int_equal(control_connections(f->control), 0);
}

static void a_request_waits_until_it_is_woken(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	char text[16];

	f->answer_waits = true;
	send(fd, "wait", 4, 0);
	while (f->ran == 0)
		assert_int_equal(loop_step(f->loop), 0);
	control_wake(f->control);
	while (f->ran == 1)
		assert_int_equal(loop_step(f->loop), 0);
	assert_true(recv(fd, text, sizeof(text), MSG_DONTWAIT) < 0);
	f->answer_waits = false;
	control_wake(f->control);
	expect(f, fd, "ok\nnow\n");
	assert_int_equal(f->ran, 3);
	close(fd);
}

static void a_full_table_lets_the_others_wait(void **state)
{
	struct fixture *f = *state;
	static int fds[CONTROL_CONNECTIONS + 20];

	for (int i = 0; i < CONTROL_CONNECTIONS + 20; i++)
		fds[i] = client(f);
	for (int i = 0; i < CONTROL_CONNECTIONS; i++)
		assert_int_equal(loop_step(f->loop), 0);
	assert_int_equal(control_connections(f->control), CONTROL_CONNECTIONS);
	send(fds[CONTROL_CONNECTIONS + 5], "wait", 4, 0);
	for (int i = 0; i < 20; i++)
		close(fds[i]);
	expect(f, fds[CONTROL_CONNECTIONS + 5], "ok\nnow\n");
	for (int i = 20; i < CONTROL_CONNECTIONS + 20; i++)
		close(fds[i]);
}

static void a_flood_is_limited(void **state)
{
	struct fixture *f = *state;
	const struct control_counters *c = control_counters(f->control);
	int fd = client(f);
	char text[256];

	for (int i = 0; i < 20000 && c->limited == 0; i++) {
		send(fd, "fail", 4, 0);
		assert_true(receive(f, fd, text, sizeof(text)) > 0);
	}
	assert_true(c->limited > 0);
	assert_true(c->requests >= 4000);
	assert_memory_equal(text, "error limited ", 14);
	close(fd);
}

static void let_others_in(struct fixture *f)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(f->path, 0666), 0);
}

/* As another user, who may have many numbers: asks so often, and leaves. */
static void ask_as(struct fixture *f, uid_t uid, unsigned times)
{
	unsigned others = control_connections(f->control);
	pid_t pid = fork();

	if (pid == 0) {
		int fd = setuid(uid) == 0 ? client(f) : -1;

		for (unsigned i = 0; i < times; i++) {
			if (send(fd, "fail", 4, 0) < 0)
				_exit(1);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	do
		assert_int_equal(loop_step(f->loop), 0);
	while (control_connections(f->control) > others);
}

static void other_users_use_up_nothing_of_ours(void **state)
{
	struct fixture *f = *state;
	int fd;

	let_others_in(f);
	for (uid_t uid = 20000; uid < 20020; uid++)
		ask_as(f, uid, 30);
	assert_true(control_counters(f->control)->limited > 0);
	fd = client(f);
	send(fd, "wait", 4, 0);
	expect(f, fd, "ok\nnow\n");
	close(fd);
}

/* So many users, one behind another, each of whom asks so often: nobody is told to ask less. */
static void users_ask(struct fixture *f, unsigned users, unsigned each, uint64_t pause_ns)
{
	let_others_in(f);
	for (uid_t uid = 20000; uid < 20000 + users; uid++) {
		ask_as(f, uid, each);
		f->later_ns += pause_ns;
	}
	assert_int_equal(control_counters(f->control)->limited, 0);
	assert_int_equal(control_counters(f->control)->requests, users * each);
}

/* A host with a pool for each of many users. */
static void users_who_ask_seldom_share_nothing(void **state)
{
	users_ask(*state, 100, 20, LOOP_S);
}

/* ... who all ask within a few seconds: the longest silent makes way, and has been given its part. */
static void a_crowd_of_users_shares_nothing(void **state)
{
	users_ask(*state, 300, 5, 10 * LOOP_MS);
}

static void another_user_leaves_places_to_the_next(void **state)
{
	struct fixture *f = *state;
	static int fds[CONTROL_CONNECTIONS];

	let_others_in(f);
	assert_int_equal(seteuid(20001), 0);
	for (unsigned i = 0; i < CONTROL_CONNECTIONS; i++)
		fds[i] = client(f);
	assert_int_equal(seteuid(0), 0);
	for (unsigned i = 0; i < CONTROL_CONNECTIONS; i++)
		assert_int_equal(loop_step(f->loop), 0);
	assert_true(control_connections(f->control) > 0);
	ask_as(f, 20002, 1);
	assert_int_equal(control_counters(f->control)->requests, 1);
	for (unsigned i = 0; i < CONTROL_CONNECTIONS; i++)
		close(fds[i]);
}

int main(void)
{
#define SERVED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_understood_or_refused),
		cmocka_unit_test(a_request_with_a_zero_byte_is_refused),
		cmocka_unit_test(more_fields_than_fit_are_refused),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(what_does_not_fit_is_not_written),
		SERVED(bad_requests_are_refused_and_counted),
		SERVED(a_long_reply_comes_in_packets),
		SERVED(who_does_not_read_holds_up_nobody),
		SERVED(who_asks_and_leaves_is_served),
		SERVED(a_request_waits_until_it_is_woken),
		SERVED(a_full_table_lets_the_others_wait),
		SERVED(a_flood_is_limited),
		SERVED(other_users_use_up_nothing_of_ours),
		SERVED(users_who_ask_seldom_share_nothing),
		SERVED(a_crowd_of_users_shares_nothing),
		SERVED(another_user_leaves_places_to_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
