/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers that older headers lack are those of Linux 5.19.  WAIT_KILLABLE_RECV is what it
 * takes: without it a signal may take a call back while its socket is being connected, and the
 * next try finds it connected (EISCONN).  SPEC_ALLOW keeps older kernels from slowing the whole
 * program down.
 */
#include "filter.h"

#include "task.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif
#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "which architecture does seccomp call this?"
#endif
#define PROBE_MS 2000

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define END(what) BPF_STMT(BPF_RET | BPF_K, what)

int filter_set(void)
{
	static const unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER |
		SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	struct sock_filter code[] = {
		LOAD(arch),
		IS(ARCH, 0, 8),
		LOAD(nr),
		IS(SYS_connect, 8, 0),
		IS(SYS_io_uring_setup, 6, 0),
		IS(SYS_getsockopt, 0, 4),
		LOAD(args[1]), /* its lower half */
		IS(SOL_SOCKET, 0, 2),
		LOAD(args[2]),
		IS(SO_ERROR, 2, 0),
		END(SECCOMP_RET_ALLOW),
		END(SECCOMP_RET_ERRNO | ENOSYS),
		END(SECCOMP_RET_USER_NOTIF),
	};
	const struct sock_fprog program = {.len = sizeof(code) / sizeof(*code), .filter = code};
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

	if (r < 0 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (r < 0)
		return -errno;
	/* Who is told runs where the program waits: to wake a core that sleeps takes five times as long. */
	(void)ioctl((int)r, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	return (int)r;
}

int filter_receive(int listener, struct seccomp_notif *ret)
{
	memset(ret, 0, sizeof(*ret));
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, ret) < 0 ? -errno : 0;
}

int filter_is_waiting(int listener, __u64 id)
{
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static int answer(int listener, struct seccomp_notif_resp *resp)
{
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, resp) < 0 ? -errno : 0;
}

int filter_answer(int listener, __u64 id, int error)
{
	return answer(listener, &(struct seccomp_notif_resp){.id = id, .error = -error});
}

int filter_continue(int listener, __u64 id)
{
	return answer(listener,
		&(struct seccomp_notif_resp){.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE});
}

/*
 * In the child that is thrown away: sets the filter, tells the number or the error, makes one
 * connect().
 */
static void probe_child(int to)
{
	const struct sockaddr_in nowhere = {.sin_family = AF_INET};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), fd = filter_set();

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (write(to, &fd, sizeof(fd)) == sizeof(fd) && fd >= 0)
		(void)connect(s, (const struct sockaddr *)&nowhere, sizeof(nowhere));
	_exit(0);
}

/* Why a descriptor of one's own child is refused. */
static const char *reason_of_take(void)
{
	int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
	char scope = '0';

	if (fd >= 0) {
		(void)!read(fd, &scope, 1);
		(void)close(fd);
	}
	return scope > '1'
		? "kernel.yama.ptrace_scope is above 1 (it forbids to take a descriptor of one's own child)"
		: "this user may not take a descriptor of its own child (pidfd_getfd is forbidden)";
}

/* What the worker does with each call, on the child's. */
static const char *probe_call(int child, int listener)
{
	struct pollfd told = {.fd = listener, .events = POLLIN};
	struct seccomp_notif n;
	struct sockaddr_in read;
	struct iovec to = {&read, sizeof(read)}, from = {NULL, sizeof(read)};
	int s;

	if (poll(&told, 1, PROBE_MS) != 1 || filter_receive(listener, &n) < 0)
		return "the kernel does not tell of system calls";
	from.iov_base = (void *)(uintptr_t)n.data.args[1];
	if (process_vm_readv((pid_t)n.pid, &to, 1, &from, 1, 0) != sizeof(read))
		return "this user may not read the memory of its own child (ptrace is forbidden)";
	s = task_take(child, (int)n.data.args[0]);
	if (s < 0)
		return reason_of_take();
	(void)close(s);
	return filter_answer(listener, n.id, EPERM) < 0 ? "the kernel takes no answer" : NULL;
}

static const char *reason_of(int error)
{
	switch (error) {
	case EBUSY:
		return "another program traps this one already";
	case EINVAL:
		return "the kernel is older than Linux 5.19";
	case ENOSYS:
		return "the kernel has no seccomp filters";
	default:
		return "seccomp filters are forbidden here";
	}
}

static const char *probe_parent(int child, int from)
{
	const char *why;
	int fd, listener;

	if (read(from, &fd, sizeof(fd)) != sizeof(fd))
		return "a child could not be tried";
	if (fd < 0)
		return reason_of(-fd);
	listener = task_take(child, fd);
	if (listener < 0)
		return reason_of_take();
	why = probe_call(child, listener);
	(void)close(listener);
	return why;
}

const char *filter_hindrance(void)
{
	const char *why = "a child could not be tried";
	int line[2];
	pid_t child;

	if (pipe(line) < 0)
		return why;
	child = fork();
	if (child == 0)
		probe_child(line[1]);
	(void)close(line[1]);
	if (child > 0) {
		why = probe_parent(child, line[0]);
		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, 0);
	}
	(void)close(line[0]);
	return why;
}
