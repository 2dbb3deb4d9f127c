/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What coordinators say of a cluster.
 *
 * Each format is one function in a table; all of them end in add_host(), where the host is checked.
 * The key-value stores hold host:port, or a whole document, in base64.
 */
#include "coordinator_parse.h"

#include "base/buf.h"
#include "json_read.h"
#include "base/url.h"

#include "common/names.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define VALUE_MAX 16384

struct reading {
	const char *pattern;
	struct coordinator_view view;
};

static bool has_writer(const struct coordinator_view *view)
{
	for (unsigned i = 0; i < view->n; i++) {
		if (view->hosts[i].role == PEL_ROLE_WRITER)
			return true;
	}
	return false;
}

/* A host named twice keeps the higher role. */
static struct coordinator_host *find(struct coordinator_view *view,
	const struct coordinator_host *host)
{
	for (unsigned i = 0; i < view->n; i++) {
		if (strcmp(view->hosts[i].host, host->host) == 0 &&
			view->hosts[i].port == host->port)
			return &view->hosts[i];
	}
	return NULL;
}

static enum coordinator_verdict add_host(struct reading *r, const char *name, uint64_t port,
	enum pel_role role)
{
	struct coordinator_host host = {.role = role}, *same;

	if (!name || port > UINT16_MAX || url_parse_host(name, host.host, &host.port) < 0)
		return COORDINATOR_GARBAGE;
	if (port)
		host.port = (uint16_t)port;
	if (r->pattern && *r->pattern && fnmatch(r->pattern, host.host, FNM_CASEFOLD) != 0)
		return COORDINATOR_OUTSIDE;
	same = find(&r->view, &host);
	if (role == PEL_ROLE_WRITER && has_writer(&r->view))
		return same && same->role == role ? COORDINATOR_OK : COORDINATOR_TWO;
	if (same) {
		same->role = role == PEL_ROLE_WRITER ? role : same->role;
		return COORDINATOR_OK;
	}
	if (r->view.n == PEL_MAP_INSTANCES)
		return COORDINATOR_GARBAGE;
	r->view.hosts[r->view.n++] = host;
	return COORDINATOR_OK;
}

static enum coordinator_verdict read_document(struct reading *r, struct json_object *root)
{
	struct json_object *primary = json_member(root, "primary");
	struct json_object *secondary = json_member(root, "secondary");
	enum coordinator_verdict verdict = COORDINATOR_OK;

	if (!json_object_is_type(root, json_type_object) ||
		(secondary && !json_object_is_type(secondary, json_type_array)))
		return COORDINATOR_GARBAGE;
	if (primary)
		verdict = add_host(r, json_string(root, "primary"), 0, PEL_ROLE_WRITER);
	for (size_t i = 0; i < json_length(secondary) && verdict == COORDINATOR_OK; i++) {
		struct json_object *at = json_at(secondary, i);

		verdict = json_object_is_type(at, json_type_string)
			? add_host(r, json_object_get_string(at), 0, PEL_ROLE_READER)
			: COORDINATOR_GARBAGE;
	}
	return verdict;
}

/* An instance writes if it was seen, is not read-only, and replicates from nobody. */
static enum coordinator_verdict read_instance(struct reading *r, struct json_object *instance)
{
	struct json_object *key = json_member(instance, "Key");
	const char *from = json_string(json_member(instance, "MasterKey"), "Hostname");
	struct json_object *read_only = json_member(instance, "ReadOnly");
	bool is_writer = json_object_is_type(read_only, json_type_boolean) &&
		!json_object_get_boolean(read_only) && (!from || !*from || strcmp(from, "_") == 0);
	uint64_t port;

	if (!json_number(key, "Port", &port))
		return COORDINATOR_GARBAGE;
	if (!json_is_true(instance, "IsLastCheckValid"))
		return COORDINATOR_OK;
	return add_host(r, json_string(key, "Hostname"), port,
		is_writer ? PEL_ROLE_WRITER : PEL_ROLE_READER);
}

static enum coordinator_verdict read_orchestrator(struct reading *r, struct json_object *root)
{
	enum coordinator_verdict verdict = COORDINATOR_OK;

	if (json_object_is_type(root, json_type_object))
		return read_instance(r, root);
	if (!json_object_is_type(root, json_type_array))
		return COORDINATOR_GARBAGE;
	for (size_t i = 0; i < json_length(root) && verdict == COORDINATOR_OK; i++)
		verdict = read_instance(r, json_at(root, i));
	return verdict;
}

static bool is_word(const char *word, const char *const *list)
{
	for (; word && *list; list++) {
		if (strcasecmp(word, *list) == 0)
			return true;
	}
	return false;
}

static enum coordinator_verdict read_patroni(struct reading *r, struct json_object *root)
{
	static const char *const leads[] = {"leader", "master", "primary", NULL};
	static const char *const runs[] = {"running", "streaming", NULL};
	struct json_object *members = json_member(root, "members");
	enum coordinator_verdict verdict = COORDINATOR_OK;

	if (!json_object_is_type(members, json_type_array))
		return COORDINATOR_GARBAGE;
	for (size_t i = 0; i < json_length(members) && verdict == COORDINATOR_OK; i++) {
		struct json_object *member = json_at(members, i);
		const char *role = json_string(member, "role");
		uint64_t port = 0;

		if (!role || (json_member(member, "port") && !json_number(member, "port", &port)))
			return COORDINATOR_GARBAGE;
		if (is_word(json_string(member, "state"), runs))
			verdict = add_host(r, json_string(member, "host"), port,
				is_word(role, leads) ? PEL_ROLE_WRITER : PEL_ROLE_READER);
	}
	return verdict;
}

/* Whether a list that commas separate, as "Slave, Running", has the word. */
static bool has_state(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += strspn(at, ", ");
		if (strncasecmp(at, word, n) == 0 && (at[n] == ',' || !at[n]))
			return true;
	}
	return false;
}

/* Whom MaxScale itself would use; a server that runs is not yet one that replicates. */
static enum coordinator_verdict read_maxscale(struct reading *r, struct json_object *root)
{
	struct json_object *servers = json_member(root, "data");
	enum coordinator_verdict verdict = COORDINATOR_OK;

	if (!json_object_is_type(servers, json_type_array))
		return COORDINATOR_GARBAGE;
	for (size_t i = 0; i < json_length(servers) && verdict == COORDINATOR_OK; i++) {
		struct json_object *attributes = json_member(json_at(servers, i), "attributes");
		struct json_object *parameters = json_member(attributes, "parameters");
		const char *state = json_string(attributes, "state");
		bool writes = state && has_state(state, "Master");
		uint64_t port;

		if (!state || !json_number(parameters, "port", &port))
			return COORDINATOR_GARBAGE;
		if (!has_state(state, "Running") || has_state(state, "Maintenance") ||
			has_state(state, "Draining") || !(writes || has_state(state, "Slave")))
			continue;
		verdict = add_host(r, json_string(parameters, "address"), port,
			writes ? PEL_ROLE_WRITER : PEL_ROLE_READER);
	}
	return verdict;
}

/* One that writes may be in a hostgroup of readers as well. */
static enum coordinator_verdict read_proxysql(struct reading *r, struct json_object *root)
{
	enum coordinator_verdict verdict = COORDINATOR_OK;

	if (!json_object_is_type(root, json_type_array))
		return COORDINATOR_GARBAGE;
	for (size_t i = 0; i < json_length(root) && verdict == COORDINATOR_OK; i++) {
		struct json_object *row = json_at(root, i);
		const char *status = json_string(row, "status");
		uint64_t port, group, writers;

		if (!status || !json_number(row, "port", &port) ||
			!json_number(row, "hostgroup_id", &group) ||
			!json_number(row, "writer_hostgroup", &writers))
			return COORDINATOR_GARBAGE;
		if (strcasecmp(status, "ONLINE") == 0)
			verdict = add_host(r, json_string(row, "hostname"), port,
				group == writers ? PEL_ROLE_WRITER : PEL_ROLE_READER);
	}
	return verdict;
}

/* The value of a key: host:port, or a document. */
static enum coordinator_verdict read_value(struct reading *r, const char *base64)
{
	char value[VALUE_MAX + 1];
	struct json_object *root;
	enum coordinator_verdict verdict;
	long n = base64 ? base64_parse(base64, value, VALUE_MAX) : -1;

	r->view.digest = base64 ? pel_name_hash(base64) : 0;
	while (n > 0 && strchr(" \t\r\n", value[n - 1]))
		n--;
	if (n <= 0 || memchr(value, '\0', (size_t)n))
		return COORDINATOR_GARBAGE;
	value[n] = '\0';
	if (value[0] != '{')
		return add_host(r, value, 0, PEL_ROLE_WRITER);
	root = json_read(value, (size_t)n);
	verdict = read_document(r, root);
	json_object_put(root);
	return verdict;
}

static enum coordinator_verdict read_consul(struct reading *r, struct json_object *root)
{
	struct json_object *entry = json_at(root, 0);
	const char *session = json_string(entry, "Session");

	if (!json_object_is_type(root, json_type_array))
		return COORDINATOR_GARBAGE;
	if (!entry)
		return COORDINATOR_NOTHING;
	if (json_member(entry, "ModifyIndex") && !json_number(entry, "ModifyIndex", &r->view.index))
		return COORDINATOR_GARBAGE;
	r->view.leased = session && coordinator_is_session(session);
	if (r->view.leased)
		strcpy(r->view.session, session);
	return read_value(r, json_string(entry, "Value"));
}

static enum coordinator_verdict read_etcd_entry(struct reading *r, struct json_object *entry)
{
	uint64_t lease = 0;

	(void)json_number(entry, "lease", &lease);
	r->view.leased = lease != 0;
	return read_value(r, json_string(entry, "value"));
}

/* The last event of a message tells; the key was deleted: nobody is named. */
static enum coordinator_verdict read_etcd_events(struct reading *r, struct json_object *result)
{
	struct json_object *events = json_member(result, "events");
	struct json_object *last = json_at(events, json_length(events) - 1);
	const char *type = json_string(last, "type");

	if (json_is_true(result, "canceled"))
		return COORDINATOR_AGAIN;
	if (!last || (type && strcmp(type, "DELETE") == 0))
		return COORDINATOR_NOTHING;
	return read_etcd_entry(r, json_member(last, "kv"));
}

static enum coordinator_verdict read_etcd(struct reading *r, struct json_object *root)
{
	struct json_object *result = json_member(root, "result");
	struct json_object *header = json_member(result ? result : root, "header");
	struct json_object *kvs = json_member(root, "kvs");

	if (json_member(root, "error"))
		return COORDINATOR_AGAIN;
	if (!json_number(header, "revision", &r->view.index))
		return COORDINATOR_GARBAGE;
	if (result)
		return read_etcd_events(r, result);
	if (json_length(kvs) == 0)
		return COORDINATOR_NOTHING;
	return read_etcd_entry(r, json_at(kvs, 0));
}

static enum coordinator_verdict (*const readers[])(struct reading *, struct json_object *) = {
	[COORDINATOR_DOCUMENT] = read_document,
	[COORDINATOR_ORCHESTRATOR] = read_orchestrator,
	[COORDINATOR_PATRONI] = read_patroni,
	[COORDINATOR_CONSUL] = read_consul,
	[COORDINATOR_ETCD] = read_etcd,
	[COORDINATOR_MAXSCALE] = read_maxscale,
	[COORDINATOR_PROXYSQL] = read_proxysql,
};

enum coordinator_verdict coordinator_parse(enum coordinator_format format, const char *body,
	size_t n, const char *pattern, struct coordinator_view *ret)
{
	struct reading r = {.pattern = pattern};
	struct json_object *root = json_read(body, n);
	enum coordinator_verdict verdict = root ? readers[format](&r, root) : COORDINATOR_GARBAGE;

	json_object_put(root);
	if (verdict == COORDINATOR_OK && r.view.n == 0)
		verdict = COORDINATOR_NOTHING;
	if (verdict == COORDINATOR_OK)
		*ret = r.view;
	if (verdict == COORDINATOR_NOTHING)
		ret->index = r.view.index;
	return verdict;
}

bool coordinator_is_session(const char *id)
{
	return strlen(id) == 36 && id[strspn(id, "0123456789abcdefABCDEF-")] == '\0';
}

const char *coordinator_verdict_text(enum coordinator_verdict verdict)
{
	static const char *const texts[] = {
		[COORDINATOR_OK] = "it names members",
		[COORDINATOR_NOTHING] = "it names nobody",
		[COORDINATOR_AGAIN] = "it ended the watch",
		[COORDINATOR_GARBAGE] = "it is not what the format says",
		[COORDINATOR_TWO] = "it names more than one primary",
		[COORDINATOR_OUTSIDE] =
			"it names a host outside the allowed pattern (else, the endpoint's domain)",
	};

	return texts[verdict];
}
