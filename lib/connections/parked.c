/* SPDX-License-Identifier: Apache-2.0 */
#include "parked.h"

#include "common/clock.h"
#include "base/process.h"
#include "base/quiet.h"
#include "base/real.h"
#include "known/address.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define GAP_TRIES 2000 /* of 50 us */
#define PATIENT 127    /* the most that TCP_SYNCNT takes: hours */
#define ASK_TRIES 4
#define POLLED_NS UINT64_C(20000) /* who polls and asks asks within this */
#define OUTCOME_NS                                                                                 \
	UINT64_C(20000000) /* a connect that begins anew has so long before it is told of */

static _Atomic uint64_t led_ns; /* the last one */

bool parked_blocks(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_NONBLOCK);
}

static int connect_to(int fd, const struct socket_record *record)
{
	struct sockaddr_storage sa;
	socklen_t len = address_to_sockaddr(&record->socket.real, record->family, &sa);

	if (len == 0)
		return ENETUNREACH;
	return real_get()->connect(fd, (const struct sockaddr *)&sa, len) == 0 ? 0 : errno;
}

/* What blocks does so for a moment. */
static int begin(int fd, const struct socket_record *record)
{
	const struct timeval moment = {.tv_usec = 1};
	struct timeval before = {0};
	socklen_t n = sizeof(before);
	int r;

	if (!parked_blocks(fd))
		return connect_to(fd, record);
	(void)getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, &n);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof(moment));
	r = connect_to(fd, record);
	/* Where no number is free this is the program's own, and it may have another socket there. */
	if (socket_cookie(fd) == record->cookie)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, sizeof(before));
	return r == EINTR ? EINPROGRESS : r;
}

/*
 * The kernel gives up on a connect after so many tries: two minutes by default, seconds where that was
 * tuned.  Of a writer that is awaited it must not.  What it was before.
 */
static uint32_t set_patience(int fd, int tries)
{
	int before = 0;
	socklen_t n = sizeof(before);

	(void)getsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &before, &n);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &tries, sizeof(tries));
	return (uint32_t)before;
}

static bool is_connecting(int fd)
{
	struct tcp_info info = {0};
	socklen_t n = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 &&
		info.tcpi_state == TCP_SYN_SENT;
}

bool parked_is_there(int fd, const struct socket_record *record)
{
	const struct pel_addr *real = &record->socket.real;
	struct pel_addr peer;

	return is_connecting(fd) && socket_peer(fd, &peer) && peer.family == real->family &&
		peer.port == real->port && memcmp(peer.ip, real->ip, sizeof(peer.ip)) == 0;
}

/* Fails for as long only as another writes the record, or if that is no longer this one. */
static void end_gap(int fd, const struct socket_record *gap, const struct socket_record *to)
{
	for (int i = 0; i < GAP_TRIES && !sockets_replace(fd, gap, to); i++)
		;
}

int parked_begin(int fd, struct socket_record *record)
{
	struct socket_record gap;
	int r;

	record->held = SOCKET_LEAVES;
	record->patience = set_patience(fd, PATIENT);
	gap = *record;
	r = sockets_record(fd, record) == 0 ? begin(fd, record) : ECONNREFUSED;
	/* Where that cannot be seen, as in some sandboxes, it would never be led. */
	if (r == EINPROGRESS && !parked_is_there(fd, record)) {
		(void)socket_disconnect(fd);
		r = ECONNREFUSED;
	}
	if (r != EINPROGRESS) {
		sockets_forget(fd, record->cookie);
		(void)set_patience(fd, (int)record->patience);
		return r;
	}
	record->held = SOCKET_PARKED;
	end_gap(fd, &gap, record);
	return r;
}

bool parked_lead(int fd, const struct socket_record *from, struct socket_record *to,
	enum socket_held then)
{
	int own = socket_borrow(fd, from->cookie), error = 0;
	socklen_t n = sizeof(error);
	struct socket_record gap;
	bool led = false;

	if (own < 0)
		return false;
	atomic_store_explicit(&led_ns, clock_now_ns(), memory_order_relaxed);
	to->gaps++;
	gap = *to;
	gap.held = SOCKET_LEAVES;
	if (parked_is_there(own, from) && sockets_replace(fd, from, &gap)) {
		if (from->held != SOCKET_PARKED)
			to->patience = set_patience(own, PATIENT);
		else if (then != SOCKET_PARKED)
			(void)set_patience(own, (int)to->patience);
		led = socket_disconnect(own);
		/* Takes off the error of the one before, which would be all that a poll sees of the next. */
		if (led)
			(void)real_get()->getsockopt(own, SOL_SOCKET, SO_ERROR, &error, &n);
		error = led ? begin(own, to) : 0;
		to->made_ns = clock_now_ns();
		to->error = error == EINPROGRESS ? 0 : error;
		to->held = then;
		/* Its owner may have connected it in the gap, and has a record of its own for that. */
		if (error == EALREADY || error == EISCONN)
			to->cookie = 0;
		end_gap(fd, &gap, led ? to : from);
	}
	socket_give_back(fd, own, from->cookie);
	return led;
}

/* Reads the record as it is when no gap is open; false if it is not that socket's. */
static bool read_settled(int fd, uint64_t cookie, struct socket_record *ret)
{
	static const struct timespec moment = {.tv_nsec = 50000};

	for (int i = 0; i < GAP_TRIES; i++) {
		if (!sockets_read(fd, ret) || ret->cookie != cookie)
			return false;
		if (ret->held != SOCKET_LEAVES)
			break;
		(void)nanosleep(&moment, NULL);
	}
	return true;
}

bool parked_goes_on(int fd, uint64_t cookie, uint64_t *ret_since_ns)
{
	struct socket_record record;
	const struct socket_record none = {.cookie = 0};
	struct pollfd state = {.fd = fd};

	while (read_settled(fd, cookie, &record) && record.held == SOCKET_PARKED &&
		poll(&state, 1, 0) == 0) {
		if (!parked_blocks(fd) || record.holder != atomic_load(&process_get()->pid))
			return true;
		if (!sockets_replace(fd, &record, &none))
			continue;
		(void)socket_disconnect(fd);
		(void)set_patience(fd, (int)record.patience);
		*ret_since_ns = record.since_ns;
		break;
	}
	return false;
}

/* A duplicate has no record of its own: it is looked for where some socket was led just now. */
bool parked_answers(int fd)
{
	struct socket_record record;
	uint64_t led;

	if (sockets_read(fd, &record) && record.held != SOCKET_FREE)
		return true;
	led = atomic_load_explicit(&led_ns, memory_order_relaxed);
	return led != 0 && clock_now_ns() - led < OUTCOME_NS;
}

/* Not within connect(), whose every call would save the registers for it. */
__attribute__((noinline)) void parked_let_go(int fd)
{
	uint64_t cookie = socket_cookie(fd);
	int home = sockets_home(fd, cookie), saved = errno;
	const struct socket_record none = {.cookie = 0};
	struct socket_record record = {.held = SOCKET_FREE};

	while (home >= 0 && read_settled(home, cookie, &record) &&
		!sockets_replace(home, &record, &none))
		record.held = SOCKET_FREE;
	if (home >= 0 && record.held == SOCKET_PARKED)
		(void)set_patience(fd, (int)record.patience);
	errno = saved;
}

/* What a socket said, and what it was before and behind that. */
struct answer {
	int home; /* the number that has its record */
	uint64_t cookie;
	struct socket_record before;
	struct socket_record record;
	uint64_t asked_ns;
	bool connecting;
	bool ours; /* it may have been asked in a gap, or for one */
	int r;
	int error;
};

static bool ask(int fd, void *value, socklen_t *len, struct answer *a)
{
	bool known = a->home >= 0 && read_settled(a->home, a->cookie, &a->before);

	a->connecting = is_connecting(fd);
	a->r = real_get()->getsockopt(fd, SOL_SOCKET, SO_ERROR, value, len);
	a->error = a->r < 0 ? errno : 0;
	if (a->r == 0 && *len >= sizeof(a->error))
		memcpy(&a->error, value, sizeof(a->error));
	a->ours = known && a->r == 0 && *len >= sizeof(a->error) &&
		sockets_read(a->home, &a->record) && a->record.cookie == a->cookie &&
		a->record.held != SOCKET_FREE;
	return !a->ours ||
		(a->record.held != SOCKET_LEAVES && a->record.made_ns == a->before.made_ns);
}

/* As any that is connecting it has none yet: only a gap wakes who asks too early. */
static bool is_too_early(const struct answer *a)
{
	return a->ours && a->error == 0 && a->connecting &&
		(a->record.gaps > 0 || a->record.holder != atomic_load(&process_get()->pid));
}

/* The name of the file that a call came from, or an empty one. */
static const char *file_of(const void *caller)
{
	const char *name;
	Dl_info info;

	if (dladdr(caller, &info) == 0 || !info.dli_fname)
		return "";
	name = strrchr(info.dli_fname, '/');
	return name ? name + 1 : info.dli_fname;
}

/*
 * Java polls, asks SO_ERROR at once, and takes none for "not connected" if the poll was woken in the
 * gap.  Told that it goes on, it polls again; others take that for an error, Netty too if it is told
 * so by Java.
 */
static bool is_javas(const void *caller)
{
	const char *name = file_of(caller);

	return strcmp(name, "libnet.so") == 0 || strcmp(name, "libnio.so") == 0;
}

/* gevent and eventlet ask by the same file as those that poll again, and take any error for the end. */
static int is_greenlet(struct dl_phdr_info *info, size_t n, void *unused)
{
	(void)n;
	(void)unused;
	return strstr(info->dlpi_name, "greenlet") != NULL;
}

/* True if it begins with one of them. */
static bool begins_with(const char *name, const char *words)
{
	for (size_t n; *words; words += n + 1) {
		n = strlen(words);
		if (strncmp(name, words, n) == 0)
			return true;
	}
	return false;
}

int parked_word(const void *caller)
{
	const char *name = file_of(caller);

	if (strcmp(name, "node") == 0 ||
		begins_with(name, "libuv.so\0libnetty_transport_native_\0"))
		return EINPROGRESS;
	/* Python's loops take both; a socket with a time limit polls again behind this one alone. */
	return begins_with(name, "_socket.\0python\0libpython\0") &&
			dl_iterate_phdr(is_greenlet, NULL) == 0
		? EAGAIN
		: 0;
}

static void settle(struct answer *a, const void *caller)
{
	a->before = a->record;
	if (a->error == 0)
		a->error = a->record.error;
	if (a->error == 0 && a->asked_ns < a->record.made_ns + POLLED_NS && is_javas(caller))
		a->error = EINPROGRESS;
	a->record.held = SOCKET_FREE;
	(void)sockets_replace(a->home, &a->before, &a->record);
}

/* All that are led at once share this moment: one thread may look after many of them. */
static bool wait_for_outcome(int fd, const struct socket_record *record)
{
	struct pollfd outcome = {.fd = fd, .events = POLLOUT};
	uint64_t end_ns = record->made_ns + OUTCOME_NS, now_ns = clock_now_ns();

	return record->held != SOCKET_PARKED && now_ns < end_ns &&
		poll(&outcome, 1, (int)((end_ns - now_ns) / 1000000) + 1) > 0;
}

int parked_error(int fd, void *value, socklen_t *len, const void *caller)
{
	struct answer a = {.cookie = socket_cookie(fd), .asked_ns = clock_now_ns()};
	struct quiet quiet = quiet_begin();

	a.home = sockets_home(fd, a.cookie);
	for (int i = 0; i < ASK_TRIES; i++) {
		if (ask(fd, value, len, &a) && !is_too_early(&a))
			break;
		if (is_too_early(&a) && !wait_for_outcome(fd, &a.record))
			break;
	}
	if (is_too_early(&a))
		a.error = EINPROGRESS;
	else if (a.ours && a.record.held == SOCKET_LEFT && !a.connecting)
		settle(&a, caller);
	if (a.ours)
		memcpy(value, &a.error, sizeof(a.error));
	if (a.r < 0)
		quiet.error = a.error;
	quiet_end(quiet);
	return a.r;
}
