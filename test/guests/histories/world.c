/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "common/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define QUEUE 4096

static const char *const names[CLUSTERS] = {"a.cluster-abc.test-region-1.rds.amazonaws.com",
	"b.cluster-xyz.test-region-1.rds.amazonaws.com"};

/* What the second process holds of one place. */
struct place {
	int listener, filler;
};

static void need(bool there, const char *what)
{
	if (there)
		return;
	perror(what);
	exit(2);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static struct sockaddr_in address_of(int host, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(0x7f004d00u | (uint32_t)host)}};
}

struct sockaddr_in world_host(const struct world *w, int host)
{
	return address_of(host, host == HOST_SILENT ? w->silent_port : w->port);
}

static int listen_at(struct sockaddr_in *at, int backlog)
{
	socklen_t n = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	need(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
			bind(fd, (struct sockaddr *)at, n) == 0 && listen(fd, backlog) == 0 &&
			getsockname(fd, (struct sockaddr *)at, &n) == 0,
		"a listener");
	return fd;
}

/* A port that never answers, for the one connection that fits in its queue is there. */
static uint16_t fill(struct place *p, int host)
{
	struct sockaddr_in at = address_of(host, 0);

	if (host == 0)
		at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->listener = listen_at(&at, 0);
	p->filler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	need(connect(p->filler, (struct sockaddr *)&at, sizeof(at)) == 0, "a full queue");
	return ntohs(at.sin_port);
}

static void empty(struct place *p)
{
	if (p->listener < 0)
		return;
	close(p->filler);
	close(p->listener);
	p->listener = -1;
}

/* One that the history asks us for: 'l' whether it has its lock, 'p' a place, 'c' the older goes. */
static void answer(int asked, int lock, struct place places[2])
{
	struct flock held = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	uint16_t said = 0;
	char word;

	if (read(asked, &word, 1) != 1)
		_exit(0);
	if (word == 'l') {
		said = fcntl(lock, F_GETLK, &held) == 0 && held.l_type != F_UNLCK;
	} else if (word == 'c') {
		empty(&places[1]);
	} else {
		empty(&places[1]);
		places[1] = places[0];
		said = fill(&places[0], 0);
	}
	need(write(asked, &said, sizeof(said)) == sizeof(said), "an answer");
}

static void watch(int loop, int fd, uint64_t what)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP,
		.data.u64 = what << 32 | (unsigned)fd};

	need(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e) == 0, "a descriptor to look at");
}

/* The second process: it holds whom it has accepted for as long as the peer does. */
static void serve(int asked, int lock, uint16_t port)
{
	enum { ASKED, LISTENER, PEER };
	struct place places[2] = {{-1, -1}, {-1, -1}};
	int loop = epoll_create1(EPOLL_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	watch(loop, asked, ASKED);
	for (int host = HOST_WRITER; host < HOST_SILENT; host++) {
		struct sockaddr_in at = address_of(host, port);

		watch(loop, listen_at(&at, QUEUE), LISTENER);
	}
	for (;;) {
		struct epoll_event e;

		if (epoll_wait(loop, &e, 1, -1) != 1)
			continue;
		int fd = (int)(uint32_t)e.data.u64;
		uint64_t what = e.data.u64 >> 32;

		if (what == ASKED) {
			answer(fd, lock, places);
		} else if (what == PEER) {
			close(fd);
		} else {
			fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
			if (fd >= 0)
				watch(loop, fd, PEER);
		}
	}
}

static uint16_t ask(struct world *w, char word)
{
	uint16_t said = 0;

	need(write(w->server, &word, 1) == 1 &&
			read(w->server, &said, sizeof(said)) == sizeof(said),
		"the servers");
	return said;
}

/* A port that is free at each of the hosts, for nobody else is in our network. */
static uint16_t free_port(void)
{
	struct sockaddr_in at = address_of(HOST_WRITER, 0);

	close(listen_at(&at, 1));
	return ntohs(at.sin_port);
}

static void start_servers(struct world *w)
{
	static struct place silent, mute;
	struct rlimit most;
	int ends[2];

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "a pair");
	w->port = free_port();
	w->silent_port = fill(&silent, HOST_SILENT);
	w->mute_port = fill(&mute, HOST_MUTE);
	w->pid = fork();
	need(w->pid >= 0, "fork");
	if (w->pid == 0) {
		close(ends[1]);
		if (getrlimit(RLIMIT_NOFILE, &most) == 0) {
			most.rlim_cur = most.rlim_max;
			setrlimit(RLIMIT_NOFILE, &most);
		}
		serve(ends[0], w->lock, w->port);
	}
	empty(&silent);
	empty(&mute);
	close(ends[0]);
	w->server = ends[1];
}

static void publish(struct world *w, unsigned c, const struct pel_hot *hot, unsigned changes)
{
	map_write_publish(w->map, w->record[c], hot, map_write_cold(w->map, w->record[c]), changes);
}

static void make_cluster(struct world *w, unsigned c)
{
	int record = map_write_take(w->map, now_ns());
	struct pel_hot hot;
	struct pel_cold cold;

	need(record >= 0, "a record");
	w->record[c] = (unsigned)record;
	hot = *map_write_hot(w->map, w->record[c]);
	cold = *map_write_cold(w->map, w->record[c]);
	hot.names[0] = (struct pel_hot_name){.hash = pel_name_hash(names[c]),
		.role = PEL_ROLE_WRITER,
		.n_addrs = 1,
		.addrs = {{.family = 4, .ip = {127, 0, 77, HOST_DNS}}},
		.dns_ns = now_ns()};
	hot.n_names = 1;
	hot.port = w->port;
	hot.n_instances = WRITERS;
	snprintf(cold.names[0], PEL_NAME_MAX, "%s", names[c]);
	for (unsigned i = 0; i < WRITERS; i++) {
		unsigned host = i == MUTE ? HOST_MUTE : HOST_WRITER + c * WRITERS + i;

		hot.instances[i] = (struct pel_hot_instance){.health = PEL_HEALTH_OK,
			.admission = PEL_ADMITTED,
			.flags = PEL_INST_ROUTABLE | PEL_INST_HAS4,
			.port = i == MUTE ? w->mute_port : w->port,
			.ip4 = {127, 0, 77, (uint8_t)host},
			.lag_ms = PEL_LAG_UNKNOWN,
			.identity = 1000 + c * WRITERS + i,
			.evidence_ns = now_ns()};
	}
	map_write_publish(w->map, w->record[c], &hot, &cold, MAP_CHANGE_EPOCH);
	world_set_writer(w, c, 0);
}

/* As any program finds its address. */
static void look_up(struct world *w, unsigned c)
{
	const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	char port[8];

	snprintf(port, sizeof(port), "%u", w->port);
	need(getaddrinfo(names[c], port, &hints, &found) == 0, "a followed name");
	memcpy(&w->virtual_[c], found->ai_addr, sizeof(w->virtual_[c]));
	freeaddrinfo(found);
}

void world_open(struct world *w, const char *directory)
{
	const struct map_write_options options = {.mode = 0600,
		.vnet4 = PEL_VNET4,
		.vnet4_bits = PEL_VNET4_BITS,
		.vnet6_bits = PEL_VNET6_BITS,
		.vnet6 = PEL_VNET6};
	int fd;

	w->dirfd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->lock = openat(w->dirfd, "locked", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	need(w->lock >= 0, directory);
	start_servers(w);
	close(w->lock); /* the history opens it itself, for any number closed would end its lock */
	need(map_write_open(w->dirfd, &options, now_ns(), &w->map) == 0, "a map");
	map_write_drop_unclaimed(w->map);
	fd = openat(w->dirfd, PEL_MAP_FILE, O_RDWR | O_CLOEXEC);
	w->header = mmap(NULL, sizeof(*w->header), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(fd >= 0 && w->header != MAP_FAILED, "the map's header");
	close(fd);
	world_beat(w);
	for (unsigned c = 0; c < CLUSTERS; c++)
		make_cluster(w, c);
	world_move_place(w, true);
	for (unsigned c = 0; c < CLUSTERS; c++)
		look_up(w, c);
}

void world_close(struct world *w)
{
	kill(w->pid, SIGKILL);
	close(w->server);
	close(w->dirfd);
	map_write_close(w->map, true);
}

void world_beat(struct world *w)
{
	if (!w->stale)
		atomic_store(&w->header->heartbeat_ns, now_ns());
}

static void wake(struct world *w)
{
	for (unsigned c = 0; c < CLUSTERS; c++)
		publish(w, c, map_write_hot(w->map, w->record[c]),
			MAP_CHANGE_EPOCH | MAP_CHANGE_WAKE);
}

void world_set_stale(struct world *w, bool stale)
{
	w->stale = stale;
	if (stale)
		atomic_store(&w->header->heartbeat_ns, now_ns() - 2 * PEL_HEARTBEAT_STALE_NS);
	else
		world_beat(w);
}

void world_set_writer(struct world *w, unsigned c, int writer)
{
	struct pel_hot hot = *map_write_hot(w->map, w->record[c]);

	w->writer[c] = writer;
	hot.state = writer < 0 ? PEL_STATE_WRITERLESS : PEL_STATE_KNOWN;
	hot.writer = writer < 0 ? PEL_NONE : (uint8_t)writer;
	hot.writerless_ns = writer < 0 ? now_ns() : 0;
	hot.verified_ns = writer < 0 ? hot.verified_ns : now_ns();
	for (int i = 0; i < WRITERS; i++) {
		hot.instances[i].role = i == writer ? PEL_ROLE_WRITER : PEL_ROLE_READER;
		if (writer >= 0)
			hot.instances[i].self_role = hot.instances[i].role;
	}
	publish(w, c, &hot, MAP_CHANGE_EPOCH | MAP_CHANGE_WAKE | MAP_CHANGE_FIRST);
}

void world_set_crowd(struct world *w, unsigned sockets)
{
	atomic_store(&w->header->crowd, sockets);
}

void world_set_hold(struct world *w, unsigned ms)
{
	w->brief = ms != 0;
	for (unsigned c = 0; c < CLUSTERS; c++) {
		struct pel_hot hot = *map_write_hot(w->map, w->record[c]);

		hot.hold = ms ? PEL_HOLD_OF(ms * UINT64_C(1000000)) : 0;
		publish(w, c, &hot, MAP_CHANGE_EPOCH);
	}
}

void world_move_place(struct world *w, bool close_now)
{
	memmove(&w->places[1], &w->places[0], sizeof(w->places) - sizeof(w->places[0]));
	w->places[0] = ask(w, 'p');
	if (close_now)
		(void)ask(w, 'c');
	world_tell_place(w, true);
	wake(w);
}

void world_tell_place(struct world *w, bool there_is_one)
{
	w->header->park4 = there_is_one ? w->places[0] : 0;
}

bool world_has_lock(struct world *w)
{
	return ask(w, 'l') == 1;
}
