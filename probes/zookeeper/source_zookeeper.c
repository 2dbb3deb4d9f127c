/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node of ZooKeeper as a source.
 *
 * The node is read, and the same question has it watched: whatever changes after that answer is
 * told, and asked for, so that no change is missed.  A watch is kept over a change of the server,
 * and set anew with a new session; each time that a server is reached the node is read again.
 *
 * ZooKeeper's client knows which server to go to, and when to say that it is there.  It asks for
 * a descriptor to be watched and a time to be woken at (zookeeper_interest), and may close the one
 * and open another within any call: so nothing is watched while it is called.  What would have it
 * wait is kept from it: names are resolved here; it says no farewell (handle_close).  What it
 * would die of is not read at all (is_fit, and frame.c).  Its callbacks only take notes.
 *
 * A handle is thrown away when it has been of no use for LOST_NS, or its session is lost; a new
 * one comes after a pause, and with the names resolved anew.
 */
#include "source_zookeeper.h"

#include "frame.h"
#include "http/coordinator.h"
#include "http/watch.h"
#include "base/buf.h"
#include "base/url.h"

#include <zookeeper/zookeeper.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SESSION_MS 4000 /* two thirds of it in silence, and another server is tried */
#define SESSION_LEAST_MS 500
#define SESSION_MOST_MS 600000
#define LOST_NS (6 * LOOP_S)
#define RESOLVE_NS (2 * LOOP_S) /* then those that have answered will do */
#define PULSE_NS LOOP_S         /* the library is called so often at least */
#define AGAIN_NS (10 * LOOP_MS)
#define CUT_NS (500 * LOOP_MS)
#define BEHIND_NS LOOP_S
#define HOST_ADDRS 4

struct source_zookeeper {
	const struct http_cluster *of;
	struct resolver *resolver;
	struct url_ensemble ensemble;
	struct coordinator told;
	struct host {
		struct source_zookeeper *source;
		struct resolve_query *query; /* NULL: it is not asked for */
		uint16_t port;
	} hosts[URL_HOSTS];
	unsigned resolving;
	struct buf addresses; /* as the client takes them */
	char text[URL_HOSTS * HOST_ADDRS * (INET6_ADDRSTRLEN + 8)];
	zhandle_t *handle;
	struct loop_timer timer; /* due() */
	struct loop_timer pulse; /* step() */
	struct loop_io io;
	bool connected;
	bool within;     /* the library is in the middle of a frame */
	bool news;       /* the node may be another than was read */
	bool absent;     /* there is none, and its coming is not watched yet */
	bool behind;     /* what was read last is older than what was read before */
	int64_t changed; /* by which change the node became what it was told to be */
	enum frame_asked asked;
	uint64_t asked_ns;
	uint64_t since_ns; /* when the session began, or went on, with this server; 0: neither */
	int awaited;       /* so many bytes of a frame, to judge it by; 0: it was */
	unsigned cuts;     /* connections in a row that did not last */
};

static void step(struct source_zookeeper *s, int what);

static void again(struct source_zookeeper *s, uint64_t in_ns)
{
	loop_timer_set_in(s->of->loop, &s->timer, in_ns);
}

/* With its servers taken away the client is not connected, and waits for no server's word. */
static void handle_close(struct source_zookeeper *s)
{
	loop_io_remove(s->of->loop, &s->io);
	loop_timer_stop(s->of->loop, &s->pulse);
	s->connected = s->within = s->absent = false;
	if (!s->handle)
		return;
	(void)zoo_set_servers(s->handle, "0.0.0.0:1");
	(void)zookeeper_close(s->handle);
	s->handle = NULL;
	s->awaited = 0;
	s->asked = FRAME_NOTHING;
}

static void lost(struct source_zookeeper *s, const char *why)
{
	handle_close(s);
	again(s, coordinator_fail(&s->told, why));
}

static void on_watch(zhandle_t *handle, int type, int state, const char *path, void *ctx)
{
	struct source_zookeeper *s = ctx;

	s->news = true;
	if (type == ZOO_SESSION_EVENT) {
		s->connected = state == ZOO_CONNECTED_STATE;
		if (s->connected)
			s->since_ns = loop_now_ns(s->of->loop);
	}
	if (type != ZOO_SESSION_EVENT || !loop_timer_is_set(&s->timer))
		again(s, LOST_NS);
}

static void on_stat(int r, const struct Stat *stat, const void *ctx)
{
	struct source_zookeeper *s = (struct source_zookeeper *)ctx;

	s->asked = FRAME_NOTHING;
	if (r == ZNONODE)
		loop_timer_stop(s->of->loop, &s->timer);
	else
		s->news = true;
}

/*
 * A server may be behind another that has told already: what is older than that has to be there
 * still when it is asked for again, as in an ensemble that was made anew.
 */
static bool is_behind(struct source_zookeeper *s, const struct Stat *stat)
{
	s->behind = stat->mzxid < s->changed && !s->behind;
	if (!s->behind)
		s->changed = stat->mzxid;
	return s->behind;
}

static void on_data(int r, const char *value, int n, const struct Stat *stat, const void *ctx)
{
	struct source_zookeeper *s = (struct source_zookeeper *)ctx;
	const char *why = NULL;

	s->asked = FRAME_NOTHING;
	if (!s->connected) { /* no answer came: it is asked anew with the next connection */
		s->news = true;
		return;
	}
	if (r == ZOK && is_behind(s, stat)) {
		again(s, BEHIND_NS);
		return;
	}
	s->absent = r == ZNONODE;
	if (s->absent)
		coordinator_names_nobody(&s->told);
	else
		why = r == ZOK
			? coordinator_take(&s->told, n > 0 ? value : "", n > 0 ? (size_t)n : 0)
			: zerror(r);
	if (why)
		again(s, coordinator_fail(&s->told, why));
	else if (s->absent)
		again(s, LOST_NS);
	else
		loop_timer_stop(s->of->loop, &s->timer);
}

/* One question at a time, and not more often than watches allow; how long until the next. */
static uint64_t ask(struct source_zookeeper *s)
{
	uint64_t now = loop_now_ns(s->of->loop);
	const char *path = s->ensemble.path;
	bool data = s->news;
	int r;

	if (!s->connected || s->asked || !(s->news || s->absent))
		return PULSE_NS;
	if (now < s->asked_ns + WATCH_GAP_NS)
		return s->asked_ns + WATCH_GAP_NS - now;
	s->asked_ns = now;
	s->asked = data ? FRAME_DATA : FRAME_STAT;
	s->news = s->absent = false;
	r = data ? zoo_aget(s->handle, path, 1, on_data, s)
		 : zoo_aexists(s->handle, path, 1, on_stat, s);
	if (r != ZOK) {
		s->asked = FRAME_NOTHING;
		s->news = true;
	}
	return PULSE_NS;
}

/* Whether the library may read now.  What is too short to be judged is awaited. */
static int is_fit(struct source_zookeeper *s)
{
	uint8_t head[FRAME_HEAD];
	ssize_t n;
	int r, low;

	if (zoo_state(s->handle) != ZOO_CONNECTED_STATE || s->within)
		return 1;
	n = recv(s->io.fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	if (n <= 0)
		return n == 0 || errno != EAGAIN;
	r = frame_judge(head, (size_t)n, s->asked);
	if (r < 0 || n < s->awaited)
		return -EPROTO;
	if (r != s->awaited) {
		low = r > 0 ? r : 1;
		(void)setsockopt(s->io.fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low));
	}
	s->awaited = r;
	return r == 0;
}

static void on_ready(void *ctx, uint32_t events)
{
	struct source_zookeeper *s = ctx;
	bool broken = events & (EPOLLERR | EPOLLHUP);
	int fit = events & EPOLLIN || broken ? is_fit(s) : 0;

	if (fit < 0)
		lost(s, "it does not speak ZooKeeper");
	else
		step(s,
			(fit ? ZOOKEEPER_READ : 0) |
				(events & EPOLLOUT || broken ? ZOOKEEPER_WRITE : 0));
}

/* The connection is over: the next server at once, but not one after the other for ever. */
static uint64_t cut(struct source_zookeeper *s)
{
	if (s->since_ns && loop_now_ns(s->of->loop) - s->since_ns >= WATCH_LEAST_NS)
		s->cuts = 0;
	s->since_ns = 0;
	s->within = false;
	s->awaited = 0;
	return s->cuts++ < s->ensemble.n ? AGAIN_NS : CUT_NS;
}

/* What the library wants next; at least once in `at_most_ns`. */
static void await(struct source_zookeeper *s, uint64_t at_most_ns)
{
	struct timeval tv = {.tv_sec = 0};
	int fd = -1, wanted = 0, r = zookeeper_interest(s->handle, &fd, &wanted, &tv);
	uint64_t in_ns = (uint64_t)tv.tv_sec * LOOP_S + (uint64_t)tv.tv_usec * 1000;

	if (r != ZOK) {
		in_ns = cut(s);
	} else if (fd >= 0) {
		r = loop_io_add(s->of->loop, &s->io, fd,
			(wanted & ZOOKEEPER_READ ? EPOLLIN : 0u) |
				(wanted & ZOOKEEPER_WRITE ? EPOLLOUT : 0u),
			on_ready, s);
	}
	loop_timer_set_in(s->of->loop, &s->pulse, in_ns < at_most_ns ? in_ns : at_most_ns);
}

/*
 * A session that no server of ours would begin.  One that is read-only has the client look for
 * another server, and wait for what it says.
 */
static bool is_odd(const struct source_zookeeper *s)
{
	int lasts_ms = zoo_recv_timeout(s->handle);

	return zoo_state(s->handle) == ZOO_READONLY_STATE ||
		(s->connected && (lasts_ms < SESSION_LEAST_MS || lasts_ms > SESSION_MOST_MS));
}

static void step(struct source_zookeeper *s, int what)
{
	int r = ZOK;

	loop_io_remove(s->of->loop, &s->io);
	if (what)
		r = zookeeper_process(s->handle, what);
	if (what & ZOOKEEPER_READ)
		s->within = r == ZNOTHING;
	if (is_unrecoverable(s->handle))
		lost(s, "the session is lost");
	else if (is_odd(s))
		lost(s, "it does not speak ZooKeeper");
	else if (r != ZOK && r != ZNOTHING)
		loop_timer_set_in(s->of->loop, &s->pulse, cut(s));
	else
		await(s, ask(s));
}

static void on_pulse(void *ctx)
{
	step(ctx, 0);
}

static void resolve_end(struct source_zookeeper *s)
{
	for (unsigned i = 0; i < s->ensemble.n; i++) {
		resolve_cancel(s->hosts[i].query);
		s->hosts[i].query = NULL;
	}
	s->resolving = 0;
}

static void handle_open(struct source_zookeeper *s)
{
	resolve_end(s);
	if (!s->addresses.n) {
		lost(s, "its names lead nowhere");
		return;
	}
	zoo_set_debug_level(0);
	s->handle = zookeeper_init(s->text, on_watch, SESSION_MS, NULL, s, ZOO_NO_LOG_CLIENTENV);
	if (!s->handle) {
		lost(s, strerror(errno));
		return;
	}
	(void)zoo_set_servers_resolution_delay(s->handle, -1);
	s->news = true;
	again(s, LOST_NS);
	step(s, 0);
}

static void on_resolved(void *ctx, const struct resolve_answer *answer)
{
	struct host *h = ctx;
	struct source_zookeeper *s = h->source;
	char address[INET6_ADDRSTRLEN];

	h->query = NULL;
	for (unsigned i = 0; i < answer->n_addrs && i < HOST_ADDRS; i++) {
		const struct pel_addr *a = &answer->addrs[i];

		if (inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->ip, address, sizeof(address)))
			buf_addf(&s->addresses, "%s%s:%u", s->addresses.n ? "," : "", address,
				h->port);
	}
	if (--s->resolving == 0)
		handle_open(s);
}

static bool is_allowed(const struct source_zookeeper *s)
{
	bool near = true;

	for (unsigned i = 0; i < s->ensemble.n; i++)
		near = near && url_is_near(s->ensemble.list[i].host);
	return near || s->of->config->allow_http;
}

static void resolve_begin(struct source_zookeeper *s)
{
	if (!is_allowed(s)) {
		lost(s, "without TLS only this host is asked, unless allow-http is set");
		return;
	}
	buf_init(&s->addresses, s->text, sizeof(s->text));
	again(s, RESOLVE_NS);
	for (unsigned i = 0; i < s->ensemble.n; i++) {
		struct host *h = &s->hosts[i];

		s->resolving += resolve_start(s->resolver, s->ensemble.list[i].host, on_resolved, h,
					&h->query) == 0;
	}
}

static void due(void *ctx)
{
	struct source_zookeeper *s = ctx;

	if (s->connected && !s->asked) {
		s->news = true;
		again(s, LOST_NS);
		step(s, 0);
	} else if (s->handle) {
		lost(s, "none of its servers can be used");
	} else if (s->resolving) {
		handle_open(s);
	} else {
		resolve_begin(s);
	}
}

int source_zookeeper_new(const struct http_cluster *of, struct resolver *resolver,
	struct source_zookeeper **ret)
{
	struct source_zookeeper *s = calloc(1, sizeof(*s));
	int r = s ? url_parse_ensemble(of->config->url, &s->ensemble) : -ENOMEM;

	if (r < 0) {
		free(s);
		return r;
	}
	s->of = of;
	s->resolver = resolver;
	for (unsigned i = 0; i < s->ensemble.n; i++)
		s->hosts[i] = (struct host){.source = s, .port = s->ensemble.list[i].port};
	coordinator_init(&s->told, of);
	loop_timer_init(&s->timer, due, s);
	loop_timer_init(&s->pulse, on_pulse, s);
	again(s, 0);
	*ret = s;
	return 0;
}

void source_zookeeper_free(struct source_zookeeper *s)
{
	if (!s)
		return;
	handle_close(s);
	resolve_end(s);
	loop_timer_stop(s->of->loop, &s->timer);
	free(s);
}
