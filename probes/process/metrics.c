/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics.  Names follow Prometheus's conventions: base units, _total for what only grows.
 * Counters are of this worker's life, or of the supervisor's; they begin at 0 with it, as
 * Prometheus expects of a restart.
 *
 * What a cluster is and does is taken from its record, as published: it is what programs are told.
 * Names and ids are validated host names: nothing in them needs escaping.
 */
#include "metrics.h"

#include "worker_internal.h"

#include "cluster/cluster.h"

#include "common/words.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* One family; `worker`, `cluster` or `instance` is set, and puts its series. */
struct family {
	const char *name, *type, *about;
	void (*worker)(const struct family *f, const struct worker *w, FILE *out);
	void (*cluster)(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
		FILE *out);
	bool (*instance)(const struct pel_hot *hot, unsigned i, double *ret);
	size_t at, size; /* of a number in struct worker or warm_totals */
};

static uint64_t number_at(const struct family *f, const void *from)
{
	const char *at = (const char *)from + f->at;

	return f->size == sizeof(uint64_t) ? *(const uint64_t *)at : *(const uint32_t *)at;
}

static void put_number(const struct family *f, uint64_t value, FILE *out)
{
	(void)fprintf(out, "%s %" PRIu64 "\n", f->name, value);
}

static void put_of(const struct family *f, const char *label, const char *word, uint64_t n,
	FILE *out)
{
	(void)fprintf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", f->name, label, word, n);
}

static void up_put(const struct family *f, const struct worker *w, FILE *out)
{
	put_number(f, 1, out);
}

static void build_put(const struct family *f, const struct worker *w, FILE *out)
{
	put_of(f, "version", PELORUS_VERSION, 1, out);
}

/* By the clock on the wall as it is now: that may have been set since. */
static void start_put(const struct family *f, const struct worker *w, FILE *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	(void)fprintf(out, "%s %.3f\n", f->name,
		(double)now.tv_sec + (double)now.tv_nsec / 1e9 -
			(double)(loop_now_ns(w->loop) - w->started_ns) / 1e9);
}

static void number_put(const struct family *f, const struct worker *w, FILE *out)
{
	put_number(f, number_at(f, w), out);
}

static void severed_put(const struct family *f, const struct worker *w, FILE *out)
{
	for (unsigned i = 0; i < PEL_SEVERED; i++)
		put_of(f, "reason", pel_word_of_severed(i), w->clients.severed_by[i], out);
	put_of(f, "reason", "untold", w->clients.untold, out);
}

static void versions_put(const struct family *f, const struct worker *w, FILE *out)
{
	const struct slots_version *versions = w->clients.versions;

	for (unsigned i = 0; i < SLOTS_VERSIONS && versions[i].live; i++) {
		uint32_t v = versions[i].version;

		(void)fprintf(out, "%s{version=\"%u.%u.%u\"} %u\n", f->name, v >> 16, v >> 8 & 255,
			v & 255, versions[i].live);
	}
}

static void longest_put(const struct family *f, const struct worker *w, FILE *out)
{
	(void)fprintf(out, "%s %.3f\n", f->name, w->clients.longest_ms / 1e3);
}

static void requests_put(const struct family *f, const struct worker *w, FILE *out)
{
	put_number(f, control_counters(w->control)->requests, out);
}

static void refusals_put(const struct family *f, const struct worker *w, FILE *out)
{
	const struct control_counters *c = control_counters(w->control);

	put_of(f, "reason", "malformed", c->malformed, out);
	put_of(f, "reason", "oversized", c->oversized, out);
	put_of(f, "reason", "foreign", c->foreign, out);
	put_of(f, "reason", "limited", c->limited, out);
}

static void events_put(const struct family *f, const struct worker *w, FILE *out)
{
	const char *code;

	for (unsigned i = 0; (code = log_code(i)); i++)
		put_of(f, "code", code, events_counted(w->o->events, i), out);
}

static void limits_put(const struct family *f, const struct worker *w, FILE *out)
{
	put_of(f, "of", "clusters", PEL_MAP_CLUSTERS, out);
	put_of(f, "of", "instances", PEL_MAP_INSTANCES, out);
	put_of(f, "of", "processes", PEL_SLOTS, out);
}

static void limits_used_put(const struct family *f, const struct worker *w, FILE *out)
{
	unsigned clusters = 0, instances = 0;
	struct cluster_metrics m;

	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (!engine_cluster(w->engine, i))
			continue;
		cluster_metrics(engine_cluster(w->engine, i), &m);
		clusters++;
		instances = instances < m.hot->n_instances ? m.hot->n_instances : instances;
	}
	put_of(f, "of", "clusters", clusters, out);
	put_of(f, "of", "instances", instances, out);
	put_of(f, "of", "processes", w->clients.live, out);
}

static void put_of_cluster(const struct family *f, const struct cluster_metrics *m, uint64_t value,
	FILE *out)
{
	(void)fprintf(out, "%s{cluster=\"%s\"} %" PRIu64 "\n", f->name, m->name, value);
}

/* One of the series of a cluster that is in one of several states. */
static void put_state(const struct family *f, const struct cluster_metrics *m, const char *label,
	const char *word, uint64_t value, FILE *out)
{
	(void)fprintf(out, "%s{cluster=\"%s\",%s=\"%s\"} %" PRIu64 "\n", f->name, m->name, label,
		word, value);
}

static void known_put(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
	FILE *out)
{
	put_of_cluster(f, m, m->hot->state == PEL_STATE_KNOWN && m->hot->writer != PEL_NONE, out);
}

static void state_put(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
	FILE *out)
{
	for (unsigned s = PEL_STATE_UNKNOWN; s <= PEL_STATE_WRITERLESS; s++)
		put_state(f, m, "state", pel_word_of_state(s), m->hot->state == s, out);
}

static void mode_put(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
	FILE *out)
{
	for (unsigned i = PEL_MODE_ACTIVE; i <= PEL_MODE_OFF; i++)
		put_state(f, m, "mode", pel_word_of_mode(i), m->mode == i, out);
}

static void why_put(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
	FILE *out)
{
	if (m->hot->state == PEL_STATE_UNKNOWN && m->hot->why != PEL_WHY_NONE)
		put_state(f, m, "why", pel_word_of_why(m->hot->why), 1, out);
}

static void credentials_put(const struct family *f, const struct cluster_metrics *m,
	uint64_t now_ns, FILE *out)
{
	for (unsigned i = 0; cluster_verdicts[i]; i++)
		put_state(f, m, "verdict", cluster_verdicts[i],
			strcmp(m->credentials, cluster_verdicts[i]) == 0, out);
}

static void dns_only_put(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
	FILE *out)
{
	put_of_cluster(f, m, m->hot->dns_only, out);
}

static void confirmed_put(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
	FILE *out)
{
	uint64_t then_ns = m->hot->verified_ns;

	if (then_ns)
		(void)fprintf(out, "%s{cluster=\"%s\"} %.3f\n", f->name, m->name,
			then_ns < now_ns ? (double)(now_ns - then_ns) / 1e9 : 0.0);
}

static void changes_put(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
	FILE *out)
{
	put_of_cluster(f, m, m->writer_changes, out);
}

static void gaps_put(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
	FILE *out)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < CLUSTER_GAPS - 1; i++) {
		n += m->gaps->n[i];
		(void)fprintf(out, "%s_bucket{cluster=\"%s\",le=\"%g\"} %" PRIu64 "\n", f->name,
			m->name, cluster_gap_ms[i] / 1e3, n);
	}
	n += m->gaps->n[CLUSTER_GAPS - 1];
	(void)fprintf(out,
		"%s_bucket{cluster=\"%s\",le=\"+Inf\"} %" PRIu64 "\n%s_sum{cluster=\"%s\"} %.3f\n"
		"%s_count{cluster=\"%s\"} %" PRIu64 "\n",
		f->name, m->name, n, f->name, m->name, (double)m->gaps->sum_ms / 1e3, f->name,
		m->name, n);
}

static void fleet_put(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
	FILE *out)
{
	if (m->in_fleet)
		put_of_cluster(f, m, m->leads_fleet, out);
}

static void health_put(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
	FILE *out)
{
	unsigned n[PEL_HEALTH_UNREACHABLE + 1] = {0};

	for (unsigned i = 0; i < m->hot->n_instances; i++)
		n[m->hot->instances[i].health]++;
	for (unsigned i = 0; i <= PEL_HEALTH_UNREACHABLE; i++)
		put_state(f, m, "health", pel_word_of_health(i), n[i], out);
}

static bool leads_to(const struct pel_hot_name *name, const struct pel_hot_instance *in)
{
	for (unsigned i = 0; i < name->n_addrs; i++) {
		const struct pel_addr *a = &name->addrs[i];

		if (a->family == 4 ? memcmp(a->ip, in->ip4, sizeof(in->ip4)) == 0
				   : memcmp(a->ip, in->ip6, sizeof(in->ip6)) == 0)
			return true;
	}
	return false;
}

static void dns_put(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
	FILE *out)
{
	const struct pel_hot *hot = m->hot;

	for (unsigned i = 0; hot->writer != PEL_NONE && i < hot->n_names; i++) {
		const struct pel_hot_name *name = &hot->names[i];

		if (name->role == PEL_ROLE_WRITER && name->n_addrs)
			put_state(f, m, "name", m->cold->names[i],
				!leads_to(name, &hot->instances[hot->writer]), out);
	}
}

static void warm_put(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
	FILE *out)
{
	put_of_cluster(f, m, number_at(f, m->warm), out);
}

static const char *id_of(const struct cluster_metrics *m, unsigned i)
{
	const struct pel_cold_instance *in = &m->cold->instances[i];

	return *in->id ? in->id : in->host;
}

/* One series for each state that an instance can be in, of which one is 1. */
static void admission_put(const struct family *f, const struct cluster_metrics *m, uint64_t now_ns,
	FILE *out)
{
	for (unsigned i = 0; i < m->hot->n_instances; i++) {
		for (unsigned s = PEL_ADMITTED; s <= PEL_ADMIT_HELD; s++)
			(void)fprintf(out, "%s{cluster=\"%s\",instance=\"%s\",state=\"%s\"} %d\n",
				f->name, m->name, id_of(m, i), pel_word_of_admission(s),
				m->hot->instances[i].admission == s);
	}
}

static bool writer_of(const struct pel_hot *hot, unsigned i, double *ret)
{
	*ret = hot->instances[i].role == PEL_ROLE_WRITER;
	return true;
}

static bool healthy_of(const struct pel_hot *hot, unsigned i, double *ret)
{
	uint8_t health = hot->instances[i].health;

	*ret = health == PEL_HEALTH_OK || health == PEL_HEALTH_SUSPECT;
	return health != PEL_HEALTH_UNKNOWN;
}

static bool admitted_of(const struct pel_hot *hot, unsigned i, double *ret)
{
	*ret = hot->instances[i].admission == PEL_ADMITTED;
	return true;
}

static bool lag_of(const struct pel_hot *hot, unsigned i, double *ret)
{
	*ret = hot->instances[i].lag_ms / 1e3;
	return hot->instances[i].lag_ms != PEL_LAG_UNKNOWN;
}

static bool cpu_of(const struct pel_hot *hot, unsigned i, double *ret)
{
	*ret = hot->instances[i].cpu_permille / 1e3;
	return hot->instances[i].cpu_permille != UINT16_MAX;
}

static bool round_trip_of(const struct pel_hot *hot, unsigned i, double *ret)
{
	*ret = hot->instances[i].rtt_us / 1e6;
	return hot->instances[i].rtt_us != 0;
}

static bool statements_of(const struct pel_hot *hot, unsigned i, double *ret)
{
	*ret = hot->instances[i].warm_total;
	return hot->instances[i].warm_total != 0;
}

static bool statements_done_of(const struct pel_hot *hot, unsigned i, double *ret)
{
	*ret = hot->instances[i].warm_done;
	return hot->instances[i].warm_total != 0;
}

/* clang-format off */
#define NUMBER(field) .worker = number_put, .at = offsetof(struct worker, field), \
	.size = sizeof(((struct worker *)0)->field)
#define WARM(field) .cluster = warm_put, .at = offsetof(struct warm_totals, field), \
	.size = sizeof(((struct warm_totals *)0)->field)

static const struct family families[] = {
	{"pelorus_up", "gauge", "1 if a prober is at work.", .worker = up_put},
	{"pelorus_build_info", "gauge", "The prober's version.", .worker = build_put},
	{"pelorus_start_time_seconds", "gauge", "When the process that works began.",
		.worker = start_put},
	{"pelorus_events_total", "counter", "What was said, by its code; see pelorus-codes(7).",
		.worker = events_put},
	{"pelorus_limit", "gauge",
		"Of what there is room for so many; instances are those of one cluster.",
		.worker = limits_put},
	{"pelorus_limit_used", "gauge",
		"How many of them there are; what is beyond is left to DNS.",
		.worker = limits_used_put},
	{"pelorus_client_processes", "gauge", "Processes that follow a name.", NUMBER(clients.live)},
	{"pelorus_client_library_processes", "gauge", "The same, by their library's version.",
		.worker = versions_put},
	{"pelorus_client_connections", "gauge", "Connections tracked now.", NUMBER(clients.tracked)},
	{"pelorus_connections_routed_total", "counter", "Connections taken to an instance.",
		NUMBER(clients.routed)},
	{"pelorus_connections_severed_total", "counter", "Stale connections ended, and why.",
		.worker = severed_put},
	{"pelorus_connections_refused_total", "counter",
		"Connections refused for want of a writer.", NUMBER(clients.refused)},
	{"pelorus_handles_moved_total", "counter",
		"Handles of client libraries that failed over in place.", NUMBER(clients.moved)},
	{"pelorus_statements_retried_total", "counter",
		"Statements of these that were executed again.", NUMBER(clients.retried)},
	{"pelorus_held_connects", "gauge", "Connects that wait for a writer now.", NUMBER(held)},
	{"pelorus_held_connects_total", "counter", "Connects that have waited for a writer.",
		NUMBER(clients.waited)},
	{"pelorus_held_given_up_total", "counter", "Of those, in vain.", NUMBER(clients.given_up)},
	{"pelorus_held_longest_seconds", "gauge", "The longest wait so far.", .worker = longest_put},
	{"pelorus_control_requests_total", "counter", "Requests at the control socket.",
		.worker = requests_put},
	{"pelorus_control_refusals_total", "counter",
		"Requests, and connections, that were refused there.", .worker = refusals_put},
	{"pelorus_topology_known", "gauge", "1 while the writer is confirmed.", .cluster = known_put},
	{"pelorus_cluster_state", "gauge", "1 for the state that the cluster is in.",
		.cluster = state_put},
	{"pelorus_cluster_mode", "gauge",
		"1 for whether its names are followed, observed or switched off.",
		.cluster = mode_put},
	{"pelorus_cluster_why", "gauge",
		"1 for why its topology is unknown; nothing while it is known.",
		.cluster = why_put},
	{"pelorus_cluster_dns_only", "gauge", "1 while nothing but DNS is known of the cluster.",
		.cluster = dns_only_put},
	{"pelorus_cluster_credentials", "gauge",
		"1 for what became of what there is to log in with.", .cluster = credentials_put},
	{"pelorus_cluster_instances", "gauge", "Instances by their health.", .cluster = health_put},
	{"pelorus_cluster_fleet_leader", "gauge", "1 if this host tells for the fleet.",
		.cluster = fleet_put},
	{"pelorus_writer_confirmed_age_seconds", "gauge", "Since the writer last confirmed itself.",
		.cluster = confirmed_put},
	{"pelorus_writer_changes_total", "counter", "How often another instance became the writer.",
		.cluster = changes_put},
	{"pelorus_writerless_seconds", "histogram", "Times without a writer that are over.",
		.cluster = gaps_put},
	{"pelorus_name_dns_differs", "gauge", "1 while DNS leads a writer's name elsewhere.",
		.cluster = dns_put},
	{"pelorus_warm_ups_total", "counter", "Warm-ups that this prober began.", WARM(runs)},
	{"pelorus_warm_up_failures_total", "counter", "Attempts at one that came to nothing.",
		WARM(failures)},
	{"pelorus_warm_up_timeouts_total", "counter", "Warm-ups given up when their time was over.",
		WARM(time_outs)},
	{"pelorus_warm_up_statement_failures_total", "counter",
		"Statements of warm-ups that failed.", WARM(statement_failures)},
	{"pelorus_warm_up_statements_refused_total", "counter",
		"Statements of warm-ups that are no plain reads, and were not run.",
		WARM(statements_refused)},
	{"pelorus_instance_writer", "gauge", "1 for the writer.", .instance = writer_of},
	{"pelorus_instance_healthy", "gauge", "1 while the instance answers.", .instance = healthy_of},
	{"pelorus_instance_admitted", "gauge", "1 if it takes new reader connections.",
		.instance = admitted_of},
	{"pelorus_instance_admission", "gauge",
		"Whether an instance takes new reader connections: 1 for the state that it is in.",
		.cluster = admission_put},
	{"pelorus_instance_lag_seconds", "gauge", "Replication lag, as the cluster tells it.",
		.instance = lag_of},
	{"pelorus_instance_cpu_ratio", "gauge", "CPU in use, as the cluster tells it.",
		.instance = cpu_of},
	{"pelorus_instance_round_trip_seconds", "gauge", "Round trip of a ping.",
		.instance = round_trip_of},
	{"pelorus_warm_up_statements", "gauge", "Statements of the warm-up that runs, or last ran.",
		.instance = statements_of},
	{"pelorus_warm_up_statements_done", "gauge", "Those of them that have had their turn.",
		.instance = statements_done_of},
};
/* clang-format on */
const unsigned metrics_parts = sizeof(families) / sizeof(*families) * PEL_MAP_CLUSTERS;

static void instances_put(const struct family *f, const struct cluster_metrics *m, FILE *out)
{
	double value;

	for (unsigned i = 0; i < m->hot->n_instances; i++) {
		if (f->instance(m->hot, i, &value))
			(void)fprintf(out, "%s{cluster=\"%s\",instance=\"%s\"} %g\n", f->name,
				m->name, id_of(m, i), value);
	}
}

static void cluster_put(const struct family *f, const struct worker *w, unsigned i, FILE *out)
{
	const struct cluster *c = engine_cluster(w->engine, i);
	struct cluster_metrics m;

	if (!c)
		return;
	cluster_metrics(c, &m);
	if (f->cluster)
		f->cluster(f, &m, loop_now_ns(w->loop), out);
	else
		instances_put(f, &m, out);
}

unsigned metrics_put(void *worker, unsigned from, FILE *out)
{
	const struct family *f = &families[from / PEL_MAP_CLUSTERS];
	unsigned next = from + 1;

	if (from % PEL_MAP_CLUSTERS == 0)
		(void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->about, f->name,
			f->type);
	if (f->worker) {
		f->worker(f, worker, out);
		next = from + PEL_MAP_CLUSTERS;
	} else {
		cluster_put(f, worker, from % PEL_MAP_CLUSTERS, out);
	}
	return next < metrics_parts ? next : 0;
}
