/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of this process.
 *
 * One static struct: the pointer, and of which file and as which user it was attached.  Whoever
 * finds the map missing or its heartbeat overdue, and the next look due, claims that look by moving
 * attach_ns on; all others go on with the map that there is, or wait for the first.
 *
 * An overdue heartbeat is believed up to PEL_HEARTBEAT_STALE_NS, as a prober may be stopped, or late
 * on a busy host; but not if its control socket says that it is dead.  The beat itself is what is
 * remembered of that, so that any later one makes the map fresh again.
 */
#include "mapview.h"

#include "block.h"
#include "control.h"
#include "common/names.h"
#include "base/env.h"
#include "base/process.h"
#include "base/quiet.h"
#include "base/say.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOOKING_TRIES 1000 /* of 0.1 ms */

static struct {
	const struct pel_map *_Atomic map;
	_Atomic uint64_t device;
	_Atomic uint64_t inode;
	_Atomic uint64_t last_beat; /* of a prober that is known to be dead */
	_Atomic uint32_t euid;
} view;

/* A program that follows no name yet has nothing to hear from us, whatever the map is like. */
static void tell(enum say_reason reason, const char *detail)
{
	if (block_is_fixed())
		say(reason, detail);
}

int mapview_open_dir(struct pel_rundir *ret, bool create)
{
	uid_t euid = geteuid();
	int r = pel_rundir_choose(env_get()->runtime_dir, euid, ret);

	if (r < 0)
		return r;
	r = pel_rundir_open(ret, euid, create && ret->kind != PEL_RUNDIR_SYSTEM);
	if (r == -EPERM || r == -ELOOP)
		tell(SAY_UNTRUSTED_DIRECTORY, ret->path);
	return r;
}

/* Without /proc the question has no answer, and doubt means no map. */
bool mapview_is_of_our_netns(const struct pel_map *map)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) == 0 && st.st_ino == map->header.netns;
}

static void take_block(const struct pel_map_header *h)
{
	struct block block = {.net4 = h->vnet4, .bits4 = h->vnet4_bits, .bits6 = h->vnet6_bits};

	memcpy(block.net6, h->vnet6, sizeof(block.net6));
	block_set(&block);
}

/* True if the path leads to a file that is not the one attached. */
static bool is_another_file(int dirfd, struct stat *ret)
{
	if (fstatat(dirfd, PEL_MAP_FILE, ret, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	return !atomic_load(&view.map) || ret->st_dev != atomic_load(&view.device) ||
		ret->st_ino != atomic_load(&view.inode);
}

static void attach(int dirfd, const struct pel_rundir *dir)
{
	const struct pel_map *map;
	struct stat st;
	int r;

	if (!is_another_file(dirfd, &st))
		return;
	r = pel_map_attach(dirfd, &map);
	if (r < 0) {
		if (r == -EPROTO)
			tell(SAY_NOT_A_MAP, dir->path);
		return;
	}
	if (dir->kind != PEL_RUNDIR_EXPLICIT && !mapview_is_of_our_netns(map)) {
		tell(SAY_NETNS, dir->path);
		pel_map_detach(map);
		return;
	}
	take_block(&map->header);
	atomic_store(&view.device, st.st_dev);
	atomic_store(&view.inode, st.st_ino);
	atomic_store_explicit(&view.map, map, memory_order_release);
	/* It may sleep on the word of a file whose prober died, and which nobody will ever move. */
	process_kick();
}

uint32_t mapview_word(void)
{
	const struct pel_map *map = atomic_load_explicit(&view.map, memory_order_acquire);

	return map ? atomic_load_explicit(&map->header.wake, memory_order_acquire) : 0;
}

static uint64_t beat_of(const struct pel_map *map)
{
	return atomic_load_explicit(&map->header.heartbeat_ns, memory_order_acquire);
}

bool mapview_is_fresh(const struct pel_map *map, uint64_t now_ns)
{
	return map && pel_map_is_fresh(map, now_ns) && beat_of(map) != atomic_load(&view.last_beat);
}

static bool is_overdue(const struct pel_map *map, uint64_t now_ns)
{
	return beat_of(map) + MAPVIEW_OVERDUE_NS < now_ns || !pel_map_is_fresh(map, now_ns);
}

/* The beat is read before the question: a prober that starts meanwhile has another one. */
static void ask_for_life(const struct pel_rundir *dir, uint64_t now_ns)
{
	const struct pel_map *map = atomic_load(&view.map);
	uint64_t beat = map ? beat_of(map) : 0;

	if (mapview_is_fresh(map, now_ns) && is_overdue(map, now_ns) &&
		control_is_deserted(dir->path))
		atomic_store(&view.last_beat, beat);
}

static void look(uint64_t now_ns)
{
	struct pel_rundir dir;
	struct quiet quiet = quiet_begin();
	int fd;
	uint32_t euid = geteuid();

	if (atomic_exchange(&view.euid, euid) != euid)
		atomic_store(&view.map, NULL);
	fd = mapview_open_dir(&dir, false);
	if (fd >= 0) {
		attach(fd, &dir);
		ask_for_life(&dir, now_ns);
		(void)close(fd);
	}
	quiet_end(quiet);
}

/* Claims the next look, if it is due; who finds it claimed finds the looker at it. */
static bool is_due(uint64_t now_ns, bool insist)
{
	_Atomic uint64_t *next = &process_get()->attach_ns;
	uint64_t due = atomic_load_explicit(next, memory_order_relaxed);

	if (now_ns < due && !insist)
		return false;
	atomic_store(&process_get()->looking, 1);
	return atomic_compare_exchange_strong(next, &due, now_ns + MAPVIEW_RETRY_NS);
}

/*
 * Threads that start together look their names up together: who finds another at its look has a map
 * a moment later, and would be led by DNS for a whole connection if it went on without.
 */
static void look_once(uint64_t now_ns, bool insist, bool has_map)
{
	static const struct timespec moment = {.tv_nsec = 100000};
	_Atomic uint32_t *looking = &process_get()->looking;

	if (is_due(now_ns, insist && !atomic_load(looking))) {
		look(now_ns);
		atomic_store_explicit(looking, 0, memory_order_release);
		return;
	}
	for (int i = 0; i < LOOKING_TRIES && !has_map && atomic_load(looking); i++)
		(void)nanosleep(&moment, NULL);
}

static const struct pel_map *get(uint64_t now_ns, bool insist)
{
	const struct pel_map *map = atomic_load_explicit(&view.map, memory_order_acquire);
	struct process *process = process_get();

	/* A child that changed its user looks for itself once. */
	if (atomic_load_explicit(&process->user_known, memory_order_relaxed) == 0 &&
		atomic_exchange(&process->user_known, 1) == 0) {
		if (geteuid() != atomic_load(&view.euid))
			map = NULL;
	}
	if (map && !is_overdue(map, now_ns))
		return map;
	look_once(now_ns, insist, map != NULL);
	return atomic_load_explicit(&view.map, memory_order_acquire);
}

const struct pel_map *mapview_get(uint64_t now_ns)
{
	return get(now_ns, false);
}

const struct pel_map *mapview_look(uint64_t now_ns)
{
	return get(now_ns, true);
}

int mapview_read(const struct pel_map *map, const char *name, uint64_t hash,
	struct pel_ref *ret_ref, struct pel_hot *ret_hot)
{
	struct pel_ref ref;
	int r;

	if (!map)
		return -ENOENT;
	r = pel_map_find(map, name, hash, &ref);
	if (r < 0)
		return r;
	r = pel_map_read_hot(map, ref.cluster, ret_hot);
	if (r < 0)
		return r;
	/* A name may have gone between the two reads, and others have taken its place. */
	if (ret_hot->uid != ref.uid || ref.name >= ret_hot->n_names ||
		ret_hot->names[ref.name].hash != hash)
		return -EAGAIN;
	*ret_ref = ref;
	return 0;
}

static bool is_at(const void *addr, uint64_t hash)
{
	return block_is_of(addr, hash);
}

/* A name may have gone between the two reads, and another have taken its place. */
bool mapview_name_of(const struct pel_map *map, const struct pel_addr *addr,
	char ret_name[static PEL_NAME_MAX])
{
	return pel_map_find_hash(map, is_at, addr, ret_name) == 0 &&
		block_is_of(addr, pel_name_hash(ret_name));
}
