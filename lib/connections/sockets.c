/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one is ended: shutdown(SHUT_RDWR) makes the next read return 0 and the next write fail with
 * EPIPE, which pools understand.  It also raises SIGPIPE, and a process that left that at its default
 * would die of it: there connect(AF_UNSPEC) resets the connection instead, so that the next operation
 * fails with ECONNRESET.  (Only the next: a second write raises SIGPIPE all the same.)  Some kernels
 * answer EBUSY to it while a thread is blocked in the socket; then shutdown it is.
 *
 * The descriptor is duplicated before its cookie is compared: what was compared is what is cut,
 * whatever the host closes and opens meanwhile.  The duplicate's number is 3 at least, for a host
 * may just have closed 0, 1 or 2 to open something else there.
 */
#include "sockets.h"

#include "base/real.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACK_TRIES 64
#define NUMBERS_MAX 16384 /* one system call each: about a millisecond for all */
#define TRACK_WORDS (sizeof(struct track) / sizeof(uint64_t))

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

_Static_assert(sizeof(struct track) % sizeof(uint64_t) == 0, "copied by words");
_Static_assert(offsetof(struct track, cookie) == 0, "the first word tells whose record it is");

struct slot {
	_Atomic uint32_t seq; /* odd while being written */
	uint32_t pad;
	_Atomic uint64_t words[TRACK_WORDS];
};

static _Thread_local int last = -1;
static struct slot *_Atomic table;
static _Atomic int limit;

uint64_t track_cookie(int fd)
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

static struct slot *table_get(void)
{
	struct slot *t = atomic_load_explicit(&table, memory_order_acquire), *none = NULL;
	const size_t size = TRACK_MAX * sizeof(*t);

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

/*
 * Makes the word odd; false if another writer keeps it.  Two write one record only if the watcher
 * forgets a socket while its number is connected anew: a few loads apart.
 */
static bool slot_lock(struct slot *s, uint32_t *ret_seq)
{
	for (int i = 0; i < TRACK_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(&s->seq, memory_order_relaxed);

		if ((seq & 1) ||
			!atomic_compare_exchange_weak_explicit(&s->seq, &seq, seq + 1,
				memory_order_acquire, memory_order_relaxed))
			continue;
		/* Partner: the acquire fence in slot_read(). */
		atomic_thread_fence(memory_order_release);
		*ret_seq = seq;
		return true;
	}
	return false;
}

static void slot_unlock(struct slot *s, uint32_t seq)
{
	atomic_store_explicit(&s->seq, seq + 2, memory_order_release);
}

static bool slot_read(struct slot *s, struct track *ret)
{
	uint64_t words[TRACK_WORDS];

	for (int i = 0; i < TRACK_TRIES; i++) {
		uint32_t seq = atomic_load_explicit(&s->seq, memory_order_acquire);

		if (seq & 1)
			continue;
		for (size_t w = 0; w < TRACK_WORDS; w++)
			words[w] = atomic_load_explicit(&s->words[w], memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&s->seq, memory_order_relaxed) != seq)
			continue;
		memcpy(ret, words, sizeof(*ret));
		return ret->cookie != 0;
	}
	return false;
}

int track_last(void)
{
	return last;
}

int track_record(int fd, const struct track *t)
{
	uint64_t words[TRACK_WORDS];
	struct slot *slots;
	uint32_t seq;
	int saved = errno;

	if (fd < 0 || fd >= TRACK_MAX)
		return -E2BIG;
	slots = table_get();
	errno = saved;
	if (!slots || !slot_lock(&slots[fd], &seq))
		return -ENOMEM;
	memcpy(words, t, sizeof(words));
	for (size_t w = 0; w < TRACK_WORDS; w++)
		atomic_store_explicit(&slots[fd].words[w], words[w], memory_order_relaxed);
	slot_unlock(&slots[fd], seq);
	raise_limit(fd + 1);
	last = fd;
	return 0;
}

bool track_read(int fd, struct track *ret)
{
	struct slot *slots = atomic_load_explicit(&table, memory_order_acquire);

	return slots && fd >= 0 && fd < TRACK_MAX && slot_read(&slots[fd], ret);
}

void track_forget(int fd, uint64_t cookie)
{
	struct slot *slots = atomic_load_explicit(&table, memory_order_acquire);
	uint32_t seq;

	if (!slots || fd < 0 || fd >= TRACK_MAX || !slot_lock(&slots[fd], &seq))
		return;
	if (atomic_load_explicit(&slots[fd].words[0], memory_order_relaxed) == cookie)
		atomic_store_explicit(&slots[fd].words[0], 0, memory_order_relaxed);
	slot_unlock(&slots[fd], seq);
}

int track_limit(void)
{
	return atomic_load(&limit);
}

static bool sigpipe_kills(void)
{
	struct sigaction sa;

	return sigaction(SIGPIPE, NULL, &sa) == 0 && !(sa.sa_flags & SA_SIGINFO) &&
		sa.sa_handler == SIG_DFL;
}

bool cut_for_retry(int fd)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	return real_get()->connect(fd, &none, sizeof(none)) == 0;
}

static void cut(int fd)
{
	if (sigpipe_kills() && cut_for_retry(fd))
		return;
	(void)shutdown(fd, SHUT_RDWR);
}

int cut_socket(int fd, uint64_t cookie)
{
	int saved = errno, own = fcntl(fd, F_DUPFD_CLOEXEC, 3), r = -ESTALE;

	if (own < 0 && errno != EMFILE) {
		errno = saved;
		return -ESTALE;
	}
	if (track_cookie(own < 0 ? fd : own) == cookie) {
		cut(own < 0 ? fd : own);
		r = 0;
	}
	if (own >= 0)
		(void)close(own);
	errno = saved;
	return r;
}

void moved_note(struct moved *m, int fd, uint64_t cookie)
{
	if (m->n == MOVED_MAX)
		return;
	m->list[m->n].fd = fd;
	m->list[m->n].cookie = cookie;
	m->n++;
}

static int highest_number(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur > NUMBERS_MAX)
		return NUMBERS_MAX;
	return (int)files.rlim_cur;
}

/* True if the socket at this number is one of those noted; its record moves there. */
static bool take_up(const struct moved *m, int fd)
{
	uint64_t cookie = track_cookie(fd);
	struct track t;

	for (unsigned i = 0; cookie != 0 && i < m->n; i++) {
		if (m->list[i].cookie != cookie || !track_read(m->list[i].fd, &t) ||
			t.cookie != cookie)
			continue;
		return track_record(fd, &t) == 0;
	}
	return false;
}

unsigned moved_settle(struct moved *m)
{
	unsigned found = 0;

	for (int fd = 0, n = m->n > 0 ? highest_number() : 0; fd < n && found < m->n; fd++) {
		if (take_up(m, fd))
			found++;
	}
	for (unsigned i = 0; i < m->n; i++)
		track_forget(m->list[i].fd, m->list[i].cookie);
	m->n = 0;
	return found;
}
