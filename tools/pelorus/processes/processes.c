/* SPDX-License-Identifier: Apache-2.0 */
#include "processes.h"

#include "common/names.h"
#include "common/rundir.h"
#include "rules/sever.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct cluster_seen {
	bool used;
	struct pel_hot hot;
	struct pel_cold cold;
};

struct look {
	const struct map_view *view;
	struct cluster_seen *clusters; /* PEL_MAP_CLUSTERS */
	struct open_sockets sockets;
	bool has_sockets;
	uint64_t pidns;
};

static void clusters_read(struct look *look)
{
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		struct cluster_seen *c = &look->clusters[i];
		int r = -EAGAIN;

		for (int k = 0; r == -EAGAIN && k < 10; k++)
			r = pel_map_read_all(look->view->map, i, &c->hot, &c->cold);
		c->used = r == 0;
	}
}

/* Whoever writes slots may write what would be orders to a terminal, or ends a string of JSON. */
static void command_take(struct process_seen *p)
{
	for (size_t i = 0; i < sizeof(p->slot.command) && p->slot.command[i]; i++) {
		char c = p->slot.command[i];

		p->command[i] = c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
	}
	if (!*p->command)
		strcpy(p->command, "-");
}

static void user_take(struct process_seen *p)
{
	const struct passwd *user;
	char path[32];
	struct stat st = {.st_uid = p->more.uid};

	(void)snprintf(path, sizeof(path), "/proc/%d", p->slot.pid);
	if (p->more.pid == 0 && stat(path, &st) < 0) {
		strcpy(p->user, "-");
		return;
	}
	user = getpwuid(st.st_uid);
	if (user)
		(void)snprintf(p->user, sizeof(p->user), "%s", user->pw_name);
	else
		(void)snprintf(p->user, sizeof(p->user), "%u", st.st_uid);
}

/* Its names, and which clusters they are of. */
static uint64_t names_take(const struct look *look, struct process_seen *p)
{
	uint64_t clusters = 0;

	p->mode = p->more.mode <= PEL_MODE_OFF ? (enum pel_mode)p->more.mode : PEL_MODE_ACTIVE;
	for (; p->n_names < PEL_SLOT_NAMES && p->slot.names[p->n_names]; p->n_names++)
		strcpy(p->names[p->n_names], "?");
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		const struct cluster_seen *c = &look->clusters[i];

		for (unsigned k = 0; c->used && k < c->hot.n_names; k++) {
			for (unsigned n = 0; n < p->n_names; n++) {
				if (p->slot.names[n] != c->hot.names[k].hash)
					continue;
				strcpy(p->names[n], c->cold.names[k]);
				clusters |= UINT64_C(1) << i;
			}
		}
		if ((clusters >> i & 1) && pel_map_mode(look->view->map, i) > p->mode)
			p->mode = pel_map_mode(look->view->map, i);
	}
	if (pel_map_mode(look->view->map, PEL_MAP_CLUSTERS) > p->mode)
		p->mode = pel_map_mode(look->view->map, PEL_MAP_CLUSTERS);
	return clusters;
}

struct finding {
	const struct look *look;
	struct process_seen *process;
	uint64_t clusters;
};

static void socket_count(struct process_seen *p, const char *id, const struct open_socket *socket)
{
	unsigned i = 0;

	p->open++;
	p->idle += socket->idle_ms >= PROCESS_IDLE_MS;
	if (p->n_inodes < sizeof(p->inodes) / sizeof(*p->inodes))
		p->inodes[p->n_inodes++] = socket->inode;
	while (i < p->n_instances && strcmp(p->instances[i].id, id) != 0)
		i++;
	if (i == PROCESS_INSTANCES)
		return;
	if (i == p->n_instances)
		strcpy(p->instances[p->n_instances++].id, id);
	p->instances[i].open++;
}

static void on_socket(void *ctx, const struct open_socket *socket)
{
	struct finding *f = ctx;

	for (uint64_t rest = f->clusters; rest; rest &= rest - 1) {
		const struct cluster_seen *c = &f->look->clusters[__builtin_ctzll(rest)];
		unsigned i = sever_find_instance(&c->hot, &socket->peer);

		if (i == PEL_NONE)
			continue;
		socket_count(f->process, c->cold.instances[i].id, socket);
		return;
	}
}

static void process_complete(const struct look *look, struct process_seen *p)
{
	struct finding finding = {.look = look, .process = p};

	if (p->more.pid != p->slot.pid || p->more.start_ticks != p->slot.start_ticks)
		p->more = (struct pel_slot_more){0};
	command_take(p);
	user_take(p);
	finding.clusters = names_take(look, p);
	/* In a container's pid namespace its number is another process's here. */
	if (!look->has_sockets || (p->slot.pidns && p->slot.pidns != look->pidns) ||
		open_sockets_of(&look->sockets, p->slot.pid, on_socket, &finding) < 0)
		p->open = -1;
}

static int slots_read(const struct look *look, pid_t only, struct process_seen **ret)
{
	int fd = openat(look->view->dirfd, PEL_RUN_SLOTS,
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK),
	    n = 0;
	struct process_seen *list = NULL, *p;
	struct pel_slot slot;
	uint64_t magic = 0;

	if (fd < 0 || pread(fd, &magic, sizeof(magic), 0) != sizeof(magic) ||
		magic != PEL_SLOTS_MAGIC)
		n = -ENOENT;
	for (off_t i = 0; n >= 0 && i < PEL_SLOTS; i++) {
		if (pread(fd, &slot, sizeof(slot),
			    (off_t)offsetof(struct pel_slots, slots) + i * (off_t)sizeof(slot)) !=
			sizeof(slot))
			break;
		if (slot.pid <= 0 || !slot.version || (only && slot.pid != only))
			continue;
		p = realloc(list, ((size_t)n + 1) * sizeof(*list));
		if (!p)
			break;
		list = p;
		p = &list[n++];
		memset(p, 0, sizeof(*p));
		memcpy(&p->slot, &slot, sizeof(slot));
		(void)!pread(fd, &p->more, sizeof(p->more),
			(off_t)offsetof(struct pel_slots, more) + i * (off_t)sizeof(p->more));
	}
	if (fd >= 0)
		(void)close(fd);
	*ret = list;
	return n;
}

int processes_read(const struct map_view *view, pid_t only, struct process_seen **ret)
{
	struct look look = {.view = view,
		.clusters = calloc(PEL_MAP_CLUSTERS, sizeof(*look.clusters))};
	struct stat st;
	int n;

	*ret = NULL;
	if (!look.clusters)
		return -ENOMEM;
	clusters_read(&look);
	look.pidns = stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
	look.has_sockets = open_sockets_read(&look.sockets) == 0;
	n = slots_read(&look, only, ret);
	for (int i = 0; i < n; i++)
		process_complete(&look, &(*ret)[i]);
	open_sockets_free(&look.sockets);
	free(look.clusters);
	return n;
}
