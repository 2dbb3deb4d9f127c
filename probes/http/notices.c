/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices: a queue, and one delivery under way.
 *
 * A program gets the notice as its standard input.
 *
 * The URL often is a secret by itself: it is in no line of the log, and neither is what comes back.
 */
#include "notices.h"

#include "base/buf.h"
#include "json_read.h"
#include "program.h"
#include "base/trouble.h"
#include "logic/pace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 4096
#define POST_MS 10000
#define RUN_LIMIT_NS (30 * LOOP_S)

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
	struct program *program; /* that takes it */
	struct loop_timer timer;
	struct trouble trouble;
};

static bool is_news(const char *code)
{
	return code && strcmp(code, "severed") != 0 && strcmp(code, "connects-waited") != 0 &&
		strncmp(code, "notice-", 7) != 0;
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
	return n->call || n->program;
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
	next(n, pace_wait_ns(PACE_CLOUD, n->trouble.failures, loop_now_ns(n->loop)));
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

static void on_taken(void *ctx, const char *problem, const char *output)
{
	struct notices *n = ctx;

	n->program = NULL;
	ended(n, problem);
}

/* With a bare environment, for ours may hold secrets. */
static int run(struct notices *n, const char *body)
{
	static char *const environment[] =
		{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	const char *const argv[] = {n->command, NULL};
	const struct program_options options = {.argv = argv,
		.environment = environment,
		.input = body,
		.limit_ns = RUN_LIMIT_NS,
		.ended = on_taken,
		.ctx = n};

	return program_start(n->loop, &options, &n->program);
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
	*ret = n;
	return 0;
}

void notices_free(struct notices *n)
{
	if (!n)
		return;
	http_cancel(n->call);
	program_free(n->program);
	loop_timer_stop(n->loop, &n->timer);
	while (n->n > 0)
		drop_first(n);
	explicit_bzero(n->url, sizeof(n->url));
	free(n);
}
