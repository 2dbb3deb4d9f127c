/* SPDX-License-Identifier: Apache-2.0 */
#include "processes.h"

#include "common/names.h"
#include "rules/sever.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
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
	const struct process_filter *filter;
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

/* A field of /proc/PID/stat, behind the command, which may contain anything; 0 if not known. */
static uint64_t stat_field(pid_t pid, int wanted)
{
	char path[32], text[1024] = "", *at;
	FILE *from;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	from = fopen(path, "re");
	if (!from)
		return 0;
	(void)fread(text, 1, sizeof(text) - 1, from);
	(void)fclose(from);
	at = strrchr(text, ')');
	for (int field = 2; at && field < wanted; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

static uint64_t start_ticks(pid_t pid)
{
	return stat_field(pid, 22);
}

/*
 * Whether its number is that process's here: in a container's pid namespace it is another's, and of one
 * that has ended it may have been given out again.  One that tells neither, for it has no /proc, may be
 * anybody.
 */
static bool is_here(const struct look *look, const struct pel_slot *slot)
{
	return slot->pidns && slot->pidns == look->pidns && slot->start_ticks &&
		slot->start_ticks == start_ticks(slot->pid);
}

/* The trap's worker tells of programs whose connections are none of its own. */
static bool is_trap(pid_t pid)
{
	char path[32], executable[PATH_MAX];
	const char *name;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, executable, sizeof(executable) - 1);
	executable[n > 0 ? n : 0] = '\0';
	name = strrchr(executable, '/');
	return name && strncmp(name, "/pelorus-trap", 13) == 0;
}

static bool has_ended(const struct look *look, const struct pel_slot *slot)
{
	uint64_t other = start_ticks(slot->pid);

	return slot->pidns == look->pidns &&
		((other && slot->start_ticks && other != slot->start_ticks) ||
			(kill(slot->pid, 0) < 0 && errno == ESRCH));
}

static bool uid_read(pid_t pid, uid_t *ret)
{
	char path[32], line[256];
	FILE *from;
	bool found = false;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	from = fopen(path, "re");
	while (from && !found && fgets(line, sizeof(line), from))
		found = sscanf(line, "Uid: %*u %u", ret) == 1;
	if (from)
		(void)fclose(from);
	return found;
}

/* Whose it is the kernel tells, where it can be asked. */
static void user_take(struct process_seen *p)
{
	uid_t uid = p->told.more.uid;
	bool known = (p->is_here && uid_read(p->told.slot.pid, &uid)) || p->told.more.pid;
	const struct passwd *user = known ? getpwuid(uid) : NULL;

	if (user)
		(void)snprintf(p->user, sizeof(p->user), "%s", user->pw_name);
	else if (known)
		(void)snprintf(p->user, sizeof(p->user), "%u", uid);
	else
		strcpy(p->user, "-");
}

static bool is_wanted(const struct look *look, const struct cluster_seen *c)
{
	bool found = !look->filter->name;

	for (unsigned i = 0; !found && i < c->hot.n_names; i++)
		found = strcmp(c->cold.names[i], look->filter->name) == 0;
	return found;
}

/* Its names, and which clusters they are of that are asked for. */
static uint64_t names_take(const struct look *look, struct process_seen *p)
{
	uint64_t clusters = 0;

	p->mode = p->told.more.mode <= PEL_MODE_OFF ? (enum pel_mode)p->told.more.mode
						    : PEL_MODE_ACTIVE;
	for (; p->n_names < PEL_SLOT_NAMES && p->told.slot.names[p->n_names]; p->n_names++)
		strcpy(p->names[p->n_names], "?");
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		const struct cluster_seen *c = &look->clusters[i];

		for (unsigned k = 0; c->used && k < c->hot.n_names; k++) {
			for (unsigned n = 0; n < p->n_names; n++) {
				if (p->told.slot.names[n] != c->hot.names[k].hash)
					continue;
				strcpy(p->names[n], c->cold.names[k]);
				clusters |= (uint64_t)is_wanted(look, c) << i;
			}
		}
		if ((clusters >> i & 1) && pel_map_mode(look->view->map, i) > p->mode)
			p->mode = pel_map_mode(look->view->map, i);
		/* Of more names than a slot has room for the later ones may be any. */
		if (c->used && p->n_names == PEL_SLOT_NAMES)
			clusters |= (uint64_t)is_wanted(look, c) << i;
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

/* Without memory the last ones are not known. */
static void socket_add(struct process_seen *p, uint64_t inode, bool counted)
{
	unsigned n = p->n_sockets;
	struct process_socket *grown = p->sockets;

	if ((n & (n - 1)) == 0)
		grown = realloc(p->sockets, (n ? 2 * (size_t)n : 1) * sizeof(*grown));
	if (!grown)
		return;
	p->sockets = grown;
	p->sockets[p->n_sockets++] = (struct process_socket){inode, counted};
}

static void socket_count(struct process_seen *p, const char *id, const struct open_socket *socket)
{
	unsigned i = 0;

	p->open++;
	p->idle += socket->idle_ms >= PROCESS_IDLE_MS;
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
		const char *id;
		bool counted;

		if (i == PEL_NONE)
			continue;
		id = c->cold.instances[i].id;
		counted = !f->look->filter->id || strcmp(id, f->look->filter->id) == 0;
		socket_add(f->process, socket->inode, counted);
		if (counted)
			socket_count(f->process, id, socket);
		return;
	}
}

/* The sockets of a process and of those below it, but for one; below 0 if any may not be looked into. */
static int tree_of(pid_t pid, pid_t but, struct finding *f)
{
	int r = open_sockets_of(&f->look->sockets, pid, on_socket, f), child;
	char path[64];
	struct dirent *entry;
	FILE *from;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%.10s/children", pid,
			entry->d_name);
		from = fopen(path, "re");
		while (from && fscanf(from, "%d", &child) == 1) {
			if (child != but && tree_of(child, but, f) < 0 && kill(child, 0) == 0)
				r = -EPERM;
		}
		if (from)
			(void)fclose(from);
	}
	if (dir)
		(void)closedir(dir);
	return r;
}

/* Those of a trap's program are below the worker's parent; without that one they are not known. */
static int sockets_take(struct finding *f)
{
	pid_t pid = f->process->told.slot.pid, keeper;

	if (!is_trap(pid))
		return open_sockets_of(&f->look->sockets, pid, on_socket, f);
	keeper = (pid_t)stat_field(pid, 4);
	return is_trap(keeper) ? tree_of(keeper, pid, f) : -ESRCH;
}

/* False if it is of no cluster that is asked for. */
static bool process_complete(const struct look *look, struct process_seen *p)
{
	struct finding finding = {.look = look, .process = p};

	p->is_here = is_here(look, &p->told.slot);
	p->has_ended = !p->is_here && has_ended(look, &p->told.slot);
	user_take(p);
	finding.clusters = names_take(look, p);
	if (!look->has_sockets || !p->is_here || sockets_take(&finding) < 0)
		p->open = -1;
	return finding.clusters || !look->filter->name;
}

int processes_read(const struct map_view *view, const struct process_filter *filter,
	struct process_seen **ret)
{
	struct look look = {.view = view,
		.filter = filter,
		.clusters = calloc(PEL_MAP_CLUSTERS, sizeof(*look.clusters))};
	struct slot_seen *told;
	struct stat st;
	int n, found = 0;

	*ret = NULL;
	if (!look.clusters)
		return -ENOMEM;
	clusters_read(&look);
	look.pidns = stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
	look.has_sockets = open_sockets_read(&look.sockets) == 0;
	n = map_view_slots(view, filter->pid, &told);
	if (n > 0)
		*ret = calloc((size_t)n, sizeof(**ret));
	if (n > 0 && !*ret)
		n = -ENOMEM;
	for (int i = 0; i < n; i++) {
		struct process_seen *p = &(*ret)[found];

		*p = (struct process_seen){.told = told[i]};
		if (process_complete(&look, p))
			found++;
		else
			free(p->sockets);
	}
	free(told);
	open_sockets_free(&look.sockets);
	free(look.clusters);
	return n < 0 ? n : found;
}

void processes_free(struct process_seen *list, int n)
{
	for (int i = 0; i < n; i++)
		free(list[i].sockets);
	free(list);
}
