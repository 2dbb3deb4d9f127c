/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of the control socket. */
#include "worker_internal.h"

#include "metrics.h"

#include "base/buf.h"
#include "cluster/cluster.h"

#include "common/names.h"
#include "common/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define METRICS_NS (2 * LOOP_MS) /* few requests, for other users may not ask often */

static void engine_error(struct control_reply *reply, int r)
{
	static const struct {
		int error;
		const char *code, *sentence;
	} errors[] = {
		{-EINVAL, "invalid", "name, port or credential is not one"},
		{-ENOENT, "unfollowed", "the name is not followed, or has no such instance"},
		{-ENOTSUP, "unsupported", "endpoints of this kind are left alone"},
		{-EBUSY, "busy", "it is being warmed already"},
		{-ENOTCONN, "unanswered", "the instance does not answer"},
		{-ENODATA, "cold", "it was not warmed of late"},
		{-ENOSPC, "full", "the map has no place for another cluster or name"},
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (errors[i].error == r) {
			control_reply_error(reply, errors[i].code, "%s", errors[i].sentence);
			return;
		}
	}
	control_reply_error(reply, "failed", "%s", strerror(-r));
}

/* Another user may follow what the configuration names, nothing else. */
static bool may_follow(const struct worker *w, const struct control_request *request,
	const struct control_peer *peer)
{
	const char *given = control_get(request, "name");
	char name[PEL_NAME_MAX];

	if (peer->trusted)
		return true;
	return given && pel_name_normalise(given, name) == 0 &&
		config_find_cluster(w->config, name);
}

static void run_follow(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	struct worker *w = ctx;
	bool credential = false;
	int r;

	if (!may_follow(w, request, peer)) {
		control_reply_error(reply, "foreign", "the configuration does not name it");
		return;
	}
	r = worker_follow(w, request, peer, &credential);
	if (r < 0)
		engine_error(reply, r);
	else if (control_get(request, "user"))
		control_reply_add(reply, "credential=%s\n", credential ? "taken" : "refused");
}

/* The cluster of a request.  0; -EINVAL: it gives no name; -ENOENT: nobody follows that. */
static int find(const struct worker *w, const struct control_request *request,
	char ret_name[static PEL_NAME_MAX], struct cluster **ret)
{
	const char *name = control_get(request, "name");

	if (!name)
		return -EINVAL;
	*ret = engine_find(w->engine, name, ret_name);
	return *ret ? 0 : -ENOENT;
}

static void run_unfollow(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	struct worker *w = ctx;
	char name[PEL_NAME_MAX];
	struct cluster *c;
	int r = find(w, request, name, &c);

	if (r < 0)
		engine_error(reply, r);
	else if (config_find_cluster(w->config, name))
		control_reply_error(reply, "configured", "the configuration names it");
	else
		worker_unfollow(w, name);
}

static void run_hint(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	const char *refused = control_get(request, "refused");
	char name[PEL_NAME_MAX];
	struct cluster *c;
	int r = find(ctx, request, name, &c);

	if (r == 0)
		r = cluster_hint(c, name, peer->trusted && refused && *refused == '1');
	if (r < 0)
		engine_error(reply, r);
	else
		control_reply_add(reply, "round=%d\n", r);
}

static void run_refresh(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	struct worker *w = ctx;
	int r = engine_refresh(w->engine, control_get(request, "name"));

	if (r < 0)
		engine_error(reply, r);
}

static void switch_run(struct worker *w, const struct control_request *request, bool off,
	struct control_reply *reply)
{
	const char *name = control_get(request, "name");
	char normal[PEL_NAME_MAX];
	struct cluster *c;
	int kept = 0, r = engine_switch(w->engine, name, off, &kept);

	if (r == -EBUSY)
		control_reply_error(reply, "disabled", "all names are: enable them first");
	else if (r == -ENOSPC)
		control_reply_error(reply, "full", "%d names are disabled already: disable all",
			PEL_MAP_CLUSTERS);
	else if (r < 0)
		engine_error(reply, r);
	if (kept < 0)
		control_reply_add(reply, "unkept=%s\n", strerror(-kept));
	if (r < 0 || !name)
		return;
	c = engine_find(w->engine, name, normal);
	control_reply_add(reply, "followed=%d\n", c != NULL);
	if (c && !off)
		control_reply_add(reply, "mode=%s\n", pel_word_of_mode(cluster_config(c)->mode));
}

static void run_disable(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	switch_run(ctx, request, true, reply);
}

static void run_enable(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	switch_run(ctx, request, false, reply);
}

static void run_drill(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	struct worker *w = ctx;
	const char *pid = control_get(request, "pid");
	char *end = "";
	long number = pid ? strtol(pid, &end, 10) : 0;

	/* Only without a number all are meant. */
	if (pid && (number <= 0 || number > INT32_MAX || *end)) {
		control_reply_error(reply, "invalid", "%s is no process's number", pid);
		return;
	}
	engine_drill(w->engine, (int32_t)number, 0);
	log_event(w->log, LOG_WARNING, "drill", NULL, NULL,
		"idle connections of %s%s are ended, as process %d of user %u asks",
		pid ? "process " : "all programs", pid ? pid : "", peer->pid, peer->uid);
}

static void run_token(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	const char *user = control_get(request, "user"), *port = control_get(request, "port");
	char name[PEL_NAME_MAX], token[CONFIG_PASSWORD_MAX];
	struct cluster *c;
	int r = user ? find(ctx, request, name, &c) : -EINVAL;

	if (r == 0)
		r = cluster_token(c, name, port ? (uint16_t)strtoul(port, NULL, 10) : 0, user,
			token, sizeof(token));
	if (r == -EAGAIN)
		control_reply_error(reply, "no-key", "there are no AWS credentials");
	else if (r < 0)
		engine_error(reply, r);
	else
		control_reply_add(reply, "%s\n", token);
	explicit_bzero(token, sizeof(token));
}

static void run_reload(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	struct config_error error;

	if (worker_reload(ctx, &error) < 0)
		control_reply_error(reply, "configuration", "%s", error.text);
}

static void run_stop(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	struct worker *w = ctx;

	log_say(w->log, LOG_INFO, "told-to-stop", NULL, NULL, "by process %d of user %u", peer->pid,
		peer->uid);
	loop_stop(w->loop, WORKER_STOPPED);
}

static void run_events(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	struct worker *w = ctx;
	const char *text = control_get(request, "since"), *wait = control_get(request, "wait");
	uint64_t since = text ? strtoull(text, NULL, 10) : 0;
	char line[EVENTS_LINE_MAX];
	bool any = false;

	/* A number that is not given out yet is another ring's: the prober was started anew. */
	if (since > events_last(w->o->events))
		since = 0;
	while ((since = events_next(w->o->events, since, line))) {
		control_reply_add(reply, "%s\n", line);
		any = true;
	}
	if (!any && wait && strcmp(wait, "1") == 0)
		control_reply_wait(reply);
}

static void add_json(struct control_reply *reply, const char *value)
{
	char buffer[2 * PEL_NAME_MAX + CONFIG_PATH_MAX];
	struct buf b;

	buf_init(&b, buffer, sizeof(buffer));
	buf_add_json_cut(&b, value);
	control_reply_add(reply, "%s", buffer);
}

static void add_clients(struct control_reply *reply, const struct worker *w)
{
	const struct slots_summary *s = &w->clients;

	control_reply_add(reply,
		",\"clients\":{\"live\":%u,\"tracked\":%llu,\"routed\":%llu,\"severed\":%llu,"
		"\"refused\":%llu,\"moved\":%llu,\"retried\":%llu,\"held\":%llu,\"waited\":%llu,"
		"\"given_up\":%llu,\"longest_ms\":%u,\"versions\":{",
		s->live, (unsigned long long)s->tracked, (unsigned long long)s->routed,
		(unsigned long long)s->severed, (unsigned long long)s->refused,
		(unsigned long long)s->moved, (unsigned long long)s->retried,
		(unsigned long long)w->held, (unsigned long long)s->waited,
		(unsigned long long)s->given_up, s->longest_ms);
	for (unsigned i = 0; i < SLOTS_VERSIONS && s->versions[i].live; i++) {
		uint32_t v = s->versions[i].version;

		control_reply_add(reply, "%s\"%u.%u.%u\":%u", i ? "," : "", v >> 16, v >> 8 & 255,
			v & 255, s->versions[i].live);
	}
	control_reply_add(reply, "}}");
}

static void add_control(struct control_reply *reply, const struct control *control)
{
	const struct control_counters *c = control_counters(control);

	control_reply_add(reply,
		",\"control\":{\"connections\":%u,\"accepted\":%llu,\"requests\":%llu,"
		"\"malformed\":%llu,\"oversized\":%llu,\"foreign\":%llu,\"limited\":%llu}",
		control_connections(control), (unsigned long long)c->accepted,
		(unsigned long long)c->requests, (unsigned long long)c->malformed,
		(unsigned long long)c->oversized, (unsigned long long)c->foreign,
		(unsigned long long)c->limited);
}

static void run_status(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	struct worker *w = ctx;
	char *clusters = engine_status(w->engine);
	uint64_t up_ms = (loop_now_ns(w->loop) - w->started_ns) / LOOP_MS;

	control_reply_add(reply, "{\"version\":\"%s\",\"pid\":%d,\"supervisor\":%d,\"up_ms\":%llu",
		PELORUS_VERSION, getpid(), getppid(), (unsigned long long)up_ms);
	control_reply_add(reply, ",\"foreground\":%s,\"shared\":%s,\"directory\":",
		w->o->options->foreground ? "true" : "false",
		w->o->station->shared ? "true" : "false");
	add_json(reply, w->o->station->rundir.path);
	control_reply_add(reply, ",\"configuration\":");
	add_json(reply, w->config->path);
	control_reply_add(reply, ",\"events\":%llu", (unsigned long long)events_last(w->o->events));
	control_reply_add(reply, ",\"disabled\":%s", engine_is_off(w->engine) ? "true" : "false");
	add_clients(reply, w);
	add_control(reply, w->control);
	control_reply_add(reply, ",\"clusters\":%s}\n", clusters ? clusters : "[]");
	free(clusters);
}

/* As many parts as take no time to speak of: who asks goes on from the next. */
static void run_metrics(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	const char *word = control_get(request, "part");
	unsigned long part = word ? strtoul(word, NULL, 10) : 0;
	uint64_t until_ns = loop_now_ns(((struct worker *)ctx)->loop) + METRICS_NS;
	char *text = NULL;
	size_t size;
	FILE *out = part < metrics_parts ? open_memstream(&text, &size) : NULL;

	if (!out) {
		engine_error(reply, part < metrics_parts ? -ENOMEM : -EINVAL);
		return;
	}
	do {
		part = metrics_put(ctx, (unsigned)part, out);
	} while (part && loop_now_ns(((struct worker *)ctx)->loop) < until_ns);
	if (fclose(out) == 0)
		control_reply_add(reply, "next=%lu\n%s", part, text);
	else
		engine_error(reply, -ENOMEM);
	free(text);
}

static void admission_set(struct worker *w, const struct control_request *request,
	enum pel_admission admission, struct control_reply *reply)
{
	const char *id = control_get(request, "id");
	char name[PEL_NAME_MAX];
	struct cluster *c;
	int r = id ? find(w, request, name, &c) : -EINVAL;

	if (r == 0)
		r = cluster_admit(c, id, admission);
	if (r < 0)
		engine_error(reply, r);
}

static void run_admit(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	admission_set(ctx, request, PEL_ADMITTED, reply);
}

static void run_hold(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	admission_set(ctx, request, PEL_ADMIT_HELD, reply);
}

static bool is_set(const struct control_request *request, const char *key)
{
	const char *value = control_get(request, key);

	return value && *value == '1';
}

static void run_drain(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	struct worker *w = ctx;
	const char *id = control_get(request, "id");
	bool look = is_set(request, "look");
	char name[PEL_NAME_MAX];
	uint64_t of = 0;
	struct cluster *c;
	int r = id ? find(w, request, name, &c) : -EINVAL;

	if (r == 0)
		r = cluster_drain(c, id, is_set(request, "force"), look, &of);
	if (r == CLUSTER_DRAIN_WRITER)
		control_reply_error(reply, "writer", "%s is the writer", id);
	else if (r == CLUSTER_DRAIN_LAST)
		control_reply_error(reply, "last",
			"no other reader is there that would take its connections (--force)");
	else if (r == -EAGAIN)
		control_reply_error(reply, "starting", "the prober has just begun: once more");
	else if (r < 0)
		engine_error(reply, r);
	if (r != 0 || look)
		return;
	engine_drill(w->engine, 0, of);
	log_event(w->log, LOG_WARNING, "drain", cluster_name(c), id,
		"readers' idle connections to it are ended, as process %d of user %u asks",
		peer->pid, peer->uid);
}

static void warm_look(const struct cluster *c, const char *id, struct control_reply *reply)
{
	struct warm_shown warm;
	int r = cluster_warm_look(c, id, &warm);

	if (r < 0) {
		engine_error(reply, r);
		return;
	}
	control_reply_add(reply, "state=%s\ndone=%u\ntotal=%u\nfailed=%u\nrefused=%u\n", warm.state,
		warm.done, warm.total, warm.failed, warm.refused);
	control_reply_add(reply, "text=%s\n", warm.text);
}

static void run_warm(void *ctx, const struct control_request *request,
	const struct control_peer *peer, struct control_reply *reply)
{
	const char *id = control_get(request, "id"), *file = control_get(request, "file");
	char name[PEL_NAME_MAX], from[CONFIG_URL_MAX];
	struct cluster *c;
	int r = id ? find(ctx, request, name, &c) : -EINVAL;

	if (r == 0 && control_get(request, "look")) {
		warm_look(c, id, reply);
		return;
	}
	if (r == 0 && file && snprintf(from, sizeof(from), "file:%s", file) >= (int)sizeof(from))
		r = -EINVAL;
	if (r == 0)
		r = cluster_warm(c, id, file ? from : NULL);
	if (r == -EINVAL)
		control_reply_error(reply, "no-source",
			"the configuration has no warm-up, and no file was given");
	else if (r < 0)
		engine_error(reply, r);
}

const struct control_verb worker_verbs[] = {
	{"follow", CONTROL_ANYONE, run_follow},
	{"unfollow", CONTROL_TRUSTED, run_unfollow},
	{"hint", CONTROL_ANYONE, run_hint},
	{"status", CONTROL_ANYONE, run_status},
	{"events", CONTROL_ANYONE, run_events},
	{"metrics", CONTROL_ANYONE, run_metrics},
	{"refresh", CONTROL_TRUSTED, run_refresh},
	{"reload", CONTROL_TRUSTED, run_reload},
	{"token", CONTROL_TRUSTED, run_token},
	{"admit", CONTROL_TRUSTED, run_admit},
	{"hold", CONTROL_TRUSTED, run_hold},
	{"drain", CONTROL_TRUSTED, run_drain},
	{"warm", CONTROL_TRUSTED, run_warm},
	{"drill", CONTROL_TRUSTED, run_drill},
	{"disable", CONTROL_TRUSTED, run_disable},
	{"enable", CONTROL_TRUSTED, run_enable},
	{"stop", CONTROL_TRUSTED, run_stop},
	{0},
};
