/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime directory: chosen by one rule, opened before it is trusted. */
#include "rundir.h"

#include "text.h"

#include <pelorus/map.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_DIR "/run/pelorus"

static bool system_prober_lives(void)
{
	struct stat st;

	return lstat(SYSTEM_DIR "/" PEL_MAP_FILE, &st) == 0 && S_ISREG(st.st_mode) &&
		st.st_uid == 0;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, W_OK) == 0;
}

/* Whether it is or can be made ours: another user may have taken the name before. */
static bool is_free(char *path, uid_t euid)
{
	char *name = strrchr(path, '/');
	struct stat st;
	bool there;

	*name = '\0';
	there = is_directory(path);
	*name = '/';
	return there &&
		(lstat(path, &st) < 0 ||
			(S_ISDIR(st.st_mode) && (st.st_uid == euid || st.st_uid == 0)));
}

/* Nobody else can take the last; where there is none, the first one's refusal is told. */
static void choose_of_user(uid_t euid, char ret[static PEL_RUNDIR_MAX])
{
	static const char *const places[][2] = {{"/dev/shm/pelorus-", ""}, {"/tmp/pelorus-", ""},
		{"/run/user/", "/pelorus"}, {"/dev/shm/pelorus-", ""}};

	for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
		*ret = '\0';
		text_append(ret, PEL_RUNDIR_MAX, places[i][0]);
		text_append_number(ret, PEL_RUNDIR_MAX, euid);
		text_append(ret, PEL_RUNDIR_MAX, places[i][1]);
		if (is_free(ret, euid))
			return;
	}
}

int pel_rundir_choose(const char *explicit_dir, uid_t euid, struct pel_rundir *ret)
{
	struct pel_rundir dir = {.kind = PEL_RUNDIR_USER};

	if (explicit_dir && *explicit_dir) {
		if (!text_copy(dir.path, sizeof(dir.path), explicit_dir))
			return -ENAMETOOLONG;
		dir.kind = PEL_RUNDIR_EXPLICIT;
	} else if (system_prober_lives()) {
		dir.kind = PEL_RUNDIR_SYSTEM;
		strcpy(dir.path, SYSTEM_DIR);
	} else {
		choose_of_user(euid, dir.path);
	}
	*ret = dir;
	return 0;
}

/*
 * A directory that was named is trusted as its owner is (a sidecar may have another uid), but must
 * not be writable by anyone else; one that was found by rule must be ours or root's.
 */
static int rundir_check(int fd, enum pel_rundir_kind kind, uid_t euid)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (kind != PEL_RUNDIR_EXPLICIT && st.st_uid != euid && st.st_uid != 0)
		return -EPERM;
	return st.st_mode & (S_IWGRP | S_IWOTH) ? -EPERM : 0;
}

int pel_rundir_open(const struct pel_rundir *dir, uid_t euid, bool create)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int r, fd = open(dir->path, flags);

	if (fd < 0 && errno == ENOENT && create) {
		if (mkdir(dir->path, 0700) < 0 && errno != EEXIST)
			return -errno;
		fd = open(dir->path, flags);
	}
	if (fd < 0)
		return -errno;
	r = rundir_check(fd, dir->kind, euid);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}
