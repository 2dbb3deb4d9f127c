/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host must not notice: no SIGCHLD, no unknown child in its wait(), no zombie, no atfork
 * handler run, no memory copied.  So a first child shares our memory (CLONE_VM | CLONE_VFORK) and
 * ends without a signal; it makes the second one, which becomes the prober, and which init inherits
 * when the first ends.  The first is waited for with __WCLONE, as only such children can be.  (Exec
 * gives a child SIGCHLD back as its signal, so the first must not become the prober itself.)
 *
 * Both run on a stack of their own inside ours, with all signals blocked, while the calling thread
 * sleeps in clone().  It is the kernel's: glibc's own, before 2.24, spoils the caller's thread id in
 * memory, by which its mutexes know their owner.
 */
#include "spawn.h"

#include "common/text.h"
#include "common/clock.h"
#include "base/env.h"
#include "base/environ.h"
#include "base/process.h"
#include "base/quiet.h"
#include "base/say.h"
#include "known/mapview.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef PELORUS_LIBEXECDIR
#define PELORUS_LIBEXECDIR "/usr/libexec/pelorus"
#endif

#define SECOND_NS UINT64_C(1000000000)
#define LIMIT_S 60
#define TRY_NS (SECOND_NS / 2) /* one process looks at the lock so often */
#define HOPELESS 4             /* starts in vain, after which nobody is thought to be coming */
#define STACK_SIZE 8192
#define NUMBERS_MAX (1 << 20) /* descriptors: a tenth of a second for all, on old kernels */
#define VARIABLES 96

/* clang-format off */
const char spawn_variables[] =
	"AWS_\0" "HOME=\0" "PATH=\0" "USER=\0" "LOGNAME=\0" "LANG=\0" "LC_\0" "TZ=\0"
	"XDG_\0" "HTTPS_PROXY=\0" "https_proxy=\0" "NO_PROXY=\0" "no_proxy=\0" "SSL_CERT_\0";
/* clang-format on */

struct start {
	const char *path;
	char *const *argv;
	char **envp;
	_Alignas(16) char first_stack[STACK_SIZE];
	_Alignas(16) char second_stack[STACK_SIZE];
};

struct spawn_record spawn_parse(const char *text)
{
	struct spawn_record r = {0};

	for (; *text >= '0' && *text <= '9' && r.count < 1000; text++)
		r.count = r.count * 10 + (uint64_t)(*text - '0');
	if (*text++ != ' ')
		return (struct spawn_record){0};
	for (; *text >= '0' && *text <= '9' && r.next_ns < UINT64_MAX / 20; text++)
		r.next_ns = r.next_ns * 10 + (uint64_t)(*text - '0');
	return *text == '\n' ? r : (struct spawn_record){0};
}

unsigned spawn_print(const struct spawn_record *r, char ret[static 48])
{
	ret[0] = '\0';
	text_append_number(ret, 48, r->count);
	text_append(ret, 48, " ");
	text_append_number(ret, 48, r->next_ns);
	text_append(ret, 48, "\n");
	return (unsigned)strlen(ret);
}

static uint64_t pause_ns(uint64_t count)
{
	uint64_t s = count > 6 ? LIMIT_S : UINT64_C(1) << (count > 0 ? count - 1 : 0);

	return (s < LIMIT_S ? s : LIMIT_S) * SECOND_NS;
}

bool spawn_is_due(const struct spawn_record *r, uint64_t proven_ns, uint64_t now_ns,
	struct spawn_record *ret)
{
	uint64_t made_ns = r->next_ns > pause_ns(r->count) ? r->next_ns - pause_ns(r->count) : 0;
	bool proven = proven_ns > made_ns && proven_ns <= now_ns;

	/* A time ahead, or too far off, is of before a reboot, or was never a time. */
	if (!proven && now_ns < r->next_ns && r->next_ns - now_ns <= LIMIT_S * SECOND_NS)
		return false;
	ret->count = proven ? 1 : r->count + 1;
	if (ret->count > 999)
		ret->count = 999;
	ret->next_ns = now_ns + pause_ns(ret->count);
	return true;
}

static void close_all_but_three(void)
{
	struct rlimit files = {.rlim_cur = NUMBERS_MAX};

	if (syscall(SYS_close_range, 3, ~0u, 0) == 0)
		return;
	(void)syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &files);
	for (int fd = 3; fd < NUMBERS_MAX && (rlim_t)fd < files.rlim_cur; fd++)
		(void)syscall(SYS_close, fd);
}

/* The kernel's own struct sigaction and mask, as they begin: nothing set. */
static void reset_signals(void)
{
	static const uint64_t none[4];

	for (int s = 1; s < NSIG; s++)
		(void)syscall(SYS_rt_sigaction, s, none, NULL, sizeof(*none));
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, none, NULL, sizeof(*none));
}

/*
 * Runs `run` in a child of our memory, on a stack of its own; what run() gives is its status.  The
 * caller sleeps until it has ended or become another program.  Its pid, or below 0.
 */
static long clone_onto(char *stack_end, long flags, int (*run)(void *), void *context)
{
#if defined(__x86_64__)
	long r = SYS_clone;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %[context], %%rdi\n\t"
			 "call *%[run]\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "hlt\n"
			 "1:"
			 : "+a"(r)
			 : "D"(flags | CLONE_VM | CLONE_VFORK), "S"(stack_end), [run] "r"(run),
			 [context] "r"(context), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "rdx", "r8", "r10", "memory", "cc");
	return r;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = flags | CLONE_VM | CLONE_VFORK;
	register char *x1 __asm__("x1") = stack_end;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x0, %[context]\n\t"
			 "blr %[run]\n\t"
			 "mov x8, %[exit]\n\t"
			 "svc #0\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8),
			 "r"(x1), [run] "r"(run), [context] "r"(context), [exit] "i"(SYS_exit)
			 : "x30", "memory", "cc");
	return x0;
#else
#error "how does this architecture enter the kernel?"
#endif
}

/*
 * Becomes the prober; runs in the host's memory until then, so it writes to its own stack only.  It
 * calls the kernel itself: whoever stands in for libc's functions keeps what they do in the memory of
 * the host (libjsig its handlers), and may want more stack than there is.
 */
static int second(void *context)
{
	const struct start *s = context;
	long null = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);

	(void)syscall(SYS_setsid);
	for (int fd = 0; fd < 3; fd++)
		(void)syscall(SYS_dup3, null, fd, 0);
	close_all_but_three();
	(void)syscall(SYS_chdir, "/");
	reset_signals();
	(void)syscall(SYS_execve, s->path, s->argv, s->envp);
	return 127;
}

static int first(void *context)
{
	struct start *s = context;

	(void)clone_onto(s->second_stack + sizeof(s->second_stack), SIGCHLD, second, s);
	return 0;
}

static bool launch(struct start *s)
{
	pid_t pid = (pid_t)clone_onto(s->first_stack + sizeof(s->first_stack), 0, first, s);
	int state;

	while (pid > 0 && waitpid(pid, &state, __WCLONE) < 0 && errno == EINTR)
		;
	return pid > 0;
}

/* PELORUS_PROBER's, else beside this library, else where it is installed. */
static const char *find_prober(char buf[static ENV_PATH_MAX])
{
	static const char name[] = "pelorusd";
	Dl_info info;
	char *slash;

	if (*env_get()->prober)
		return env_get()->prober;
	if (dladdr((void *)(uintptr_t)find_prober, &info) != 0 && info.dli_fname &&
		strlen(info.dli_fname) + sizeof(name) < ENV_PATH_MAX) {
		strcpy(buf, info.dli_fname);
		slash = strrchr(buf, '/');
		strcpy(slash ? slash + 1 : buf, name);
		if (slash && access(buf, X_OK) == 0)
			return buf;
	}
	return PELORUS_LIBEXECDIR "/pelorusd";
}

bool spawn_passes_on(const char *line)
{
	return environ_begins(line, spawn_variables) ||
		(environ_begins(line, "PELORUS_\0") &&
			!environ_begins(line,
				"PELORUS_USER=\0PELORUS_PASSWORD=\0"
				"PELORUS_DATABASE_URL=\0"));
}

/* What configures a prober, as it was at load: neither our preload nor anybody's password. */
static void fill_environment(char *envp[static VARIABLES])
{
	const struct environ_kept *kept = environ_get();
	unsigned n = 0;

	for (size_t at = 0; at < kept->size && n < VARIABLES - 1;
		at += strlen(kept->text + at) + 1) {
		if (spawn_passes_on(kept->text + at))
			envp[n++] = (char *)(uintptr_t)(kept->text + at);
	}
	envp[n] = NULL;
}

static bool start_prober(bool again)
{
	char name[] = "pelorusd", path[ENV_PATH_MAX];
	char *argv[] = {name, NULL}, *envp[VARIABLES];
	struct start s = {.path = find_prober(path), .argv = argv, .envp = envp};

	if (access(s.path, X_OK) < 0) {
		say(SAY_NO_PROBER, s.path);
		return false;
	}
	if (again)
		say(SAY_PROBER_FAILED, NULL);
	if (environ_get()->full)
		say(SAY_LONG_ENVIRONMENT, NULL);
	fill_environment(envp);
	return launch(&s);
}

static struct spawn_record read_record(int dirfd)
{
	char text[48] = "";
	int fd = openat(dirfd, PEL_RUN_FAILED, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		(void)close(fd);
	}
	return spawn_parse(text);
}

static void write_record(int dirfd, const struct spawn_record *r)
{
	char text[48];
	unsigned n = spawn_print(r, text);
	int fd = openat(dirfd, PEL_RUN_FAILED,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd < 0)
		return;
	(void)quiet_write(fd, text, n, 0);
	(void)close(fd);
}

/* Whether a prober is coming. */
enum outlook { NOT_COMING, PERHAPS_COMING, COMING };

/* With the start lock held. */
static enum outlook start_if_due(int dirfd, uint64_t now_ns)
{
	const struct pel_map *map = mapview_look(now_ns);
	struct spawn_record before = read_record(dirfd), after;

	if (mapview_is_fresh(map, now_ns))
		return COMING;
	if (!spawn_is_due(&before, map ? map->header.start_ns : 0, now_ns, &after))
		return before.count == 1          ? COMING
			: before.count < HOPELESS ? PERHAPS_COMING
						  : NOT_COMING;
	write_record(dirfd, &after);
	if (start_prober(after.count > 1))
		return COMING;
	after.count = after.count < HOPELESS ? HOPELESS : after.count;
	write_record(dirfd, &after);
	return NOT_COMING;
}

/* Another holds the start lock; for ever, if it was stopped in the middle. */
static enum outlook outlook_of_another(int dirfd, uint64_t now_ns)
{
	struct spawn_record r = read_record(dirfd);
	uint64_t made_ns = r.next_ns > pause_ns(r.count) ? r.next_ns - pause_ns(r.count) : 0;

	return r.count == 0 || now_ns <= made_ns + 2 * SECOND_NS ? COMING : PERHAPS_COMING;
}

static enum outlook try_in(int dirfd, uint64_t now_ns)
{
	int fd = openat(dirfd, PEL_RUN_START, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	enum outlook outlook;

	if (fd < 0)
		return NOT_COMING;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		outlook = errno == EWOULDBLOCK ? outlook_of_another(dirfd, now_ns) : NOT_COMING;
	else
		outlook = start_if_due(dirfd, now_ns);
	(void)close(fd);
	return outlook;
}

/* A prober would become a child of this process, which knows nothing of it. */
static bool inherits_orphans(void)
{
	int is_subreaper = 0;

	(void)prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper, 0, 0, 0);
	return getpid() == 1 || is_subreaper;
}

static enum outlook try_once(uint64_t now_ns)
{
	struct pel_rundir dir;
	int dirfd = mapview_open_dir(&dir, true);
	enum outlook outlook = NOT_COMING;

	/* Of one that cannot be trusted mapview has told already. */
	if (dirfd < 0 && dirfd != -EPERM && dirfd != -ELOOP)
		say(SAY_NO_DIRECTORY, dir.path);
	if (dirfd >= 0 && dir.kind != PEL_RUNDIR_SYSTEM) {
		if (inherits_orphans())
			say(SAY_INHERITS_ORPHANS, NULL);
		else
			outlook = try_in(dirfd, now_ns);
	}
	if (dirfd >= 0)
		(void)close(dirfd);
	return outlook;
}

bool spawn_is_hopeless(void)
{
	return !env_get()->may_spawn || atomic_load(&process_get()->hopeless);
}

bool spawn_prober(uint64_t now_ns)
{
	_Atomic uint64_t *when = &process_get()->spawn_ns;
	uint64_t due = atomic_load(when);
	sigset_t all, before;
	enum outlook outlook;
	int saved = errno;

	if (!env_get()->may_spawn || now_ns < due ||
		!atomic_compare_exchange_strong(when, &due, now_ns + TRY_NS))
		return false;
	/* A handler that jumps out of here would leave the start lock held; follow_tell() sees to cancelling. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	outlook = try_once(now_ns);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	atomic_store(&process_get()->hopeless, outlook == NOT_COMING);
	errno = saved;
	return outlook == COMING;
}
