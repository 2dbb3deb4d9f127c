/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query goes through attempts.  An attempt puts one name to one server: A and AAAA together over
 * a connected UDP socket of its own (its port and two random ids are what a forger would have to
 * guess), or one after the other over TCP if an answer was cut off.  Silence and failure lead to
 * the next server, "no such name" to the next name of the search list, an alias without its address
 * to a further attempt with the alias.
 */
#include "dns_query.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define HALF_NS (300 * LOOP_MS) /* for the other half, once one has been answered */
#define ATTEMPT_NS LOOP_S
#define ATTEMPTS_MAX 4 /* for one name */

struct dns_half {
	enum dns_type type;
	uint16_t id;
	bool answered;
	struct dns_reply reply;
};

struct dns_query {
	struct loop *loop;
	const struct dns_conf *conf;
	void (*done)(void *ctx, const struct resolve_answer *answer);
	void *ctx;
	char name[PEL_NAME_MAX];
	char asked[PEL_NAME_MAX]; /* of this attempt: a candidate or an alias */
	unsigned candidate;
	unsigned attempt;
	unsigned server;
	bool tcp;
	struct dns_half halves[2];
	struct loop_io io;
	int fd;
	struct loop_timer timer;
	uint8_t buffer[4096];
	size_t filled;
	struct resolve_answer answer;
};

static void attempt_start(struct dns_query *q);

static void socket_drop(struct dns_query *q)
{
	loop_io_remove(q->loop, &q->io);
	if (q->fd >= 0)
		(void)close(q->fd);
	q->fd = -1;
	q->filled = 0;
}

void dns_query_cancel(struct dns_query *q)
{
	if (!q)
		return;
	socket_drop(q);
	loop_timer_stop(q->loop, &q->timer);
	free(q);
}

static void query_finish(struct dns_query *q, int status)
{
	q->answer.status = status;
	socket_drop(q);
	loop_timer_stop(q->loop, &q->timer);
	q->done(q->ctx, &q->answer);
	free(q);
}

/* After silence each server has a second chance; one that said no would say so again. */
static void next_server(struct dns_query *q, int status)
{
	unsigned most = status == -ETIMEDOUT ? ATTEMPTS_MAX : q->conf->n_servers;

	socket_drop(q);
	q->tcp = false;
	if (++q->attempt >= most) {
		query_finish(q, status);
		return;
	}
	q->server++;
	attempt_start(q);
}

/* Puts another name to the servers: from the search list, or an alias. */
static void next_name(struct dns_query *q)
{
	socket_drop(q);
	q->tcp = false;
	q->attempt = 0;
	attempt_start(q);
}

static void chain_add(struct resolve_answer *answer, const struct dns_reply *reply)
{
	for (unsigned i = 0; i < reply->n_chain && answer->n_chain < DNS_CHAIN; i++)
		strcpy(answer->chain[answer->n_chain++], reply->chain[i]);
}

static void addrs_add(struct resolve_answer *answer, const struct dns_reply *reply)
{
	uint32_t ttl_ms = reply->ttl_s > UINT32_MAX / 1000 ? UINT32_MAX : reply->ttl_s * 1000;

	for (unsigned i = 0; i < reply->n_addrs && answer->n_addrs < RESOLVE_ADDRS; i++)
		answer->addrs[answer->n_addrs++] = reply->addrs[i];
	if (ttl_ms < answer->ttl_ms)
		answer->ttl_ms = ttl_ms;
}

static bool is_answered(const struct dns_query *q)
{
	return q->halves[0].answered && q->halves[1].answered;
}

/* Of all that was answered.  Where A has no such name there is none; some say so of AAAA falsely. */
static void attempt_judge(struct dns_query *q)
{
	const struct dns_reply *a = &q->halves[0].reply, *aaaa = &q->halves[1].reply;
	const struct dns_reply *longer = aaaa->n_chain > a->n_chain ? aaaa : a;

	if (a->n_addrs + aaaa->n_addrs > 0) {
		chain_add(&q->answer, a->n_addrs ? a : aaaa);
		addrs_add(&q->answer, a);
		addrs_add(&q->answer, aaaa);
		query_finish(q, 0);
	} else if ((a->rcode != 0 && a->rcode != 3) || (aaaa->rcode != 0 && aaaa->rcode != 3)) {
		next_server(q, -EIO);
	} else if (longer->n_chain > 0 && q->answer.n_chain < DNS_CHAIN) {
		chain_add(&q->answer, longer);
		addrs_add(&q->answer, longer);
		strcpy(q->asked, q->answer.chain[q->answer.n_chain - 1]);
		next_name(q);
	} else if ((is_answered(q) || a->rcode == 3) && q->answer.n_chain == 0 &&
		dns_conf_candidate(q->conf, q->name, ++q->candidate, q->asked)) {
		next_name(q);
	} else {
		query_finish(q, -ENOENT);
	}
}

static void take_packet(struct dns_query *q, const uint8_t *packet, size_t size)
{
	for (int i = 0; i < 2; i++) {
		struct dns_half *h = &q->halves[i];

		if (!h->answered &&
			dns_reply_read(packet, size, q->asked, h->type, h->id, &h->reply) == 0) {
			h->answered = true;
			q->answer.heard = true;
		}
	}
}

static bool is_truncated(const struct dns_query *q)
{
	return (q->halves[0].answered && q->halves[0].reply.truncated) ||
		(q->halves[1].answered && q->halves[1].reply.truncated);
}

/*
 * One half is enough if it says something of the name as such.  That there is no address of one kind
 * does not: a name that is given up leads to the search list, and who lives there is a stranger.
 */
static bool is_half_enough(const struct dns_query *q)
{
	for (int i = 0; i < 2; i++) {
		const struct dns_half *h = &q->halves[i];

		if (h->answered &&
			(h->reply.n_addrs > 0 || h->reply.n_chain > 0 || h->reply.rcode == 3))
			return true;
	}
	return false;
}

/* For as long from the first half on, whatever else comes in. */
static void await_half(struct dns_query *q)
{
	uint64_t until_ns = loop_now_ns(q->loop) + HALF_NS;

	if (until_ns < q->timer.at_ns)
		loop_timer_set(q->loop, &q->timer, until_ns);
}

static void udp_ready(void *ctx, uint32_t events)
{
	struct dns_query *q = ctx;
	ssize_t n;

	while ((n = recv(q->fd, q->buffer, sizeof(q->buffer), MSG_DONTWAIT)) > 0)
		take_packet(q, q->buffer, (size_t)n);
	if (is_truncated(q)) {
		socket_drop(q);
		q->tcp = true;
		attempt_start(q);
	} else if (is_answered(q)) {
		attempt_judge(q);
	} else if (is_half_enough(q)) {
		await_half(q);
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		next_server(q, -EIO);
	}
}

static int tcp_send_next(struct dns_query *q)
{
	const struct dns_half *h = &q->halves[q->halves[0].answered];
	uint8_t packet[2 + DNS_QUESTION_MAX];
	int n = dns_question_write(q->asked, h->type, h->id, packet + 2);

	if (n < 0)
		return n;
	packet[0] = (uint8_t)(n >> 8);
	packet[1] = (uint8_t)n;
	q->filled = 0;
	return send(q->fd, packet, (size_t)n + 2, MSG_NOSIGNAL) == n + 2 ? 0 : -EIO;
}

/* 1: a whole packet was taken, 0: more is to come, -EIO. */
static int tcp_read(struct dns_query *q)
{
	ssize_t n = recv(q->fd, q->buffer + q->filled, sizeof(q->buffer) - q->filled, 0);
	size_t want;

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EIO;
	q->filled += (size_t)n;
	if (q->filled < 2)
		return 0;
	want = (size_t)q->buffer[0] << 8 | q->buffer[1];
	if (want + 2 > sizeof(q->buffer))
		return -EIO;
	if (q->filled < want + 2)
		return 0;
	take_packet(q, q->buffer + 2, want);
	return 1;
}

static void tcp_ready(void *ctx, uint32_t events)
{
	struct dns_query *q = ctx;
	int r = 0;

	if (events & EPOLLOUT) {
		r = tcp_send_next(q);
		if (r == 0)
			r = loop_io_change(q->loop, &q->io, EPOLLIN);
	} else {
		bool first = q->halves[0].answered;

		r = tcp_read(q);
		if (r == 1 && is_answered(q)) {
			attempt_judge(q);
			return;
		}
		if (r == 1)
			r = first == q->halves[0].answered ? -EIO : tcp_send_next(q);
	}
	if (r < 0)
		next_server(q, -EIO);
}

static socklen_t sockaddr_of(const struct pel_addr *addr, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (addr->family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(addr->port);
		memcpy(&v4->sin_addr, addr->ip, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(addr->port);
	v6->sin6_scope_id = addr->scope;
	memcpy(&v6->sin6_addr, addr->ip, 16);
	return sizeof(*v6);
}

static int socket_open(struct dns_query *q)
{
	const struct dns_conf *conf = q->conf;
	const struct pel_addr *server = &conf->servers[q->server % conf->n_servers];
	int type = q->tcp ? SOCK_STREAM : SOCK_DGRAM;
	struct sockaddr_storage to;
	socklen_t size = sockaddr_of(server, &to);

	q->fd = socket(to.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (q->fd < 0)
		return -errno;
	if (connect(q->fd, (struct sockaddr *)&to, size) < 0 && errno != EINPROGRESS)
		return -errno;
	return loop_io_add(q->loop, &q->io, q->fd, q->tcp ? EPOLLOUT : EPOLLIN,
		q->tcp ? tcp_ready : udp_ready, q);
}

static int udp_send(const struct dns_query *q, const struct dns_half *h)
{
	uint8_t packet[DNS_QUESTION_MAX];
	int n = dns_question_write(q->asked, h->type, h->id, packet);

	if (n < 0)
		return n;
	return send(q->fd, packet, (size_t)n, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* In the next round, so that a failure here does not call back from within the caller's call. */
static void attempt_start(struct dns_query *q)
{
	loop_timer_set(q->loop, &q->timer, 0);
}

static void attempt_run(struct dns_query *q)
{
	int r;

	for (int i = 0; i < 2; i++) {
		q->halves[i] = (struct dns_half){.type = i ? DNS_AAAA : DNS_A};
		if (getrandom(&q->halves[i].id, sizeof(q->halves[i].id), GRND_NONBLOCK) < 0)
			q->halves[i].id = (uint16_t)(loop_now_ns(q->loop) >> (10 + i));
	}
	loop_timer_set_in(q->loop, &q->timer, ATTEMPT_NS);
	r = socket_open(q);
	if (r == 0 && !q->tcp) {
		r = udp_send(q, &q->halves[0]);
		if (r == 0)
			r = udp_send(q, &q->halves[1]);
	}
	if (r == -EINVAL)
		query_finish(q, -ENOENT);
	else if (r < 0)
		next_server(q, -EIO);
}

/* The attempt's time is over, or its start is due. */
static void timer_fired(void *ctx)
{
	struct dns_query *q = ctx;

	if (q->fd < 0)
		attempt_run(q);
	else if (is_half_enough(q))
		attempt_judge(q); /* some resolvers drop questions for AAAA */
	else
		next_server(q, -ETIMEDOUT);
}

int dns_query_start(struct loop *loop, const struct dns_conf *conf, const char *name,
	void (*done)(void *ctx, const struct resolve_answer *answer), void *ctx,
	struct dns_query **ret)
{
	struct dns_query *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->loop = loop;
	q->conf = conf;
	q->done = done;
	q->ctx = ctx;
	q->fd = -1;
	q->answer.ttl_ms = UINT32_MAX;
	strcpy(q->name, name);
	if (!dns_conf_candidate(conf, name, 0, q->asked)) {
		free(q);
		return -ENOENT;
	}
	loop_timer_init(&q->timer, timer_fired, q);
	attempt_start(q);
	*ret = q;
	return 0;
}
