/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus topology: the instances of a cluster.
 *
 * From the map it is what every process of this user sees at this moment.  With a host, a user or an
 * option file it is what one server says, asked for this once.
 */
#include "commands.h"

#include "control_client.h"
#include "direct.h"
#include "map_view.h"
#include "screen.h"

#include "common/clock.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_S 10
#define WATCH_S 2

static const char help[] =
	"usage: pelorus topology [OPTION...] [NAME]\n"
	"Prints the instances of the cluster that NAME leads to, or of all that are followed, as every\n"
	"process of this user sees them.\n"
	"\n"
	"  -f, --format FORMAT   table (the default), tree, tsv or json\n"
	"      --json            the same as --format json\n"
	"  -W, --watch [SECONDS] draws it anew every 2 seconds, or as told, until q or Ctrl-C\n"
	"      --wait[=SECONDS]  waits until the topology is known, 10 s at most unless told; a NAME\n"
	"                        that is not followed yet is followed\n"
	"\n"
	"Straight from a server, without a prober:\n"
	"\n"
	"      --host HOST            asks HOST\n"
	"  -P, --port PORT            at PORT\n"
	"  -u, --user USER            as USER\n"
	"  -p, --password[=PASSWORD]  asks for the password on the terminal\n"
	"      --defaults-file FILE   takes all of it from [client] and [pelorus] in FILE\n"
	"      --ssl, --ssl-ca FILE, --ssl-verify\n"
	"                             with TLS, trusting FILE, and only if the name is the server's\n"
	"\n"
	"Ends with 0 if the topology is known, 3 if no prober is at work, 4 if there is no such cluster\n"
	"or its topology is not known, 5 if credentials are missing or refused.\n";

struct arguments {
	const char *name;
	enum report_format format;
	bool direct;
	unsigned wait_ms;
	unsigned watch_ms; /* 0: one look */
	struct direct_options server;
};

enum { OPT_JSON = 256, OPT_WAIT, OPT_DEFAULTS, OPT_SSL, OPT_SSL_CA, OPT_SSL_VERIFY, OPT_HOST };

static const struct option options[] = {
	{"format", required_argument, NULL, 'f'},
	{"json", no_argument, NULL, OPT_JSON},
	{"wait", optional_argument, NULL, OPT_WAIT},
	{"watch", optional_argument, NULL, 'W'},
	{"host", required_argument, NULL, OPT_HOST},
	{"port", required_argument, NULL, 'P'},
	{"user", required_argument, NULL, 'u'},
	{"password", optional_argument, NULL, 'p'},
	{"defaults-file", required_argument, NULL, OPT_DEFAULTS},
	{"ssl", no_argument, NULL, OPT_SSL},
	{"ssl-ca", required_argument, NULL, OPT_SSL_CA},
	{"ssl-verify", no_argument, NULL, OPT_SSL_VERIFY},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static bool number_parse(const char *text, unsigned most, unsigned *ret)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*ret = (unsigned)number;
	return end != text && *end == '\0' && number > 0 && number <= most;
}

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* A password on the command line is taken, and at once hidden from those who list processes. */
static const char *password_take(char *given)
{
	char *copy;

	if (!given)
		return getpass("Password: ");
	copy = strdup(given);
	memset(given, '*', strlen(given));
	return copy;
}

static bool server_option_take(struct direct_options *s, int option)
{
	unsigned number;

	switch (option) {
	case OPT_HOST:
		s->host = optarg;
		return true;
	case 'u':
		s->user = optarg;
		return true;
	case 'p':
		s->password = password_take(optarg);
		return true;
	case OPT_DEFAULTS:
		s->defaults_file = optarg;
		return true;
	case OPT_SSL:
		s->ssl = true;
		return true;
	case OPT_SSL_CA:
		s->ssl_ca = optarg;
		return true;
	case OPT_SSL_VERIFY:
		s->ssl_verify = true;
		return true;
	case 'P':
		if (!number_parse(optarg, 65535, &number))
			return false;
		s->port = (uint16_t)number;
		return true;
	default:
		return false;
	}
}

static bool option_take(struct arguments *a, int option)
{
	unsigned seconds = WAIT_S;

	switch (option) {
	case 'f':
		return report_format_parse(optarg, &a->format);
	case OPT_JSON:
		a->format = REPORT_JSON;
		return true;
	case OPT_WAIT:
		if (optarg && !number_parse(optarg, 86400, &seconds))
			return false;
		a->wait_ms = 1000 * seconds;
		return true;
	case 'W':
		seconds = WATCH_S;
		if (optarg && !number_parse(optarg, 86400, &seconds))
			return false;
		a->watch_ms = 1000 * seconds;
		return true;
	default:
		a->direct = true;
		return server_option_take(&a->server, option);
	}
}

static int wrong(const char *command, int option)
{
	switch (option) {
	case 'f':
		return command_wrong(command, "--format", optarg, "table, tree, tsv or json");
	case 'P':
		return command_wrong(command, "--port", optarg, "a port");
	default:
		return command_wrong(command, option == 'W' ? "--watch" : "--wait", optarg,
			"1 to 86400 seconds");
	}
}

/* -1 to go on, or the exit status. */
static int arguments_parse(int argc, char **argv, struct arguments *ret)
{
	int option;

	while ((option = getopt_long(argc, argv, "f:hP:u:p::W::", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return STATUS_OK;
		}
		/* An interval may stand apart, which getopt does not know of optional arguments. */
		if (option == 'W' && !optarg && optind < argc && is_number(argv[optind]))
			optarg = argv[optind++];
		if (option == '?')
			return command_usage(help);
		if (!option_take(ret, option))
			return wrong(argv[0], option);
	}
	if (optind < argc - 1)
		return command_usage(help);
	ret->name = argv[optind];
	if (ret->direct && !ret->server.host)
		ret->server.host = ret->name;
	return -1;
}

static int direct_print(const char *command, const struct arguments *a)
{
	struct report *report = calloc(1, sizeof(*report));
	char sentence[256] = "out of memory";
	int status = report ? direct_ask(&a->server, report, sentence) : STATUS_FAILED;

	if (status == STATUS_OK) {
		(void)report_print(report, 1, a->format, true, stdout);
		status = report_status(report);
	} else {
		(void)command_fail(command, status, "%s", sentence);
	}
	free(report);
	return status;
}

static int follow(const char *command, const char *name)
{
	char request[PEL_CONTROL_MAX] = "follow\n";

	if (pel_control_put(request, sizeof(request), "name", name) < 0)
		return command_fail(command, STATUS_USAGE, "the name is too long");
	return control_client_run(command, request, NULL);
}

/* Reads until the topology is known, or the time is over; how many reports there are. */
static unsigned reports_read(const struct map_view *view, const struct arguments *a,
	struct report reports[static PEL_MAP_CLUSTERS])
{
	uint64_t end_ns = clock_now_ns() + a->wait_ms * UINT64_C(1000000), now_ns;
	unsigned n;

	for (;;) {
		uint32_t first = map_view_first(view);
		bool known;

		n = a->name ? map_view_find(view, a->name, reports) == 0
			    : map_view_all(view, reports);
		known = n > 0;
		for (unsigned i = 0; i < n; i++)
			known = known && report_status(&reports[i]) == STATUS_OK;
		now_ns = clock_now_ns();
		if (known || now_ns >= end_ns)
			return n;
		map_view_sleep(view, first, 100);
	}
}

static int reports_status(const struct report *reports, unsigned n)
{
	int worst = STATUS_OK;

	for (unsigned i = 0; i < n; i++) {
		if (report_status(&reports[i]) > worst)
			worst = report_status(&reports[i]);
	}
	return worst;
}

static int view_print(const char *command, const struct arguments *a, const struct map_view *view)
{
	struct report *reports = calloc(PEL_MAP_CLUSTERS, sizeof(*reports));
	int status = STATUS_OK;
	unsigned n;

	if (!reports)
		return command_fail(command, STATUS_FAILED, "out of memory");
	if (a->name && a->wait_ms && map_view_find(view, a->name, reports) < 0)
		status = follow(command, a->name);
	n = status == STATUS_OK ? reports_read(view, a, reports) : 0;
	if (n > 0) {
		(void)report_print(reports, n, a->format, a->name != NULL, stdout);
		status = reports_status(reports, n);
	} else if (status == STATUS_OK) {
		status = command_fail(command, STATUS_UNKNOWN,
			a->name ? "%s is not followed; --wait has it followed"
				: "no cluster is followed",
			a->name);
	}
	free(reports);
	return status;
}

static int map_print(const char *command, const struct arguments *a)
{
	struct map_view view;
	int status, r = map_view_open(&view);

	if (r < 0)
		return map_view_fail(command, r);
	status = view_print(command, a, &view);
	map_view_close(&view);
	return status;
}

/* One look, as text; what there is to complain of stands in it. */
static char *frame_make(void *context)
{
	const struct arguments *a = context;
	struct report *reports = calloc(PEL_MAP_CLUSTERS, sizeof(*reports));
	char *text = NULL;
	size_t size;
	struct map_view view;
	FILE *to = open_memstream(&text, &size);
	unsigned n = 0;

	if (to && reports && map_view_open(&view) == 0) {
		n = reports_read(&view, a, reports);
		(void)report_print(reports, n, a->format, false, to);
		map_view_close(&view);
	}
	if (to && n == 0)
		fputs("no prober is at work, or nothing is followed\n", to);
	free(reports);
	if (to)
		(void)fclose(to);
	return text;
}

int cmd_topology(int argc, char **argv)
{
	struct arguments a = {0};
	int status = arguments_parse(argc, argv, &a);

	if (status >= 0)
		return status;
	if (a.direct)
		return direct_print(argv[0], &a);
	return a.watch_ms ? screen_run(frame_make, &a, a.watch_ms) : map_print(argv[0], &a);
}
