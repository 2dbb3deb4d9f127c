/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of metrics.
 *
 * A connection reads its request, waits for its text, sends it, and is closed; all of that within
 * LIMIT_NS.  One text is made at a time, for SLICE_NS of each round of the loop.  When all places
 * are taken, who has not said all of its request gives way; are there none of these, who comes
 * waits in the kernel's queue.
 */
#include "scrape.h"

#include "base/listen.h"
#include "base/loop.h"
#include "base/trouble.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACES 4
#define LIMIT_NS (10 * LOOP_S)
#define RETRY_NS (10 * LOOP_S)
#define SLICE_NS (LOOP_MS / 2)
#define EACH_NS (20 * LOOP_MS)
#define SEND_MAX (64u << 10) /* of one round */

enum stage { FREE = 0, READING, WAITING, SENDING };

struct place {
	struct scrape *scrape;
	enum stage stage;
	int fd;
	struct loop_io io;
	uint64_t since_ns;
	char request[SCRAPE_REQUEST_MAX];
	size_t n;
	char head[256];
	char *text; /* what follows it */
	size_t head_size, size, sent;
};

struct scrape {
	struct loop *loop;
	struct scrape_options options;
	char where[sizeof(struct sockaddr_storage)];
	int listen_fd; /* -1: there is none */
	struct loop_io listen_io;
	struct loop_timer make, sweep, retry;
	struct trouble trouble;
	struct place places[PLACES];
	struct place *making; /* whose text it is that is half made */
	FILE *out;
	unsigned part;
	uint64_t began_ns; /* the text made last */
};

static bool is_line(const char *request, const char *end, const char *method)
{
	size_t n = strlen(method);

	return (size_t)(end - request) > n && memcmp(request, method, n) == 0;
}

static bool is_target(const char *target, size_t n, const char *path)
{
	const char *query = memchr(target, '?', n);

	n = query ? (size_t)(query - target) : n;
	return n == strlen(path) && memcmp(target, path, n) == 0;
}

enum scrape_verdict scrape_judge(const char *request, size_t n)
{
	static const char version[] = " HTTP/1.";
	const char *line_end = memchr(request, '\n', n), *target, *end;

	if (!memmem(request, n, "\r\n\r\n", 4) && !memmem(request, n, "\n\n", 2))
		return n < SCRAPE_REQUEST_MAX ? SCRAPE_MORE : SCRAPE_BAD;
	target = memchr(request, ' ', (size_t)(line_end - request));
	if (!target)
		return SCRAPE_BAD;
	target++;
	end = memmem(target, (size_t)(line_end - target), version, strlen(version));
	if (!end || end == target)
		return SCRAPE_BAD;
	if (!is_line(request, line_end, "GET "))
		return SCRAPE_NOT_ALLOWED;
	n = (size_t)(end - target);
	if (is_target(target, n, "/metrics"))
		return SCRAPE_METRICS;
	return is_target(target, n, "/healthz") ? SCRAPE_HEALTH : SCRAPE_NOT_FOUND;
}

static void on_listen(void *ctx, uint32_t events);

static void listen_watch(struct scrape *s)
{
	if (s->listen_fd >= 0 && !s->listen_io.slot)
		(void)loop_io_add(s->loop, &s->listen_io, s->listen_fd, EPOLLIN, on_listen, s);
}

static void make_end(struct scrape *s)
{
	if (s->out)
		(void)fclose(s->out);
	s->out = NULL;
	s->making = NULL;
}

static void place_close(struct place *p)
{
	struct scrape *s = p->scrape;

	if (s->making == p)
		make_end(s);
	loop_io_remove(s->loop, &p->io);
	(void)close(p->fd);
	free(p->text);
	p->text = NULL;
	p->stage = FREE;
	listen_watch(s);
}

static void place_send(struct place *p)
{
	size_t of_head = p->sent < p->head_size ? p->head_size - p->sent : 0;
	size_t at = p->sent + of_head - p->head_size, rest = p->size - at;
	struct iovec parts[] = {{p->head + p->head_size - of_head, of_head},
		{p->text + at, rest < SEND_MAX ? rest : SEND_MAX}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t n = sendmsg(p->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		place_close(p);
		return;
	}
	p->sent += n > 0 ? (size_t)n : 0;
	if (p->sent == p->head_size + p->size)
		place_close(p);
	else if (loop_io_change(p->scrape->loop, &p->io, EPOLLOUT) < 0)
		place_close(p);
}

/* With its text as the body, which there may have been no memory for. */
static void place_answer(struct place *p, const char *status, const char *more)
{
	if (!p->text) {
		place_close(p);
		return;
	}
	p->head_size = (size_t)snprintf(p->head, sizeof(p->head),
		"HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n%s"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n",
		status, more, p->size);
	p->sent = 0;
	p->stage = SENDING;
	place_send(p);
}

static void place_say(struct place *p, const char *status, const char *more)
{
	int n = asprintf(&p->text, "%s\n", status + 4); /* behind its number */

	if (n < 0)
		p->text = NULL;
	p->size = n < 0 ? 0 : (size_t)n;
	place_answer(p, status, more);
}

static void make_soon(struct scrape *s)
{
	uint64_t now_ns = loop_now_ns(s->loop), next_ns = s->began_ns + EACH_NS;

	if (!loop_timer_is_set(&s->make))
		loop_timer_set(s->loop, &s->make, s->out || next_ns < now_ns ? now_ns : next_ns);
}

static struct place *place_oldest(struct scrape *s, enum stage stage)
{
	struct place *oldest = NULL;

	for (struct place *p = s->places; p < s->places + PLACES; p++) {
		if (p->stage == stage && (!oldest || p->since_ns < oldest->since_ns))
			oldest = p;
	}
	return oldest;
}

static bool make_begin(struct scrape *s)
{
	s->making = place_oldest(s, WAITING);
	if (!s->making)
		return false;
	s->out = open_memstream(&s->making->text, &s->making->size);
	if (!s->out) {
		place_close(s->making);
		make_soon(s);
		return false;
	}
	s->part = 0;
	s->began_ns = loop_now_ns(s->loop);
	return true;
}

static void on_make(void *ctx)
{
	struct scrape *s = ctx;
	uint64_t until_ns = loop_now_ns(s->loop) + SLICE_NS;
	struct place *p;

	if (!s->out && !make_begin(s))
		return;
	do {
		s->part = s->options.put(s->options.ctx, s->part, s->out);
	} while (s->part && loop_now_ns(s->loop) < until_ns);
	p = s->making;
	if (!s->part) {
		bool lost = ferror(s->out);

		make_end(s);
		if (lost)
			place_close(p);
		else
			place_answer(p, "200 OK", "");
	}
	if (s->out || place_oldest(s, WAITING))
		make_soon(s);
}

static void place_judge(struct place *p)
{
	switch (scrape_judge(p->request, p->n)) {
	case SCRAPE_MORE:
		break;
	case SCRAPE_METRICS:
		p->stage = WAITING;
		(void)loop_io_change(p->scrape->loop, &p->io, 0);
		make_soon(p->scrape);
		break;
	case SCRAPE_HEALTH:
		place_say(p, "200 OK", "");
		break;
	case SCRAPE_NOT_FOUND:
		place_say(p, "404 Not Found", "");
		break;
	case SCRAPE_NOT_ALLOWED:
		place_say(p, "405 Method Not Allowed", "Allow: GET\r\n");
		break;
	default:
		place_say(p, "400 Bad Request", "");
	}
}

static void place_read(struct place *p)
{
	ssize_t n = recv(p->fd, p->request + p->n, sizeof(p->request) - p->n, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		place_close(p);
		return;
	}
	p->n += (size_t)n;
	place_judge(p);
}

static void on_ready(void *ctx, uint32_t events)
{
	struct place *p = ctx;

	if (p->stage == READING && (events & EPOLLIN))
		place_read(p);
	else if (p->stage == SENDING && (events & EPOLLOUT))
		place_send(p);
	else if (events & (EPOLLHUP | EPOLLERR))
		place_close(p);
}

static void on_listen(void *ctx, uint32_t events)
{
	struct scrape *s = ctx;
	struct place *p = place_oldest(s, FREE);
	int fd;

	if (!p)
		p = place_oldest(s, READING);
	if (!p) {
		loop_io_remove(s->loop, &s->listen_io);
		return;
	}
	fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!loop_timer_is_set(&s->sweep))
		loop_timer_set_in(s->loop, &s->sweep, LOOP_S);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			loop_io_remove(s->loop, &s->listen_io); /* until the next sweep */
		return;
	}
	if (p->stage != FREE)
		place_close(p);
	*p = (struct place){.scrape = s, .fd = fd, .since_ns = loop_now_ns(s->loop)};
	if (loop_io_add(s->loop, &p->io, fd, EPOLLIN, on_ready, p) < 0)
		(void)close(fd);
	else
		p->stage = READING;
}

static void on_sweep(void *ctx)
{
	struct scrape *s = ctx;
	uint64_t now_ns = loop_now_ns(s->loop);
	bool any = false;

	for (struct place *p = s->places; p < s->places + PLACES; p++) {
		if (p->stage != FREE && now_ns - p->since_ns > LIMIT_NS)
			place_close(p);
		any |= p->stage != FREE;
	}
	listen_watch(s);
	if (any)
		loop_timer_set_in(s->loop, &s->sweep, LOOP_S);
}

static void listen_begin(struct scrape *s)
{
	struct listen_address address;
	int r = listen_parse(s->where, &address);

	if (r == 0)
		r = s->listen_fd = listen_open(&address, s->options.mode);
	if (r < 0) {
		trouble_say(&s->trouble, "nobody is answered at %s: %s", s->where, strerror(-r));
		loop_timer_set_in(s->loop, &s->retry, RETRY_NS);
		return;
	}
	trouble_end(&s->trouble);
	listen_watch(s);
}

static void on_retry(void *ctx)
{
	listen_begin(ctx);
}

static void listen_end(struct scrape *s)
{
	loop_timer_stop(s->loop, &s->retry);
	loop_io_remove(s->loop, &s->listen_io);
	if (s->listen_fd >= 0)
		(void)close(s->listen_fd);
	s->listen_fd = -1;
}

void scrape_listen(struct scrape *s, const char *where)
{
	if (strcmp(s->where, where) == 0)
		return;
	listen_end(s);
	(void)snprintf(s->where, sizeof(s->where), "%s", where);
	if (*where)
		listen_begin(s);
}

int scrape_new(struct loop *loop, const struct scrape_options *options, struct scrape **ret)
{
	struct scrape *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->options = *options;
	s->listen_fd = -1;
	s->trouble = (struct trouble){.log = options->log, .code = "metrics-trouble"};
	loop_timer_init(&s->make, on_make, s);
	loop_timer_init(&s->sweep, on_sweep, s);
	loop_timer_init(&s->retry, on_retry, s);
	*ret = s;
	return 0;
}

void scrape_free(struct scrape *s)
{
	if (!s)
		return;
	listen_end(s);
	for (struct place *p = s->places; p < s->places + PLACES; p++) {
		if (p->stage != FREE)
			place_close(p);
	}
	loop_timer_stop(s->loop, &s->make);
	loop_timer_stop(s->loop, &s->sweep);
	free(s);
}
