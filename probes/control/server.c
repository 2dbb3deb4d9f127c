/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket's server.
 *
 * Connections stand in a fixed table.  Each is in one of three states: it may ask, its request
 * waits (`events wait=1`), or its reply is on the way out; while one of the latter two lasts nothing
 * more is read from it.  When the table is full the listening socket is not watched: who comes
 * waits in the kernel's queue; so it is while there is no descriptor left.  A connection that says nothing for IDLE_NS is closed.
 *
 * Rates are per user, not per connection, in token buckets; who is trusted has one of its own.
 */
#include "control.h"

#include "reply.h"
#include "base/loop.h"
#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_NS (30 * LOOP_S)
#define SWEEP_NS (5 * LOOP_S)
#define USERS 64
#define TRUSTED_BURST 4000
#define TRUSTED_PER_S 1000
#define FOREIGN_BURST 20
#define FOREIGN_PER_S 5

struct bucket {
	uid_t uid;
	uint64_t tokens;    /* in thousandths */
	uint64_t filled_ns; /* 0: it is nobody's */
};

struct connection {
	struct control *control;
	struct loop_io io;
	int fd; /* -1: free */
	struct control_peer peer;
	uint64_t asked_ns;
	char *waiting; /* the request that waits */
	size_t waiting_size;
	struct control_reply reply; /* on its way out if it has data */
};

struct control {
	struct loop *loop;
	struct control_options options;
	struct loop_io listen_io;
	struct loop_timer sweep;
	struct loop_timer wake;
	struct control_counters counters;
	struct bucket trusted, buckets[USERS];
	unsigned n_connections;
	char *request; /* PEL_CONTROL_MAX + 2 bytes that no core dump contains */
	struct connection connections[CONTROL_CONNECTIONS];
};

static void on_listen(void *ctx, uint32_t events);

static void listen_watch(struct control *s)
{
	if (s->n_connections == CONTROL_CONNECTIONS)
		loop_io_remove(s->loop, &s->listen_io);
	else if (!s->listen_io.slot)
		(void)loop_io_add(s->loop, &s->listen_io, s->options.listen_fd, EPOLLIN, on_listen,
			s);
}

static void connection_close(struct connection *c)
{
	struct control *s = c->control;

	loop_io_remove(s->loop, &c->io);
	(void)close(c->fd);
	c->fd = -1;
	free(c->waiting);
	c->waiting = NULL;
	control_reply_deinit(&c->reply);
	s->n_connections--;
	listen_watch(s);
}

/*
 * That of who is trusted is nobody else's: a user may have many numbers.  Whoever has none takes that
 * which was asked for longest ago, as full as it has become: no number of users gets more than all the
 * buckets give.
 */
static struct bucket *bucket_of(struct control *s, const struct control_peer *peer)
{
	struct bucket *oldest = s->buckets;

	if (peer->trusted)
		return &s->trusted;
	for (unsigned i = 0; i < USERS; i++) {
		struct bucket *b = &s->buckets[i];

		if (b->filled_ns && b->uid == peer->uid)
			return b;
		if (b->filled_ns < oldest->filled_ns)
			oldest = b;
	}
	oldest->uid = peer->uid;
	return oldest;
}

static bool token_take(struct control *s, const struct control_peer *peer, uint64_t now_ns)
{
	struct bucket *b = bucket_of(s, peer);
	uint64_t burst = 1000 * (peer->trusted ? TRUSTED_BURST : FOREIGN_BURST);
	uint64_t per_s = peer->trusted ? TRUSTED_PER_S : FOREIGN_PER_S;
	uint64_t gained = (now_ns - b->filled_ns) / LOOP_MS * per_s;

	if (b->filled_ns == 0 || gained >= burst - b->tokens) {
		b->tokens = burst;
		b->filled_ns = now_ns;
	} else if (gained > 0) {
		b->tokens += gained;
		b->filled_ns = now_ns;
	}
	if (b->tokens < 1000)
		return false;
	b->tokens -= 1000;
	return true;
}

/* Sends, and watches for what comes next. */
static void reply_continue(struct connection *c)
{
	int r = control_reply_send(&c->reply, c->fd);

	if (r < 0) {
		connection_close(c);
		return;
	}
	if (r == 1)
		control_reply_deinit(&c->reply);
	(void)loop_io_change(c->control->loop, &c->io, r == 1 ? EPOLLIN : EPOLLOUT);
}

static void refuse(struct connection *c, uint64_t *counter, const char *code, const char *sentence)
{
	++*counter;
	control_reply_error(&c->reply, code, "%s", sentence);
}

static const struct control_verb *verb_find(const struct control *s, const char *name)
{
	for (const struct control_verb *v = s->options.verbs; v->name; v++) {
		if (strcmp(v->name, name) == 0)
			return v;
	}
	return NULL;
}

static void request_run(struct connection *c, char *request, size_t size)
{
	struct control *s = c->control;
	struct control_request parsed;
	const struct control_verb *verb;
	const char *why;

	if (control_parse(request, size, &parsed, &why) < 0) {
		refuse(c, &s->counters.malformed, "malformed", why);
		return;
	}
	verb = verb_find(s, parsed.verb);
	if (!verb)
		refuse(c, &s->counters.malformed, "unknown", "there is no such verb");
	else if (verb->who == CONTROL_TRUSTED && !c->peer.trusted)
		refuse(c, &s->counters.foreign, "foreign",
			"only the prober's own user and root may ask this");
	else
		verb->run(s->options.ctx, &parsed, &c->peer, &c->reply);
}

/* Keeps the request itself, for it is parsed in place each time. */
static bool request_keep(struct connection *c, const char *request, size_t size)
{
	if (c->waiting)
		return true;
	c->waiting = malloc(size + 1);
	if (!c->waiting)
		return false;
	memcpy(c->waiting, request, size);
	c->waiting_size = size;
	return true;
}

static void request_take(struct connection *c, const char *request, size_t size)
{
	char *copy = c->control->request;

	memmove(copy, request, size);
	control_reply_init(&c->reply);
	request_run(c, copy, size);
	explicit_bzero(copy, size);
}

static void request_answer(struct connection *c, const char *raw, size_t size)
{
	if (!c->reply.wait) {
		free(c->waiting);
		c->waiting = NULL;
		reply_continue(c);
		return;
	}
	control_reply_deinit(&c->reply);
	if (!request_keep(c, raw, size))
		connection_close(c);
	else
		(void)loop_io_change(c->control->loop, &c->io, 0);
}

/* Only what carries no secret may wait: the verb, and one number. */
static void request_receive(struct connection *c)
{
	struct control *s = c->control;
	char head[256];
	size_t kept;
	ssize_t n = recv(c->fd, s->request, PEL_CONTROL_MAX + 1, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		connection_close(c);
		return;
	}
	c->asked_ns = loop_now_ns(s->loop);
	s->counters.requests++;
	kept = (size_t)n < sizeof(head) ? (size_t)n : 0;
	memcpy(head, s->request, kept);
	if (!token_take(s, &c->peer, c->asked_ns)) {
		control_reply_init(&c->reply);
		refuse(c, &s->counters.limited, "limited", "too many requests in too short a time");
	} else if (n > PEL_CONTROL_MAX) {
		control_reply_init(&c->reply);
		refuse(c, &s->counters.oversized, "oversized", "a request is at most 8192 bytes");
	} else {
		request_take(c, s->request, (size_t)n);
	}
	explicit_bzero(s->request, PEL_CONTROL_MAX + 2);
	request_answer(c, head, kept);
	explicit_bzero(head, sizeof(head));
}

static void on_ready(void *ctx, uint32_t events)
{
	struct connection *c = ctx;

	if (c->reply.data)
		reply_continue(c);
	else if (!c->waiting && (events & EPOLLIN))
		request_receive(c);
	else if (events & (EPOLLHUP | EPOLLERR))
		connection_close(c);
}

static bool peer_of(int fd, struct control_peer *ret)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return false;
	ret->pid = cred.pid;
	ret->uid = cred.uid;
	ret->trusted = cred.uid == geteuid() || cred.uid == 0;
	return true;
}

static struct connection *connection_free_one(struct control *s)
{
	for (unsigned i = 0; i < CONTROL_CONNECTIONS; i++) {
		if (s->connections[i].fd < 0)
			return &s->connections[i];
	}
	return NULL;
}

/* Other users may hold a quarter of the places, and one of them no more than are left of these. */
static bool may_connect(struct control *s, const struct control_peer *peer)
{
	unsigned n = 0;

	if (peer->trusted)
		return true;
	for (unsigned i = 0; i < CONTROL_CONNECTIONS; i++) {
		const struct control_peer *other = &s->connections[i].peer;

		if (s->connections[i].fd >= 0 && !other->trusted)
			n += other->uid == peer->uid ? 2 : 1;
	}
	return s->options.shared && n < CONTROL_CONNECTIONS / 4;
}

static void on_listen(void *ctx, uint32_t events)
{
	struct control *s = ctx;
	struct connection *c = connection_free_one(s);
	struct control_peer peer;
	int fd = accept4(s->options.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		/* No descriptor: until one is closed here, or the next sweep. */
		if (errno == EMFILE || errno == ENFILE)
			loop_io_remove(s->loop, &s->listen_io);
		return;
	}
	s->counters.accepted++;
	if (!c || !peer_of(fd, &peer) || !may_connect(s, &peer)) {
		s->counters.foreign++;
		(void)close(fd);
		return;
	}
	*c = (struct connection){.control = s, .fd = fd, .peer = peer};
	c->asked_ns = loop_now_ns(s->loop);
	if (loop_io_add(s->loop, &c->io, fd, EPOLLIN, on_ready, c) < 0) {
		(void)close(fd);
		c->fd = -1;
		return;
	}
	s->n_connections++;
	listen_watch(s);
}

static void on_sweep(void *ctx)
{
	struct control *s = ctx;
	uint64_t now_ns = loop_now_ns(s->loop);

	for (unsigned i = 0; i < CONTROL_CONNECTIONS; i++) {
		struct connection *c = &s->connections[i];

		if (c->fd >= 0 && !c->waiting && now_ns - c->asked_ns > IDLE_NS)
			connection_close(c);
	}
	listen_watch(s);
	loop_timer_set_in(s->loop, &s->sweep, SWEEP_NS);
}

static void on_wake(void *ctx)
{
	struct control *s = ctx;

	for (unsigned i = 0; i < CONTROL_CONNECTIONS; i++) {
		struct connection *c = &s->connections[i];

		if (c->fd < 0 || !c->waiting || c->reply.data)
			continue;
		request_take(c, c->waiting, c->waiting_size);
		request_answer(c, c->waiting, c->waiting_size);
	}
}

int control_new(struct loop *loop, const struct control_options *options, struct control **ret)
{
	struct control *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->options = *options;
	s->request = secret_alloc(PEL_CONTROL_MAX + 2);
	for (unsigned i = 0; i < CONTROL_CONNECTIONS; i++)
		s->connections[i].fd = -1;
	loop_timer_init(&s->sweep, on_sweep, s);
	loop_timer_init(&s->wake, on_wake, s);
	r = s->request ? loop_io_add(loop, &s->listen_io, options->listen_fd, EPOLLIN, on_listen, s)
		       : -ENOMEM;
	if (r < 0) {
		secret_free(s->request, PEL_CONTROL_MAX + 2);
		free(s);
		return r;
	}
	loop_timer_set_in(loop, &s->sweep, SWEEP_NS);
	*ret = s;
	return 0;
}

void control_free(struct control *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < CONTROL_CONNECTIONS; i++) {
		if (s->connections[i].fd >= 0)
			connection_close(&s->connections[i]);
	}
	loop_io_remove(s->loop, &s->listen_io);
	loop_timer_stop(s->loop, &s->sweep);
	loop_timer_stop(s->loop, &s->wake);
	secret_free(s->request, PEL_CONTROL_MAX + 2);
	free(s);
}

/* In the next round: the caller may be deep in a verb's function, with the buffer in use. */
void control_wake(struct control *s)
{
	loop_timer_set_in(s->loop, &s->wake, 0);
}

unsigned control_connections(const struct control *s)
{
	return s->n_connections;
}

const struct control_counters *control_counters(const struct control *s)
{
	return &s->counters;
}
