/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go's own resolver is known by what it sets on its sockets: SO_BROADCAST, and not IP_RECVERR as
 * glibc does, which in a program of both would drop answers that come from elsewhere than it
 * asked.
 *
 * An answer is made here only where a prober says where the name leads; else, and for every other
 * question, the nameserver's goes back byte for byte.
 */
#include "questions.h"

#include "call.h"
#include "dns_question.h"
#include "filter.h"
#include "socket.h"
#include "task.h"

#include "base/env.h"
#include "common/clock.h"
#include "common/dns_read.h"
#include "common/names.h"
#include "known/address.h"
#include "prober/follow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PENDING 32
#define FORWARDS TRAP_DATAGRAMS
#define SERVERS (TRAP_DATAGRAMS + TRAP_STREAMS)
#define QUESTION_MAX 512
#define MESSAGE_MAX 65536
#define FIRST_NS UINT64_C(1000000000) /* a prober's first word is awaited so long */
#define TICK_NS UINT64_C(10000000)    /* ... and looked for so often */
#define FORWARD_NS UINT64_C(10000000000)
#define SERVFAIL 2

/* A question for a name of which the prober has not said yet where it leads. */
struct pending {
	uint64_t until_ns; /* 0: a free place */
	struct pel_addr from;
	uint16_t size;
	uint8_t bytes[QUESTION_MAX];
};

/* A question that a nameserver was asked for the program. */
struct forward {
	uint64_t until_ns; /* 0: a free place */
	int fd;
	struct pel_addr from;
	uint16_t size;
	uint8_t bytes[QUESTION_MAX]; /* for an answer of ours, if the nameserver gives none */
};

struct questions {
	struct worker *w;
	struct pending pending[PENDING];
	struct forward forwards[FORWARDS];
	uint8_t message[MESSAGE_MAX];
};

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

void questions_open(struct trap *t)
{
	const struct sockaddr_in any = loopback(0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	t->answers = fd;
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0)
		t->answers_port = socket_address(fd).port;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	t->answers_stream = fd;
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0 &&
		listen(fd, 64) == 0)
		t->answers_stream_port = socket_address(fd).port;
}

struct questions *questions_begin(struct worker *w)
{
	struct questions *q = mmap(NULL, sizeof(*q), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (q == MAP_FAILED || w->trap->answers_port == 0 ||
		worker_watch(w, w->trap->answers, WORKER_ANSWERS, 0) < 0)
		return NULL;
	if (w->trap->answers_stream_port)
		(void)worker_watch(w, w->trap->answers_stream, WORKER_ANSWERS_STREAM, 0);
	q->w = w;
	return q;
}

/* By TCP nobody looks who answers. */
static bool is_gos_own(int own, int family)
{
	int type = socket_option(own, SOL_SOCKET, SO_TYPE);

	if (type != SOCK_DGRAM)
		return type == SOCK_STREAM && !socket_blocks(own);
	if (family == AF_INET)
		return socket_option(own, SOL_SOCKET, SO_BROADCAST) == 1 &&
			socket_option(own, IPPROTO_IP, IP_RECVERR) == 0;
	return socket_option(own, IPPROTO_IPV6, IPV6_RECVERR) == 0 &&
		socket_option(own, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
}

/* Anybody on this host may come to have a port that the program had. */
static bool is_there(const struct trap_server *s)
{
	int own = s->from.port ? task_take(s->owner, s->fd) : -1;
	bool same = own >= 0 && socket_cookie(own) == s->cookie;

	if (own >= 0)
		(void)close(own);
	return same;
}

/* The next one in turn, or NULL if its socket has not been closed yet: there are too many. */
static struct trap_server *server_place(struct trap *t, bool stream)
{
	uint32_t i = t->next_server++;
	struct trap_server *s =
		&t->servers[stream ? TRAP_DATAGRAMS + i % TRAP_STREAMS : i % TRAP_DATAGRAMS];

	return is_there(s) ? NULL : s;
}

static void remember_server(struct trap *t, struct trap_server *to, const struct trap_server *s)
{
	for (unsigned i = 0; i < SERVERS; i++) {
		if (socket_is_same(&t->servers[i].from, &s->from) &&
			t->servers[i].stream == s->stream)
			t->servers[i].from.port = 0;
	}
	*to = *s;
}

/* One of the machine's own. */
static bool is_nameserver(const struct pel_addr *a)
{
	char line[256], word[64];
	uint8_t ip[16];
	bool found = false;
	FILE *f = fopen("/etc/resolv.conf", "re");

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, " nameserver %63[0-9a-fA-F.:]", word) == 1 &&
			inet_pton(a->family == 4 ? AF_INET : AF_INET6, word, ip) == 1 &&
			memcmp(ip, a->ip, a->family == 4 ? 4 : 16) == 0;
	if (f)
		(void)fclose(f);
	return found;
}

/* To the address that it would have if it were let go there; false if it could not. */
static bool bind_as_natively(int own, const struct pel_addr *to)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool leads = fd >= 0 && socket_begin(fd, to, AF_INET, NULL) == 0;
	struct pel_addr from = leads ? socket_address(fd) : (struct pel_addr){0};
	struct sockaddr_storage sa;
	socklen_t n;

	if (fd >= 0)
		(void)close(fd);
	from.port = 0;
	n = address_to_sockaddr(&from, AF_INET, &sa);
	return n > 0 && bind(own, (const struct sockaddr *)&sa, n) == 0;
}

/*
 * Programs dial a nameserver's port to learn their own address, too, or whether anybody is there: that
 * is as natively by IPv4 and UDP.  Where it would not be, only the machine's own nameservers count.
 */
static bool may_redirect(int own, int family, const struct trap_server *s)
{
	if (!is_gos_own(own, family))
		return false;
	if (s->stream || family != AF_INET)
		return is_nameserver(&s->addr);
	return socket_address(own).port != 0 || bind_as_natively(own, &s->addr);
}

/* What its connect() gives; -1: it is to go on by itself. */
static int redirect(struct trap *t, int own, int family, struct trap_server *s)
{
	struct pel_addr to = {.family = 4, .ip = {127, 0, 0, 1}};
	struct trap_server *place;
	int r;

	s->stream = socket_option(own, SOL_SOCKET, SO_TYPE) == SOCK_STREAM;
	place = server_place(t, s->stream);
	if (!place || !may_redirect(own, family, s))
		return -1;
	to.port = s->stream ? t->answers_stream_port : t->answers_port;
	s->cookie = socket_cookie(own);
	r = to.port && s->cookie ? socket_begin(own, &to, family, NULL) : -1;
	if (r != 0 && r != EINPROGRESS)
		return -1;
	s->from = socket_address(own);
	if (s->from.port == 0)
		return -1;
	remember_server(t, place, s);
	return r;
}

bool questions_redirect(struct worker *w, struct trap_call *c, const struct pel_addr *asked,
	int family)
{
	struct trap *t = w->trap;
	pid_t tgid = w->questions ? task_process_of((pid_t)c->notif.pid) : -1;
	struct trap_server s = {.addr = *asked, .fd = (int)c->notif.data.args[0]};
	int own, r = -1;

	if (tgid < 0 || !task_is_go(tgid))
		return false;
	own = task_take_of((pid_t)c->notif.pid, s.fd, &s.owner);
	if (own < 0)
		return false;
	if (socket_netns(own) == w->netns && filter_is_waiting(t->listener, c->notif.id))
		r = redirect(t, own, family, &s);
	(void)close(own);
	if (r < 0)
		return false;
	call_answer(t, c, r);
	return true;
}

/* Anybody on this host may send to our port. */
const struct pel_addr *questions_server(const struct trap *t, const struct pel_addr *from,
	bool stream)
{
	for (unsigned i = 0; from->port != 0 && i < SERVERS; i++) {
		const struct trap_server *s = &t->servers[i];

		if (socket_is_same(&s->from, from) && s->stream == stream)
			return is_there(s) ? &s->addr : NULL;
	}
	return NULL;
}

static void send_answer(struct questions *q, const struct pel_addr *from, const uint8_t *bytes,
	size_t n)
{
	struct sockaddr_storage to;
	socklen_t n_to = address_to_sockaddr(from, AF_INET, &to);

	(void)sendto(q->w->trap->answers, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL,
		(const struct sockaddr *)&to, n_to);
}

static void end_forward(struct forward *f)
{
	(void)close(f->fd);
	f->until_ns = 0;
}

/* A nameserver that refuses is told of as it is, so that the next one is asked at once. */
static void fail(struct questions *q, const struct pel_addr *from, const uint8_t *bytes, size_t n)
{
	uint8_t answer[QUESTION_MAX];

	if (n < PEL_DNS_HEADER || n > sizeof(answer))
		return;
	memcpy(answer, bytes, n);
	answer[2] |= 0x80;
	answer[3] = 0x80 | SERVFAIL;
	send_answer(q, from, answer, n);
}

/* A free place, or that of the oldest. */
static struct forward *forward_place(struct questions *q)
{
	struct forward *oldest = &q->forwards[0];

	for (unsigned i = 0; i < FORWARDS; i++) {
		if (q->forwards[i].until_ns < oldest->until_ns)
			oldest = &q->forwards[i];
	}
	if (oldest->until_ns != 0)
		end_forward(oldest);
	return oldest;
}

static void forward(struct questions *q, const struct pel_addr *from, const uint8_t *bytes,
	size_t n)
{
	const struct pel_addr *server = questions_server(q->w->trap, from, false);
	struct forward *f = server ? forward_place(q) : NULL;
	int family = server && server->family == 6 ? AF_INET6 : AF_INET;

	if (!f)
		return;
	f->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	f->from = *from;
	f->size = (uint16_t)(n < sizeof(f->bytes) ? n : sizeof(f->bytes));
	memcpy(f->bytes, bytes, f->size);
	if (f->fd < 0 || socket_begin(f->fd, server, family, NULL) != 0 ||
		send(f->fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n ||
		worker_watch(q->w, f->fd, WORKER_FORWARD, (unsigned)(f - q->forwards)) < 0) {
		if (f->fd >= 0)
			(void)close(f->fd);
		fail(q, from, bytes, n);
		return;
	}
	f->until_ns = clock_now_ns() + FORWARD_NS;
}

/* By form, by PELORUS_CLUSTER, or because the prober was told to. */
static bool is_followed(const char *name)
{
	const struct pel_map *map = mapview_get(clock_now_ns());
	struct pel_ref ref;

	return env_role_of(env_get(), name) != PEL_ROLE_UNKNOWN ||
		(pel_name_kind(name) == PEL_KIND_OTHER && map &&
			pel_map_find(map, name, pel_name_hash(name), &ref) == 0);
}

static const uint8_t *address_for(const struct followed *f, const struct plan *plan, uint16_t type,
	uint8_t v4[static 4])
{
	uint16_t families = 0;

	for (unsigned i = 0; i < plan->hot.n_instances; i++)
		families |= plan->hot.instances[i].flags & (PEL_INST_HAS4 | PEL_INST_HAS6);
	if (plan->verdict == ROUTE_DNS)
		families |= plan->target.family == 4 ? PEL_INST_HAS4 : PEL_INST_HAS6;
	for (int i = 0; i < 4; i++)
		v4[i] = (uint8_t)(f->virtual4 >> (24 - 8 * i));
	if (type == PEL_DNS_A)
		return families == PEL_INST_HAS6 ? NULL : v4;
	return families == PEL_INST_HAS6 ? f->virtual6 : NULL;
}

static bool is_first_due(const struct plan *p)
{
	return !p->fresh || !p->found ||
		(p->hot.state == PEL_STATE_UNKNOWN && p->hot.why == PEL_WHY_STARTING);
}

ssize_t questions_answer(struct worker *w, const uint8_t *bytes, size_t n, uint8_t *ret)
{
	struct dns_question d;
	struct followed *f;
	uint8_t v4[4];
	struct plan plan;
	bool expected;

	if (!dns_question_read(bytes, n, &d) || !is_followed(d.name))
		return 0;
	f = follow_name(d.name);
	if (!f || worker_name(w, f) < 0)
		return 0;
	expected = follow_tell(f, 0, clock_now_ns());
	plan_make(f, ROUTE_FAMILY4 | ROUTE_FAMILY6, 0, &plan);
	if (expected && is_first_due(&plan))
		return -EAGAIN;
	if (!plan.fresh || !plan.found || plan.mode != PEL_MODE_ACTIVE ||
		(plan.verdict == ROUTE_DNS && plan.n_addrs == 0))
		return 0;
	return (ssize_t)dns_question_answer(bytes, &d, address_for(f, &plan, d.type, v4), ret);
}

/*
 * True if it has its answer, or a nameserver is asked; false if the prober's first word is
 * awaited.
 */
static bool ask(struct questions *q, const struct pel_addr *from, const uint8_t *bytes, size_t n,
	bool may_wait)
{
	uint8_t answer[DNS_ANSWER_MAX];
	ssize_t r = questions_answer(q->w, bytes, n, answer);

	if (r == -EAGAIN && may_wait)
		return false;
	if (r > 0)
		send_answer(q, from, answer, (size_t)r);
	else
		forward(q, from, bytes, n);
	return true;
}

/* As a look-up of the library: a first word is awaited once, and not for long. */
static void put_off(struct questions *q, const struct pel_addr *from, const uint8_t *bytes,
	size_t n)
{
	for (unsigned i = 0; n <= QUESTION_MAX && i < PENDING; i++) {
		struct pending *p = &q->pending[i];

		if (p->until_ns != 0)
			continue;
		p->until_ns = atomic_load(&q->w->trap->first_until_ns);
		p->from = *from;
		p->size = (uint16_t)n;
		memcpy(p->bytes, bytes, n);
		return;
	}
	forward(q, from, bytes, n);
}

static void receive_question(struct questions *q, const struct pel_addr *from, size_t n)
{
	_Atomic uint64_t *until = &q->w->trap->first_until_ns;
	uint64_t now = clock_now_ns();

	if (!questions_server(q->w->trap, from, false) ||
		ask(q, from, q->message, n, atomic_load(until) == 0 || now < atomic_load(until)))
		return;
	if (atomic_load(until) == 0)
		atomic_store(until, now + FIRST_NS);
	put_off(q, from, q->message, n);
}

static void receive(struct questions *q)
{
	struct sockaddr_storage sa;
	socklen_t n_sa = sizeof(sa);
	struct pel_addr from;
	ssize_t n = recvfrom(q->w->trap->answers, q->message, sizeof(q->message), MSG_DONTWAIT,
		(struct sockaddr *)&sa, &n_sa);

	if (n >= PEL_DNS_HEADER && address_from_sockaddr((const struct sockaddr *)&sa, n_sa, &from))
		receive_question(q, &from, (size_t)n);
}

static void receive_forwarded(struct questions *q, struct forward *f)
{
	ssize_t n = f->until_ns ? recv(f->fd, q->message, sizeof(q->message), MSG_DONTWAIT) : -1;

	if (f->until_ns == 0 || (n < 0 && errno == EAGAIN))
		return;
	if (n >= 2)
		send_answer(q, &f->from, q->message, (size_t)n);
	else if (n < 0)
		fail(q, &f->from, f->bytes, f->size);
	if (n < 2 || memcmp(q->message, f->bytes, 2) == 0)
		end_forward(f);
}

void questions_event(struct worker *w, enum worker_event event, unsigned i)
{
	if (event == WORKER_ANSWERS)
		receive(w->questions);
	else if (event == WORKER_FORWARD && i < FORWARDS)
		receive_forwarded(w->questions, &w->questions->forwards[i]);
	else
		streams_event(w, event, i);
}

uint64_t questions_look(struct worker *w, uint64_t now_ns)
{
	struct questions *q = w->questions;
	uint64_t rest = WORKER_NEVER;

	for (unsigned i = 0; q && i < PENDING; i++) {
		struct pending *p = &q->pending[i];

		if (p->until_ns != 0 && ask(q, &p->from, p->bytes, p->size, now_ns < p->until_ns))
			p->until_ns = 0;
		if (p->until_ns != 0)
			rest = TICK_NS;
	}
	if (q)
		rest = worker_least(rest, streams_look(w, now_ns));
	for (unsigned i = 0; q && i < FORWARDS; i++) {
		struct forward *f = &q->forwards[i];

		if (f->until_ns != 0 && now_ns >= f->until_ns)
			end_forward(f);
		if (f->until_ns != 0)
			rest = worker_least(rest, f->until_ns - now_ns);
	}
	return rest;
}
