/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two processes hold the listener, so that one of them may die: without any, each connect() of the
 * program would fail with ENOSYS for good.  A worker that is dead is replaced, and one that is
 * late, or stopped, is ended first; but not soon where it only gets no processor, as in a container
 * with little of one: its successor would get none either.  Whether it is late is looked at only while
 * calls come in: an idle program wakes nobody.
 *
 * The program is in our own process group, as without us: what a terminal sends reaches both, and
 * is not passed on; what comes from elsewhere is.  Where a terminal stops the program we stop too,
 * for it is us whom the shell watches.
 */
#include "keeper.h"

#include "call.h"
#include "filter.h"
#include "questions.h"
#include "task.h"
#include "trap.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define QUICK_NS UINT64_C(1000000000) /* a worker that dies within this has not been at work */
#define QUICK_MAX 3                   /* so many of them, and we do without for so long */
#define LATE_MAX 30                   /* so often is it let off for that */
#define BEGIN_NS UINT64_C(1000000000) /* the program does not wait longer for its worker */

struct keeper {
	struct trap *trap;
	int signals;
	int line;        /* to the worker, */
	int worker_line; /* and its end of it */
	int go;          /* to the program, until it may run */
	pid_t program;
	pid_t worker; /* 0: none */
	bool stopped;
	bool ended;
	int status;       /* as of waitpid(), once it has ended */
	sigset_t mask;    /* the program's */
	int death_signal; /* by which it was to be told of its parent's end */
	struct sigaction child_action;
	uint64_t worker_ns; /* when it was started */
	unsigned quick_deaths;
	uint64_t look_ns; /* when it is looked whether the worker is late; 0: nobody calls */
	uint64_t taken;   /* what had been taken when that was decided */
	unsigned late;    /* looks in a row that found it late, but for want of a processor */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

int keeper_execute(char **command, const char *preload)
{
	int error;

	if (preload)
		(void)setenv("LD_PRELOAD", preload, 1);
	(void)execvp(command[0], command);
	error = errno;
	fprintf(stderr, "pelorus: run: %s: %s\n", command[0], strerror(error));
	return error == ENOENT ? KEEPER_NOT_FOUND : KEEPER_CANNOT;
}

/* What systemd meant for the process that it started is the program's. */
static void pass_on(const char *name)
{
	const char *pid = getenv(name);
	char text[16];

	if (!pid || atoi(pid) != getppid())
		return;
	(void)snprintf(text, sizeof(text), "%d", getpid());
	(void)setenv(name, text, 1);
}

/* Tells the number of its listener, and goes on when that has been taken. */
_Noreturn static void become_program(struct keeper *k, int line, char **command,
	const char *preload)
{
	int fd = filter_set();
	char go;

	if (write(line, &fd, sizeof(fd)) != sizeof(fd) || read(line, &go, 1) != 1)
		_exit(KEEPER_FAILED);
	(void)close(line);
	(void)close(fd);
	(void)sigaction(SIGCHLD, &k->child_action, NULL);
	(void)sigprocmask(SIG_SETMASK, &k->mask, NULL);
	(void)prctl(PR_SET_PDEATHSIG, k->death_signal, 0, 0, 0);
	(void)setenv("PELORUS_TRAP", "1", 1);
	pass_on("LISTEN_PID");
	pass_on("WATCHDOG_PID");
	_exit(keeper_execute(command, preload));
}

static int start_program(struct keeper *k, char **command, const char *preload)
{
	int line[2], fd = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) < 0)
		return -errno;
	k->program = fork();
	if (k->program == 0) {
		(void)close(line[0]); /* or it would wait for itself, if we end before */
		become_program(k, line[1], command, preload);
	}
	(void)close(line[1]);
	if (k->program > 0 && read(line[0], &fd, sizeof(fd)) == sizeof(fd) && fd >= 0)
		k->trap->listener = task_take(k->program, fd);
	k->go = line[0];
	return k->program > 0 ? k->trap->listener : -errno;
}

/*
 * For a moment there is no worker.  What the last one left goes on as if nobody had looked, or is refused
 * where that would lead nowhere; who waits for a writer waits for the next worker.
 */
static void do_without(struct keeper *k)
{
	k->worker = 0;
	k->look_ns = now_ns() + QUICK_NS;
	block_set(&k->trap->block);
	for (unsigned i = 0; i < k->trap->calls_end; i++) {
		struct trap_call *c = &k->trap->calls[i];

		if (c->notif.id != 0 && !c->held)
			call_give_up(k->trap, c);
	}
}

static void start_worker(struct keeper *k)
{
	k->look_ns = 0;
	k->late = 0;
	k->worker = fork();
	k->worker_ns = now_ns();
	if (k->worker == 0) {
		(void)close(k->signals);
		(void)close(k->line);
		(void)close(k->go);
		worker_run(k->trap, k->worker_line);
	}
	if (k->worker < 0)
		do_without(k);
}

/* Of somebody who is not there any more; and what he was late for. */
static void replace_worker(struct keeper *k)
{
	k->quick_deaths = now_ns() - k->worker_ns < QUICK_NS ? k->quick_deaths + 1 : 0;
	atomic_store(&k->trap->busy_ns, 0);
	if (k->quick_deaths < QUICK_MAX)
		start_worker(k);
	else
		do_without(k);
}

static void answer_for_worker(struct keeper *k)
{
	static struct trap_call c;

	if (filter_receive(k->trap->listener, &c.notif) == 0)
		call_give_up(k->trap, &c);
}

static bool has_call(const struct keeper *k)
{
	struct pollfd p = {.fd = k->trap->listener, .events = POLLIN};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

static bool is_late(const struct keeper *k, uint64_t now)
{
	uint64_t busy = atomic_load(&k->trap->busy_ns);

	return busy != 0 ? now > busy + TRAP_LATE_NS
			 : has_call(k) && atomic_load(&k->trap->taken) == k->taken;
}

static void look_at_worker(struct keeper *k)
{
	uint64_t now = now_ns();

	if (k->look_ns == 0 || now < k->look_ns)
		return;
	k->look_ns = 0;
	if (k->worker == 0) {
		k->quick_deaths = 0;
		start_worker(k);
	} else if (!is_late(k, now)) {
		k->late = 0;
	} else if (k->late < LATE_MAX && task_would_run(k->worker)) {
		k->late++;
		k->look_ns = now + TRAP_LATE_NS;
	} else {
		(void)kill(k->worker, SIGKILL);
	}
}

/* True where a shell watches whether we are stopped. */
static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static void note_program(struct keeper *k, int status)
{
	if (WIFCONTINUED(status)) {
		k->stopped = false;
	} else if (WIFSTOPPED(status)) {
		int by = WSTOPSIG(status);

		k->stopped = true;
		if ((by == SIGTSTP || by == SIGTTIN || by == SIGTTOU) && has_terminal())
			(void)kill(getpid(), SIGSTOP);
	} else {
		k->ended = true;
		k->status = status;
	}
}

/* As PID 1 there are others' children too. */
static void reap(struct keeper *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
		if (pid == k->program)
			note_program(k, status);
		else if (pid == k->worker && WIFSTOPPED(status))
			(void)kill(pid, SIGKILL); /* what waits for it may call nobody */
		else if (pid == k->worker && !WIFCONTINUED(status))
			replace_worker(k);
	}
}

/*
 * What the kernel sends for a terminal reaches the program as well; a hang-up, the session's
 * leader alone, and a timer that was set before the program was to be executed, us.
 */
static bool is_for_program(const struct signalfd_siginfo *s)
{
	if (s->ssi_signo == SIGALRM)
		return true;
	if (s->ssi_signo == SIGHUP && getsid(0) == getpid())
		return true;
	return s->ssi_code != SI_KERNEL;
}

static void take_signal(struct keeper *k)
{
	struct signalfd_siginfo s;

	if (read(k->signals, &s, sizeof(s)) != sizeof(s))
		return;
	reap(k);
	if (s.ssi_signo == SIGCHLD || k->ended || !is_for_program(&s))
		return;
	if (s.ssi_signo != SIGCONT || k->stopped)
		(void)kill(k->program, (int)s.ssi_signo);
}

static int timeout_ms(const struct keeper *k)
{
	uint64_t now = now_ns();

	if (k->look_ns == 0)
		return -1;
	return now < k->look_ns ? (int)((k->look_ns - now) / 1000000) + 1 : 0;
}

static void keep(struct keeper *k)
{
	while (!k->ended) {
		struct pollfd in[] = {
			{.fd = k->signals, .events = POLLIN},
			{.fd = k->line, .events = POLLIN},
			/* One that nobody has taken, or that the worker has not answered. */
			{.fd = k->trap->listener, .events = k->worker ? POLLIN | POLLOUT : POLLIN},
		};
		/* Once there has been a call nobody looks for the next before the look. */
		if (k->look_ns != 0 && k->worker != 0)
			in[2].fd = -1;
		if (poll(in, 3, timeout_ms(k)) < 0)
			continue;
		if (in[0].revents & POLLIN)
			take_signal(k);
		if (in[1].revents & POLLIN)
			task_help(k->line);
		if ((in[2].revents & POLLIN) && k->worker == 0) {
			answer_for_worker(k);
		} else if (in[2].revents & (POLLIN | POLLOUT)) {
			k->taken = atomic_load(&k->trap->taken);
			k->look_ns = now_ns() + TRAP_LATE_NS;
		}
		look_at_worker(k);
	}
}

/*
 * Once a worker is there, or none will be.  A signal ends a call that nobody has taken yet, even one
 * that does not block, with EINTR; natively none does.
 */
static void let_program_run(struct keeper *k)
{
	const uint64_t end_ns = now_ns() + BEGIN_NS;
	struct pollfd in[] = {
		{.fd = k->line, .events = POLLIN},
		{.fd = k->signals, .events = POLLIN},
	};

	for (uint64_t now; k->worker != 0 && !k->ended && (now = now_ns()) < end_ns;) {
		if (poll(in, 2, (int)((end_ns - now) / 1000000) + 1) > 0 && in[0].revents)
			break;
		if (in[1].revents & POLLIN)
			take_signal(k);
	}
	(void)!write(k->go, "", 1);
	(void)close(k->go);
	k->go = -1;
}

/* Whoever still runs of the program keeps its worker, which ends with the last of them. */
static void leave(struct keeper *k)
{
	struct pollfd p = {.fd = k->trap->listener, .events = POLLIN};

	if (k->worker == 0)
		start_worker(k);
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLHUP))
		return;
	(void)kill(k->worker, SIGKILL);
	(void)waitpid(k->worker, NULL, 0);
}

/* As the program did: by the same signal, but without a core of ours. */
static int end_as(int status)
{
	const struct rlimit none = {0};
	sigset_t one;

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)signal(WTERMSIG(status), SIG_DFL);
	(void)sigemptyset(&one);
	(void)sigaddset(&one, WTERMSIG(status));
	(void)kill(getpid(), WTERMSIG(status));
	(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
	return 128 + WTERMSIG(status);
}

/* All but those that a fault of our own raises: they reach the program by us. */
static int take_signals(struct keeper *k)
{
	static const int ours[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
	const struct sigaction none = {.sa_handler = SIG_DFL};
	sigset_t all;

	(void)sigfillset(&all);
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		(void)sigdelset(&all, ours[i]);
	if (sigaction(SIGCHLD, &none, NULL) < 0 || sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return -errno;
	k->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	return k->signals < 0 ? -errno : 0;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/*
 * What the program closes is to be closed: of its descriptors only the one for what we say is
 * kept.
 */
static void close_program_files(const struct keeper *k)
{
	int ours[] = {2, k->signals, k->line, k->worker_line, k->trap->listener, k->go, INT_MAX};
	const size_t n = sizeof(ours) / sizeof(*ours);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd < 2; fd++)
		(void)dup2(null, fd);
	qsort(ours, n, sizeof(*ours), compare);
	for (size_t i = 1; i < n; i++) {
		if (ours[i] > ours[i - 1] + 1)
			(void)syscall(SYS_close_range, ours[i - 1] + 1, ours[i] - 1, 0);
	}
}

static int begin(struct keeper *k, const char *program)
{
	const char *slash = strrchr(program, '/');
	int line[2];

	(void)sigaction(SIGCHLD, NULL, &k->child_action);
	(void)sigprocmask(SIG_BLOCK, NULL, &k->mask);
	k->trap = mmap(NULL, sizeof(*k->trap), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (k->trap == MAP_FAILED)
		return -errno;
	k->trap->listener = -EPERM;
	k->trap->program = slash ? slash + 1 : program;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
		return -errno;
	k->line = line[0];
	k->worker_line = line[1];
	(void)prctl(PR_GET_PDEATHSIG, &k->death_signal, 0, 0, 0);
	return take_signals(k);
}

/* What was tried beforehand may fail all the same, for want of a descriptor or a process. */
static int run_without(struct keeper *k, int error, char **command, const char *preload,
	bool require)
{
	fprintf(stderr, "pelorus: run: --trap cannot work: %s%s\n", strerror(error),
		require ? "" : "; it runs as without");
	if (k->program > 0) {
		(void)kill(k->program, SIGKILL);
		(void)waitpid(k->program, NULL, 0);
	}
	if (require)
		return KEEPER_FAILED;
	(void)sigaction(SIGCHLD, &k->child_action, NULL);
	(void)sigprocmask(SIG_SETMASK, &k->mask, NULL);
	return keeper_execute(command, preload);
}

int keeper_run(char **command, const char *preload, bool require)
{
	struct keeper k = {0};
	int r = begin(&k, command[0]);

	if (r == 0)
		r = start_program(&k, command, preload);
	if (r < 0)
		return run_without(&k, -r, command, preload, require);
	close_program_files(&k);
	questions_open(k.trap);
	start_worker(&k);
	let_program_run(&k);
	keep(&k);
	leave(&k);
	return end_as(k.status);
}
