/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus warm: has the prober run a warm-up on an instance, and shows how it goes. */
#include "commands.h"

#include "bar.h"
#include "control_client.h"
#include "instance_ref.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS 100000000L

static const char help[] =
	"usage: pelorus warm [--cluster NAME] [--from FILE] INSTANCE\n"
	"Runs the statements of a warm-up on INSTANCE, and shows how it goes.\n"
	"\n"
	"      --from FILE     takes the statements from FILE (one a line, or separated by semicolons)\n"
	"                      instead of from where the configuration says\n"
	"      --cluster NAME  which cluster, if several have such an INSTANCE\n"
	"\n"
	"Only plain reads are run, in sessions that are read-only.  Ends with 1 if it came to nothing.\n";

struct progress {
	char state[16];
	unsigned done, total, failed, refused;
	char text[256];
};

static void progress_parse(const char *body, struct progress *ret)
{
	const char *text = strstr(body, "\ntext=");

	*ret = (struct progress){0};
	(void)sscanf(body, "state=%15s\ndone=%u\ntotal=%u\nfailed=%u\nrefused=%u", ret->state,
		&ret->done, &ret->total, &ret->failed, &ret->refused);
	if (text)
		(void)snprintf(ret->text, sizeof(ret->text), "%.*s", (int)strcspn(text + 6, "\n"),
			text + 6);
}

static bool is_over(const struct progress *p)
{
	return strcmp(p->state, "done") == 0 || strcmp(p->state, "failed") == 0;
}

static void progress_print(const struct progress *p)
{
	fputc('\r', stderr);
	bar_print(stderr, p->done, p->total);
	fflush(stderr);
}

static int outcome_print(const char *command, const char *instance, const struct progress *p)
{
	if (strcmp(p->state, "done") != 0)
		return command_fail(command, STATUS_FAILED, "%s was not warmed: %s", instance,
			p->text);
	printf("%s: warmed with %u statements", instance, p->total);
	if (p->failed)
		printf(", %u failed, the first: %s", p->failed, p->text);
	if (p->refused)
		printf(", %u refused, for they are no plain reads", p->refused);
	putchar('\n');
	return STATUS_OK;
}

/* Looks until it is over; a bar on a terminal. */
static int watch(const char *command, const char *instance, const char *request)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	bool terminal = isatty(STDERR_FILENO);
	struct progress p;

	for (;;) {
		char *body;
		int status = control_client_run(command, request, &body);

		if (status != STATUS_OK)
			return status;
		progress_parse(body, &p);
		free(body);
		if (terminal && p.total)
			progress_print(&p);
		if (is_over(&p))
			break;
		(void)nanosleep(&pause, NULL);
	}
	if (terminal && p.total)
		fputc('\n', stderr);
	return outcome_print(command, instance, &p);
}

static int warm(const char *command, const char *cluster, const char *instance, const char *from)
{
	char request[PEL_CONTROL_MAX], look[PEL_CONTROL_MAX], path[PATH_MAX];
	int status = instance_ref_request(command, "warm", cluster, instance, request);

	if (status != STATUS_OK)
		return status;
	memcpy(look, request, sizeof(look));
	(void)pel_control_put(look, sizeof(look), "look", "1");
	if (from && !realpath(from, path))
		return command_fail(command, STATUS_USAGE, "%s: %s", from, strerror(errno));
	if (from && pel_control_put(request, sizeof(request), "file", path) < 0)
		return command_fail(command, STATUS_USAGE, "the path is too long");
	status = control_client_run(command, request, NULL);
	return status == STATUS_OK ? watch(command, instance, look) : status;
}

int cmd_warm(int argc, char **argv)
{
	static const struct option options[] = {
		{"cluster", required_argument, NULL, 'c'},
		{"from", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *cluster = NULL, *from = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c') {
			cluster = optarg;
		} else if (option == 'f') {
			from = optarg;
		} else {
			fputs(help, option == 'h' ? stdout : stderr);
			return option == 'h' ? STATUS_OK : STATUS_USAGE;
		}
	}
	if (optind != argc - 1) {
		fputs(help, stderr);
		return STATUS_USAGE;
	}
	return warm(argv[0], cluster, argv[optind], from);
}
