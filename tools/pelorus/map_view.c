/* SPDX-License-Identifier: Apache-2.0 */
/* The map, opened as every process opens it. */
#include "map_view.h"

#include "commands.h"
#include "control_client.h"

#include "common/clock.h"
#include "common/names.h"
#include "common/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int map_view_open(struct map_view *ret)
{
	struct map_view view;
	struct pel_rundir dir;
	int r = control_client_directory(&dir);

	if (r < 0)
		return r;
	view.dirfd = pel_rundir_open(&dir, geteuid(), false);
	if (view.dirfd < 0)
		return view.dirfd;
	r = pel_map_attach(view.dirfd, &view.map);
	if (r < 0) {
		(void)close(view.dirfd);
		return r;
	}
	if (!pel_map_is_fresh(view.map, clock_now_ns())) {
		map_view_close(&view);
		return -ESTALE;
	}
	*ret = view;
	return 0;
}

void map_view_close(struct map_view *view)
{
	pel_map_detach(view->map);
	(void)close(view->dirfd);
}

/* A record that is being written is at rest again in microseconds. */
static int record_read(const struct map_view *view, unsigned cluster, const char *name,
	struct report *ret)
{
	struct pel_hot hot;
	struct pel_cold cold;
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < 10; i++)
		r = pel_map_read_all(view->map, cluster, &hot, &cold);
	if (r == 0)
		report_from_map(&hot, &cold, name, clock_now_ns(), ret);
	return r;
}

static int ref_find(const struct map_view *view, const char *name,
	char ret_normal[static PEL_NAME_MAX], struct pel_ref *ret)
{
	int r = pel_name_normalise(name, ret_normal);

	return r < 0 ? r : pel_map_find(view->map, ret_normal, pel_name_hash(ret_normal), ret);
}

int map_view_hot(const struct map_view *view, const char *name, struct pel_ref *ret_ref,
	struct pel_hot *ret_hot)
{
	char normal[PEL_NAME_MAX];
	int r = ref_find(view, name, normal, ret_ref);

	return r < 0 ? r : pel_map_read_hot(view->map, ret_ref->cluster, ret_hot);
}

int map_view_fail(const char *command, int error)
{
	struct pel_rundir dir = {.path = "?"};
	const char *sentence = "no prober is at work there";

	(void)control_client_directory(&dir);
	if (error == -EPERM)
		sentence = "its owner or mode cannot be trusted";
	else if (error == -EPROTO)
		sentence = "its map is one of another version";
	return command_fail(command, STATUS_NO_PROBER, "%s: %s", dir.path, sentence);
}

int map_view_find(const struct map_view *view, const char *name, struct report *ret)
{
	char normal[PEL_NAME_MAX];
	struct pel_ref ref;
	int r = ref_find(view, name, normal, &ref);

	return r < 0 ? r : record_read(view, ref.cluster, normal, ret);
}

unsigned map_view_all(const struct map_view *view, struct report ret[static PEL_MAP_CLUSTERS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++)
		n += record_read(view, i, NULL, &ret[n]) == 0;
	return n;
}

int map_view_reports(const char *name, struct report **ret)
{
	struct map_view view;
	int n;

	*ret = calloc(PEL_MAP_CLUSTERS, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	n = map_view_open(&view);
	if (n < 0)
		return n;
	n = name ? map_view_find(&view, name, *ret) == 0 : (int)map_view_all(&view, *ret);
	map_view_close(&view);
	return n;
}

static bool is_slot_file(int fd, bool *ret_more)
{
	struct {
		uint64_t magic;
		uint32_t count, slot_size, more_size, pad;
	} head;

	if (fd < 0 || pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return false;
	*ret_more = head.more_size == sizeof(struct pel_slot_more);
	return head.magic == PEL_SLOTS_MAGIC && head.count == PEL_SLOTS &&
		head.slot_size == sizeof(struct pel_slot);
}

/* Whoever writes slots may write what would be orders to a terminal, or ends a string of JSON. */
static void command_take(struct slot_seen *s)
{
	for (size_t i = 0; i < sizeof(s->slot.command) && s->slot.command[i]; i++) {
		char c = s->slot.command[i];

		s->command[i] = c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
	}
	if (!*s->command)
		strcpy(s->command, "-");
}

static void more_take(int fd, off_t i, struct slot_seen *s)
{
	if (pread(fd, &s->more, sizeof(s->more),
		    (off_t)offsetof(struct pel_slots, more) + i * (off_t)sizeof(s->more)) !=
			(ssize_t)sizeof(s->more) ||
		s->more.pid != s->slot.pid || s->more.start_ticks != s->slot.start_ticks)
		memset(&s->more, 0, sizeof(s->more));
}

static int slots_read(int fd, pid_t only, bool has_more, struct slot_seen **ret)
{
	struct slot_seen *grown;
	struct pel_slot slot;
	int n = 0;

	for (off_t i = 0; i < PEL_SLOTS; i++) {
		if (pread(fd, &slot, sizeof(slot),
			    (off_t)offsetof(struct pel_slots, slots) + i * (off_t)sizeof(slot)) !=
			(ssize_t)sizeof(slot))
			break;
		if (slot.pid <= 0 || !slot.version || (only && slot.pid != only))
			continue;
		grown = realloc(*ret, ((size_t)n + 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		*ret = grown;
		memset(&grown[n], 0, sizeof(*grown));
		memcpy(&grown[n].slot, &slot, sizeof(slot));
		if (has_more)
			more_take(fd, i, &grown[n]);
		command_take(&grown[n++]);
	}
	return n;
}

int map_view_slots(const struct map_view *view, pid_t only, struct slot_seen **ret)
{
	int fd = openat(view->dirfd, PEL_RUN_SLOTS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK),
	    n = -ENOENT;
	bool has_more;

	*ret = NULL;
	if (is_slot_file(fd, &has_more))
		n = slots_read(fd, only, has_more, ret);
	if (fd >= 0)
		(void)close(fd);
	return n;
}

void slot_version_text(const struct slot_seen *s, char ret[static 16])
{
	(void)snprintf(ret, 16, "%u.%u.%u", s->slot.version >> 16 & 255, s->slot.version >> 8 & 255,
		s->slot.version & 255);
}

static bool is_follower(const struct pel_slot *slot, const struct report *r)
{
	for (unsigned i = 0; i < PEL_SLOT_NAMES && slot->names[i]; i++) {
		for (unsigned k = 0; k < r->n_names; k++) {
			if (slot->names[i] == pel_name_hash(r->names[k]))
				return true;
		}
	}
	return false;
}

int map_view_followers(const struct report *report)
{
	struct slot_seen *slots = NULL;
	struct map_view view;
	int n, found = 0;

	n = map_view_open(&view);
	if (n < 0)
		return n;
	n = map_view_slots(&view, 0, &slots);
	for (int i = 0; i < n; i++)
		found += is_follower(&slots[i].slot, report);
	free(slots);
	map_view_close(&view);
	return n < 0 ? n : found;
}

uint32_t map_view_first(const struct map_view *view)
{
	return atomic_load_explicit(&view->map->header.first, memory_order_acquire);
}

void map_view_sleep(const struct map_view *view, uint32_t seen, unsigned ms)
{
	const struct timespec limit = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	(void)syscall(SYS_futex, &view->map->header.first, FUTEX_WAIT, seen, &limit, NULL, 0);
}
