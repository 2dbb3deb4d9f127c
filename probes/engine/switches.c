/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct switches *switches_new(void)
{
	void *s = mmap(NULL, sizeof(struct switches), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return s == MAP_FAILED ? NULL : s;
}

void switches_free(struct switches *s)
{
	if (s)
		(void)munmap(s, sizeof(*s));
}

static void line_take(struct switches *s, char *line)
{
	char name[PEL_NAME_MAX];

	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "*") == 0)
		s->all = true;
	else if (pel_name_normalise(line, name) == 0)
		(void)switches_off(s, name);
}

int switches_load(struct switches *s, int dirfd)
{
	int fd = openat(dirfd, SWITCHES_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK),
	    r = fd < 0 ? -errno : 0;
	FILE *from = fd < 0 ? NULL : fdopen(fd, "r");
	char line[PEL_NAME_MAX + 1];

	*s = (struct switches){0};
	if (!from && fd >= 0)
		r = -errno;
	while (from && fgets(line, sizeof(line), from))
		line_take(s, line);
	if (from && ferror(from))
		r = -errno;
	if (from)
		(void)fclose(from);
	else if (fd >= 0)
		(void)close(fd);
	if (r == -ENOENT)
		r = 0;
	s->read = r == 0;
	return r;
}

static int file_write(const struct switches *s, int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	FILE *to = fd < 0 ? NULL : fdopen(fd, "w");

	if (!to) {
		int error = errno;

		if (fd >= 0)
			(void)close(fd);
		return -error;
	}
	if (s->all)
		(void)fputs("*\n", to);
	for (unsigned i = 0; i < s->n; i++)
		(void)fprintf(to, "%s\n", s->names[i]);
	return fclose(to) != 0 ? -errno : 0;
}

int switches_save(const struct switches *s, int dirfd)
{
	static const char name[] = SWITCHES_FILE ".new";
	int r;

	if (!s->all && s->n == 0)
		return unlinkat(dirfd, SWITCHES_FILE, 0) < 0 && errno != ENOENT ? -errno : 0;
	(void)unlinkat(dirfd, name, 0);
	r = file_write(s, dirfd, name);
	if (r == 0 && renameat(dirfd, name, dirfd, SWITCHES_FILE) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dirfd, name, 0);
	return r;
}

int switches_off(struct switches *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (strcmp(s->names[i], name) == 0)
			return 0;
	}
	if (s->n == PEL_MAP_CLUSTERS)
		return -ENOSPC;
	strcpy(s->names[s->n++], name);
	return 0;
}

void switches_on(struct switches *s, switches_is_one *is_one, const void *ctx)
{
	unsigned kept = 0;

	s->all = false;
	for (unsigned i = 0; i < s->n; i++) {
		if (is_one(ctx, s->names[i]))
			continue;
		if (kept != i)
			strcpy(s->names[kept], s->names[i]);
		kept++;
	}
	s->n = kept;
}

bool switches_any(const struct switches *s, switches_is_one *is_one, const void *ctx)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (is_one(ctx, s->names[i]))
			return true;
	}
	return false;
}

static bool is_of_cluster(const void *ctx, const char *name)
{
	return cluster_has_name(ctx, name);
}

/* Why it cannot be read may pass: a table of files that is full, a disk that fails. */
static void file_read(struct engine *e)
{
	int r = switches_load(e->switches, e->options.dirfd);

	if (r < 0 && !e->unread)
		log_event(e->shared.log, LOG_WARNING, "disabled", NULL, NULL,
			"all names, which may have been: " SWITCHES_FILE " cannot be read yet: %s",
			strerror(-r));
	else if (r == 0 && e->unread)
		log_event(e->shared.log, LOG_WARNING, e->switches->all ? "disabled" : "enabled",
			NULL, NULL, "as " SWITCHES_FILE " says, which can be read now");
	e->unread = r < 0;
}

void engine_switches_apply(struct engine *e)
{
	if (!e->switches->read)
		file_read(e);
	map_write_mode(e->shared.map, PEL_MAP_CLUSTERS,
		engine_is_off(e) ? PEL_MODE_OFF : PEL_MODE_ACTIVE);
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		struct cluster *c = e->clusters[i];

		if (c)
			cluster_switch(c, switches_any(e->switches, is_of_cluster, c));
	}
}

/* What a request is about: the names of a cluster, one that nobody follows yet, or all (NULL). */
struct wanted {
	const struct cluster *cluster;
	const char *name;
};

static bool is_wanted(const void *ctx, const char *name)
{
	const struct wanted *w = ctx;

	return !w->name || strcmp(w->name, name) == 0 ||
		(w->cluster && cluster_has_name(w->cluster, name));
}

int engine_switch(struct engine *e, const char *name, bool off, int *ret_kept)
{
	struct switches now = *e->switches;
	char normal[PEL_NAME_MAX];
	struct wanted wanted = {.name = name ? normal : NULL};
	int r = 0;

	if (name && pel_name_normalise(name, normal) < 0)
		return -EINVAL;
	if (name)
		wanted.cluster = engine_find(e, name, normal);
	now.all |= !now.read;
	now.read = true;
	if (!off && name && now.all)
		return -EBUSY;
	if (!off)
		switches_on(&now, is_wanted, &wanted);
	else if (name)
		r = switches_off(&now, normal);
	else
		now.all = true;
	if (r < 0)
		return r;
	/* First what was asked for: who needs it does so when something is wrong already. */
	*e->switches = now;
	engine_switches_apply(e);
	*ret_kept = switches_save(&now, e->options.dirfd);
	log_event(e->shared.log, LOG_WARNING, off ? "disabled" : "enabled",
		wanted.cluster ? cluster_name(wanted.cluster) : NULL, NULL,
		"%s%s: connections go where %s%s%s", name ? normal : "all names",
		name && !wanted.cluster ? ", which is not followed now" : "",
		off ? "DNS leads" : "the topology says",
		*ret_kept < 0 ? ", until the daemon is started anew: " : "",
		*ret_kept < 0 ? strerror(-*ret_kept) : "");
	return 0;
}

bool engine_is_off(const struct engine *e)
{
	return e->switches->all || !e->switches->read;
}
