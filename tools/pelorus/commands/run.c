/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus run: starts a command with the library preloaded.
 *
 * Everything that can be known beforehand is looked at first: whether there is such a command,
 * whether a preload can work in it, whether a prober is at work.  What is not well is told, and the
 * command runs all the same, for it is the user's command; with --require it does not.  The exit
 * status is the command's own, for this process becomes the command; 125, 126 and 127 mean what
 * they mean to env and timeout.
 */
#include "commands.h"

#include "elf_program.h"
#include "credentials/env_file.h"
#include "map_view.h"
#include "preload.h"
#include "prober.h"

#include "common/names.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXIT_OURS 125
#define EXIT_CANNOT 126
#define EXIT_NOT_FOUND 127
#define CLUSTERS_MAX 16
#define LOOK_NS 50000000
#define LOOKS_MAX 10 /* half a second is not much before a program starts */

static const char usage[] =
	"usage: pelorus run [--cluster NAME]... [--env-file FILE] [--require] [--trap] [--] COMMAND "
	"[ARGUMENT...]\n"
	"Runs COMMAND with libpelorus.so preloaded, and makes sure that a prober is at work.\n"
	"\n"
	"  --cluster NAME  also follows NAME, whose form does not tell that it is a cluster;\n"
	"                  reader:NAME for one that leads to the readers; may be repeated\n"
	"  --env-file FILE has the daemon log in with what FILE (.env) says of the database; COMMAND\n"
	"                  reads it by itself, and is given nothing else of it\n"
	"  --require       refuses (125) instead of warning where the preload cannot work\n"
	"  --trap          follows also what a preload does not reach, Go and static programs: stays\n"
	"                  as COMMAND's parent and answers its connects, by a seccomp filter\n"
	"\n"
	"Ends with COMMAND's own status; 125 if pelorus itself fails, 126 if COMMAND cannot be\n"
	"executed, 127 if it is not found.\n";

struct run {
	bool require;
	bool trap;
	bool has_prober;
	const char *clusters[CLUSTERS_MAX + 1];
	unsigned n_clusters;
	const char *env_file;
	char **command;
};

/* Tells what is not well.  0 to go on, EXIT_OURS if that was required. */
static int warn(const struct run *run, const char *what, const char *why)
{
	fprintf(stderr, "pelorus: run: %s %s%s\n", what, why,
		run->require ? "" : "; it runs as without pelorus");
	return run->require ? EXIT_OURS : 0;
}

static int cannot(const char *command, int error)
{
	fprintf(stderr, "pelorus: run: %s: %s\n", command, strerror(error));
	return error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT;
}

/* -1 to go on, or an exit status. */
static int parse(struct run *run, int argc, char **argv)
{
	static const struct option options[] = {
		{"cluster", required_argument, NULL, 'c'},
		{"env-file", required_argument, NULL, 'e'},
		{"require", no_argument, NULL, 'r'},
		{"trap", no_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (c == 'h')
			return fputs(usage, stdout) < 0 ? EXIT_OURS : 0;
		if (c == 'r')
			run->require = true;
		else if (c == 'e')
			run->env_file = optarg;
		else if (c == 't')
			run->trap = true;
		else if (c == 'c' && run->n_clusters < CLUSTERS_MAX)
			run->clusters[run->n_clusters++] = optarg;
		else
			break;
	}
	run->command = argv + optind;
	if (c == -1 && *run->command)
		return -1;
	if (c == -1)
		fputs("pelorus: run: COMMAND is missing\n", stderr);
	fputs(usage, stderr);
	return EXIT_OURS;
}

/* PELORUS_CLUSTER with the names given here in front of those that are there. */
static int set_clusters(const struct run *run)
{
	const char *existing = getenv("PELORUS_CLUSTER");
	char list[8192] = "";
	size_t n = 0;

	for (unsigned i = 0; i < run->n_clusters && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? "," : "",
			run->clusters[i]);
	if (existing && *existing && n < sizeof(list))
		n += (size_t)snprintf(list + n, sizeof(list) - n, ",%s", existing);
	if (n >= sizeof(list))
		return -ENOSPC;
	return setenv("PELORUS_CLUSTER", list, 1) < 0 ? -errno : 0;
}

/* What hinders a preload alone.  Who may not do without NO_NEW_PRIVS gains nothing, and is told. */
static unsigned trap_lifts(const struct elf_program *program)
{
	if (!(program->traits & ELF_PRIVILEGED) || geteuid() == 0)
		return ELF_STATIC | ELF_GO;
	fprintf(stderr, "pelorus: run: %s gains no privileges under --trap\n", program->path);
	return ELF_STATIC | ELF_GO | ELF_PRIVILEGED;
}

/* What reaches such a program. */
static const char *offer(unsigned traits)
{
	if (traits & (ELF_FOREIGN | ELF_PRIVILEGED))
		return "";
	return traits & ELF_GO ? " (--trap follows it)"
			       : " (--trap follows it, with the lines of `pelorus hosts`)";
}

/*
 * What the file tells.  A file that cannot be read tells nothing: exec will say what is wrong.  Of
 * another architecture, the loader would complain of the preload at each start.
 */
static int inspect(const struct run *run, const char *path, const char *library, bool *ret_foreign)
{
	struct elf_machine none = {0};
	struct elf_program lib, program;
	const char *hindrance;
	char why[256];

	if (elf_inspect(library, NULL, none, &lib) < 0)
		return warn(run, library, "cannot be read");
	if (elf_inspect(path, getenv("PATH"), lib.machine, &program) < 0)
		return 0;
	*ret_foreign = program.traits & ELF_FOREIGN;
	if (run->trap)
		program.traits &= ~trap_lifts(&program);
	hindrance = elf_hindrance(program.traits);
	if (!hindrance)
		return 0;
	(void)snprintf(why, sizeof(why), "%s%s", hindrance, offer(program.traits));
	return warn(run, program.path, why);
}

static int set_preload(const struct run *run, const char *path)
{
	const char *existing = getenv("LD_PRELOAD");
	char library[PATH_MAX], preload[8192];
	int status, r = preload_find_library(library);
	bool foreign = false;

	if (r < 0)
		return warn(run, PRELOAD_LIBRARY " cannot be found:", strerror(-r));
	status = inspect(run, path, library, &foreign);
	if (status != 0 || foreign)
		return status;
	r = preload_prepend(existing, library, preload, sizeof(preload));
	if (r == 0 && setenv("LD_PRELOAD", preload, 1) < 0)
		r = -errno;
	return r < 0 ? warn(run, library, "cannot be preloaded from there") : 0;
}

/* A missing prober costs the smartness of the library and nothing else. */
static int ensure_prober(struct run *run)
{
	const char *names[CLUSTERS_MAX + 1] = {0};
	int r;

	for (unsigned i = 0; i < run->n_clusters; i++) {
		const char *colon = strchr(run->clusters[i], ':');

		names[i] = colon ? colon + 1 : run->clusters[i];
	}
	r = prober_ensure(names);
	run->has_prober = r == 0;
	if (r == 0 || r == -ECANCELED)
		return 0;
	return warn(run, "no prober is at work:", r == -EPROTO ? "pelorusd gave up" : strerror(-r));
}

/* For the library, which tells the daemon; after the daemon was started, whose it is not. */
static int set_credentials(const struct run *run)
{
	char url[ENV_URL_MAX];
	int r = run->env_file ? env_file_url(run->env_file, url) : 0;

	if (run->env_file && r == 0 && setenv("PELORUS_DATABASE_URL", url, 1) < 0)
		r = -errno;
	explicit_bzero(url, sizeof(url));
	if (r == 0)
		return 0;
	fprintf(stderr, "pelorus: run: %s gives no credentials: %s\n", run->env_file,
		r == -ENODATA
			? "no host together with a user, as DATABASE_URL or DB_HOST and DB_USER are"
			: strerror(-r));
	return run->require ? EXIT_OURS : 0;
}

/* While nobody knows yet, a moment of `looks`: only a person is told, who has not given any. */
static bool is_dns_only(const char *name, int *looks)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	const char *const follows[] = {name, NULL};
	bool known = false, found = false;

	if (prober_ensure(follows) < 0)
		return false;
	while (!known && (*looks)-- > 0) {
		struct report *report;
		int n = map_view_reports(name, &report);

		found = n == 1 && report->why == PEL_WHY_NO_CREDENTIALS;
		known = n == 1 &&
			(found || report_status(report) == STATUS_OK ||
				report->why != PEL_WHY_STARTING);
		free(report);
		if (!known)
			(void)nanosleep(&pause, NULL);
	}
	return found;
}

/* The i-th name that is known beforehand: of --cluster, or a cluster's in the environment; or NULL. */
static const char *name_at(const struct run *run, unsigned i, char host[static PEL_NAME_MAX])
{
	if (i < run->n_clusters) {
		const char *colon = strchr(run->clusters[i], ':');

		return colon ? colon + 1 : run->clusters[i];
	}
	if (!env_host(i - run->n_clusters, host))
		return NULL;
	if (pel_kind_role(pel_name_kind(host)) == PEL_ROLE_UNKNOWN)
		*host = '\0';
	return host;
}

/* Without credentials nothing fails, and little of what Pelorus is for is there.  Told once. */
static void tell_dns_only(const struct run *run)
{
	char host[PEL_NAME_MAX];
	const char *name;
	int looks = LOOKS_MAX;

	for (unsigned i = 0; isatty(STDERR_FILENO) && (name = name_at(run, i, host)); i++) {
		if (!*name || env_has_credentials(name) || !is_dns_only(name, &looks))
			continue;
		fprintf(stderr,
			"pelorus: run: %s IS FOLLOWED BY DNS ALONE: there are no credentials, so that its "
			"failovers are seen when DNS tells of them.  Give --env-file FILE, or see "
			"`pelorus follow --ask %s`\n",
			name, name);
		return;
	}
}

/* Becomes the trap's keeper, which is to be started without the program's preload. */
static int run_trapped(const struct run *run, int argc)
{
	static const char *const folders[] = {".", PELORUS_BINDIR_TO_LIBEXECDIR, "../trap"};
	char preload[] = "--preload", require[] = "--require", end[] = "--", path[PATH_MAX];
	char **argv = calloc((size_t)argc + 6, sizeof(*argv));
	const char *list = getenv("LD_PRELOAD");
	int n = 0,
	    r = command_find_file("pelorus-trap", getenv("PELORUS_TRAP_PROGRAM"), folders,
		    sizeof(folders) / sizeof(*folders), X_OK, path);

	if (r < 0 || !argv)
		return cannot("pelorus-trap", argv ? -r : ENOMEM);
	argv[n++] = path;
	if (run->require)
		argv[n++] = require;
	if (list) {
		argv[n++] = preload;
		argv[n++] = strdup(list);
		(void)unsetenv("LD_PRELOAD");
	}
	argv[n++] = end;
	for (int i = 0; run->command[i]; i++)
		argv[n++] = run->command[i];
	(void)execv(path, argv);
	return cannot(path, errno);
}

int cmd_run(int argc, char **argv)
{
	struct run run = {0};
	char path[PATH_MAX];
	int r, status = parse(&run, argc, argv);

	if (status >= 0)
		return status;
	r = elf_find(run.command[0], getenv("PATH"), path);
	if (r < 0)
		return cannot(run.command[0], -r);
	if (run.n_clusters && set_clusters(&run) < 0) {
		fputs("pelorus: run: the names of the clusters are too long\n", stderr);
		return EXIT_OURS;
	}
	/* Before LD_PRELOAD is set: the prober itself is no guest. */
	status = ensure_prober(&run);
	if (status == 0)
		status = set_credentials(&run);
	if (status == 0 && run.has_prober)
		tell_dns_only(&run);
	if (status == 0)
		status = set_preload(&run, path);
	if (status != 0)
		return status;
	if (run.trap)
		return run_trapped(&run, argc);
	(void)execvp(run.command[0], run.command);
	return cannot(run.command[0], errno);
}
