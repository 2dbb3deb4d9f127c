/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions by TCP: each connection of the program has one to its nameserver, if that is asked at
 * all. Whole questions of usual size are read; a connection by which anything else comes is
 * closed, and the program asks anew.  What the nameserver says goes back as it came.
 */
#include "questions.h"

#include "dns_question.h"
#include "socket.h"

#include "common/clock.h"
#include "common/dns_read.h"
#include "known/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAMS TRAP_STREAMS
#define ROOM 1024
#define IDLE_NS UINT64_C(20000000000)

struct stream {
	uint64_t until_ns; /* 0: a free place */
	int client;
	int server; /* -1: not asked */
	struct pel_addr from;
	size_t n_in, n_out;
	uint8_t in[ROOM];  /* of the program */
	uint8_t out[ROOM]; /* to the nameserver, until it can be sent */
};

static struct stream streams[STREAMS];

static void end(struct stream *s)
{
	(void)close(s->client);
	if (s->server >= 0)
		(void)close(s->server);
	s->until_ns = 0;
}

static struct stream *place(void)
{
	struct stream *oldest = &streams[0];

	for (unsigned i = 0; i < STREAMS; i++) {
		if (streams[i].until_ns < oldest->until_ns)
			oldest = &streams[i];
	}
	if (oldest->until_ns != 0)
		end(oldest);
	return oldest;
}

static void take(struct worker *w)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	struct pel_addr from = {0};
	int fd = accept4(w->trap->answers_stream, (struct sockaddr *)&sa, &n,
		SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct stream *s;

	if (fd < 0)
		return;
	if (!address_from_sockaddr((const struct sockaddr *)&sa, n, &from) ||
		!questions_server(w->trap, &from, true)) {
		(void)close(fd);
		return;
	}
	s = place();
	s->client = fd;
	s->server = -1;
	s->from = from;
	s->n_in = s->n_out = 0;
	s->until_ns = clock_now_ns() + IDLE_NS;
	if (worker_watch(w, fd, WORKER_STREAM, (unsigned)(s - streams)) < 0)
		end(s);
}

/* All of it, or the program is told by the end of the connection. */
static bool send_all(int fd, const uint8_t *bytes, size_t n)
{
	return send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n;
}

/* False if it has gone. */
static bool flush(struct stream *s)
{
	ssize_t n = s->n_out ? send(s->server, s->out, s->n_out, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

	if (n < 0)
		return errno == EAGAIN || errno == ENOTCONN;
	s->n_out -= (size_t)n;
	memmove(s->out, s->out + n, s->n_out);
	return true;
}

static bool ask_server(struct worker *w, struct stream *s, const uint8_t *bytes, size_t n)
{
	const struct pel_addr *to = questions_server(w->trap, &s->from, true);
	int family = to && to->family == 6 ? AF_INET6 : AF_INET, r = 0;

	if (!to || n > sizeof(s->out) - s->n_out)
		return false;
	memcpy(s->out + s->n_out, bytes, n);
	s->n_out += n;
	if (s->server < 0) {
		s->server = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		r = s->server < 0 ? errno : socket_begin(s->server, to, family, NULL);
		if ((r != 0 && r != EINPROGRESS) ||
			worker_watch(w, s->server, WORKER_STREAM_SERVER, (unsigned)(s - streams)) <
				0)
			return false;
	}
	return flush(s);
}

/* One message behind its length. */
static bool answer(struct worker *w, struct stream *s, const uint8_t *bytes, size_t n)
{
	uint8_t made[2 + DNS_ANSWER_MAX];
	ssize_t r = questions_answer(w, bytes + 2, n - 2, made + 2);

	if (r <= 0)
		return ask_server(w, s, bytes, n);
	made[0] = (uint8_t)(r >> 8);
	made[1] = (uint8_t)r;
	return send_all(s->client, made, (size_t)r + 2);
}

static bool hear_client(struct worker *w, struct stream *s)
{
	ssize_t r = recv(s->client, s->in + s->n_in, sizeof(s->in) - s->n_in, MSG_DONTWAIT);

	if (r <= 0)
		return r < 0 && errno == EAGAIN;
	s->n_in += (size_t)r;
	while (s->n_in >= 2) {
		size_t n = 2 + pel_dns_get16(s->in);

		if (n > sizeof(s->in) || (n <= s->n_in && !answer(w, s, s->in, n)))
			return false;
		if (n > s->n_in)
			break;
		s->n_in -= n;
		memmove(s->in, s->in + n, s->n_in);
	}
	return true;
}

static bool hear_server(struct stream *s)
{
	uint8_t bytes[4096];
	ssize_t r;

	if (!flush(s))
		return false;
	while ((r = recv(s->server, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		if (!send_all(s->client, bytes, (size_t)r))
			return false;
	}
	return r < 0 && (errno == EAGAIN || errno == ENOTCONN);
}

void streams_event(struct worker *w, enum worker_event event, unsigned i)
{
	struct stream *s = &streams[i % STREAMS];

	if (event == WORKER_ANSWERS_STREAM) {
		take(w);
		return;
	}
	if (s->until_ns == 0)
		return;
	s->until_ns = clock_now_ns() + IDLE_NS;
	if (!(event == WORKER_STREAM ? hear_client(w, s) : hear_server(s)))
		end(s);
}

uint64_t streams_look(struct worker *w, uint64_t now_ns)
{
	uint64_t rest = WORKER_NEVER;

	for (unsigned i = 0; i < STREAMS; i++) {
		if (streams[i].until_ns != 0 && now_ns >= streams[i].until_ns)
			end(&streams[i]);
		if (streams[i].until_ns != 0)
			rest = worker_least(rest, streams[i].until_ns - now_ns);
	}
	return rest;
}
