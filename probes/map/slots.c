/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slot file, as the prober sees it.
 *
 * Clients write what they like into it, in a shared directory even clients of other users: every
 * value is a claim, and the file is read and written, never mapped, for one of them may truncate
 * it.  A pid is asked for with kill(pid, 0); a slot of another pid namespace lives as long as its
 * owner moves `seen_ns`, which it does every 30 s.
 */
#include "slots.h"

#include <errno.h>
#include <fcntl.h>
#include "common/rundir.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SILENT_NS UINT64_C(100000000000) /* three looks and a bit */
#define FILLING_NS UINT64_C(10000000000) /* how long a slot may be taken and not ready */
#define BATCH 64
#define SOCKETS_MOST 1048575u /* of a process: no sum of claims wraps around */

struct slots_file {
	int fd;
	int dirfd;
	ino_t inode;
	dev_t device;
	uint64_t pidns;
	struct slots_summary gone;    /* counters of slots that were freed */
	uint64_t taken_ns[PEL_SLOTS]; /* when a slot was first seen taken and not ready */
	struct {
		pid_t pid; /* of a living one */
		uint32_t severed, routed, waited, given_up, longest_ms;
	} was[PEL_SLOTS]; /* its counters at the sweep before */
	bool swept;
	bool is_new; /* what its clients tell was told to no prober before */
	struct pel_slot_seen seen[PEL_SLOTS][PEL_SLOT_NAMES]; /* at the sweep before */
};

/* The file's first bytes; the rest of it is far too large for a stack. */
struct head {
	uint64_t magic;
	uint32_t count;
	uint32_t slot_size;
	uint32_t more_size;
	uint32_t pad;
};

_Static_assert(sizeof(struct head) == offsetof(struct pel_slots, fill), "pel_slots");

static const struct head our_head = {.magic = PEL_SLOTS_MAGIC,
	.count = PEL_SLOTS,
	.slot_size = sizeof(struct pel_slot),
	.more_size = sizeof(struct pel_slot_more)};

static bool head_is_ours(int fd)
{
	struct head head;

	return pread(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
		memcmp(&head, &our_head, sizeof(head)) == 0;
}

static int file_know(struct slots_file *s, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	s->fd = fd;
	s->inode = st.st_ino;
	s->device = st.st_dev;
	return 0;
}

static bool is_usable(int fd, mode_t mode)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
		(st.st_mode & 0777) == mode && st.st_size == (off_t)sizeof(struct pel_slots) &&
		head_is_ours(fd);
}

/* Also fails for a file that is there and cannot be used: a new one takes its place. */
static int open_old(struct slots_file *s, mode_t mode)
{
	int fd = openat(s->dirfd, PEL_RUN_SLOTS, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (is_usable(fd, mode) && file_know(s, fd) == 0)
		return 0;
	(void)close(fd);
	return -EINVAL;
}

static int file_fill(int fd, mode_t mode)
{
	if (fchmod(fd, mode) < 0 || ftruncate(fd, sizeof(struct pel_slots)) < 0 ||
		pwrite(fd, &our_head, sizeof(our_head), 0) != (ssize_t)sizeof(our_head))
		return errno ? -errno : -EIO;
	return 0;
}

/* Filled under a name of its own, then moved into place: nobody maps a half-made one. */
static int make_new(struct slots_file *s, mode_t mode)
{
	static const char name[] = PEL_RUN_SLOTS ".new";
	int r, fd;

	(void)unlinkat(s->dirfd, name, 0);
	fd = openat(s->dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = file_fill(fd, mode);
	if (r == 0 && renameat(s->dirfd, name, s->dirfd, PEL_RUN_SLOTS) < 0)
		r = -errno;
	if (r == 0)
		r = file_know(s, fd);
	if (r < 0)
		(void)close(fd);
	return r;
}

int slots_open(int dirfd, mode_t mode, struct slots_file **ret)
{
	struct slots_file *s = calloc(1, sizeof(*s));
	struct stat st;
	int r;

	if (!s)
		return -ENOMEM;
	s->dirfd = dirfd;
	s->pidns = stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
	r = open_old(s, mode);
	s->is_new = r < 0;
	if (r < 0)
		r = make_new(s, mode);
	if (r < 0)
		free(s);
	else
		*ret = s;
	return r;
}

void slots_close(struct slots_file *s)
{
	if (!s)
		return;
	(void)close(s->fd);
	free(s);
}

/* Field 22 of /proc/PID/stat, behind the command, which may contain anything; 0 if not known. */
static uint64_t start_ticks(pid_t pid)
{
	char path[32], text[1024], *at;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

static bool process_lives(pid_t pid, uint64_t ticks, bool thorough)
{
	uint64_t now;

	if (kill(pid, 0) < 0 && errno == ESRCH)
		return false;
	if (!thorough || ticks == 0)
		return true;
	now = start_ticks(pid);
	return now == 0 || now == ticks;
}

/* A slot that is taken but never filled belongs to one who died in between. */
static bool filling_lives(struct slots_file *s, unsigned i, uint64_t now_ns)
{
	if (s->taken_ns[i] == 0)
		s->taken_ns[i] = now_ns;
	return now_ns - s->taken_ns[i] < FILLING_NS;
}

static bool slot_lives(struct slots_file *s, unsigned i, const struct pel_slot *slot,
	uint64_t now_ns, bool thorough)
{
	uint64_t seen_ns = slot->seen_ns;

	if (!slot->version)
		return filling_lives(s, i, now_ns);
	s->taken_ns[i] = 0;
	if (slot->pid < 0)
		return false;
	if (slot->pidns == s->pidns)
		return process_lives(slot->pid, slot->start_ticks, thorough);
	return seen_ns >= now_ns || now_ns - seen_ns < SILENT_NS;
}

static void slot_add(const struct pel_slot *slot, struct slots_summary *sum)
{
	sum->routed += slot->routed;
	sum->severed += slot->severed;
	sum->refused += slot->refused;
	sum->moved += slot->moved;
	sum->retried += slot->retried;
	sum->waited += slot->waited;
	sum->given_up += slot->given_up;
	if (sum->longest_ms < slot->longest_ms)
		sum->longest_ms = slot->longest_ms;
}

/* Of more versions than there is room for the last ones are not counted. */
static void version_add(struct slots_summary *sum, uint32_t version)
{
	for (unsigned i = 0; version != 0 && i < SLOTS_VERSIONS; i++) {
		struct slots_version *v = &sum->versions[i];

		if (v->live != 0 && v->version != version)
			continue;
		v->version = version;
		v->live++;
		return;
	}
}

static off_t offset_of(unsigned i)
{
	return (off_t)(offsetof(struct pel_slots, slots) + i * sizeof(struct pel_slot));
}

static off_t more_offset_of(unsigned i)
{
	return (off_t)(offsetof(struct pel_slots, more) + i * sizeof(struct pel_slot_more));
}

/* Clears everything, the pid last: it lets the next one take the slot. */
static void slot_free(struct slots_file *s, unsigned i, const struct pel_slot *slot)
{
	static const struct pel_slot empty;
	static const struct pel_slot_more none;
	const size_t pid_size = sizeof(slot->pid);

	slot_add(slot, &s->gone);
	s->taken_ns[i] = 0;
	memset(&s->was[i], 0, sizeof(s->was[i]));
	memset(s->seen[i], 0, sizeof(s->seen[i]));
	(void)!pwrite(s->fd, &none, sizeof(none), more_offset_of(i));
	if (pwrite(s->fd, (const char *)&empty + pid_size, sizeof(empty) - pid_size,
		    offset_of(i) + (off_t)pid_size) > 0)
		(void)!pwrite(s->fd, &empty, pid_size, offset_of(i));
}

/* What one sweep is about. */
struct sweep {
	uint64_t now_ns;
	bool thorough;
	const struct slots_listener *listener;
	struct slots_summary living;
};

static void names_of(const struct pel_slot *slot, uint64_t ret[static PEL_SLOT_NAMES])
{
	for (unsigned k = 0; k < PEL_SLOT_NAMES; k++)
		ret[k] = slot->names[k];
}

/* Fewer than before are those of another program: a process may execute one. */
static uint32_t grown(uint32_t was, uint32_t is)
{
	return is < was ? is : is - was;
}

static void news_tell(struct slots_file *s, unsigned i, const struct pel_slot *slot,
	const struct slots_listener *listener)
{
	const struct slots_news news = {
		.severed = s->swept ? grown(s->was[i].severed, slot->severed) : 0,
		.waited = grown(s->was[i].waited, slot->waited),
		.given_up = grown(s->was[i].given_up, slot->given_up),
		.longest_ms = slot->longest_ms,
	};
	bool any = news.severed || news.waited || news.given_up ||
		news.longest_ms != s->was[i].longest_ms;
	uint64_t names[PEL_SLOT_NAMES];

	s->was[i].severed = slot->severed;
	s->was[i].waited = slot->waited;
	s->was[i].given_up = slot->given_up;
	s->was[i].longest_ms = slot->longest_ms;
	if (!any || !listener || !listener->news)
		return;
	names_of(slot, names);
	listener->news(listener->ctx, names, &news);
}

/* How much a claim has grown, within reason. */
static uint32_t seen_grown(uint32_t was, uint32_t is)
{
	uint32_t n = grown(was, is);

	return n < SOCKETS_MOST ? n : SOCKETS_MOST;
}

/* At the first sweep of an old file what is there may have been told to an earlier prober. */
static void seen_tell(struct slots_file *s, unsigned i, const struct pel_slot *slot,
	const struct slots_listener *listener)
{
	struct pel_slot_more more;

	if (!slot->version || !listener || !listener->seen ||
		pread(s->fd, &more, sizeof(more), more_offset_of(i)) != (ssize_t)sizeof(more) ||
		more.pid != slot->pid || more.start_ticks != slot->start_ticks)
		return;
	for (unsigned n = 0; n < PEL_SLOT_NAMES; n++) {
		const struct pel_slot_seen *was = &s->seen[i][n], *is = &more.seen[n];
		const struct pel_slot_seen news = {
			.elsewhere = seen_grown(was->elsewhere, is->elsewhere),
			.wrong = seen_grown(was->wrong, is->wrong),
			.held = seen_grown(was->held, is->held),
			.severed = seen_grown(was->severed, is->severed),
			.moved = seen_grown(was->moved, is->moved),
		};

		if (memcmp(was, is, sizeof(*is)) == 0)
			continue;
		if (s->swept || s->is_new)
			listener->seen(listener->ctx, slot->names[n], slot->command, &news);
		memcpy(&s->seen[i][n], is, sizeof(*is));
	}
}

static void wants_tell(const struct pel_slot *slot, const struct slots_listener *listener,
	bool used)
{
	for (unsigned n = 0; listener && listener->wants && n < PEL_SLOT_NAMES; n++) {
		if (slot->names[n])
			listener->wants(listener->ctx, slot->names[n], used);
	}
}

static void slot_sweep(struct slots_file *s, unsigned i, const struct pel_slot *slot,
	struct sweep *sweep)
{
	const struct slots_listener *listener = sweep->listener;
	struct slots_summary *living = &sweep->living;
	bool used = slot->tracked || slot->routed != s->was[i].routed;

	if (slot->pid == 0)
		return;
	news_tell(s, i, slot, listener);
	seen_tell(s, i, slot, listener);
	if (!slot_lives(s, i, slot, sweep->now_ns, sweep->thorough)) {
		/* A script that came and went since the sweep before did want them. */
		if (s->swept && slot->pid > 0 && slot->pid != s->was[i].pid)
			wants_tell(slot, listener, true);
		slot_free(s, i, slot);
		return;
	}
	s->was[i].pid = slot->pid;
	s->was[i].routed = slot->routed;
	wants_tell(slot, listener, used);
	living->live++;
	version_add(living, slot->version);
	living->tracked += slot->tracked;
	slot_add(slot, living);
}

static bool path_leads_here(const struct slots_file *s)
{
	struct stat st;

	return fstatat(s->dirfd, PEL_RUN_SLOTS, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_ino == s->inode && st.st_dev == s->device &&
		st.st_size == (off_t)sizeof(struct pel_slots);
}

static uint32_t believable(uint32_t sockets)
{
	return sockets < SOCKETS_MOST ? sockets : SOCKETS_MOST;
}

uint64_t slots_crowd(struct slots_file *s, slots_held *held, void *ctx)
{
	struct pel_slot batch[BATCH];
	uint64_t names[PEL_SLOT_NAMES], sum = 0;

	for (unsigned first = 0; first < PEL_SLOTS; first += BATCH) {
		if (pread(s->fd, batch, sizeof(batch), offset_of(first)) != (ssize_t)sizeof(batch))
			break;
		for (unsigned i = 0; i < BATCH; i++) {
			if (batch[i].pid == 0)
				continue;
			sum += believable(batch[i].tracked) + believable(batch[i].held);
			names_of(&batch[i], names);
			if (batch[i].held && held)
				held(ctx, names, believable(batch[i].held));
		}
	}
	return sum;
}

bool slots_sweep(struct slots_file *s, uint64_t now_ns, bool thorough,
	const struct slots_listener *listener, struct slots_summary *ret)
{
	struct sweep sweep = {.now_ns = now_ns, .thorough = thorough, .listener = listener};
	const struct slots_summary *living = &sweep.living;
	struct pel_slot batch[BATCH];

	for (unsigned first = 0; first < PEL_SLOTS; first += BATCH) {
		if (pread(s->fd, batch, sizeof(batch), offset_of(first)) != (ssize_t)sizeof(batch))
			break;
		for (unsigned i = 0; i < BATCH; i++)
			slot_sweep(s, first + i, &batch[i], &sweep);
	}
	s->swept = true;
	*ret = s->gone;
	ret->live = living->live;
	ret->tracked = living->tracked;
	memcpy(ret->versions, living->versions, sizeof(ret->versions));
	ret->routed += living->routed;
	ret->severed += living->severed;
	ret->refused += living->refused;
	ret->moved += living->moved;
	ret->retried += living->retried;
	ret->waited += living->waited;
	ret->given_up += living->given_up;
	if (ret->longest_ms < living->longest_ms)
		ret->longest_ms = living->longest_ms;
	return path_leads_here(s);
}
