/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus check: one line and an exit status by the rules of monitoring plugins, for Nagios and its
 * kin, and for readiness probes: 0 well, 1 warning, 2 critical, 3 unknown.
 */
#include "commands.h"

#include "map_view.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum verdict { WELL = 0, WARNING, CRITICAL, UNKNOWN };

static const char help[] =
	"usage: pelorus check [--role writer|reader] [--max-lag DURATION] [--follows] NAME | --all\n"
	"Says whether programs that use NAME get what they need, for monitoring and readiness probes.\n"
	"\n"
	"  --role ROLE         a writer (the default) or a reader is needed\n"
	"  --max-lag DURATION  of readers: those that lag more do not count: 500ms, 2s\n"
	"  --all               looks at every cluster that is followed; the worst is told first\n"
	"  --follows           and it is critical if no process on this host follows it\n"
	"\n"
	"Ends with 0 if all is well, 1 for a warning, 2 if it is critical, 3 if nothing is known.\n";

struct arguments {
	enum pel_role role;
	uint32_t max_lag_ms; /* 0: any */
	bool follows;
	const char *name; /* NULL: all */
};

struct readers {
	unsigned all, usable, lagged;
	uint32_t worst_ms;
};

static bool duration_parse(const char *text, uint32_t *ret_ms)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	bool in_ms = strcmp(end, "ms") == 0;

	if (end == text || number == 0 || number > 86400000 / (in_ms ? 1 : 1000))
		return false;
	*ret_ms = (uint32_t)(in_ms ? number : 1000 * number);
	return in_ms || strcmp(end, "s") == 0 || *end == '\0';
}

static int tell(enum verdict verdict, const char *text)
{
	static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

	printf("PELORUS %s - %s\n", words[verdict], text);
	return (int)verdict;
}

/* Critical is worse than unknown, whatever their numbers. */
static bool is_worse(enum verdict a, enum verdict b)
{
	return a != b && b != CRITICAL && (a == CRITICAL || a > b);
}

static enum verdict writer_judge(const struct report *r)
{
	if (r->state == PEL_STATE_WRITERLESS)
		return CRITICAL;
	if (r->state != PEL_STATE_KNOWN)
		return UNKNOWN;
	if (r->writer < 0) /* readers alone: as it is meant to be, unless there was a writer */
		return r->writerless_ms < 0 ? WELL : WARNING;
	switch (r->instances[r->writer].health) {
	case PEL_HEALTH_STALLED:
		return WARNING;
	case PEL_HEALTH_UNREACHABLE:
		return CRITICAL;
	default:
		return WELL;
	}
}

static struct readers readers_count(const struct report *r, uint32_t max_lag_ms)
{
	struct readers n = {0};

	for (unsigned i = 0; i < r->n_instances; i++) {
		const struct report_instance *in = &r->instances[i];
		bool lags =
			max_lag_ms && (in->lag_ms == PEL_LAG_UNKNOWN || in->lag_ms > max_lag_ms);

		if (in->role != PEL_ROLE_READER)
			continue;
		n.all++;
		if (in->health >= PEL_HEALTH_STALLED || in->admission != PEL_ADMITTED)
			continue;
		if (in->lag_ms != PEL_LAG_UNKNOWN && in->lag_ms > n.worst_ms)
			n.worst_ms = in->lag_ms;
		n.lagged += lags;
		n.usable += !lags;
	}
	return n;
}

static enum verdict readers_judge(const struct report *r, uint32_t max_lag_ms, char *ret,
	size_t size)
{
	struct readers n = readers_count(r, max_lag_ms);

	(void)snprintf(ret, size, "%s: %u of %u readers can be used, %u lag | readers=%u lag=%ums",
		r->name, n.usable, n.all, n.lagged, n.usable, n.worst_ms);
	if (report_status(r) != STATUS_OK)
		return UNKNOWN;
	return n.usable == 0 ? CRITICAL : n.usable < n.all ? WARNING : WELL;
}

/* The sentence is the role's, or that nobody is there for whom it could be well. */
static enum verdict judge(const struct arguments *a, const struct report *r, char *ret, size_t size)
{
	int followers = a->follows ? map_view_followers(r) : 1;
	enum verdict verdict;

	if (followers <= 0) {
		(void)snprintf(ret, size, "%s: %s", r->name,
			followers < 0 ? "who follows it cannot be read" : "no process follows it");
		return followers < 0 ? UNKNOWN : CRITICAL;
	}
	if (a->role == PEL_ROLE_READER)
		return readers_judge(r, a->max_lag_ms, ret, size);
	verdict = writer_judge(r);
	report_sentence(r, ret, size);
	return verdict;
}

/* Of several, how many are as they should be, and the sentence of the worst. */
static int judge_all(const struct arguments *a, const struct report *reports, unsigned n)
{
	char sentence[1024], worst[1024] = "", text[1100];
	enum verdict verdict = WELL;
	unsigned well = 0;

	for (unsigned i = 0; i < n; i++) {
		enum verdict one = judge(a, &reports[i], sentence, sizeof(sentence));

		well += one == WELL;
		if (i > 0 && !is_worse(one, verdict))
			continue;
		verdict = one;
		strcpy(worst, sentence);
	}
	if (n == 1)
		return tell(verdict, worst);
	(void)snprintf(text, sizeof(text), "%u of %u clusters are well; %s", well, n, worst);
	return tell(verdict, text);
}

static int check(const struct arguments *a)
{
	struct report *reports;
	int status, n = map_view_reports(a->name, &reports);

	if (n < 0)
		status = tell(UNKNOWN, "no prober is at work");
	else if (n == 0)
		status = tell(UNKNOWN,
			a->name ? "the name is not followed" : "no cluster is followed");
	else
		status = judge_all(a, reports, (unsigned)n);
	free(reports);
	return status;
}

static int arguments_parse(int argc, char **argv, struct arguments *ret)
{
	const char *role = "writer", *max_lag = NULL;
	bool all = false;
	const struct command_option options[] = {{"role", .word = &role},
		{"max-lag", .word = &max_lag}, {"all", .flag = &all},
		{"follows", .flag = &ret->follows}, {0}};
	int status = command_parse(argc, argv, options, 0, 1, help);

	if (status >= 0)
		return status;
	ret->name = argv[optind];
	if (all == (ret->name != NULL))
		return command_usage(help);
	if (!command_role(role, &ret->role))
		return command_wrong(argv[0], "--role", role, "writer or reader");
	if (max_lag && !duration_parse(max_lag, &ret->max_lag_ms))
		return command_wrong(argv[0], "--max-lag", max_lag,
			"a duration such as 500ms or 2s");
	if (max_lag && ret->role != PEL_ROLE_READER)
		return command_fail(argv[0], STATUS_USAGE, "--max-lag is of --role reader");
	return -1;
}

int cmd_check(int argc, char **argv)
{
	struct arguments a = {0};
	int status = arguments_parse(argc, argv, &a);

	if (status >= 0)
		return status == STATUS_OK ? WELL : UNKNOWN;
	return check(&a);
}
