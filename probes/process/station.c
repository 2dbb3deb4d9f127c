/* SPDX-License-Identifier: Apache-2.0 */
/* The prober's place in a runtime directory. */
#include "station.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOCK_TRIES 10
#define BACKLOG 1024

static bool leads_to(int dirfd, const char *name, int fd)
{
	struct stat at, have;

	return fstatat(dirfd, name, &at, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &have) == 0 &&
		at.st_ino == have.st_ino && at.st_dev == have.st_dev;
}

/* Between open and flock the file may have been deleted: then the lock would bind nobody. */
static int lock_take(int dirfd)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		int fd = openat(dirfd, PEL_RUN_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			0600);

		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			int r = errno == EWOULDBLOCK ? -EBUSY : -errno;

			(void)close(fd);
			return r;
		}
		if (leads_to(dirfd, PEL_RUN_LOCK, fd))
			return fd;
		(void)close(fd);
	}
	return -EAGAIN;
}

/* Bound relative to the directory that was checked, not to its path. */
static int socket_bind(int fd, int dirfd, mode_t mode)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = PEL_RUN_CONTROL};
	int r, cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (cwd < 0)
		return -errno;
	r = fchdir(dirfd) < 0 ? -errno : 0;
	if (r == 0) {
		(void)unlink(PEL_RUN_CONTROL);
		if (bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 ||
			fchmodat(AT_FDCWD, PEL_RUN_CONTROL, mode, 0) < 0)
			r = -errno;
		if (fchdir(cwd) < 0 && r == 0)
			r = -errno;
	}
	(void)close(cwd);
	return r;
}

static int socket_listen(struct station *s)
{
	struct stat st;
	int r, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	r = socket_bind(fd, s->dirfd, station_write_mode(s));
	if (r == 0 &&
		(listen(fd, BACKLOG) < 0 ||
			fstatat(s->dirfd, PEL_RUN_CONTROL, &st, AT_SYMLINK_NOFOLLOW) < 0))
		r = -errno;
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	s->listen_inode = st.st_ino;
	return fd;
}

/* A prober serves only where it, or root, is master. */
static int owner_check(struct station *s)
{
	struct stat st;

	if (fstat(s->dirfd, &st) < 0)
		return -errno;
	s->shared = st.st_mode & S_IXOTH;
	s->system = strcmp(s->rundir.path, "/run/pelorus") == 0;
	return st.st_uid == geteuid() || st.st_uid == 0 ? 0 : -EPERM;
}

int station_open(const struct pel_rundir *rundir, struct station *ret)
{
	struct station s = {.rundir = *rundir, .lock_fd = -1, .listen_fd = -1};
	int r;

	s.dirfd = pel_rundir_open(rundir, geteuid(), true);
	if (s.dirfd < 0)
		return s.dirfd;
	r = owner_check(&s);
	if (r == 0)
		r = s.lock_fd = lock_take(s.dirfd);
	if (r >= 0)
		r = s.listen_fd = socket_listen(&s);
	if (r < 0) {
		station_close(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void station_close(struct station *s)
{
	int *fds[] = {&s->listen_fd, &s->lock_fd, &s->dirfd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		if (*fds[i] >= 0)
			(void)close(*fds[i]);
		*fds[i] = -1;
	}
}

bool station_is_intact(const struct station *s)
{
	struct stat st;

	return leads_to(AT_FDCWD, s->rundir.path, s->dirfd) &&
		leads_to(s->dirfd, PEL_RUN_LOCK, s->lock_fd) &&
		fstatat(s->dirfd, PEL_RUN_CONTROL, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_ino == s->listen_inode;
}

mode_t station_read_mode(const struct station *s)
{
	return s->shared ? 0444 : 0600;
}

mode_t station_write_mode(const struct station *s)
{
	return s->shared ? 0666 : 0600;
}
