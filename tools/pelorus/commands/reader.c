/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus reader admit, hold, drain, warm: whether an instance takes reader connections, by hand, what
 * becomes of those that it has, and a warm-up that the prober runs on it.
 */
#include "commands.h"

#include "control_client.h"
#include "drill.h"
#include "map_view.h"
#include "screen.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS 100000000L

/* An instance, and a name of its cluster. */
struct found {
	char name[PEL_NAME_MAX], id[PEL_ID_MAX];
};

static bool is_called(const struct report_instance *in, const char *instance)
{
	return strcasecmp(in->id, instance) == 0 || strcasecmp(in->host, instance) == 0;
}

/* How many clusters have it; the last of them is the result. */
static unsigned find(const struct report *reports, int n, const char *instance, struct found *ret)
{
	unsigned found = 0;

	for (int i = 0; i < n; i++) {
		unsigned k = 0;

		while (k < reports[i].n_instances && !is_called(&reports[i].instances[k], instance))
			k++;
		if (k == reports[i].n_instances)
			continue;
		strcpy(ret->name, reports[i].name);
		strcpy(ret->id, reports[i].instances[k].id);
		found++;
	}
	return found;
}

/*
 * The instance with this id or host.  `cluster` is a name that leads to its cluster; NULL: the only one
 * that has it.  The exit status; what is wrong has been told.
 */
static int instance_find(const char *command, const char *cluster, const char *instance,
	struct found *ret)
{
	struct report *reports;
	int n = map_view_reports(cluster, &reports);
	unsigned found = find(reports, n, instance, ret);

	free(reports);
	if (n < 0)
		return command_fail(command, STATUS_NO_PROBER, "no prober is at work");
	if (found == 0)
		return command_fail(command, STATUS_UNKNOWN, "no cluster has an instance %s",
			instance);
	if (found > 1)
		return command_fail(command, STATUS_USAGE,
			"several clusters have an instance %s: name one with --cluster", instance);
	return STATUS_OK;
}

/* Both fit. */
static void request_put(const char *verb, const struct found *found,
	char request[static PEL_CONTROL_MAX])
{
	(void)snprintf(request, PEL_CONTROL_MAX, "%s\n", verb);
	(void)pel_control_put(request, PEL_CONTROL_MAX, "name", found->name);
	(void)pel_control_put(request, PEL_CONTROL_MAX, "id", found->id);
}

/* Puts verb, name= and id= into `request`: see instance_find(). */
static int instance_request(const char *command, const char *verb, const char *cluster,
	const char *instance, char request[static PEL_CONTROL_MAX])
{
	struct found found;
	int status = instance_find(command, cluster, instance, &found);

	if (status == STATUS_OK)
		request_put(verb, &found, request);
	return status;
}

static const char admit_help[] =
	"usage: pelorus reader admit [--cluster NAME] INSTANCE\n"
	"       pelorus reader hold [--cluster NAME] INSTANCE\n"
	"Admits a new or held INSTANCE to the readers at once, whatever its lag and however cold; or\n"
	"holds it: no new reader connections until it is admitted by hand.\n";

int cmd_admit(int argc, char **argv)
{
	const char *cluster = NULL;
	const struct command_option options[] = {{"cluster", .word = &cluster}, {0}};
	char request[PEL_CONTROL_MAX];
	int status = command_parse(argc, argv, options, 1, 1, admit_help);

	if (status >= 0)
		return status;
	status = instance_request(argv[0], argv[0], cluster, argv[optind], request);
	return status == STATUS_OK ? control_client_run(argv[0], request, NULL) : status;
}

static const char drain_help[] =
	"usage: pelorus reader drain [--cluster NAME] [--force] [--dry-run] INSTANCE\n"
	"Holds INSTANCE, and has the programs of this host end the connections to it that a reader's\n"
	"or a custom name led there and that have been idle for a second, once; their pools come back\n"
	"on other readers.  It tells of each program how many were open there and were ended, how many\n"
	"have come back elsewhere within 10 s, when the last of them had, and how many are left: those\n"
	"that wait for an answer, or that no such name led there.  One in a transaction may be idle.\n"
	"Programs that are observed or switched off are left alone.\n"
	"\n"
	"      --cluster NAME  which cluster, if several have such an INSTANCE\n"
	"      --force         also if no other reader is there to take them\n"
	"      --dry-run       tells what is open and idle, and ends and holds nothing\n"
	"\n"
	"Ends with 1 while any is left: run it again.  `pelorus reader admit` brings INSTANCE back.\n";

static int drain(const char *command, const char *cluster, const char *instance, bool force,
	bool dry_run)
{
	char request[PEL_CONTROL_MAX];
	struct map_view view;
	struct found found;
	int r, status = instance_find(command, cluster, instance, &found);

	if (status != STATUS_OK)
		return status;
	request_put("drain", &found, request);
	if (force)
		(void)pel_control_put(request, sizeof(request), "force", "1");
	if (dry_run)
		(void)pel_control_put(request, sizeof(request), "look", "1");
	r = map_view_open(&view);
	if (r < 0)
		return map_view_fail(command, r);
	status = drill_run(&(struct drill){.command = command,
				   .request = request,
				   .filter = {.name = found.name, .id = found.id},
				   .dry_run = dry_run},
		&view);
	map_view_close(&view);
	return status;
}

int cmd_drain(int argc, char **argv)
{
	const char *cluster = NULL;
	bool force = false, dry_run = false;
	const struct command_option options[] = {{"cluster", .word = &cluster},
		{"force", .flag = &force}, {"dry-run", .flag = &dry_run}, {0}};
	int status = command_parse(argc, argv, options, 1, 1, drain_help);

	return status >= 0 ? status : drain(argv[0], cluster, argv[optind], force, dry_run);
}

static const char warm_help[] =
	"usage: pelorus reader warm [--cluster NAME] [--from FILE] INSTANCE\n"
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
	(void)command_plain(ret->text);
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
	int status = instance_request(command, "warm", cluster, instance, request);

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
	const char *cluster = NULL, *from = NULL;
	const struct command_option options[] = {{"cluster", .word = &cluster},
		{"from", .word = &from}, {0}};
	int status = command_parse(argc, argv, options, 1, 1, warm_help);

	return status >= 0 ? status : warm(argv[0], cluster, argv[optind], from);
}
