/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int option(int fd, int level, int name, void *ret, socklen_t n)
{
	return (int)syscall(SYS_getsockopt, fd, level, name, ret, &n);
}

uint64_t id_of(int fd, enum kind kind)
{
	uint64_t id = 0;
	struct stat st;

	if (kind >= THING)
		return fstat(fd, &st) == 0 ? (uint64_t)st.st_ino : 0;
	return option(fd, SOL_SOCKET, SO_COOKIE, &id, sizeof(id)) == 0 ? id : 0;
}

static int state_of(int fd)
{
	struct tcp_info info = {0};

	return option(fd, IPPROTO_TCP, TCP_INFO, &info, sizeof(info)) == 0 ? info.tcpi_state : -1;
}

/* SO_PEERNAME tells it of one that is on the way, too; it wants no more room than it fills. */
static void look_at_peer(int fd, struct standing *s)
{
	struct sockaddr_in6 peer = {0};
	const struct sockaddr_in *four = (const struct sockaddr_in *)&peer;
	uint32_t ip;

	s->port = 0;
	s->host = -1;
	if (option(fd, SOL_SOCKET, SO_PEERNAME, &peer, sizeof(peer)) < 0 &&
		option(fd, SOL_SOCKET, SO_PEERNAME, &peer, sizeof(*four)) < 0)
		return;
	s->port = ntohs(peer.sin6_port);
	if (peer.sin6_family == AF_INET)
		ip = ntohl(four->sin_addr.s_addr);
	else
		ip = ntohl(peer.sin6_addr.s6_addr32[3]);
	if (ip >> 8 == 0x7f004d)
		s->host = (int)(ip & 0xff);
	else if (ip == INADDR_LOOPBACK)
		s->host = 0;
}

/* One question after the other: they belong together if the state is the same behind them. */
struct standing standing_of(int fd)
{
	struct standing s;
	struct pollfd in = {.fd = fd, .events = POLLRDHUP};

	do {
		s.state = state_of(fd);
		look_at_peer(fd, &s);
		s.ended = poll(&in, 1, 0) == 1 && (in.revents & POLLRDHUP);
	} while (state_of(fd) != s.state);
	return s;
}

bool is_place(const struct world *w, const struct standing *s)
{
	for (unsigned i = 0; i < PLACES; i++) {
		if (s->host == 0 && s->port != 0 && s->port == w->places[i])
			return true;
	}
	return false;
}

struct file *model_add(struct model *m, int fd, enum kind kind)
{
	for (unsigned i = 0; i < FILES; i++) {
		struct file *f = &m->files[i];

		if (f->numbers > 0)
			continue;
		*f = (struct file){.kind = kind, .id = id_of(fd, kind), .numbers = 1, .home = -1};
		m->at[fd] = f;
		return f;
	}
	return NULL;
}

void model_drop(struct model *m, int fd)
{
	struct file *f = m->at[fd];

	if (!f)
		return;
	m->at[fd] = NULL;
	f->numbers--;
	if (f->home == fd)
		f->home = -1;
}

void model_share(struct model *m, int from, int to)
{
	model_drop(m, to);
	m->at[to] = m->at[from];
	m->at[to]->numbers++;
}

int model_pick(const struct model *m, unsigned kinds, uint64_t chance)
{
	int found[NUMBERS];
	unsigned n = 0;

	for (int fd = 0; fd < NUMBERS; fd++) {
		if (m->at[fd] && (kinds & KIND(m->at[fd]->kind)))
			found[n++] = fd;
	}
	return n ? found[chance % n] : -1;
}

/* Where one that was connected by a followed name may be. */
static bool may_stand(const struct model *m, const struct file *f, const struct standing *s)
{
	if (is_place(&m->world, s) || s->host == 0)
		return s->state == TCP_SYN_SENT || s->state == TCP_CLOSE;
	if (s->host == HOST_DNS)
		return true;
	if (s->host == HOST_MUTE)
		return s->state == TCP_SYN_SENT;
	for (unsigned c = 0; c < CLUSTERS; c++) {
		int first = HOST_WRITER + (int)(c * WRITERS);

		if ((f->clusters & (1u << c)) && s->host >= first && s->host < first + WRITERS)
			return true;
	}
	return false;
}

/* As the program made it; the library changes it for a moment at most. */
bool model_blocks_right(const struct file *f, int fd)
{
	struct timeval limit = {0};
	int flags = fcntl(fd, F_GETFL);

	if (option(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return false;
	return !(flags & O_NONBLOCK) == f->blocks &&
		limit.tv_sec == (f->blocks ? MODEL_LIMIT_S : 0) && limit.tv_usec == 0;
}

static const char *check_virtual(const struct model *m, const struct file *f, int fd)
{
	struct standing s = standing_of(fd);

	if (s.port == 0)
		return s.state == TCP_CLOSE ? NULL : "a connected socket without a peer";
	return may_stand(m, f, &s) ? NULL : "a followed name's socket is where it must not be";
}

const char *model_check(struct model *m, int fd)
{
	const struct file *f = m->at[fd];
	struct standing s;

	if (id_of(fd, f->kind) != f->id)
		return "another file than the model's";
	if (f->kind == LOCKED)
		return world_has_lock(&m->world) ? NULL : "the lock is lost";
	if (f->kind == THING)
		return NULL;
	if (f->kind == VIRTUAL || f->kind == DONE)
		return check_virtual(m, f, fd);
	s = standing_of(fd);
	switch (f->kind) {
	case FRESH:
		return s.state == TCP_CLOSE && s.port == 0 ? NULL : "a fresh socket is no more so";
	case SHUT:
		return s.state == TCP_CLOSE ? NULL : "a socket that was shut down is alive";
	case PLAIN:
		return s.state == TCP_ESTABLISHED && s.host == HOST_BYSTANDER && !s.ended
			? NULL
			: "a bystander's connection was touched";
	default:
		return s.state == TCP_SYN_SENT && s.host == HOST_SILENT
			? NULL
			: "the program's own connect was touched";
	}
}
