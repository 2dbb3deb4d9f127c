/* SPDX-License-Identifier: Apache-2.0 */
#include "task.h"

#include "base/elf_note.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef PIDFD_THREAD /* Linux 6.9 */
#define PIDFD_THREAD O_EXCL
#endif
#define READ_MAX 128
#define HEADERS_MAX 64
#define NOTES_MAX 4096
#define HELP_MS 50 /* the keeper is as busy as we are */

/* What is asked of the keeper: a descriptor (n is 0) or some memory. */
struct question {
	uint64_t number; /* the answer has it, too */
	int32_t pid;
	int32_t fd;
	uint64_t from;
	uint64_t n;
};

static int help = -1;
static bool is_forbidden; /* see has_to_ask() */

struct answer {
	uint64_t number;
	int64_t r;
	uint8_t bytes[READ_MAX];
};

static ssize_t read_file(const char *path, char *ret, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : read(fd, ret, size - 1);

	if (fd >= 0)
		(void)close(fd);
	if (n >= 0)
		ret[n] = '\0';
	return n;
}

/* /proc/PID/status; a user may be in hundreds of groups, which stand before the rest.  NULL: none. */
static const char *read_status(const char *path)
{
	static char status[65536];

	return read_file(path, status, sizeof(status)) < 0 ? NULL : status;
}

/* A line of it, as a number. */
static uint64_t field(const char *status, const char *name, int base)
{
	const char *at = strstr(status, name);

	return at ? strtoull(at + strlen(name), NULL, base) : 0;
}

pid_t task_process_of(pid_t tid)
{
	int fd = (int)syscall(SYS_pidfd_open, tid, 0);
	const char *status;
	char path[64];
	pid_t tgid;

	if (fd >= 0) {
		(void)close(fd);
		return tid;
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/status", tid);
	status = read_status(path);
	if (!status)
		return -ESRCH;
	tgid = (pid_t)field(status, "\nTgid:", 10);
	return tgid > 0 ? tgid : -ESRCH;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static int take_by(int pidfd, int fd)
{
	int r = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	r = r < 0 ? -errno : r;
	if (pidfd >= 0)
		(void)close(pidfd);
	return r;
}

/* Of older kernels the first thread's is had, which may be another, or none: that is no answer. */
static int take_of_process(pid_t tid, int fd)
{
	pid_t tgid = task_process_of(tid);
	int r = tgid < 0 ? tgid : take_by((int)syscall(SYS_pidfd_open, tgid, 0), fd);
	struct stat own, theirs;
	char path[64];
	bool has;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", tid, fd);
	has = stat(path, &theirs) == 0;
	if (tgid < 0 || tgid == tid || r == -EPERM ||
		(has && r >= 0 && fstat(r, &own) == 0 && is_same(&own, &theirs)))
		return r;
	if (r >= 0)
		(void)close(r);
	return has ? -ESRCH : -EBADF;
}

static int take(pid_t tid, int fd)
{
	int pidfd = -1;

	errno = EINVAL;
#ifdef PELORUS_TRAP_FAULTS
	if (!getenv("PELORUS_TRAP_OLD"))
#endif
		pidfd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD);
	return pidfd < 0 && errno == EINVAL ? take_of_process(tid, fd) : take_by(pidfd, fd);
}

static ssize_t read_memory(pid_t tid, uint64_t from, void *to, size_t n)
{
	const struct iovec here = {to, n}, there = {(void *)(uintptr_t)from, n};
	ssize_t r = process_vm_readv(tid, &here, 1, &there, 1, 0);

	return r < 0 ? -errno : r;
}

/* A message with one descriptor, or none (-1). */
static ssize_t send_with(int line, const void *bytes, size_t n, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = {0};
	struct iovec part = {(void *)(uintptr_t)bytes, n};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		m.msg_control = control.room;
		m.msg_controllen = sizeof(control.room);
	}
	return sendmsg(line, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t receive_with(int line, void *bytes, size_t n, int *ret_fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = {0};
	struct iovec part = {bytes, n};
	struct msghdr m = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	ssize_t r = recvmsg(line, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*ret_fd = -1;
	if (r >= 0 && m.msg_controllen >= CMSG_LEN(sizeof(int)) &&
		control.head.cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(&control.head), sizeof(*ret_fd));
	return r;
}

void task_ask_by(int line)
{
	help = line;
}

void task_help(int line)
{
	struct question q;
	struct answer a = {.r = -EINVAL};
	int fd = -1;

	if (receive_with(line, &q, sizeof(q), &fd) != sizeof(q))
		return;
	a.number = q.number;
	if (q.n == 0) {
		a.r = fd = take(q.pid, q.fd);
	} else if (q.n <= sizeof(a.bytes)) {
		a.r = read_memory(q.pid, q.from, a.bytes, q.n);
	}
	(void)send_with(line, &a, sizeof(a), fd);
	if (fd >= 0)
		(void)close(fd);
}

/*
 * What comes too late for an earlier question, of a worker before this one perhaps, is thrown away.  A
 * keeper that owes an answer, for it is stopped or gets no processor, is neither asked nor waited for.
 */
static int64_t ask(struct question *q, struct answer *ret, int *ret_fd)
{
	static uint64_t asked;
	static bool owes;
	struct pollfd answered = {.fd = help, .events = POLLIN};

	for (q->number = 0;;) {
		if (!owes) {
			q->number = asked = (uint64_t)getpid() << 32 | (uint32_t)(asked + 1);
			if (send_with(help, q, sizeof(*q), -1) < 0)
				return -EPERM;
			owes = true;
		}
		if (poll(&answered, 1, q->number ? HELP_MS : 0) != 1)
			return -EAGAIN;
		if (receive_with(help, ret, sizeof(*ret), ret_fd) != sizeof(*ret))
			return -EPERM;
		owes = ret->number != asked;
		if (ret->number == q->number) {
			is_forbidden = ret->r != -EPERM;
			return ret->r;
		}
		if (*ret_fd >= 0)
			(void)close(*ret_fd);
	}
}

/*
 * True if the keeper is to do it: it was forbidden once.  It is not tried again, for the kernel's
 * log tells of each try; but where the keeper may not either, only that one process is at fault.
 */
static bool has_to_ask(int64_t r)
{
#ifdef PELORUS_TRAP_FAULTS
	is_forbidden |= getenv("PELORUS_TRAP_YAMA") != NULL;
#endif
	is_forbidden |= r == -EPERM || r == -EACCES;
	return is_forbidden && help >= 0;
}

int task_take(pid_t tid, int fd)
{
	struct question q = {.pid = tid, .fd = fd};
	struct answer a;
	int64_t r = has_to_ask(0) ? -EPERM : take(tid, fd);
	int own = -1;

	if (r >= 0 || !has_to_ask(r))
		return (int)r;
	r = ask(&q, &a, &own);
	return r < 0 ? (int)r : own >= 0 ? own : -EPERM;
}

int task_take_of(pid_t tid, int fd, pid_t *ret_owner)
{
	pid_t tgid = task_process_of(tid);
	int own = task_take(tid, fd), other;
	struct stat here, there;

	*ret_owner = tid;
	if (own < 0 || tgid < 0 || tgid == tid)
		return own;
	other = task_take(tgid, fd);
	if (other >= 0 && fstat(own, &here) == 0 && fstat(other, &there) == 0 &&
		is_same(&here, &there))
		*ret_owner = tgid;
	if (other >= 0)
		(void)close(other);
	return own;
}

ssize_t task_read(pid_t tid, uint64_t from, void *to, size_t n)
{
	struct question q = {.pid = tid, .from = from, .n = n};
	struct answer a;
	ssize_t r = has_to_ask(0) ? -EPERM : read_memory(tid, from, to, n);
	int none;

	if (r >= 0 || !has_to_ask(r) || n > sizeof(a.bytes))
		return r;
	r = (ssize_t)ask(&q, &a, &none);
	if (r > 0 && (size_t)r <= n)
		memcpy(to, a.bytes, (size_t)r);
	return r;
}

static bool file_is_go(int fd)
{
	char notes[NOTES_MAX];
	Elf64_Ehdr head;
	Elf64_Phdr part;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
		memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
		head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_phentsize != sizeof(part))
		return false;
	for (int i = 0; i < head.e_phnum && i < HEADERS_MAX; i++) {
		if (pread(fd, &part, sizeof(part),
			    (off_t)(head.e_phoff + (uint64_t)i * sizeof(part))) != sizeof(part))
			return false;
		if (part.p_type == PT_NOTE && part.p_filesz <= sizeof(notes) &&
			pread(fd, notes, part.p_filesz, (off_t)part.p_offset) ==
				(ssize_t)part.p_filesz &&
			elf_note_has_go(notes, part.p_filesz))
			return true;
	}
	return false;
}

bool task_is_go(pid_t tgid)
{
	static struct {
		dev_t dev;
		ino_t ino;
		bool is_go;
	} last;
	char path[64];
	struct stat st;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", tgid);
	if (stat(path, &st) < 0)
		return false;
	if (last.ino == st.st_ino && last.dev == st.st_dev)
		return last.is_go;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	last.is_go = file_is_go(fd);
	last.dev = st.st_dev;
	last.ino = st.st_ino;
	(void)close(fd);
	return last.is_go;
}

/* One that is meant for the process comes to its first thread, unless that blocks it. */
bool task_has_signal(pid_t tgid, pid_t tid)
{
	const char *status;
	char path[64];
	uint64_t waits, shared, deaf;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/status", tgid, tid);
	status = read_status(path);
	if (!status)
		return false;
	waits = field(status, "\nSigPnd:", 16);
	shared = field(status, "\nShdPnd:", 16);
	deaf = field(status, "\nSigBlk:", 16) | field(status, "\nSigIgn:", 16);
	(void)snprintf(path, sizeof(path), "/proc/%d/status", tgid);
	if (shared && tid != tgid && (status = read_status(path)))
		shared &= field(status, "\nSigBlk:", 16);
	return (waits | shared) & ~deaf;
}

bool task_would_run(pid_t pid)
{
	char path[64], stat[512];
	const char *end;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_file(path, stat, sizeof(stat)) < 0)
		return false;
	end = strrchr(stat, ')'); /* of its name */
	return end && (strncmp(end, ") R", 3) == 0 || strncmp(end, ") D", 3) == 0);
}

bool task_dies_of_sigpipe(pid_t tgid)
{
	static const uint64_t bit = UINT64_C(1) << (SIGPIPE - 1);
	const char *status;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/status", tgid);
	status = read_status(path);
	return status && !((field(status, "\nSigIgn:", 16) | field(status, "\nSigCgt:", 16)) & bit);
}
