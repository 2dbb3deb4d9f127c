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
	"usage: pelorus check [--role writer|reader] [--max-lag DURATION] NAME\n"
	"Says whether programs that use NAME get what they need, for monitoring and readiness probes.\n"
	"\n"
	"  --role ROLE         a writer (the default) or a reader is needed\n"
	"  --max-lag DURATION  readers that lag more do not count: 500ms, 2s\n"
	"\n"
	"Ends with 0 if all is well, 1 for a warning, 2 if it is critical, 3 if nothing is known.\n";

struct arguments {
	enum pel_role role;
	uint32_t max_lag_ms; /* 0: any */
	const char *name;
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

static int readers_tell(const struct report *r, uint32_t max_lag_ms)
{
	struct readers n = readers_count(r, max_lag_ms);
	enum verdict verdict = n.usable == 0 ? CRITICAL : n.usable < n.all ? WARNING : WELL;
	char text[PEL_NAME_MAX + 128];

	if (report_status(r) != STATUS_OK)
		verdict = UNKNOWN;
	(void)snprintf(text, sizeof(text),
		"%s: %u of %u readers can be used, %u lag | readers=%u lag=%ums", r->name, n.usable,
		n.all, n.lagged, n.usable, n.worst_ms);
	return tell(verdict, text);
}

static int check(const struct arguments *a)
{
	struct report *report;
	char sentence[1024];
	int status, n = map_view_reports(a->name, &report);

	if (n > 0)
		report_sentence(report, sentence, sizeof(sentence));
	if (n < 0)
		status = tell(UNKNOWN, "no prober is at work");
	else if (n == 0)
		status = tell(UNKNOWN, "the name is not followed");
	else if (a->role == PEL_ROLE_WRITER)
		status = tell(writer_judge(report), sentence);
	else
		status = readers_tell(report, a->max_lag_ms);
	free(report);
	return status;
}

int cmd_check(int argc, char **argv)
{
	const char *role = "writer", *max_lag = NULL;
	const struct command_option options[] = {{"role", .word = &role},
		{"max-lag", .word = &max_lag}, {0}};
	int status = command_parse(argc, argv, options, 1, 1, help);
	struct arguments a = {0};

	if (status == -1 &&
		(!command_role(role, &a.role) ||
			(max_lag && !duration_parse(max_lag, &a.max_lag_ms))))
		status = command_usage(help);
	if (status >= 0)
		return status == STATUS_OK ? WELL : UNKNOWN;
	a.name = argv[optind];
	return check(&a);
}
