/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library, and the program that it is to be preloaded into.
 *
 * Whether it loads is not guessed: the very interpreter that the program names lists what it would
 * load (--list, which glibc and musl both know, and which runs nothing of the program), and a child
 * of our own says which file its getaddrinfo is from.
 */
#include "doctor.h"

#include "preload.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX 16384
#define ENVIRON_MAX 1024

extern char **environ;

/* Our environment with LD_PRELOAD as told. */
static void environment_make(char *preload, char *ret[static ENVIRON_MAX])
{
	size_t n = 0;

	for (char **e = environ; *e && n < ENVIRON_MAX - 2; e++) {
		if (strncmp(*e, "LD_PRELOAD=", 11) != 0)
			ret[n++] = *e;
	}
	ret[n++] = preload;
	ret[n] = NULL;
}

/* What a program preloaded with the library prints, errors too.  0 or -errno. */
static int output_take(const struct doctor *d, const char *const *argv, char ret[static OUTPUT_MAX])
{
	char preload[PATH_MAX + 16], *list[ENVIRON_MAX];
	posix_spawn_file_actions_t actions;
	int fds[2], r;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	(void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", d->library);
	environment_make(preload, list);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
	r = posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, list);
	posix_spawn_file_actions_destroy(&actions);
	(void)close(fds[1]);
	while (r == 0 && (got = read(fds[0], ret + n, OUTPUT_MAX - 1 - n)) > 0)
		n += (size_t)got;
	ret[n] = '\0';
	(void)close(fds[0]);
	if (r == 0)
		(void)waitpid(pid, NULL, 0);
	return -r;
}

int doctor_child(void)
{
	/* Not `getaddrinfo` itself: its address may be that of our own jump table. */
	void *function = dlsym(RTLD_DEFAULT, "getaddrinfo");
	const char *(*version)(void);
	Dl_info info;

	if (!function || !dladdr(function, &info))
		return 1;
	version = (const char *(*)(void))(uintptr_t)dlsym(RTLD_DEFAULT, "pelorus_version");
	printf("%s\nversion %s\n", info.dli_fname, version ? version() : "unknown");
	return 0;
}

static void tell_version(struct doctor *d, const char *output)
{
	const char *version = strstr(output, "\nversion ");

	if (version && strncmp(version + 9, PELORUS_VERSION "\n", sizeof(PELORUS_VERSION)) == 0)
		doctor_tell(d, FINDING_WELL, NULL,
			"a child of ours has its lookups from the library, "
			"version " PELORUS_VERSION);
	else
		doctor_tell(d, FINDING_FAILURE,
			"command, library and prober must be of one release: install them again",
			"library: it is not of this command's version, " PELORUS_VERSION);
}

static void look_interposed(struct doctor *d)
{
	static const char remedy[] = "is there a loader in the way (a sandbox, another preload)? "
				     "`LD_DEBUG=libs LD_PRELOAD=LIBRARY true` tells what it does";
	const char *const argv[] = {"/proc/self/exe", "doctor", "--child", NULL};
	char output[OUTPUT_MAX];

	if (PELORUS_STATIC)
		doctor_tell(d, FINDING_NOTE,
			"`pelorus doctor -- PROGRAM` asks that program's loader",
			"this command is linked statically: no child of ours can be preloaded");
	else if (output_take(d, argv, output) == 0 && strstr(output, PRELOAD_LIBRARY) &&
		!strstr(output, "cannot be preloaded"))
		tell_version(d, output);
	else
		doctor_tell(d, FINDING_FAILURE, remedy, "a child of ours is not interposed: %s",
			*output ? output : "it cannot be started");
}

void doctor_look_library(struct doctor *d)
{
	int r = preload_find_library(d->library);

	if (r < 0) {
		*d->library = '\0';
		doctor_tell(d, FINDING_FAILURE,
			"install the package again, or set PELORUS_LIBRARY to the path "
			"of " PRELOAD_LIBRARY,
			"library: " PRELOAD_LIBRARY " cannot be found: %s", strerror(-r));
		return;
	}
	doctor_tell(d, FINDING_WELL, NULL, "library: %s", d->library);
	look_interposed(d);
}

static void tell_hindrance(struct doctor *d)
{
	const char *remedy =
		"no preload is at work there: put `pelorus run --trap --` in front of it "
		"(pelorus(1), and docs/go.md for containers)";
	unsigned traits = d->target.traits;

	if (traits & ELF_FOREIGN)
		remedy = "build libpelorus.so for that architecture (meson, -Donly_library=true, a "
			 "cross file) and preload that one";
	else if (traits & ELF_PRIVILEGED)
		remedy = "start it without set-user-ID, set-group-ID and file capabilities (for "
			 "ports: systemd's AmbientCapabilities)";
	else if (!(traits & ELF_GO))
		remedy =
			"link it dynamically; or put `pelorus run --trap --` in front of it, and the "
			"lines of `pelorus hosts` into its /etc/hosts";
	doctor_tell(d, FINDING_FAILURE, remedy, "target: %s %s", d->target.path,
		elf_hindrance(traits));
}

/* Its libraries lie beside the file itself ($ORIGIN), not beside a symbolic link to it. */
static void look_loader(struct doctor *d)
{
	char interpreter[PATH_MAX], output[OUTPUT_MAX], path[PATH_MAX];
	const char *const argv[] = {interpreter, "--list", path, NULL};

	if (!realpath(d->target.path, path) || elf_interpreter(path, interpreter) < 0 ||
		output_take(d, argv, output) < 0) {
		doctor_tell(d, FINDING_NOTE, "start it by `pelorus run --require` to be sure",
			"target: its loader cannot be asked");
		return;
	}
	if (strstr(output, d->library) && !strstr(output, "cannot be preloaded") &&
		!strstr(output, "Error loading") && !strstr(output, "Error relocating"))
		doctor_tell(d, FINDING_WELL, NULL, "target: %s loads the library for %s",
			interpreter, d->target.path);
	else
		doctor_tell(d, FINDING_FAILURE,
			"the library must be readable where the program runs, and built for its "
			"libc or an older one",
			"target: %s does not load the library: %.300s", interpreter, output);
}

void doctor_look_target(struct doctor *d)
{
	char path[PATH_MAX];
	struct elf_program library = {0};
	int r;

	if (!d->command)
		return;
	r = elf_find(d->command[0], getenv("PATH"), path);
	if (r == 0 && *d->library)
		(void)elf_inspect(d->library, NULL, library.machine, &library);
	if (r == 0)
		r = elf_inspect(path, getenv("PATH"), library.machine, &d->target);
	if (r < 0)
		doctor_tell(d, FINDING_FAILURE, "give the command as you would start it",
			"target: %s: %s", d->command[0], strerror(-r));
	else if (d->target.traits & ELF_HINDERS)
		tell_hindrance(d);
	else if (d->target.traits & ELF_UNKNOWN)
		doctor_tell(d, FINDING_NOTE, "name the interpreter that runs it",
			"target: %s is no program that can be looked into", d->target.path);
	else if (*d->library)
		look_loader(d);
}
