/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one is ended: shutdown(SHUT_RDWR) makes the next read return 0 and the next write fail with
 * EPIPE, which pools understand.  It also raises SIGPIPE, and a process that left that at its default
 * would die of it: there connect(AF_UNSPEC) resets the connection instead, so that the next operation
 * fails with ECONNRESET.  (Only the next: a second write raises SIGPIPE all the same.)  Some kernels
 * answer EBUSY to it while a thread is blocked in the socket; then shutdown it is.
 *
 * The cookie is compared before anything is duplicated: closing a duplicate of a file, which may have
 * taken the number, would end all of the program's POSIX locks on that file.  It is compared again on
 * the duplicate: what was compared is what is ended, whatever the host closes and opens meanwhile.  The
 * duplicate's number is 3 at least, for a host may just have closed 0, 1 or 2 to open something else.
 */
#include "sockets.h"

#include "base/process.h"
#include "base/real.h"
#include "known/address.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_TRIES 64
#define RECORD_WORDS (sizeof(struct socket_record) / sizeof(uint64_t))

#ifndef SO_PEERNAME
#define SO_PEERNAME 28
#endif
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

_Static_assert(sizeof(struct socket_record) % sizeof(uint64_t) == 0, "copied by words");
_Static_assert(offsetof(struct socket_record, cookie) == 0,
	"the first word tells whose record it is");

struct place {
	_Atomic uint32_t seq; /* odd while being written */
	uint32_t pad;
	_Atomic uint64_t words[RECORD_WORDS];
};

static struct place *_Atomic table;
static _Atomic int limit;

uint64_t socket_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t n = sizeof(cookie);
	struct stat st;
	int saved = errno;

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &n) < 0) {
		cookie = 0;
		/* Old kernels say ENOPROTOOPT, emulators EINVAL. */
		if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
			cookie = st.st_ino | UINT64_C(1) << 63;
	}
	errno = saved;
	return cookie;
}

static struct place *table_get(void)
{
	struct place *t = atomic_load_explicit(&table, memory_order_acquire), *none = NULL;
	const size_t size = SOCKETS_MAX * sizeof(*t);

	if (t)
		return t;
	t = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);
	if (t == MAP_FAILED)
		return NULL;
	if (!atomic_compare_exchange_strong(&table, &none, t)) {
		(void)munmap(t, size);
		return none;
	}
	return t;
}

static void raise_limit(int n)
{
	int seen = atomic_load(&limit);

	while (seen < n && !atomic_compare_exchange_weak(&limit, &seen, n))
		;
}

static uint64_t word_of(struct place *p, size_t offset)
{
	return atomic_load_explicit(&p->words[offset / sizeof(uint64_t)], memory_order_relaxed);
}

/*
 * Makes the word odd; false if another writer keeps it.  Two write one record only if the watcher
 * forgets a socket while its number is connected anew: a few loads apart.
 */
static bool place_lock(struct place *p, uint32_t *ret_seq)
{
	for (int i = 0; i < RECORD_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(&p->seq, memory_order_relaxed);

		if ((seq & 1) ||
			!atomic_compare_exchange_weak_explicit(&p->seq, &seq, seq + 1,
				memory_order_acquire, memory_order_relaxed))
			continue;
		/* Partner: the acquire fence in place_read(). */
		atomic_thread_fence(memory_order_release);
		*ret_seq = seq;
		return true;
	}
	return false;
}

static void place_unlock(struct place *p, uint32_t seq)
{
	atomic_store_explicit(&p->seq, seq + 2, memory_order_release);
}

static bool place_read(struct place *p, struct socket_record *ret)
{
	uint64_t words[RECORD_WORDS];

	for (int i = 0; i < RECORD_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(&p->seq, memory_order_acquire);

		if (seq & 1)
			continue;
		for (size_t w = 0; w < RECORD_WORDS; w++)
			words[w] = atomic_load_explicit(&p->words[w], memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&p->seq, memory_order_relaxed) != seq)
			continue;
		memcpy(ret, words, sizeof(*ret));
		return ret->cookie != 0;
	}
	return false;
}

static void write_words(struct place *p, const struct socket_record *record)
{
	uint64_t words[RECORD_WORDS];

	memcpy(words, record, sizeof(words));
	for (size_t w = 0; w < RECORD_WORDS; w++)
		atomic_store_explicit(&p->words[w], words[w], memory_order_relaxed);
}

int sockets_record(int fd, const struct socket_record *record)
{
	struct place *places;
	uint32_t seq;
	int saved = errno;

	if (fd < 0 || fd >= SOCKETS_MAX)
		return -E2BIG;
	places = table_get();
	errno = saved;
	if (!places || !place_lock(&places[fd], &seq))
		return -ENOMEM;
	write_words(&places[fd], record);
	place_unlock(&places[fd], seq);
	raise_limit(fd + 1);
	return 0;
}

static uint32_t held_of(struct place *p)
{
	uint64_t word = word_of(p, offsetof(struct socket_record, held));
	uint32_t held;

	memcpy(&held, &word, sizeof(held));
	return held;
}

bool sockets_replace(int fd, const struct socket_record *from, const struct socket_record *to)
{
	struct place *places = atomic_load_explicit(&table, memory_order_acquire);
	uint32_t seq;
	bool same;

	if (!places || fd < 0 || fd >= SOCKETS_MAX || !place_lock(&places[fd], &seq))
		return false;
	same = word_of(&places[fd], offsetof(struct socket_record, cookie)) == from->cookie &&
		word_of(&places[fd], offsetof(struct socket_record, made_ns)) == from->made_ns &&
		held_of(&places[fd]) == from->held;
	if (same)
		write_words(&places[fd], to);
	place_unlock(&places[fd], seq);
	return same;
}

bool sockets_read(int fd, struct socket_record *ret)
{
	struct place *places = atomic_load_explicit(&table, memory_order_acquire);

	return places && fd >= 0 && fd < SOCKETS_MAX && place_read(&places[fd], ret);
}

int sockets_limit(void)
{
	return atomic_load(&limit);
}

int sockets_home(int fd, uint64_t cookie)
{
	struct socket_record record;

	if (cookie == 0 || (sockets_read(fd, &record) && record.cookie == cookie))
		return cookie ? fd : -1;
	for (int i = 0, n = sockets_limit(); i < n; i++) {
		if (sockets_read(i, &record) && record.cookie == cookie)
			return i;
	}
	return -1;
}

/* Sets one word of the record, if it is that socket's. */
static void set_word(int fd, uint64_t cookie, size_t offset, uint64_t value)
{
	struct place *places = atomic_load_explicit(&table, memory_order_acquire);
	uint32_t seq;

	if (!places || fd < 0 || fd >= SOCKETS_MAX || !place_lock(&places[fd], &seq))
		return;
	if (atomic_load_explicit(&places[fd].words[0], memory_order_relaxed) == cookie)
		atomic_store_explicit(&places[fd].words[offset / sizeof(value)], value,
			memory_order_relaxed);
	place_unlock(&places[fd], seq);
}

void sockets_forget(int fd, uint64_t cookie)
{
	set_word(fd, cookie, offsetof(struct socket_record, cookie), 0);
}

static bool sigpipe_kills(void)
{
	struct sigaction sa;

	return sigaction(SIGPIPE, NULL, &sa) == 0 && !(sa.sa_flags & SA_SIGINFO) &&
		sa.sa_handler == SIG_DFL;
}

bool socket_disconnect(int fd)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	return real_get()->connect(fd, &none, sizeof(none)) == 0;
}

static void sever(int fd)
{
	if (sigpipe_kills() && socket_disconnect(fd))
		return;
	(void)shutdown(fd, SHUT_RDWR);
}

void socket_acknowledge_at_once(int fd)
{
	const int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

bool socket_peer(int fd, struct pel_addr *ret)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(struct sockaddr_in6);
	int r = getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &sa, &n);

	/* The kernel refuses a size that it cannot fill. */
	if (r < 0) {
		n = sizeof(struct sockaddr_in);
		r = getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &sa, &n);
	}
	return r == 0 && address_from_sockaddr((const struct sockaddr *)&sa, n, ret);
}

/* By a connect() of the program's own, which no hook sees, to an address of no followed name. */
static bool went_elsewhere(int fd, int own, uint64_t cookie)
{
	struct socket_record record;
	struct pel_addr peer;

	return sockets_read(fd, &record) && record.cookie == cookie &&
		record.socket.real.family != 0 && socket_peer(own, &peer) &&
		(peer.port != record.socket.real.port ||
			memcmp(peer.ip, record.socket.real.ip, sizeof(peer.ip)) != 0);
}

int socket_borrow(int fd, uint64_t cookie)
{
	int own;

	if (socket_cookie(fd) != cookie)
		return -1;
	process_guard_begin();
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	/* The second: its limit is below 3 by now. */
	if (own < 0 && (errno == EMFILE || errno == EINVAL))
		own = fd;
	if (own >= 0 && socket_cookie(own) == cookie)
		return own;
	if (own >= 0 && own != fd)
		(void)close(own);
	process_guard_end();
	return -1;
}

void socket_give_back(int fd, int own, uint64_t cookie)
{
	if (own != fd && socket_cookie(own) == cookie)
		(void)close(own);
	process_guard_end();
}

int socket_sever(int fd, uint64_t cookie)
{
	int saved = errno, own = socket_borrow(fd, cookie), r = -ESTALE;

	if (own >= 0 && !went_elsewhere(fd, own, cookie)) {
		set_word(fd, cookie, offsetof(struct socket_record, severed), 1);
		sever(own);
		r = 0;
	}
	if (own >= 0)
		socket_give_back(fd, own, cookie);
	errno = saved;
	return r;
}
