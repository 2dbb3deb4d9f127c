/* SPDX-License-Identifier: Apache-2.0 */
#include "deeds.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN 4
#define TOLD 400 /* the last deeds */
#define ASK_MS 100
#define ANY_SOCKET                                                                                 \
	(KIND(FRESH) | KIND(VIRTUAL) | KIND(SHUT) | KIND(DONE) | KIND(PLAIN) | KIND(SILENT))

struct model model;
static struct world *const world = &model.world;
static uint64_t chance;
static char told[TOLD][80];
static unsigned long deeds;

uint64_t deeds_next(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return chance * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(told[deeds % TOLD], sizeof(told[0]), format, args);
	va_end(args);
}

void deeds_wrong(int fd, const char *what)
{
	struct standing s = fd >= 0 ? standing_of(fd) : (struct standing){0};

	for (unsigned long i = deeds >= TOLD ? deeds - TOLD + 1 : 0; i <= deeds; i++)
		printf("%lu %s\n", i, told[i % TOLD]);
	printf("wrong: number %d: %s (state %d, host %d, port %u, home %d, places %u %u %u)\n", fd,
		what, s.state, s.host, s.port, fd >= 0 && model.at[fd] ? model.at[fd]->home : -2,
		world->places[0], world->places[1], world->places[2]);
	fflush(stdout);
	kill(world->pid, SIGKILL);
	_exit(1);
}

void deeds_check(int fd)
{
	const char *what = model.at[fd] ? model_check(&model, fd) : NULL;

	if (what)
		deeds_wrong(fd, what);
}

long deeds_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void deeds_pause(unsigned us)
{
	struct timespec t = {.tv_nsec = (long)us * 1000};

	nanosleep(&t, NULL);
	world_beat(world);
}

static void take(int fd, enum kind kind)
{
	if (fd >= 0 && !model_add(&model, fd, kind))
		close(fd);
}

static void do_socket(void)
{
	bool six = deeds_next() % 3 == 0;
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	tell("socket %d", fd);
	if (fd < 0)
		return;
	take(fd, FRESH);
	model.at[fd]->six = six;
}

/* Its own address family's form of an IPv4 address. */
static int connect_to(int fd, const struct sockaddr_in *to)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = to->sin_port};

	if (!model.at[fd]->six)
		return connect(fd, (const struct sockaddr *)to, sizeof(*to));
	six.sin6_addr.s6_addr32[2] = htonl(0xffff);
	six.sin6_addr.s6_addr32[3] = to->sin_addr.s_addr;
	return connect(fd, (const struct sockaddr *)&six, sizeof(six));
}

/* What a connect() to a followed name has made of it. */
static void note_connect(int fd, unsigned cluster, int r, int error)
{
	struct file *f = model.at[fd];
	struct standing s = standing_of(fd);

	if (r < 0 && error != EINPROGRESS)
		return;
	f->kind = VIRTUAL;
	f->home = fd;
	f->last = cluster;
	f->clusters |= 1u << cluster;
	model.parked += is_place(world, &s);
}

static void do_connect(void)
{
	int fd = model_pick(&model, KIND(FRESH), deeds_next()), r;
	unsigned cluster = deeds_next() % CLUSTERS;

	if (fd < 0) {
		do_socket();
		return;
	}
	r = connect_to(fd, &world->virtual_[cluster]);
	tell("connect %d to cluster %u: %s", fd, cluster, r < 0 ? strerrorname_np(errno) : "well");
	if (r < 0 && errno != EINPROGRESS && errno != ECONNREFUSED && errno != ECONNABORTED)
		deeds_wrong(fd, "a connect fails as none does");
	note_connect(fd, cluster, r, r < 0 ? errno : 0);
}

/* A second connect(), to the same name or to the other one. */
static void do_connect_again(void)
{
	int fd = model_pick(&model, KIND(VIRTUAL), deeds_next()), r;
	unsigned cluster = deeds_next() % CLUSTERS;
	struct standing before;

	if (fd < 0 || model.at[fd]->blocks)
		return;
	before = standing_of(fd);
	r = connect_to(fd, &world->virtual_[cluster]);
	tell("connect %d again to cluster %u: %s", fd, cluster,
		r < 0 ? strerrorname_np(errno) : "well");
	/* A new attempt, of what had ended; or an answer to the old one. */
	if (before.state == TCP_SYN_SENT && r < 0 && errno == EINPROGRESS &&
		model.at[fd]->home == fd && cluster != model.at[fd]->last &&
		is_place(world, &before))
		deeds_wrong(fd, "a connect that waits is begun anew, to another name");
	if (r < 0 && errno == EINPROGRESS)
		note_connect(fd, cluster, r, errno);
}

static void do_close(void)
{
	int fd = model_pick(&model, ~0u, deeds_next());

	tell("close %d", fd);
	if (fd < 0)
		return;
	close(fd);
	model_drop(&model, fd);
}

static void do_thing(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	int ends[2], fd;

	if (deeds_next() % 2 == 0 && model_pick(&model, KIND(LOCKED), 0) < 0) {
		fd = openat(world->dirfd, "locked", O_RDWR);
		tell("open %d and lock it", fd);
		if (fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0)
			take(fd, LOCKED);
		else if (fd >= 0)
			close(fd);
		return;
	}
	if (pipe(ends) < 0)
		return;
	tell("pipe %d %d", ends[0], ends[1]);
	take(ends[0], THING);
	take(ends[1], THING);
}

/* Onto a number by chance, which may be taken, or the lowest free one. */
static void do_dup(void)
{
	int fd = model_pick(&model, ~KIND(LOCKED), deeds_next()), to;

	if (fd < 0)
		return;
	to = deeds_next() % 2 ? model_pick(&model, ~0u, deeds_next()) : -1;
	if (to == fd)
		return;
	to = to >= 0 ? dup2(fd, to) : dup(fd);
	tell("dup %d to %d", fd, to);
	if (to >= 0)
		model_share(&model, fd, to);
}

static void go_elsewhere(int fd, bool silent)
{
	struct sockaddr_in to = world_host(world, silent ? HOST_SILENT : HOST_BYSTANDER);
	struct pollfd made = {.fd = fd, .events = POLLOUT};

	if (connect_to(fd, &to) < 0 && errno != EINPROGRESS)
		deeds_wrong(fd, "the program's own connect fails");
	if (!silent)
		(void)poll(&made, 1, DEEDS_PATIENCE_MS);
	model.at[fd]->kind = silent ? SILENT : PLAIN;
	model.at[fd]->home = -1;
	deeds_check(fd);
}

static void do_elsewhere(void)
{
	int fd = model_pick(&model, KIND(FRESH), deeds_next());
	bool silent = deeds_next() % 2;

	tell("connect %d to a %s server", fd, silent ? "silent" : "plain");
	if (fd >= 0)
		go_elsewhere(fd, silent);
}

/* Nothing happens to a connect that waits for this cluster, as far as anybody can know. */
static bool is_calm(unsigned cluster)
{
	if (world->stale || world->brief || world->writer[cluster] >= 0 || !world->header->park4)
		return false;
	deeds_pause(3000);
	return true;
}

/* The program takes back a connect that waits, and uses the same socket for something else. */
static void do_take_back(void)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	int fd = model_pick(&model, KIND(VIRTUAL), deeds_next());
	struct standing s;

	if (fd < 0 || model.at[fd]->blocks || !is_calm(model.at[fd]->last))
		return;
	s = standing_of(fd);
	if (s.state != TCP_SYN_SENT || !is_place(world, &s))
		return;
	(void)connect(fd, &none, sizeof(none));
	tell("take back %d, to a silent server", fd);
	if (standing_of(fd).state != TCP_CLOSE) {
		model.redirected++; /* while we looked */
		return;
	}
	go_elsewhere(fd, true);
}

static void do_shutdown(void)
{
	int fd = model_pick(&model, KIND(VIRTUAL), deeds_next());
	struct standing s;
	bool calm;

	if (fd < 0)
		return;
	calm = is_calm(model.at[fd]->last);
	s = standing_of(fd);
	tell("shutdown %d (%d)", fd, s.state);
	if (shutdown(fd, SHUT_RDWR) == 0)
		model.at[fd]->kind = calm && s.state == TCP_SYN_SENT ? SHUT : DONE;
}

/* What an event loop asks, though it be ready for nothing. */
static void do_ask(void)
{
	int fd = model_pick(&model, KIND(VIRTUAL), deeds_next()), error = 0;
	socklen_t n = sizeof(error);
	long begin = deeds_now_ms();

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		deeds_wrong(fd, "SO_ERROR cannot be asked");
	tell("ask %d: %s", fd, error ? strerrorname_np(error) : "well");
	model.slow += deeds_now_ms() - begin > ASK_MS;
	model.refused += error == ECONNREFUSED;
	model.resets += error == ECONNRESET;
	/* By another number it is not guarded; what cannot be led from a silent writer is severed. */
	if (error != 0 && error != EINPROGRESS && error != ECONNREFUSED &&
		(error != ECONNRESET ||
			(model.at[fd]->home == fd && !model.muted && !model.at[fd]->muted)))
		deeds_wrong(fd, "an error that no server gives");
}

static void do_writer(void)
{
	unsigned cluster = deeds_next() % CLUSTERS;
	int writer = deeds_next() % 3 ? -1 : (int)(deeds_next() % WRITERS);

	tell("cluster %u: writer %d", cluster, writer);
	model.muted = model.muted || writer == MUTE;
	world_set_writer(world, cluster, writer);
}

static void do_place(void)
{
	unsigned how = deeds_next() % 8;

	tell("place: %u", how);
	model.lenient = model.lenient || how == 0;
	if (how < 2)
		world_move_place(world, how == 0);
	else
		world_tell_place(world, how != 2);
}

static void do_prober(void)
{
	static const unsigned crowds[] = {0, 1, 40, 6000};

	switch (deeds_next() % 8) {
	case 0:
		tell("the prober is gone");
		world_set_stale(world, true);
		model.gone = true;
		break;
	case 1:
		tell("nobody waits for long");
		world_set_hold(world, 100 + 100 * (unsigned)(deeds_next() % 3));
		model.lenient = true;
		break;
	case 2:
		tell("a crowd");
		world_set_crowd(world, crowds[deeds_next() % 4]);
		break;
	default:
		tell("the prober is there");
		world_set_stale(world, false);
		world_set_hold(world, 0);
	}
}

/* To ourselves, as a program passes it to another. */
static void do_pass(void)
{
	char word = 0, space[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {&word, 1};
	struct msghdr msg = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space)};
	int fd = model_pick(&model, ANY_SOCKET, deeds_next()), ends[2], to = -1;
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (fd < 0 || socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) < 0)
		return;
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(ends[0], &msg, 0) == 1 && recvmsg(ends[1], &msg, MSG_DONTWAIT) == 1 &&
		CMSG_FIRSTHDR(&msg))
		memcpy(&to, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(to));
	close(ends[0]);
	close(ends[1]);
	tell("pass %d as %d", fd, to);
	if (to >= 0)
		model_share(&model, fd, to);
}

/* The program makes it block, with a limit of its own; both must be found again. */
static void do_block(void)
{
	const struct timeval limit = {.tv_sec = MODEL_LIMIT_S};
	int fd = model_pick(&model, KIND(VIRTUAL), deeds_next());

	if (fd < 0 || model.at[fd]->blocks)
		return;
	tell("make %d block", fd);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
		fcntl(fd, F_SETFL, O_RDWR) < 0)
		deeds_wrong(fd, "it cannot be made to block");
	model.at[fd]->blocks = true;
}

/* A child that has all of it, connects by itself, and ends. */
static void do_fork(void)
{
	uint64_t seed = deeds_next();
	pid_t pid;

	if (model.children == CHILDREN)
		return;
	pid = fork();
	tell("fork %d", pid);
	model.children += pid > 0;
	if (pid != 0)
		return;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd >= 0 && seed % 2)
		(void)connect(fd, (struct sockaddr *)&world->virtual_[0],
			sizeof(world->virtual_[0]));
	deeds_pause(seed % 20000);
	_exit(0);
}

void deeds_do(void)
{
	static void (*const all[])(void) = {do_socket, do_socket, do_socket, do_connect, do_connect,
		do_connect, do_connect, do_connect, do_connect_again, do_close, do_close, do_close,
		do_close, do_thing, do_dup, do_dup, do_elsewhere, do_take_back, do_shutdown, do_ask,
		do_ask, do_ask, do_writer, do_writer, do_place, do_prober, do_pass, do_block,
		do_fork};
	uint64_t drawn = deeds_next();

	deeds++;
	tell("-");
	all[drawn % (sizeof(all) / sizeof(all[0]))]();
	deeds_check((int)(deeds_next() % NUMBERS));
	if (deeds_next() % 8 == 0)
		deeds_pause((unsigned)(deeds_next() % 3000));
	else
		world_beat(world);
}

void deeds_begin(uint64_t seed)
{
	chance = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
}
