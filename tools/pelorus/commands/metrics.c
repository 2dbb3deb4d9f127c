/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus metrics: Prometheus's text format, for a node exporter's textfile collector or a sidecar.
 *
 * Names follow Prometheus's conventions: base units, _total for what only grows.  Counters are of
 * this prober's life: they begin at 0 with it, as Prometheus expects of a restart.
 */
#include "commands.h"

#include "map_view.h"
#include "status_json.h"

#include "common/words.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
	"usage: pelorus metrics\n"
	"Prints counters and gauges in Prometheus's text format; pelorus_up is 0 without a prober.\n";

static const struct {
	const char *name, *type, *about, *part, *key;
} totals[] = {
	{"pelorus_client_processes", "gauge", "Processes that follow a name.", "clients", "live"},
	{"pelorus_client_connections", "gauge", "Connections tracked now.", "clients", "tracked"},
	{"pelorus_connections_routed_total", "counter", "Connections taken to an instance.",
		"clients", "routed"},
	{"pelorus_connections_severed_total", "counter", "Stale connections ended.", "clients",
		"severed"},
	{"pelorus_connections_refused_total", "counter",
		"Connections refused for want of a writer.", "clients", "refused"},
	{"pelorus_held_connects", "gauge", "Connects that wait for a writer now.", "clients",
		"held"},
	{"pelorus_held_connects_total", "counter", "Connects that have waited for a writer.",
		"clients", "waited"},
	{"pelorus_held_given_up_total", "counter", "Of those, in vain.", "clients", "given_up"},
	{"pelorus_control_requests_total", "counter", "Requests at the control socket.", "control",
		"requests"},
};

static const struct {
	const char *name, *about, *key;
} warm_ups[] = {
	{"pelorus_warm_ups_total", "Warm-ups that this prober began.", "runs"},
	{"pelorus_warm_up_failures_total", "Attempts at one that came to nothing.", "failures"},
	{"pelorus_warm_up_timeouts_total", "Warm-ups given up when their time was over.",
		"time_outs"},
	{"pelorus_warm_up_statement_failures_total", "Statements of warm-ups that failed.",
		"statement_failures"},
	{"pelorus_warm_up_statements_refused_total",
		"Statements of warm-ups that are no plain reads, and were not run.",
		"statements_refused"},
};

static void head_print(const char *name, const char *type, const char *about)
{
	printf("# HELP %s %s\n# TYPE %s %s\n", name, about, name, type);
}

static void totals_print(struct json_object *status)
{
	struct json_object *clients = status_json_at(status, "clients");

	for (size_t i = 0; i < sizeof(totals) / sizeof(*totals); i++) {
		head_print(totals[i].name, totals[i].type, totals[i].about);
		printf("%s %lld\n", totals[i].name,
			status_json_number(status_json_at(status, totals[i].part), totals[i].key));
	}
	head_print("pelorus_held_longest_seconds", "gauge", "The longest wait so far.");
	printf("pelorus_held_longest_seconds %.3f\n",
		(double)status_json_number(clients, "longest_ms") / 1000);
}

/* The counters that each cluster has in `warm_up`. */
static void warm_ups_print(struct json_object *clusters)
{
	for (size_t i = 0; i < sizeof(warm_ups) / sizeof(*warm_ups); i++) {
		head_print(warm_ups[i].name, "counter", warm_ups[i].about);
		for (size_t c = 0; clusters && c < json_object_array_length(clusters); c++) {
			struct json_object *cluster = json_object_array_get_idx(clusters, c);
			struct json_object *names = status_json_at(cluster, "names");
			struct json_object *name =
				names ? json_object_array_get_idx(names, 0) : NULL;

			printf("%s{cluster=\"%s\"} %lld\n", warm_ups[i].name,
				status_json_text(name, "name"),
				status_json_number(status_json_at(cluster, "warm_up"),
					warm_ups[i].key));
		}
	}
}

static void clusters_print(const struct report *reports, unsigned n)
{
	head_print("pelorus_topology_known", "gauge", "1 while the writer is confirmed.");
	for (unsigned i = 0; i < n; i++)
		printf("pelorus_topology_known{cluster=\"%s\"} %d\n", reports[i].name,
			reports[i].state == PEL_STATE_KNOWN && reports[i].writer >= 0);
	head_print("pelorus_writer_confirmed_age_seconds", "gauge",
		"Since the writer last confirmed itself.");
	for (unsigned i = 0; i < n; i++) {
		if (reports[i].verified_ms >= 0)
			printf("pelorus_writer_confirmed_age_seconds{cluster=\"%s\"} %.3f\n",
				reports[i].name, (double)reports[i].verified_ms / 1000);
	}
}

/* A gauge of one instance; false if it is not known. */
struct gauge {
	const char *name, *about;
	bool (*read)(const struct report_instance *in, double *ret);
};

static bool writer_read(const struct report_instance *in, double *ret)
{
	*ret = in->role == PEL_ROLE_WRITER;
	return true;
}

static bool reachable_read(const struct report_instance *in, double *ret)
{
	*ret = in->health == PEL_HEALTH_OK || in->health == PEL_HEALTH_SUSPECT;
	return in->health != PEL_HEALTH_UNKNOWN;
}

static bool admitted_read(const struct report_instance *in, double *ret)
{
	*ret = in->admission == PEL_ADMITTED;
	return true;
}

static bool lag_read(const struct report_instance *in, double *ret)
{
	*ret = in->lag_ms / 1e3;
	return in->lag_ms != PEL_LAG_UNKNOWN;
}

static bool cpu_read(const struct report_instance *in, double *ret)
{
	*ret = in->cpu_permille / 1e3;
	return in->cpu_permille != UINT16_MAX;
}

static bool round_trip_read(const struct report_instance *in, double *ret)
{
	*ret = in->rtt_us / 1e6;
	return in->rtt_us != 0;
}

static bool statements_read(const struct report_instance *in, double *ret)
{
	*ret = in->warm_total;
	return in->warm_total != 0;
}

static bool statements_done_read(const struct report_instance *in, double *ret)
{
	*ret = in->warm_done;
	return in->warm_total != 0;
}

static const struct gauge gauges[] = {
	{"pelorus_instance_writer", "1 for the writer.", writer_read},
	{"pelorus_instance_healthy", "1 while the instance answers.", reachable_read},
	{"pelorus_instance_admitted", "1 if it takes new reader connections.", admitted_read},
	{"pelorus_instance_lag_seconds", "Replication lag, as the cluster tells it.", lag_read},
	{"pelorus_instance_cpu_ratio", "CPU in use, as the cluster tells it.", cpu_read},
	{"pelorus_instance_round_trip_seconds", "Round trip of a ping.", round_trip_read},
	{"pelorus_warm_up_statements", "Statements of the warm-up that runs, or last ran.",
		statements_read},
	{"pelorus_warm_up_statements_done", "Those of them that have had their turn.",
		statements_done_read},
};

static void gauge_print(const struct gauge *g, const struct report *r)
{
	double value;

	for (unsigned i = 0; i < r->n_instances; i++) {
		const struct report_instance *in = &r->instances[i];

		if (g->read(in, &value))
			printf("%s{cluster=\"%s\",instance=\"%s\"} %g\n", g->name, r->name,
				*in->id ? in->id : in->host, value);
	}
}

/* One series for each state that an instance can be in, of which one is 1. */
static void admission_print(const struct report *r)
{
	for (unsigned i = 0; i < r->n_instances; i++) {
		const struct report_instance *in = &r->instances[i];

		for (enum pel_admission s = PEL_ADMITTED; s <= PEL_ADMIT_HELD; s++)
			printf("pelorus_instance_admission{cluster=\"%s\",instance=\"%s\",state=\"%s\"} %d\n",
				r->name, *in->id ? in->id : in->host, pel_word_of_admission(s),
				in->admission == s);
	}
}

static void map_print(void)
{
	struct report *reports;
	int n = map_view_reports(NULL, &reports);

	if (n >= 0)
		clusters_print(reports, (unsigned)n);
	for (size_t g = 0; n >= 0 && g < sizeof(gauges) / sizeof(*gauges); g++) {
		head_print(gauges[g].name, "gauge", gauges[g].about);
		for (int i = 0; i < n; i++)
			gauge_print(&gauges[g], &reports[i]);
	}
	if (n >= 0)
		head_print("pelorus_instance_admission", "gauge",
			"Whether an instance takes new reader connections: 1 for the state that it "
			"is in.");
	for (int i = 0; i < n; i++)
		admission_print(&reports[i]);
	free(reports);
}

int cmd_metrics(int argc, char **argv)
{
	int status = command_parse(argc, argv, NULL, 0, 0, help);
	struct json_object *object;

	if (status >= 0)
		return status;
	status = status_json_ask(argv[0], &object);
	head_print("pelorus_up", "gauge", "1 if a prober is at work.");
	printf("pelorus_up %d\n", status == STATUS_OK);
	if (status != STATUS_OK)
		return status;
	head_print("pelorus_build_info", "gauge", "The prober's version.");
	printf("pelorus_build_info{version=\"%s\"} 1\n", status_json_text(object, "version"));
	totals_print(object);
	warm_ups_print(status_json_at(object, "clusters"));
	json_object_put(object);
	map_print();
	return STATUS_OK;
}
