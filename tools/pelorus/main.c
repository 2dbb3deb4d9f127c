/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus: looks at what the prober knows, and tells it what to do. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int cmd_noun(int argc, char **argv);

static const struct command commands[] = {
	{"admit", cmd_admit, "have readers use a new or held instance"},
	{"auth-token", cmd_auth_token, "a password of IAM for a database user"},
	{"check", cmd_check, "for monitoring: is there a writer, are there readers"},
	{"config", cmd_config, "the configuration, and where each value is from"},
	{"disable", cmd_switch, "have connections go where DNS leads, as without Pelorus"},
	{"doctor", cmd_doctor, "what keeps Pelorus from working, and what mends it"},
	{"drain", cmd_drain, "keep readers from an instance, and end their idle connections"},
	{"drill", cmd_drill, "end idle connections, to see how programs come back"},
	{"enable", cmd_switch, "have connections follow their cluster again"},
	{"env", cmd_env, "the lines that set it up for a shell, a container, a service"},
	{"events", cmd_events, "what happened lately"},
	{"follow", cmd_follow, "have the prober follow a cluster"},
	{"hold", cmd_admit, "keep readers from an instance"},
	{"hosts", cmd_hosts, "lines of /etc/hosts for static programs"},
	{"lab", cmd_lab, "a local cluster to try it with"},
	{"metrics", cmd_metrics, "counters and gauges for Prometheus"},
	{"prober", cmd_noun, "tell the prober: refresh, reload, stop"},
	{"ps", cmd_ps, "the processes that follow a cluster"},
	{"reader", cmd_noun, "whether readers go to an instance: warm, admit, hold, drain"},
	{"refresh", cmd_refresh, "have the prober ask every instance now"},
	{"reload", cmd_reload, "have the prober read its configuration again"},
	{"report", cmd_report, "what would have been done where it only observes"},
	{"resolve", cmd_resolve, "where a name leads, with and without Pelorus, and why"},
	{"run", cmd_run, "start a program that follows its clusters"},
	{"status", cmd_status, "the prober: how it does, who uses it"},
	{"stop", cmd_stop, "end the prober"},
	{"topology", cmd_topology, "the instances of a cluster, as every process sees them"},
	{"unfollow", cmd_unfollow, "have the prober forget a name"},
	{"version", cmd_version, "the version, and those of its libraries"},
	{"warm", cmd_warm, "fill an instance's caches"},
	{"watch", cmd_watch, "everything live, on the whole screen"},
	{0},
};

/* A command that is a word of one of these is listed there. */
static const struct noun {
	const char *name, *verbs[5];
} nouns[] = {
	{"prober", {"refresh", "reload", "stop"}},
	{"reader", {"warm", "admit", "hold", "drain"}},
};

/* What is named in none of them comes last. */
static const struct group {
	const char *title, *words[10];
} groups[] = {
	{"Start programs", {"doctor", "run", "env", "lab"}},
	{"Look", {"topology", "watch", "resolve", "events", "ps", "status", "check", "metrics"}},
	{"Steer", {"follow", "unfollow", "reader", "prober", "config"}},
};
#define N(array) (sizeof(array) / sizeof(*(array)))

static const struct command *find(const char *word)
{
	for (const struct command *c = commands; c->name; c++) {
		if (strcmp(c->name, word) == 0)
			return c;
	}
	return NULL;
}

static bool is_among(const char *const *words, const char *word)
{
	for (; *words; words++) {
		if (strcmp(*words, word) == 0)
			return true;
	}
	return false;
}

/* The noun that a command is a word of; NULL: it stands alone. */
static const struct noun *noun_of(const char *word)
{
	for (size_t i = 0; i < N(nouns); i++) {
		if (is_among(nouns[i].verbs, word))
			return &nouns[i];
	}
	return NULL;
}

static bool is_listed_elsewhere(const char *word)
{
	bool found = noun_of(word);

	for (size_t i = 0; i < N(groups); i++)
		found = found || is_among(groups[i].words, word);
	return found;
}

static void line_print(FILE *to, const struct command *c)
{
	fprintf(to, "  %-10s %s\n", c->name, c->summary);
}

static void help_print(FILE *to)
{
	fputs("usage: pelorus COMMAND [OPTION...]\n"
	      "Makes unmodified programs follow a database cluster.\n",
		to);
	for (size_t i = 0; i < N(groups); i++) {
		fprintf(to, "\n%s:\n", groups[i].title);
		for (const char *const *word = groups[i].words; *word; word++)
			line_print(to, find(*word));
	}
	fputs("\nMore:\n", to);
	for (const struct command *c = commands; c->name; c++) {
		if (!is_listed_elsewhere(c->name))
			line_print(to, c);
	}
	fputs("\n`pelorus help COMMAND` tells more about each.\n", to);
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* What may have been meant by a word that is none of those, all or a noun's. */
static int mistake(const char *title, const char *word, const struct noun *noun)
{
	const char *meant = NULL;
	unsigned least = 3; /* more are another word */

	for (const struct command *c = commands; c->name; c++) {
		unsigned n = command_distance(word, c->name);

		if (n >= least || n >= strlen(c->name) || (noun && noun_of(c->name) != noun))
			continue;
		least = n;
		meant = c->name;
	}
	fprintf(stderr, "%s: there is no command %s", title, word);
	noun = meant && !noun ? noun_of(meant) : NULL;
	if (meant)
		fprintf(stderr, "; did you mean %s%s%s?", noun ? noun->name : "", noun ? " " : "",
			meant);
	fputs("\n", stderr);
	return STATUS_USAGE;
}

static int cmd_noun(int argc, char **argv)
{
	const struct noun *n = nouns;
	const char *word = argc > 1 ? argv[1] : "";
	FILE *to = is_help(word) ? stdout : stderr;
	char title[32];

	while (strcmp(n->name, argv[0]) != 0)
		n++;
	if (is_among(n->verbs, word))
		return find(word)->run(argc - 1, argv + 1);
	(void)snprintf(title, sizeof(title), "pelorus %s", n->name);
	if (*word && to == stderr)
		return mistake(title, word, n);
	fprintf(to, "usage: %s COMMAND [OPTION...]\n\n", title);
	for (const char *const *verb = n->verbs; *verb; verb++)
		line_print(to, find(*verb));
	fprintf(to, "\n`%s COMMAND --help` tells more about each.\n", title);
	return to == stdout ? STATUS_OK : STATUS_USAGE;
}

/* `help COMMAND...` is `COMMAND... --help`. */
static int help(char **words)
{
	char option[] = "--help", *argv[4] = {0};
	const struct command *c = words[0] ? find(words[0]) : NULL;
	int n = 0;

	if (!words[0]) {
		help_print(stdout);
		return STATUS_OK;
	}
	if (!c)
		return mistake("pelorus", words[0], NULL);
	while (n < 2 && words[n]) {
		argv[n] = words[n];
		n++;
	}
	argv[n++] = option;
	return c->run(n, argv);
}

/* What a script keeps of an answer that could not be written is none. */
static int written(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "pelorus: what was to be told could not be written: %s\n", strerror(errno));
	return status == STATUS_OK ? STATUS_FAILED : status;
}

/* A socket that took the place of a closed one would be told what a person was to be. */
static void standard_open(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	}
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	const struct command *c = find(word);

	standard_open();
	if (c)
		return written(c->run(argc - 1, argv + 1));
	if (is_help(word))
		return written(help(argv + 2));
	if (strcmp(word, "--version") == 0) {
		puts("pelorus " PELORUS_VERSION);
		return written(STATUS_OK);
	}
	if (*word)
		return mistake("pelorus", word, NULL);
	help_print(stderr);
	return STATUS_USAGE;
}
