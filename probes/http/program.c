/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are run beside the loop. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEATH_MS 10 /* of one that was killed; it may be held up in the kernel */

struct program {
	struct loop *loop;
	void (*ended)(void *ctx, const char *problem, const char *output); /* NULL: nobody asks */
	void *ctx;
	pid_t pid; /* 0: none runs; also the group of what it starts */
	int pidfd, output;
	bool late; /* it was ended for taking too long */
	struct loop_io io;
	struct loop_timer limit;
};

static int input_file(const char *text)
{
	int fd =
		text ? memfd_create("input", MFD_CLOEXEC) : open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t n = text ? strlen(text) : 0;

	if (fd < 0)
		return -errno;
	if (n > 0 && (write(fd, text, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* Zero bytes where nothing was written, and sealed, so that it stays as large as it is. */
static int output_file(bool wanted)
{
	int fd = wanted ? memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING)
			: open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (wanted &&
		(ftruncate(fd, PROGRAM_OUTPUT_MAX) < 0 ||
			fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* In a group of its own, with default signals, and nothing of ours but the three standard descriptors. */
static int spawn(const struct program_options *o, int input, int output, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&actions, input, 0);
	posix_spawn_file_actions_adddup2(&actions, output, 1);
#ifdef __GLIBC__ /* elsewhere O_CLOEXEC has to do */
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
#endif
	posix_spawnattr_setflags(&attributes,
		POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	r = posix_spawn(ret, o->argv[0], &actions, &attributes, (char *const *)o->argv,
		o->environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Lets go of the program, which is waited for. */
static int reap(struct program *p)
{
	int status = 0;

	loop_io_remove(p->loop, &p->io);
	loop_timer_stop(p->loop, &p->limit);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
	return status;
}

void program_free(struct program *p)
{
	if (!p)
		return;
	if (p->pid) {
		struct pollfd dead = {.fd = p->pidfd, .events = POLLIN};

		(void)kill(-p->pid, SIGKILL);
		p->ended = NULL;
		if (p->pidfd >= 0 && poll(&dead, 1, DEATH_MS) != 1)
			return; /* on_exit_seen() does the rest */
		(void)reap(p);
	}
	if (p->pidfd >= 0)
		close(p->pidfd);
	if (p->output >= 0)
		close(p->output);
	free(p);
}

static void on_exit_seen(void *ctx, uint32_t events)
{
	struct program *p = ctx;
	char output[PROGRAM_OUTPUT_MAX + 1], problem[64] = "the program took too long";
	int status = reap(p);
	ssize_t n = pread(p->output, output, PROGRAM_OUTPUT_MAX, 0);

	output[n > 0 ? n : 0] = '\0';
	if (WIFSIGNALED(status) && !p->late)
		snprintf(problem, sizeof(problem), "the program died of signal %d",
			WTERMSIG(status));
	else if (!p->late)
		snprintf(problem, sizeof(problem), "the program ended with %d",
			WEXITSTATUS(status));
	if (p->ended)
		p->ended(p->ctx, status == 0 && !p->late ? NULL : problem, output);
	explicit_bzero(output, sizeof(output));
	program_free(p);
}

static void on_late(void *ctx)
{
	struct program *p = ctx;

	p->late = true;
	(void)kill(-p->pid, SIGKILL);
}

static int begin(struct program *p, const struct program_options *o, int input)
{
	int r = spawn(o, input, p->output, &p->pid);

	if (r < 0) {
		p->pid = 0;
		return r;
	}
	p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	r = p->pidfd < 0 ? -errno
			 : loop_io_add(p->loop, &p->io, p->pidfd, EPOLLIN, on_exit_seen, p);
	if (r == 0)
		loop_timer_set_in(p->loop, &p->limit, o->limit_ns);
	return r;
}

int program_start(struct loop *loop, const struct program_options *options, struct program **ret)
{
	struct program *p = calloc(1, sizeof(*p));
	int input, r;

	if (!p)
		return -ENOMEM;
	*p = (struct program){.loop = loop,
		.ended = options->ended,
		.ctx = options->ctx,
		.pidfd = -1,
		.output = output_file(options->wants_output)};
	loop_timer_init(&p->limit, on_late, p);
	input = input_file(options->input);
	r = p->output < 0 ? p->output : input < 0 ? input : begin(p, options, input);
	if (input >= 0)
		close(input);
	if (r < 0)
		program_free(p);
	else
		*ret = p;
	return r;
}
