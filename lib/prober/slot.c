/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slot is kept in the process's own page, and written to the file as a whole: when a name is
 * added, at the watcher's look, and a second after anything was counted.  The file is written by
 * strangers too: it is never mapped, for whoever truncates it, or fills the file system, would kill us by
 * it, and nothing that is read from it is believed but that a slot is free, or still ours.
 *
 * Two may take one slot at the same moment.  Who wrote first finds the other there when it writes the
 * next time, and takes another.
 */
#include "slot.h"

#include "common/clock.h"
#include "base/env.h"
#include "base/process.h"
#include "base/quiet.h"
#include "known/mapview.h"

#include <pelorus/slots.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLAIM_NS UINT64_C(1000000000) /* between two searches for a free one */
#define TELL_NS UINT64_C(1000000000)  /* between two writes of what was counted */
#define SOON_NS UINT64_C(100000000)   /* then: at a failover there is more urgent work for all */

/*
 * Field 22 of /proc/self/stat, and the command in parentheses, which may contain anything: that of the
 * process, whichever thread this is.  Several may do so at once: each writes the same, and nothing half.
 */
static void fill_by_stat(struct pel_slot *s)
{
	char text[1024], *at, *command;
	uint64_t ticks = 0;
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	command = strchr(text, '(');
	at = strrchr(text, ')');
	if (command && at - command <= (ptrdiff_t)sizeof(s->command))
		memcpy(s->command, command + 1, (size_t)(at - command - 1));
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	for (at = at ? at + 1 : NULL; at && *at >= '0' && *at <= '9'; at++)
		ticks = ticks * 10 + (uint64_t)(*at - '0');
	s->start_ticks = ticks;
}

static off_t offset_of(uint32_t i)
{
	return (off_t)(offsetof(struct pel_slots, slots) + i * sizeof(struct pel_slot));
}

static bool read_slot(int fd, uint32_t i, struct pel_slot *ret)
{
	return pread(fd, ret, sizeof(*ret), offset_of(i)) == (ssize_t)sizeof(*ret);
}

static bool is_of(const struct pel_slot *s, const struct pel_slot *own)
{
	return s->pid == own->pid && s->pidns == own->pidns && s->start_ticks == own->start_ticks;
}

static bool is_ours(int fd, uint32_t i, const struct pel_slot *own)
{
	struct pel_slot s;

	return read_slot(fd, i, &s) && is_of(&s, own);
}

static bool write_to(int fd, uint32_t i, const struct pel_slot *own)
{
	return quiet_write(fd, own, sizeof(*own), offset_of(i)) == (ssize_t)sizeof(*own);
}

/*
 * Takes a free one, and is its owner if it still is after that; or that of the program which this
 * process was before, whose slot would live as long as we do.
 */
static void claim(int fd, const struct pel_slot *own, uint64_t now_ns)
{
	struct process *p = process_get();
	uint64_t next = atomic_load(&p->slot_ns);
	struct pel_slot s;

	if (now_ns < next ||
		!atomic_compare_exchange_strong(&p->slot_ns, &next, now_ns + CLAIM_NS)) {
		atomic_store(&p->untold, 1);
		return;
	}
	for (uint32_t i = 0; i < PEL_SLOTS; i++) {
		uint32_t at = ((uint32_t)own->pid * 2654435761u + i) % PEL_SLOTS;

		if (!read_slot(fd, at, &s))
			return;
		if (s.pid != 0 && !is_of(&s, own))
			continue;
		if (!write_to(fd, at, own))
			return;
		if (is_ours(fd, at, own)) {
			atomic_store(&p->slot, at + 1);
			return;
		}
	}
}

static bool is_slot_file(int fd, bool *ret_more)
{
	struct stat st;
	struct {
		uint64_t magic;
		uint32_t count;
		uint32_t slot_size;
		uint32_t more_size;
		uint32_t pad;
	} head;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
		head.magic != PEL_SLOTS_MAGIC || head.count != PEL_SLOTS ||
		head.slot_size != sizeof(struct pel_slot))
		return false;
	*ret_more = head.more_size == sizeof(struct pel_slot_more);
	return true;
}

static int open_file(bool *ret_more)
{
	struct pel_rundir dir;
	int fd, dirfd = mapview_open_dir(&dir, false);

	if (dirfd < 0)
		return -1;
	fd = openat(dirfd, PEL_RUN_SLOTS, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	(void)close(dirfd);
	if (fd < 0 || is_slot_file(fd, ret_more))
		return fd;
	(void)close(fd);
	return -1;
}

static void fill(struct pel_slot *s)
{
	struct stat st;

	if (s->version)
		return;
	fill_by_stat(s);
	s->pidns = stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
	s->pid = atomic_load(&process_get()->pid);
	s->version = PELORUS_VERSION_NUMBER;
}

static void tell_more(int fd, uint32_t slot)
{
	struct pel_slot_more *more = &process_get()->own_more;
	const struct pel_slot *own = &process_get()->own_slot;

	more->pid = own->pid;
	more->start_ticks = own->start_ticks;
	more->uid = geteuid();
	more->mode = (uint8_t)env_get()->mode;
	(void)quiet_write(fd, more, sizeof(*more),
		(off_t)(offsetof(struct pel_slots, more) + slot * sizeof(*more)));
}

/* The file may have been made anew, with a new prober: then there is nothing of us in it. */
static void tell(uint64_t now_ns)
{
	struct process *p = process_get();
	struct pel_slot *own = &p->own_slot;
	struct quiet quiet = quiet_begin();
	bool has_more;
	int fd;
	uint32_t slot = atomic_load(&p->slot);

	atomic_store(&p->untold, 0);
	atomic_store(&p->tell_ns, 0);
	atomic_store(&p->told_ns, now_ns);
	if (own->names[0] == 0)
		return;
	fd = open_file(&has_more);
	if (fd < 0)
		atomic_store(&p->slot_ns, now_ns + CLAIM_NS);
	if (fd >= 0) {
		fill(own);
		own->seen_ns = now_ns;
		if (slot == 0 || slot > PEL_SLOTS || !is_ours(fd, slot - 1, own))
			claim(fd, own, now_ns);
		else
			(void)write_to(fd, slot - 1, own);
		slot = atomic_load(&p->slot);
		if (has_more && slot != 0 && slot <= PEL_SLOTS)
			tell_more(fd, slot - 1);
		(void)close(fd);
	}
	quiet_end(quiet);
}

/* True if it was not there yet; of more names than there is room for, the first ones are told. */
static bool add_name(struct pel_slot *own, uint64_t name_hash)
{
	for (int i = 0; i < PEL_SLOT_NAMES; i++) {
		uint64_t seen = 0;

		if (atomic_compare_exchange_strong(&own->names[i], &seen, name_hash))
			return true;
		if (seen == name_hash)
			break;
	}
	return false;
}

void slot_follow(uint64_t name_hash, uint64_t now_ns)
{
	struct process *p = process_get();

	if (add_name(&p->own_slot, name_hash) ||
		(atomic_load(&p->slot) == 0 && now_ns >= atomic_load(&p->slot_ns)))
		tell(now_ns);
}

static void add_one(_Atomic uint32_t *to, bool kicks)
{
	struct process *p = process_get();

	(void)atomic_fetch_add_explicit(to, 1, memory_order_relaxed);
	if (atomic_load_explicit(&p->untold, memory_order_relaxed) == 0 &&
		atomic_exchange(&p->untold, 1) == 0 && kicks)
		process_kick();
}

void slot_count(enum slot_counter counter)
{
	add_one(&process_get()->own_slot.routed + counter, true);
}

void slot_count_seen(uint64_t name_hash, enum slot_seen what)
{
	struct process *p = process_get();

	for (int i = 0; i < PEL_SLOT_NAMES; i++) {
		if (atomic_load(&p->own_slot.names[i]) != name_hash)
			continue;
		/* Its fields are in the enumeration's order. */
		add_one((_Atomic uint32_t *)&p->own_more.seen[i] + what, what == SEEN_ELSEWHERE);
		/* What only a failover brings is told at once: a script may be over in a moment. */
		if (what != SEEN_ELSEWHERE)
			tell(clock_now_ns());
		return;
	}
}

void slot_hold(uint32_t held)
{
	struct process *p = process_get();

	if (atomic_exchange_explicit(&p->own_slot.held, held, memory_order_relaxed) != held)
		atomic_store(&p->untold, 1);
}

void slot_waited(uint64_t ns)
{
	_Atomic uint32_t *longest = &process_get()->own_slot.longest_ms;
	uint32_t ms = (uint32_t)(ns / 1000000), seen = atomic_load(longest);

	while (seen < ms && !atomic_compare_exchange_weak(longest, &seen, ms))
		;
}

void slot_count_sockets(int difference)
{
	(void)atomic_fetch_add_explicit(&process_get()->own_slot.tracked, (uint32_t)difference,
		memory_order_relaxed);
}

/* It is the watcher itself who severs. */
void slot_count_severed(enum pel_severed why)
{
	struct process *p = process_get();

	slot_count_sockets(-1);
	(void)atomic_fetch_add_explicit(&p->own_more.severed_by[why], 1, memory_order_relaxed);
	add_one(&p->own_slot.severed, false);
}

void slot_look(uint64_t now_ns, uint32_t tracked)
{
	atomic_store(&process_get()->own_slot.tracked, tracked);
	tell(now_ns);
}

uint64_t slot_tell(uint64_t now_ns)
{
	struct process *p = process_get();
	uint64_t due = atomic_load(&p->tell_ns);

	if (atomic_load(&p->untold) == 0)
		return SLOT_NEVER;
	if (due == 0) {
		due = atomic_load(&p->told_ns) + TELL_NS;
		due = due > now_ns + SOON_NS ? due : now_ns + SOON_NS;
		atomic_store(&p->tell_ns, due);
	}
	if (now_ns < due)
		return due - now_ns;
	tell(now_ns);
	return atomic_load(&p->untold) ? TELL_NS : SLOT_NEVER;
}
