/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of pelorusd. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"usage: pelorusd [OPTION...]\n"
	"Keeps the topology of database clusters, for all processes of a user.\n"
	"\n"
	"  --config FILE         reads FILE instead of the usual pelorus.conf\n"
	"  --runtime-dir DIR     publishes in DIR\n"
	"  --foreground          stays in the foreground and never ends by itself\n"
	"  --follow NAME[:PORT]  follows a cluster from the start; may be repeated\n"
	"  --log-file FILE       writes the log there\n"
	"  --log-format FORMAT   logfmt, json or text, whatever the configuration says\n"
	"  --verbose             logs details, too\n"
	"  --defaults-file FILE  reads [client] and [pelorus] from FILE instead of the usual my.cnf\n"
	"  --no-defaults         reads no my.cnf\n"
	"  --version             prints the version\n"
	"  --help                prints this\n"
	"\n"
	"Ends with 0 if a prober is at work now, this one or another; 2 for a mistake in the\n"
	"command line or the configuration; 1 for everything else.\n";

enum long_option {
	OPTION_CONFIG = 256,
	OPTION_RUNTIME_DIR,
	OPTION_FOREGROUND,
	OPTION_FOLLOW,
	OPTION_LOG_FILE,
	OPTION_LOG_FORMAT,
	OPTION_VERBOSE,
	OPTION_DEFAULTS_FILE,
	OPTION_NO_DEFAULTS,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR},
	{"foreground", no_argument, NULL, OPTION_FOREGROUND},
	{"follow", required_argument, NULL, OPTION_FOLLOW},
	{"log-file", required_argument, NULL, OPTION_LOG_FILE},
	{"log-format", required_argument, NULL, OPTION_LOG_FORMAT},
	{"verbose", no_argument, NULL, OPTION_VERBOSE},
	{"defaults-file", required_argument, NULL, OPTION_DEFAULTS_FILE},
	{"no-defaults", no_argument, NULL, OPTION_NO_DEFAULTS},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

static int complain(const char *what, const char *found)
{
	fprintf(stderr, "pelorusd: %s%s%s\n", what, found ? ", found " : "", found ? found : "");
	return -EINVAL;
}

static int follow_add(struct options *o, const char *name)
{
	if (o->n_follows == OPTIONS_FOLLOWS)
		return complain("--follow: expected 16 names at most", name);
	o->follows[o->n_follows++] = name;
	return 0;
}

static int log_format_set(struct options *o, const char *word)
{
	if (!log_format_parse(word, &o->log_format))
		return complain("--log-format: expected logfmt, json or text", word);
	o->has_log_format = true;
	return 0;
}

static int option_take(struct options *o, int option, const char *value)
{
	switch (option) {
	case OPTION_CONFIG:
		o->config_path = value;
		return 0;
	case OPTION_RUNTIME_DIR:
		o->runtime_dir = value;
		return 0;
	case OPTION_FOREGROUND:
		o->foreground = true;
		return 0;
	case OPTION_FOLLOW:
		return follow_add(o, value);
	case OPTION_LOG_FILE:
		o->log_file = value;
		return 0;
	case OPTION_LOG_FORMAT:
		return log_format_set(o, value);
	case OPTION_VERBOSE:
		o->log_level = LOG_DEBUG;
		return 0;
	case OPTION_DEFAULTS_FILE:
		o->defaults_file = value;
		return 0;
	case OPTION_NO_DEFAULTS:
		o->no_option_files = true;
		return 0;
	case OPTION_VERSION:
		puts("pelorusd " PELORUS_VERSION);
		return 1;
	case OPTION_HELP:
		fputs(help, stdout);
		return 1;
	default:
		return -EINVAL; /* getopt_long has told why */
	}
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct options o = {.log_level = LOG_INFO};
	int option, r;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		r = option_take(&o, option, optarg);
		if (r != 0)
			return r;
	}
	if (optind < argc)
		return complain("expected options only", argv[optind]);
	if (o.config_path && !*o.config_path)
		return complain("--config: expected a file", NULL);
	*ret = o;
	return 0;
}

enum log_format options_log_format(const struct options *o, const struct config *config)
{
	return o->has_log_format ? o->log_format : config->log_format;
}
