/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slot file is mapped once per file and stays mapped.  It is written by strangers too: nothing
 * that is read from it is believed, and the counters wrap.
 */
#include "slot.h"

#include "base/process.h"
#include "known/mapview.h"

#include <pelorus/slots.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_NS UINT64_C(1000000000)

static struct {
	struct pel_slots *_Atomic file;
	_Atomic uint64_t inode;
} slots;

static struct pel_slot *own(void)
{
	struct pel_slots *file = atomic_load_explicit(&slots.file, memory_order_acquire);
	uint32_t i = atomic_load_explicit(&process_get()->slot, memory_order_relaxed);

	return file && i > 0 && i <= PEL_SLOTS ? &file->slots[i - 1] : NULL;
}

static void map_file(int fd)
{
	struct pel_slots *file;
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(*file) ||
		st.st_ino == atomic_load(&slots.inode))
		return;
	file = mmap(NULL, sizeof(*file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED)
		return;
	if (file->magic != PEL_SLOTS_MAGIC || file->count != PEL_SLOTS ||
		file->slot_size != sizeof(struct pel_slot)) {
		(void)munmap(file, sizeof(*file));
		return;
	}
	atomic_store(&slots.inode, st.st_ino);
	atomic_store(&process_get()->slot, 0);
	atomic_store_explicit(&slots.file, file, memory_order_release);
}

/* The file may have been made anew, with a new prober. */
static void look_for_file(void)
{
	struct pel_rundir dir;
	int fd, dirfd = mapview_open_dir(&dir, false);

	if (dirfd < 0)
		return;
	fd = openat(dirfd, PEL_RUN_SLOTS, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0) {
		map_file(fd);
		(void)close(fd);
	}
	(void)close(dirfd);
}

/* Field 22 of /proc/self/stat; the command in parentheses may contain anything. */
static uint64_t start_ticks(void)
{
	char text[1024], *at;
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	uint64_t ticks = 0;

	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	for (at = at ? at + 1 : NULL; at && *at >= '0' && *at <= '9'; at++)
		ticks = ticks * 10 + (uint64_t)(*at - '0');
	return ticks;
}

static void fill(struct pel_slot *s, uint64_t now_ns)
{
	struct stat st;

	s->start_ticks = start_ticks();
	s->pidns = stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
	for (int i = 0; i < PEL_SLOT_NAMES; i++)
		atomic_store(&s->names[i], 0);
	atomic_store(&s->tracked, 0);
	atomic_store(&s->routed, 0);
	atomic_store(&s->severed, 0);
	atomic_store(&s->refused, 0);
	atomic_store(&s->moved, 0);
	atomic_store(&s->retried, 0);
	memset(s->command, 0, sizeof(s->command));
	(void)prctl(PR_GET_NAME, s->command, 0, 0, 0);
	atomic_store(&s->seen_ns, now_ns);
	atomic_store_explicit(&s->ready, 1, memory_order_release);
}

static void claim(uint64_t now_ns)
{
	struct pel_slots *file = atomic_load_explicit(&slots.file, memory_order_acquire);
	int32_t pid = atomic_load(&process_get()->pid);

	for (uint32_t i = 0; file && i < PEL_SLOTS; i++) {
		uint32_t at = ((uint32_t)pid * 2654435761u + i) % PEL_SLOTS;
		int32_t none = 0;

		if (!atomic_compare_exchange_strong(&file->slots[at].pid, &none, pid))
			continue;
		fill(&file->slots[at], now_ns);
		atomic_store(&process_get()->slot, at + 1);
		return;
	}
}

/* The prober freed it (we were frozen), or gave it to another. */
static bool is_lost(const struct pel_slot *s)
{
	return atomic_load(&s->pid) != atomic_load(&process_get()->pid);
}

static struct pel_slot *get(uint64_t now_ns)
{
	struct pel_slot *s = own();
	_Atomic uint64_t *when = &process_get()->slot_ns;
	uint64_t next = atomic_load(when);
	int saved = errno;

	if (s && !is_lost(s))
		return s;
	atomic_store(&process_get()->slot, 0);
	if (now_ns < next || !atomic_compare_exchange_strong(when, &next, now_ns + RETRY_NS))
		return NULL;
	look_for_file();
	claim(now_ns);
	errno = saved;
	return own();
}

void slot_follow(uint64_t name_hash, uint64_t now_ns)
{
	struct pel_slot *s = get(now_ns);

	for (int i = 0; s && i < PEL_SLOT_NAMES; i++) {
		uint64_t seen = 0;

		if (atomic_compare_exchange_strong(&s->names[i], &seen, name_hash) ||
			seen == name_hash)
			return;
	}
}

void slot_count(enum slot_counter counter)
{
	static const size_t places[] = {
		[SLOT_ROUTED] = offsetof(struct pel_slot, routed),
		[SLOT_SEVERED] = offsetof(struct pel_slot, severed),
		[SLOT_REFUSED] = offsetof(struct pel_slot, refused),
		[SLOT_MOVED] = offsetof(struct pel_slot, moved),
		[SLOT_RETRIED] = offsetof(struct pel_slot, retried),
	};
	char *s = (char *)own();

	if (s)
		(void)atomic_fetch_add_explicit((_Atomic uint32_t *)(void *)(s + places[counter]),
			1, memory_order_relaxed);
}

void slot_count_sockets(int difference)
{
	struct pel_slot *s = own();

	if (s)
		(void)atomic_fetch_add_explicit(&s->tracked, (uint32_t)difference,
			memory_order_relaxed);
}

void slot_look(uint64_t now_ns, uint32_t tracked)
{
	struct pel_slot *s;

	look_for_file();
	s = get(now_ns);
	if (!s)
		return;
	atomic_store(&s->seen_ns, now_ns);
	atomic_store(&s->tracked, tracked);
}
