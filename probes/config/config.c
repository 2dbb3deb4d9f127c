/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus.conf: from text to struct config.
 *
 * Lines are applied as they come; what [pelorus] says for all clusters is handed down at the end,
 * so that the order of sections does not matter.  The line number kept for each key tells what a
 * section said itself, and is the value's origin for `config show`.
 */
#include "config.h"

#include "dialects.h"
#include "file.h"
#include "keys.h"
#include "regions.h"
#include "base/secret.h"
#include "base/url.h"

#include "common/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one pass over a file knows. */
struct reading {
	struct config *config;
	struct config_error *error;
	const char *path;
	unsigned line;
	enum config_section section;    /* 0: before the first one */
	struct config_cluster *cluster; /* where CONFIG_IN_BOTH and _IN_CLUSTER go */
};

static int fail(struct reading *r, const char *key, const char *expected, const char *found)
{
	char where[CONFIG_PATH_MAX + 16];

	(void)snprintf(where, sizeof(where), r->line ? "%s:%u" : "%s", r->path, r->line);
	(void)snprintf(r->error->text, sizeof(r->error->text), "%s: %s%sexpected %s%s%.64s%s",
		where, key, *key ? ": " : "", expected, found ? ", found '" : "",
		found ? found : "", found ? "'" : "");
	return -EINVAL;
}

static void *field_of(struct config *config, struct config_cluster *cluster,
	const struct config_key *key)
{
	char *base = key->section == CONFIG_IN_PELORUS ? (char *)config : (char *)cluster;

	return base + key->offset;
}

static unsigned *line_of(struct config *config, struct config_cluster *cluster,
	const struct config_key *key)
{
	unsigned *lines = key->section == CONFIG_IN_PELORUS ? config->lines : cluster->lines;

	return &lines[key - config_keys];
}

/* A password and a file with one exclude each other: the later one counts. */
static const struct config_key *rival_of(const struct config_key *key)
{
	if (strcmp(key->name, "password") == 0)
		return config_key_find(key->section, "password-file");
	if (strcmp(key->name, "password-file") == 0)
		return config_key_find(key->section, "password");
	return NULL;
}

static void unset(struct reading *r, const struct config_key *key)
{
	memset(field_of(r->config, r->cluster, key), 0, key->size);
	*line_of(r->config, r->cluster, key) = 0;
}

static int unknown_key(struct reading *r, const char *name)
{
	const struct config_key *guess = config_key_guess(r->section, name);
	char expected[80];

	if (!guess && config_key_find(CONFIG_IN_BOTH, name))
		return fail(r, name,
			r->section == CONFIG_IN_PELORUS ? "in a [cluster NAME] section"
							: "in the [pelorus] section",
			NULL);
	if (!guess)
		return fail(r, name, "a key that pelorus.conf(5) lists", NULL);
	(void)snprintf(expected, sizeof(expected), "a known key, such as %s", guess->name);
	return fail(r, name, expected, NULL);
}

static int apply_pair(struct reading *r, const struct config_line *line)
{
	const struct config_key *key, *rival;
	bool secret;

	if (!r->section)
		return fail(r, line->name, "a [pelorus] or [cluster NAME] section before it", NULL);
	key = config_key_find(r->section, line->name);
	if (!key)
		return unknown_key(r, line->name);
	secret = key->type == &config_type_secret || key->type == &config_type_secret_url;
	if (!line->value && key->type != &config_type_bool)
		return fail(r, key->name, key->expected, secret ? NULL : "");
	if (!key->type->read(key, line->value ? line->value : "on",
		    field_of(r->config, r->cluster, key)))
		return fail(r, key->name, key->expected, secret ? NULL : line->value);
	*line_of(r->config, r->cluster, key) = r->line;
	r->config->has_password |= secret && *line->value;
	rival = rival_of(key);
	if (rival)
		unset(r, rival);
	return 0;
}

static void set_standards(struct config *config, struct config_cluster *cluster)
{
	for (unsigned i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];

		if (key->standard)
			(void)key->type->read(key, key->standard, field_of(config, cluster, key));
	}
}

static int begin_cluster(struct reading *r, const char *name)
{
	struct config *config = r->config;
	char host[PEL_NAME_MAX];

	if (strlen(name) >= PEL_NAME_MAX)
		return fail(r, "[cluster]", "a name of 255 bytes at most", name);
	r->section = CONFIG_IN_CLUSTER;
	for (unsigned i = 0; i < config->n_clusters; i++) {
		r->cluster = &config->clusters[i];
		if (strcmp(r->cluster->name, name) == 0)
			return 0;
	}
	if (config->n_clusters == CONFIG_CLUSTERS)
		return fail(r, "[cluster]", "64 clusters at most", name);
	r->cluster = &config->clusters[config->n_clusters++];
	strcpy(r->cluster->name, name);
	if (pel_name_normalise(name, host) == 0)
		strcpy(r->cluster->endpoint, host);
	return 0;
}

static int apply_section(struct reading *r, const char *name)
{
	static const char word[] = "cluster";
	const char *rest = name + strlen(word);

	if (strcmp(name, "pelorus") == 0) {
		r->section = CONFIG_IN_PELORUS;
		r->cluster = &r->config->defaults;
		return 0;
	}
	if (strncmp(name, word, strlen(word)) != 0 || (*rest != ' ' && *rest != '\t'))
		return fail(r, "section", "[pelorus] or [cluster NAME]", name);
	rest += strspn(rest, " \t");
	return begin_cluster(r, rest);
}

static int apply_line(struct reading *r, char *text)
{
	struct config_line line;
	const char *expected;

	if (config_line_parse(text, &line, &expected) < 0)
		return fail(r, "", expected, NULL);
	if (line.kind == CONFIG_LINE_SECTION)
		return apply_section(r, line.name);
	return line.kind == CONFIG_LINE_PAIR ? apply_pair(r, &line) : 0;
}

static int apply_text(struct reading *r, char *text)
{
	char *next;

	for (; text; text = next) {
		int e;

		next = strchr(text, '\n');
		if (next)
			*next++ = '\0';
		r->line++;
		e = apply_line(r, text);
		if (e < 0)
			return e;
	}
	r->line = 0;
	return 0;
}

/* Gives a cluster what [pelorus] says and it does not say itself. */
static void hand_down(struct config *config, struct config_cluster *cluster)
{
	for (unsigned i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i], *rival = rival_of(key);

		if (key->section != CONFIG_IN_BOTH || cluster->lines[i] ||
			(rival && *line_of(config, cluster, rival)))
			continue;
		memcpy(field_of(config, cluster, key), field_of(config, &config->defaults, key),
			key->size);
	}
}

static bool is_ensemble(const char *url)
{
	return strncmp(url, URL_ZOOKEEPER, strlen(URL_ZOOKEEPER)) == 0;
}

#define DIALECT_PLACE(word) DIALECT_PLACE_##word,
enum { DIALECT_PLACE_auto, CONFIG_DIALECTS(DIALECT_PLACE) };

static bool is_global(const struct config_cluster *cluster)
{
	return cluster->dialect == DIALECT_PLACE_global;
}

static int check_cluster(struct reading *r, const struct config_cluster *cluster)
{
	char section[PEL_NAME_MAX + 16], host[PEL_NAME_MAX];

	(void)snprintf(section, sizeof(section), "[cluster %s]", cluster->name);
	if (!*cluster->endpoint)
		return fail(r, section, "an endpoint, as its name is not a host name", NULL);
	if ((*cluster->password || *cluster->password_file) && !*cluster->user)
		return fail(r, section, "a user for its password", NULL);
	if (cluster->tls.verify && !cluster->tls.on)
		return fail(r, section, "ssl = on with ssl-verify-server-cert", NULL);
	if (*cluster->url &&
		(cluster->source == CONFIG_SOURCE_ZOOKEEPER) != is_ensemble(cluster->url))
		return fail(r, section,
			"source = zookeeper with a url of zookeeper://, and no other", NULL);
	if (is_global(cluster) && !*cluster->global_regions)
		return fail(r, section, "global-regions with dialect = global", NULL);
	if (*cluster->home_region &&
		config_region_host(cluster->global_regions, cluster->home_region, "a", host) < 0)
		return fail(r, section, "a home-region of global-regions", cluster->home_region);
	for (const struct config_cluster *c = r->config->clusters; c < cluster; c++) {
		if (strcmp(c->endpoint, cluster->endpoint) == 0)
			return fail(r, section, "an endpoint of its own", cluster->endpoint);
	}
	return 0;
}

static int finish(struct reading *r)
{
	struct config *config = r->config;
	int e = 0;

	for (unsigned i = 0; i < config->n_clusters && e == 0; i++) {
		hand_down(config, &config->clusters[i]);
		e = check_cluster(r, &config->clusters[i]);
	}
	return e;
}

static int parse(char *text, struct config *config, struct config_error *ret_error)
{
	struct reading r = {.config = config, .error = ret_error, .path = config->path};
	int e;

	set_standards(config, &config->defaults);
	e = apply_text(&r, text);
	return e < 0 ? e : finish(&r);
}

static struct config *config_new(const char *path)
{
	struct config *config = secret_alloc(sizeof(*config));

	if (config)
		(void)snprintf(config->path, sizeof(config->path), "%s", path ? path : "");
	return config;
}

void config_free(struct config *config)
{
	secret_free(config, sizeof(*config));
}

int config_parse(const char *text, const char *path, struct config **ret,
	struct config_error *ret_error)
{
	struct config *config = config_new(path);
	char *copy = strdup(text);
	int e = config && copy ? parse(copy, config, ret_error) : -ENOMEM;

	if (copy)
		explicit_bzero(copy, strlen(text));
	free(copy);
	if (e < 0)
		config_free(config);
	else
		*ret = config;
	return e;
}

int config_load(const char *path, struct config **ret, struct config_error *ret_error)
{
	struct config *config = config_new(path);
	struct file file = {0};
	char nothing[] = "";
	int e = config ? 0 : -ENOMEM;

	if (e == 0 && path && *path)
		e = config_file_read(path, &file, ret_error);
	if (e == 0)
		e = parse(file.text ? file.text : nothing, config, ret_error);
	if (e == 0)
		e = config_file_check(&file, config, ret_error);
	if (e == 0)
		e = config_file_read_passwords(config, ret_error);
	file_free(&file);
	if (e < 0)
		config_free(config);
	else
		*ret = config;
	return e;
}

bool config_cluster_is_other(const struct config_cluster *a, const struct config_cluster *b)
{
	return a->port != b->port || a->dialect != b->dialect || a->source != b->source ||
		!*a->url != !*b->url || strcmp(a->allowed_hosts, b->allowed_hosts) != 0 ||
		strcmp(a->global_regions, b->global_regions) != 0 ||
		strcmp(a->home_region, b->home_region) != 0 ||
		memcmp(&a->members, &b->members, sizeof(a->members)) != 0;
}

/* Where the form does not tell a domain, it is that of a name of three labels and more. */
void config_allowed_hosts(const struct config_cluster *cluster, const char *key,
	char ret[static CONFIG_ALLOWED_MAX])
{
	const char *endpoint = cluster->endpoint[0] ? cluster->endpoint : key;
	const char *domain = pel_name_instance_domain(endpoint), *dot = strchr(endpoint, '.');

	if (!domain && dot && strchr(dot + 1, '.') && endpoint[strspn(endpoint, "0123456789.")])
		domain = dot + 1;
	if (cluster->allowed_hosts[0])
		(void)snprintf(ret, CONFIG_ALLOWED_MAX, "%s", cluster->allowed_hosts);
	else if (domain)
		(void)snprintf(ret, CONFIG_ALLOWED_MAX, "*.%s", domain);
	else /* its domain is everybody's: without `allowed-hosts` it is itself alone */
		(void)snprintf(ret, CONFIG_ALLOWED_MAX, "%s", endpoint);
}

const struct config_cluster *config_find_cluster(const struct config *config, const char *name)
{
	for (unsigned i = 0; i < config->n_clusters; i++) {
		const struct config_cluster *c = &config->clusters[i];

		if (strcmp(c->name, name) == 0 || strcmp(c->endpoint, name) == 0 ||
			strcmp(c->reader_endpoint, name) == 0)
			return c;
		for (unsigned m = 0; m < c->members.n; m++) {
			if (strcmp(c->members.list[m].host, name) == 0)
				return c;
		}
	}
	return NULL;
}

bool config_show(const struct config *config, const struct config_cluster *cluster, unsigned i,
	struct config_shown *ret)
{
	enum config_section section = cluster ? CONFIG_IN_CLUSTER : CONFIG_IN_PELORUS;
	struct config_cluster *of =
		(struct config_cluster *)(cluster ? cluster : &config->defaults);
	unsigned seen = 0;

	for (unsigned k = 0; k < config_n_keys; k++) {
		const struct config_key *key = &config_keys[k];

		if (!(key->section & section) || seen++ != i)
			continue;
		ret->key = key->name;
		ret->line = *line_of((struct config *)config, of, key);
		if (!ret->line && key->section == CONFIG_IN_BOTH)
			ret->line = config->defaults.lines[k];
		key->type->show(key, field_of((struct config *)config, of, key), ret->value,
			sizeof(ret->value));
		return true;
	}
	return false;
}
