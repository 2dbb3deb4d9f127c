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
#include <stdlib.h>
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

static void command_clean(struct pel_slot *slot)
{
	slot->command[sizeof(slot->command) - 1] = '\0';
	for (char *c = slot->command; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
}

static int slots_take(FILE *from, struct pel_slot *ret)
{
	uint64_t magic = 0;
	int n = 0;

	if (fread(&magic, sizeof(magic), 1, from) != 1 || magic != PEL_SLOTS_MAGIC ||
		fseek(from, offsetof(struct pel_slots, slots), SEEK_SET) != 0)
		return -EPROTO;
	for (unsigned i = 0; i < PEL_SLOTS && fread(&ret[n], sizeof(*ret), 1, from) == 1; i++) {
		command_clean(&ret[n]);
		n += ret[n].pid > 0 && ret[n].version;
	}
	return n;
}

int map_view_slots(const struct map_view *view, struct pel_slot **ret)
{
	int fd = openat(view->dirfd, PEL_RUN_SLOTS, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	FILE *from = fd < 0 ? NULL : fdopen(fd, "r");
	int n = -errno;

	*ret = calloc(PEL_SLOTS, sizeof(**ret));
	if (from && *ret)
		n = slots_take(from, *ret);
	if (from)
		(void)fclose(from);
	else if (fd >= 0)
		(void)close(fd);
	return *ret ? n : -ENOMEM;
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

unsigned map_view_followers(const struct report *report)
{
	struct pel_slot *slots = NULL;
	struct map_view view;
	unsigned found = 0;
	int n;

	if (map_view_open(&view) < 0)
		return 0;
	n = map_view_slots(&view, &slots);
	for (int i = 0; i < n; i++)
		found += is_follower(&slots[i], report);
	free(slots);
	map_view_close(&view);
	return found;
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
