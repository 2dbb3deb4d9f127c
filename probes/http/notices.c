/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices: a queue, and one delivery under way.
 *
 * A program gets the notice as its standard input, from a memory file, so that there is no pipe to
 * fill; it runs with a bare environment, for ours may hold secrets, and is ended after a while.  Its
 * end is heard of by a pidfd on the loop.
 *
 * The URL often is a secret by itself: it is in no line of the log, and neither is what comes back.
 */
#include "notices.h"

#include "base/buf.h"
#include "json_read.h"
#include "base/trouble.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BODY_MAX 4096
#define POST_MS 10000
#define RUN_LIMIT_NS (30 * LOOP_S)
#define RETRY_NS LOOP_S
#define RETRY_MOST_NS (60 * LOOP_S)

struct notices {
	struct loop *loop;
	struct http *http;
	struct log *log;
	char url[CONFIG_URL_MAX];
	char command[CONFIG_PATH_MAX];
	bool allow_http;
	char *queue[NOTICES_QUEUED]; /* ring of bodies; the first is under way or to be tried */
	unsigned first, n;
	unsigned tries; /* of the first */
	struct http_call *call;
	pid_t pid; /* of the program that takes it; 0: none runs */
	int pidfd;
	bool late; /* it was ended for taking too long */
	struct loop_io io;
	struct loop_timer limit;
	struct loop_timer timer;
	struct trouble trouble;
};

static bool is_news(const char *code)
{
	return code && strcmp(code, "severed") != 0 && strncmp(code, "notice-", 7) != 0;
}

bool notices_body(const char *line, char *ret, size_t size)
{
	struct json_object *event = json_read(line, strlen(line));
	const char *code = json_string(event, "code"), *text = json_string(event, "text");
	const char *cluster = json_string(event, "cluster");
	char sentence[1024];
	struct buf buf;
	bool news = is_news(code);

	if (news) {
		snprintf(sentence, sizeof(sentence), "%s%s%s: %s", cluster ? cluster : "",
			cluster ? ": " : "", code, text ? text : "");
		buf_init(&buf, ret, size);
		buf_add(&buf, "{\"text\":");
		buf_add_json(&buf, sentence);
		buf_addf(&buf, ",\"event\":%s}", line);
		news = buf_error(&buf) == 0;
	}
	json_object_put(event);
	return news;
}

static void drop_first(struct notices *n)
{
	free(n->queue[n->first]);
	n->queue[n->first] = NULL;
	n->first = (n->first + 1) % NOTICES_QUEUED;
	n->n--;
	n->tries = 0;
}

static bool is_under_way(const struct notices *n)
{
	return n->call || n->pid;
}

static void next(struct notices *n, uint64_t in_ns)
{
	if (n->n > 0 && !is_under_way(n))
		loop_timer_set_in(n->loop, &n->timer, in_ns);
}

/* One try has ended; `problem` NULL: it is delivered. */
static void ended(struct notices *n, const char *problem)
{
	if (!problem) {
		trouble_end(&n->trouble);
		drop_first(n);
		next(n, 0);
		return;
	}
	trouble_say(&n->trouble, "a notice could not be delivered: %s", problem);
	if (++n->tries == NOTICES_TRIES) {
		log_say(n->log, LOG_WARNING, "notice-dropped", NULL, NULL,
			"a notice was given up after %d tries", NOTICES_TRIES);
		drop_first(n);
	}
	next(n, trouble_wait_ns(&n->trouble, RETRY_NS, RETRY_MOST_NS, loop_now_ns(n->loop)));
}

static void on_posted(void *ctx, const struct http_answer *answer)
{
	struct notices *n = ctx;
	char buffer[64];

	n->call = NULL;
	ended(n, http_problem(answer, buffer, sizeof(buffer)));
}

static int post(struct notices *n, const char *body)
{
	const struct http_request request = {
		.url = n->url,
		.headers = {"Content-Type: application/json"},
		.body = body,
		.body_size = strlen(body),
		.timeout_ms = POST_MS,
		.allow_http = n->allow_http,
	};

	return http_start(n->http, &request, on_posted, n, &n->call);
}

/* Lets go of the program, which is waited for. */
static int reap(struct notices *n)
{
	int status = 0;

	loop_io_remove(n->loop, &n->io);
	loop_timer_stop(n->loop, &n->limit);
	while (waitpid(n->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(n->pidfd);
	n->pidfd = -1;
	n->pid = 0;
	return status;
}

static void run_stop(struct notices *n)
{
	if (!n->pid)
		return;
	(void)kill(n->pid, SIGKILL);
	(void)reap(n);
}

static void on_exit_seen(void *ctx, uint32_t events)
{
	struct notices *n = ctx;
	int status = reap(n);
	char problem[64] = "the program took too long";

	if (WIFSIGNALED(status) && !n->late)
		snprintf(problem, sizeof(problem), "the program died of signal %d",
			WTERMSIG(status));
	else if (!n->late)
		snprintf(problem, sizeof(problem), "the program ended with %d",
			WEXITSTATUS(status));
	ended(n, status == 0 && !n->late ? NULL : problem);
}

static void on_late(void *ctx)
{
	struct notices *n = ctx;

	n->late = true;
	(void)kill(n->pid, SIGKILL);
}

static int memory_file(const char *body)
{
	int fd = memfd_create("notice", MFD_CLOEXEC);
	size_t n = strlen(body);

	if (fd < 0)
		return -errno;
	if (write(fd, body, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* Default signals, nothing of ours but the three standard descriptors, a bare environment. */
static int spawn(const char *path, int input, pid_t *ret)
{
	static char *const environment[] =
		{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	char name[4096];
	char *const argv[] = {name, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int r;

	snprintf(name, sizeof(name), "%s", path);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&actions, input, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	r = posix_spawn(ret, path, &actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int run(struct notices *n, const char *body)
{
	int input = memory_file(body), r;

	if (input < 0)
		return input;
	n->late = false;
	r = spawn(n->command, input, &n->pid);
	close(input);
	if (r < 0) {
		n->pid = 0;
		return r;
	}
	n->pidfd = (int)syscall(SYS_pidfd_open, n->pid, 0);
	r = n->pidfd < 0 ? -errno
			 : loop_io_add(n->loop, &n->io, n->pidfd, EPOLLIN, on_exit_seen, n);
	if (r < 0)
		run_stop(n);
	else
		loop_timer_set_in(n->loop, &n->limit, RUN_LIMIT_NS);
	return r;
}

static void deliver(void *ctx)
{
	struct notices *n = ctx;
	int r;

	if (n->n == 0 || is_under_way(n))
		return;
	if (n->command[0])
		r = run(n, n->queue[n->first]);
	else
		r = post(n, n->queue[n->first]);
	if (r == -EPERM)
		ended(n, "plain http goes only to this host, unless allow-http is set");
	else if (r < 0)
		ended(n, strerror(-r));
}

void notices_take(struct notices *n, const char *line)
{
	char body[BODY_MAX];

	if ((!n->url[0] && !n->command[0]) || !notices_body(line, body, sizeof(body)))
		return;
	if (n->n == NOTICES_QUEUED) {
		log_say(n->log, LOG_WARNING, "notice-dropped", NULL, NULL,
			"more than %d notices wait to be delivered", NOTICES_QUEUED);
		return;
	}
	n->queue[(n->first + n->n) % NOTICES_QUEUED] = strdup(body);
	if (!n->queue[(n->first + n->n) % NOTICES_QUEUED])
		return;
	n->n++;
	if (n->n == 1)
		next(n, 0);
}

void notices_configure(struct notices *n, const struct config *config)
{
	memcpy(n->url, config->notify, sizeof(n->url));
	memcpy(n->command, config->notify_command, sizeof(n->command));
	n->allow_http = config->defaults.allow_http;
	while (!n->url[0] && !n->command[0] && n->n > 0 && !is_under_way(n))
		drop_first(n);
}

int notices_new(struct loop *loop, struct http *http, struct log *log, struct notices **ret)
{
	struct notices *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->loop = loop;
	n->http = http;
	n->log = log;
	n->trouble = (struct trouble){.log = log, .code = "notice-trouble"};
	loop_timer_init(&n->timer, deliver, n);
	loop_timer_init(&n->limit, on_late, n);
	n->pidfd = -1;
	*ret = n;
	return 0;
}

void notices_free(struct notices *n)
{
	if (!n)
		return;
	http_cancel(n->call);
	run_stop(n);
	loop_timer_stop(n->loop, &n->timer);
	while (n->n > 0)
		drop_first(n);
	explicit_bzero(n->url, sizeof(n->url));
	free(n);
}
