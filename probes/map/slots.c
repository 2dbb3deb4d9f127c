/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slot file, as the prober sees it.
 *
 * Clients write what they like into it, in a shared directory even clients of other users: every
 * value is a claim, and the file is read and written, never mapped, for one of them may truncate
 * it.  A pid is asked for with kill(pid, 0); a slot of another pid namespace lives as long as its
 * owner moves `seen_ns`, which it does every 30 s.  That is by a clock that may be another's, too: a
 * time that is none of ours counts while it moves.
 *
 * A process tells what it has done since it began.  What it told at the sweep before is kept, behind the
 * end of its slot too, for it may be silent and come back, and look for a place where it had one: what
 * has grown since is counted.  Of one that was not known everything is, unless it may have told another
 * daemon or in another file: doubt counts nothing twice.
 */
#include "slots.h"

#include "slots_file.h"
#include "slots_process.h"

#include <errno.h>
#include <fcntl.h>
#include "common/rundir.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SILENT_NS UINT64_C(100000000000) /* three looks and a bit */
#define FILLING_NS UINT64_C(10000000000) /* how long a slot may be taken and not ready */
#define BATCH 64
#define LOST_NEAR 16          /* a look at 4,096 new ones must not be one at as many places each */
#define SOCKETS_MOST 1048575u /* of a process: no sum of claims wraps around */

struct slots_file {
	int fd;
	int dirfd;
	mode_t mode;
	ino_t inode;
	dev_t device;
	uint64_t pidns;
	struct slots_summary sum;     /* of all sweeps, and of the last one */
	uint64_t taken_ns[PEL_SLOTS]; /* when a slot was first seen taken and not ready */
	struct was {
		uint64_t start_ticks, pidns;
		uint64_t seen_ns, moved_ns; /* when it was seen to be another; 0: never */
		uint32_t routed, severed, refused, moved, retried, waited, given_up, longest_ms;
		uint32_t severed_by[PEL_SEVERED];
		pid_t pid;
	} was[PEL_SLOTS]; /* at the sweep before */
	unsigned turn;
	bool swept; /* or there was nothing to be swept */
	uint64_t
		remade_ticks; /* who began before may have told in an earlier file; 0: there was none */
	struct pel_slot_seen seen[PEL_SLOTS][PEL_SLOT_NAMES]; /* at the sweep before */
	struct lost {
		struct was was;
		struct pel_slot_seen seen[PEL_SLOT_NAMES];
	} lost[PEL_SLOTS]; /* who lost a place, and may come back to another: near lost_at() */
};

int slots_open(int dirfd, mode_t mode, struct slots_file **ret)
{
	struct slots_file *s = *ret ? *ret : calloc(1, sizeof(*s));
	int old = slots_file_old(dirfd, mode), fd = old < 0 ? slots_file_new(dirfd, mode) : old;
	struct stat st;

	if (!s || fd < 0 || fstat(fd, &st) < 0) {
		int r = !s ? -ENOMEM : fd < 0 ? fd : -errno;

		if (fd >= 0)
			(void)close(fd);
		if (!*ret)
			free(s);
		return r;
	}
	if (*ret || (old < 0 && old != -ENOENT))
		s->remade_ticks = process_now_ticks();
	if (*ret)
		(void)close(s->fd);
	s->swept |= old < 0;
	s->dirfd = dirfd;
	s->mode = mode;
	s->fd = fd;
	s->inode = st.st_ino;
	s->device = st.st_dev;
	s->pidns = stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
	*ret = s;
	return 0;
}

void slots_close(struct slots_file *s)
{
	if (!s)
		return;
	(void)close(s->fd);
	free(s);
}

/* A slot that is taken but never filled belongs to one who died in between. */
static bool filling_lives(struct slots_file *s, unsigned i, uint64_t now_ns)
{
	if (s->taken_ns[i] == 0)
		s->taken_ns[i] = now_ns;
	return now_ns - s->taken_ns[i] < FILLING_NS;
}

static bool slot_lives(struct slots_file *s, unsigned i, const struct pel_slot *slot,
	uint64_t now_ns)
{
	uint64_t seen_ns = slot->seen_ns, moved_ns = s->was[i].moved_ns;

	if (!slot->version)
		return filling_lives(s, i, now_ns);
	s->taken_ns[i] = 0;
	if (slot->pid < 0)
		return false;
	if (slot->pidns == s->pidns)
		return process_lives(slot->pid, slot->start_ticks, i % SLOTS_TURNS == s->turn);
	return (seen_ns <= now_ns && now_ns - seen_ns < SILENT_NS) ||
		(moved_ns && now_ns - moved_ns < SILENT_NS);
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
static void slot_free(struct slots_file *s, unsigned i)
{
	static const struct pel_slot empty;
	static const struct pel_slot_more none;
	const size_t pid_size = sizeof(empty.pid);

	s->taken_ns[i] = 0;
	(void)!pwrite(s->fd, &none, sizeof(none), more_offset_of(i));
	if (pwrite(s->fd, (const char *)&empty + pid_size, sizeof(empty) - pid_size,
		    offset_of(i) + (off_t)pid_size) > 0)
		(void)!pwrite(s->fd, &empty, pid_size, offset_of(i));
}

/* What one sweep is about. */
struct sweep {
	uint64_t now_ns;
	const struct slots_listener *listener;
};

static void names_of(const struct pel_slot *slot, uint64_t ret[static PEL_SLOT_NAMES])
{
	for (unsigned k = 0; k < PEL_SLOT_NAMES; k++)
		ret[k] = slot->names[k];
}

static uint32_t believable(uint32_t sockets)
{
	return sockets < SOCKETS_MOST ? sockets : SOCKETS_MOST;
}

static bool is_same(const struct was *a, const struct was *b)
{
	return a->pid == b->pid && a->start_ticks == b->start_ticks && a->pidns == b->pidns;
}

static bool is_of(const struct was *was, const struct pel_slot *slot)
{
	const struct was who = {.pid = slot->pid,
		.start_ticks = slot->start_ticks,
		.pidns = slot->pidns};

	return is_same(was, &who);
}

static bool is_known(const struct slots_file *s, unsigned i, const struct pel_slot *slot)
{
	return is_of(&s->was[i], slot);
}

/*
 * How much a claim has grown, within reason.  Fewer than before are those of another program: a
 * process may execute one.
 */
static uint32_t grown(uint32_t was, uint32_t is)
{
	return believable(is < was ? is : is - was);
}

static void sum_add(struct slots_summary *sum, const struct was *was, const struct was *is)
{
	sum->routed += grown(was->routed, is->routed);
	sum->severed += grown(was->severed, is->severed);
	sum->refused += grown(was->refused, is->refused);
	sum->moved += grown(was->moved, is->moved);
	sum->retried += grown(was->retried, is->retried);
	sum->waited += grown(was->waited, is->waited);
	sum->given_up += grown(was->given_up, is->given_up);
	for (unsigned i = 0; i < PEL_SEVERED; i++)
		sum->severed_by[i] += grown(was->severed_by[i], is->severed_by[i]);
	if (sum->longest_ms < is->longest_ms)
		sum->longest_ms = is->longest_ms;
}

static void news_tell(const struct pel_slot *slot, const struct was *was, const struct was *is,
	const struct slots_listener *listener)
{
	const struct slots_news news = {
		.severed = grown(was->severed, is->severed),
		.waited = grown(was->waited, is->waited),
		.given_up = grown(was->given_up, is->given_up),
		.longest_ms = is->longest_ms,
	};
	bool any =
		news.severed || news.waited || news.given_up || news.longest_ms != was->longest_ms;
	uint64_t names[PEL_SLOT_NAMES];

	if (!any || !listener || !listener->news)
		return;
	names_of(slot, names);
	listener->news(listener->ctx, names, &news);
}

/* One of the LOST_NEAR places for whoever has this number, start and namespace. */
static struct lost *lost_at(struct slots_file *s, pid_t pid, uint64_t start, uint64_t pidns,
	unsigned n)
{
	uint64_t hash = ((uint64_t)pid ^ start << 22 ^ pidns << 40) * UINT64_C(0x9e3779b97f4a7c15);

	return &s->lost[((hash >> 40) + n) % PEL_SLOTS];
}

/* What is known of who had a place is kept until it comes back, or too many others are lost. */
static void slot_lose(struct slots_file *s, unsigned i)
{
	struct was *was = &s->was[i];
	struct lost *to = NULL;

	if (was->pid == 0)
		return;
	for (unsigned n = LOST_NEAR; n-- > 0;) {
		struct lost *l = lost_at(s, was->pid, was->start_ticks, was->pidns, n);

		if (!to || (l->was.pid == 0 && !is_same(&to->was, was)) || is_same(&l->was, was))
			to = l;
	}
	to->was = *was;
	memcpy(to->seen, s->seen[i], sizeof(to->seen));
	was->pid = 0;
}

/* Whether it was known in another place, which it lost while it was silent. */
static bool slot_return(struct slots_file *s, unsigned i, const struct pel_slot *slot)
{
	slot_lose(s, i);
	for (unsigned n = 0; n < LOST_NEAR; n++) {
		struct lost *l = lost_at(s, slot->pid, slot->start_ticks, slot->pidns, n);

		if (!is_of(&l->was, slot))
			continue;
		s->was[i] = l->was;
		memcpy(s->seen[i], l->seen, sizeof(l->seen));
		l->was.pid = 0;
		return true;
	}
	return false;
}

/* Of one that was not known: as if it had told nothing, or all that it tells now, before. */
static void slot_meet(struct slots_file *s, unsigned i, const struct pel_slot *slot,
	const struct was *is, uint64_t now_ns)
{
	bool new = s->swept && (s->remade_ticks == 0 || slot->start_ticks > s->remade_ticks);

	s->was[i] = new ? (struct was){0} : *is;
	s->was[i].longest_ms = 0;
	s->was[i].moved_ns = slot->seen_ns > now_ns ? now_ns : 0;
	memset(s->seen[i], new ? 0 : 255, sizeof(s->seen[i]));
}

/* What is told beside the slot, if that is its; else nothing is. */
static bool more_read(const struct slots_file *s, unsigned i, const struct pel_slot *slot,
	struct pel_slot_more *ret)
{
	if (pread(s->fd, ret, sizeof(*ret), more_offset_of(i)) == (ssize_t)sizeof(*ret) &&
		ret->pid == slot->pid && ret->start_ticks == slot->start_ticks)
		return true;
	memset(ret, 0, sizeof(*ret));
	return false;
}

static void seen_tell(struct slots_file *s, unsigned i, const struct pel_slot *slot,
	const struct pel_slot_more *more, const struct slots_listener *listener)
{
	for (unsigned n = 0; n < PEL_SLOT_NAMES; n++) {
		static const struct pel_slot_seen nothing;
		const struct pel_slot_seen *was = &s->seen[i][n], *is = &more->seen[n];
		const struct pel_slot_seen news = {
			.elsewhere = grown(was->elsewhere, is->elsewhere),
			.wrong = grown(was->wrong, is->wrong),
			.held = grown(was->held, is->held),
			.severed = grown(was->severed, is->severed),
			.moved = grown(was->moved, is->moved),
		};

		if (was->pad == 0 && memcmp(&news, &nothing, sizeof(news)) != 0 && listener &&
			listener->seen)
			listener->seen(listener->ctx, slot->names[n], slot->command, &news);
		memcpy(&s->seen[i][n], is, sizeof(*is));
		s->seen[i][n].pad = 0;
	}
}

static struct was was_of(const struct pel_slot *slot, const struct pel_slot_more *more)
{
	struct was is = {.pid = slot->pid,
		.start_ticks = slot->start_ticks,
		.pidns = slot->pidns,
		.seen_ns = slot->seen_ns,
		.routed = slot->routed,
		.severed = slot->severed,
		.refused = slot->refused,
		.moved = slot->moved,
		.retried = slot->retried,
		.waited = slot->waited,
		.given_up = slot->given_up,
		.longest_ms = slot->longest_ms};

	for (unsigned i = 0; i < PEL_SEVERED; i++)
		is.severed_by[i] = more->severed_by[i];
	return is;
}

/* Takes what a slot tells.  True if it has connections, or has just had. */
static bool slot_hear(struct slots_file *s, unsigned i, const struct pel_slot *slot,
	const struct sweep *sweep)
{
	struct pel_slot_more more;
	bool has_more = more_read(s, i, slot, &more), used;
	struct was is = was_of(slot, &more), *was = &s->was[i];

	if (!is_known(s, i, slot) && !slot_return(s, i, slot))
		slot_meet(s, i, slot, &is, sweep->now_ns);
	else if (was->seen_ns != is.seen_ns)
		was->moved_ns = sweep->now_ns;
	/* What is not there may be in a moment; and what is there for the first time may be old. */
	if (!has_more)
		memcpy(is.severed_by, was->severed_by, sizeof(is.severed_by));
	else if (s->seen[i][0].pad)
		memcpy(was->severed_by, is.severed_by, sizeof(is.severed_by));
	sum_add(&s->sum, was, &is);
	news_tell(slot, was, &is, sweep->listener);
	if (has_more)
		seen_tell(s, i, slot, &more, sweep->listener);
	used = slot->tracked || is.routed != was->routed;
	is.moved_ns = was->moved_ns;
	*was = is;
	return used;
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
	bool known = is_known(s, i, slot), used;

	if (slot->pid == 0)
		return;
	used = slot->version && slot_hear(s, i, slot, sweep);
	if (!slot_lives(s, i, slot, sweep->now_ns)) {
		/* A script that came and went since the sweep before did want them. */
		if (s->swept && slot->pid > 0 && !known)
			wants_tell(slot, listener, true);
		/* Who is of our namespace does not come back. */
		if (slot->pidns == s->pidns)
			s->was[i].pid = 0;
		slot_lose(s, i);
		slot_free(s, i);
		return;
	}
	wants_tell(slot, listener, used);
	s->sum.live++;
	version_add(&s->sum, slot->version);
	s->sum.tracked += believable(slot->tracked);
}

static bool path_leads_here(const struct slots_file *s)
{
	struct stat st;

	return fstatat(s->dirfd, PEL_RUN_SLOTS, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_ino == s->inode && st.st_dev == s->device &&
		slots_file_is_usable(s->fd, s->mode);
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

/* A process says how many before it says why, and a sweep may come in between. */
static void untold_add(struct slots_summary *sum, uint64_t severed)
{
	uint64_t told = sum->untold;

	for (unsigned i = 0; i < PEL_SEVERED; i++)
		told += sum->severed_by[i];
	sum->untold += severed > told ? severed - told : 0;
}

bool slots_sweep(struct slots_file *s, uint64_t now_ns, const struct slots_listener *listener,
	struct slots_summary *ret)
{
	struct sweep sweep = {.now_ns = now_ns, .listener = listener};
	struct pel_slot batch[BATCH];
	uint64_t severed = s->sum.severed;

	s->sum.live = 0;
	s->sum.tracked = 0;
	memset(s->sum.versions, 0, sizeof(s->sum.versions));
	for (unsigned first = 0; first < PEL_SLOTS; first += BATCH) {
		if (pread(s->fd, batch, sizeof(batch), offset_of(first)) != (ssize_t)sizeof(batch))
			break;
		for (unsigned i = 0; i < BATCH; i++)
			slot_sweep(s, first + i, &batch[i], &sweep);
	}
	untold_add(&s->sum, severed);
	s->swept = true;
	s->turn = (s->turn + 1) % SLOTS_TURNS;
	*ret = s->sum;
	return path_leads_here(s);
}
