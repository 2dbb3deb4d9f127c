/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clusters: whether their topology is known, why not, and what DNS makes of their names.
 *
 * The prober has said already what the server answered to a login; its event holds the words.
 */
#include "doctor.h"

#include "commands.h"
#include "control_client.h"
#include "map_view.h"
#include "status_json.h"

#include "common/clock.h"
#include "common/words.h"

#include <arpa/inet.h>
#include <json-c/json.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number and the text of the last event of that kind about a cluster; 0 if there was none. */
static int64_t event_find(const struct report *r, const char *code, char ret[static DOCTOR_TEXT])
{
	char *events = control_client_text("events\n", CONTROL_CLIENT_S);
	int64_t seq = 0;

	*ret = '\0';
	for (char *line = events ? strtok(events, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		struct json_object *event = json_tokener_parse(line);

		if (strcmp(status_json_text(event, "code"), code) == 0 &&
			strcmp(status_json_text(event, "cluster"), r->names[0]) == 0) {
			(void)snprintf(ret, DOCTOR_TEXT, "%s", status_json_text(event, "text"));
			seq = status_json_number(event, "seq");
		}
		json_object_put(event);
	}
	free(events);
	return seq;
}

/* Takes what mends it off the prober's words; NULL if there is none. */
static char *remedy_split(char *said)
{
	static const char between[] = "; what mends it: ";
	char *sql = strstr(said, between);

	if (!sql)
		return NULL;
	*sql = '\0';
	return sql + sizeof(between) - 1;
}

/*
 * The prober has told, in the server's words, which credential was refused, or that it was let in
 * and its question was refused, which is a matter of privileges.
 */
static void tell_denied(struct doctor *d, const struct report *r)
{
	char login[DOCTOR_TEXT], question[DOCTOR_TEXT], remedy[2 * DOCTOR_TEXT];
	int64_t asked = event_find(r, "question-refused", question);
	bool let_in = asked >= event_find(r, "access-denied", login);
	const char *sql = remedy_split(let_in ? question : login);

	if (let_in) {
		(void)snprintf(remedy, sizeof(remedy), "the user lacks privileges: %s",
			sql ? sql : "see `pelorus events`");
		doctor_tell(d, FINDING_FAILURE, remedy,
			"privileges: %s: the user may log in, but the server refuses its "
			"questions%s%s",
			r->name, *question ? ": " : "", question);
		return;
	}
	(void)snprintf(remedy, sizeof(remedy), "%s%s",
		sql && strncmp(sql, "CREATE", 6) != 0
			? ""
			: "user or password is wrong: mend it in pelorus.conf or where the program "
			  "has it from; if the server does not know the user: ",
		sql ? sql : "create it");
	doctor_tell(d, FINDING_FAILURE, remedy, "credentials: %s: %s", r->name, login);
}

/* The prober has told what it is that does not meet its conditions. */
static void tell_unfit(struct doctor *d, const struct report *r)
{
	char said[DOCTOR_TEXT];
	const char *remedy;

	(void)event_find(r, "login-unfit", said);
	remedy = remedy_split(said);
	doctor_tell(d, FINDING_FAILURE, remedy ? remedy : "see `pelorus events`", "login: %s: %s",
		r->name, *said ? said : pel_sentence_of_why(r->why));
}

static void tell_unknown(struct doctor *d, const struct report *r)
{
	static const char *const remedies[] = {
		[PEL_WHY_NONE] = "see `pelorus events`",
		[PEL_WHY_STARTING] = "see `pelorus events`, and whether its instances answer",
		[PEL_WHY_NO_CREDENTIALS] =
			"give user and password in pelorus.conf, in my.cnf's "
			"[pelorus], in DATABASE_URL or PELORUS_USER and PELORUS_PASSWORD of the "
			"program, by `pelorus run --env-file FILE`, or by `pelorus follow --ask NAME`",
		[PEL_WHY_DENIED] = NULL,
		[PEL_WHY_NO_ANSWER] =
			"see whether name, port, routes and firewall let this host "
			"reach the instances: `pelorus resolve NAME` shows where DNS leads",
		[PEL_WHY_NOT_A_CLUSTER] =
			"the server is not of the kind that `dialect` says; for plain replication, "
			"set `dialect = read_only` and `members` in pelorus.conf",
		[PEL_WHY_NO_WRITER] = "the cluster itself has no writer: look at its own console",
		[PEL_WHY_DISPUTED] = "two servers are writable: make all but one read-only",
		[PEL_WHY_UNROUTABLE] = "let this host reach the instances by their own addresses, "
				       "not through a forwarder alone",
		[PEL_WHY_IDLE] = "it is asked again when a program connects to it",
	};

	if (r->why == PEL_WHY_DENIED)
		tell_denied(d, r);
	else if (r->why == PEL_WHY_UNFIT)
		tell_unfit(d, r);
	else
		doctor_tell(d, FINDING_FAILURE,
			r->why < sizeof(remedies) / sizeof(*remedies) ? remedies[r->why] : NULL,
			"cluster: %s: %s", r->name, pel_sentence_of_why(r->why));
}

static bool address_is_of(const struct report_instance *in, const char *text)
{
	size_t n = strlen(text);
	const char *at = in->address + (in->address[0] == '[');

	return strncmp(at, text, n) == 0 && (at[n] == ':' || at[n] == ']');
}

/* Where DNS leads for a writer's name, compared with the writer that was confirmed. */
static void look_dns(struct doctor *d, const struct report *r, const char *name)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char text[INET6_ADDRSTRLEN] = "", remedy[DOCTOR_TEXT];
	struct addrinfo *list;
	const char *other = "no known instance";
	int e = getaddrinfo(name, NULL, &hints, &list);

	if (e != 0) {
		doctor_tell(d, FINDING_NOTE, "see resolv.conf, and whether the name is right",
			"dns: %s: %s", name, gai_strerror(e));
		return;
	}
	(void)getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof(text), NULL, 0,
		NI_NUMERICHOST);
	freeaddrinfo(list);
	if (address_is_of(&r->instances[r->writer], text)) {
		doctor_tell(d, FINDING_WELL, NULL, "dns: %s leads to the writer", name);
		return;
	}
	for (unsigned i = 0; i < r->n_instances; i++) {
		if (address_is_of(&r->instances[i], text))
			other = r->instances[i].id;
	}
	(void)snprintf(remedy, sizeof(remedy),
		"DNS is late or frozen; programs with Pelorus go to %s all the same, start the "
		"others "
		"by `pelorus run` too; if it stays so, look at the zone and at caching resolvers",
		r->instances[r->writer].id);
	doctor_tell(d, FINDING_NOTE, remedy, "dns: %s leads to %s (%s), not to the writer", name,
		text, other);
}

/* The prober may not ask the writer for its replicas, where the configuration wants them found. */
static void look_replicas(struct doctor *d, const struct report *r)
{
	char said[DOCTOR_TEXT];
	const char *sql;

	if (!event_find(r, "replicas-unknown", said))
		return;
	sql = remedy_split(said);
	doctor_tell(d, FINDING_NOTE, sql, "privileges: %s: %s", r->name, said);
}

/* Nothing is wrong, until there is a switchover. */
static void look_bluegreen(struct doctor *d, const struct report *r)
{
	char said[DOCTOR_TEXT];
	const char *remedy;

	if (event_find(r, "blue-green-unseen", said) <= 0)
		return;
	remedy = remedy_split(said);
	doctor_tell(d, FINDING_NOTE, remedy ? remedy : "see `pelorus events`", "blue/green: %s: %s",
		r->name, said);
}

static void look_known(struct doctor *d, const struct report *r)
{
	char sentence[1024];

	report_sentence(r, sentence, sizeof(sentence));
	if (r->state == PEL_STATE_KNOWN && r->writer < 0) {
		doctor_tell(d, FINDING_WELL, NULL, "cluster: %s", sentence);
		return;
	}
	if (r->writer < 0) {
		doctor_tell(d, FINDING_NOTE, "wait, or see `pelorus watch`", "cluster: %s",
			sentence);
		return;
	}
	doctor_tell(d, FINDING_WELL, NULL, "cluster: %s", sentence);
	look_replicas(d, r);
	for (unsigned i = 0; i < r->n_instances; i++) {
		const struct report_instance *in = &r->instances[i];

		if (!in->routable)
			doctor_tell(d, FINDING_NOTE,
				"let this host reach it, and its name resolve here",
				"instance: %s was not reached directly, no connection is taken "
				"there",
				in->id);
	}
	for (unsigned i = 0; i < r->n_names; i++) {
		if (r->roles[i] == PEL_ROLE_WRITER)
			look_dns(d, r, r->names[i]);
	}
	look_bluegreen(d, r);
}

/* Whether more time would tell more: not asked yet, or credentials may still come. */
static bool is_settled(const struct report *r)
{
	if (r->state == PEL_STATE_WRITERLESS)
		return true;
	if (r->state != PEL_STATE_KNOWN)
		return r->why == PEL_WHY_DENIED || r->why == PEL_WHY_NOT_A_CLUSTER ||
			r->why == PEL_WHY_UNFIT;
	for (unsigned i = 0; i < r->n_instances; i++) {
		if (!r->instances[i].routable)
			return false;
	}
	return true;
}

static void look_cluster(struct doctor *d, const struct map_view *view, const char *name,
	struct report *report)
{
	uint64_t end_ns = clock_now_ns() + d->wait_ms * UINT64_C(1000000);
	int r;

	for (;;) {
		uint32_t first = map_view_first(view);

		r = map_view_find(view, name, report);
		if ((r == 0 && is_settled(report)) || clock_now_ns() >= end_ns)
			break;
		map_view_sleep(view, first, 50);
	}
	if (r < 0)
		doctor_tell(d, FINDING_FAILURE,
			"is that its host name? own names must be in pelorus.conf, or be named by "
			"--cluster or PELORUS_CLUSTER",
			"cluster: %s is not followed", name);
	else if (report_status(report) != STATUS_OK)
		tell_unknown(d, report);
	else
		look_known(d, report);
}

void doctor_look_clusters(struct doctor *d)
{
	struct report *reports = calloc(PEL_MAP_CLUSTERS, sizeof(*reports));
	struct map_view view;
	unsigned n = 0;

	if (!reports || map_view_open(&view) < 0) {
		free(reports);
		doctor_tell(d, FINDING_FAILURE, "see the prober's log in the runtime directory",
			"map: the prober publishes none");
		return;
	}
	for (unsigned i = 0; i < d->n_names; i++)
		look_cluster(d, &view, d->names[i], &reports[0]);
	if (d->n_names == 0)
		n = map_view_all(&view, reports);
	for (unsigned i = 0; i < n; i++) {
		const char *name = reports[i].names[0];
		struct report report;

		look_cluster(d, &view, name, &report);
	}
	if (d->n_names + n == 0)
		doctor_tell(d, FINDING_NOTE, "name one: pelorus doctor --cluster NAME",
			"cluster: none is followed yet");
	map_view_close(&view);
	free(reports);
}
