/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys. */
#include "keys.h"

#include <string.h>

#define GLOBAL(field) offsetof(struct config, field), sizeof(((struct config *)0)->field)
#define CLUSTER(field)                                                                             \
	offsetof(struct config_cluster, field), sizeof(((struct config_cluster *)0)->field)

/* clang-format off */
static const char *const dialect_words[] = {"auto", "aurora", "read_only", NULL};
static const char *const selector_words[] = {
	"random", "round-robin", "lag", "round-trip", "load", NULL};
static const char *const fallback_words[] = {"reader", "writer", "refuse", NULL};

static const char *const source_words[] = {"sql", "http", NULL};
static const char *const format_words[] = {
	"document", "orchestrator", "patroni", "consul", "etcd", NULL};
static const char *const unwarmed_words[] = {"admit", "hold", NULL};
static const char *const auth_words[] = {"password", "iam", "secretsmanager", NULL};

static const char a_url[] = "a URL that begins with https:// or http://";
static const char a_path[] = "an absolute path";
static const char a_host[] = "a host name";

const struct config_key config_keys[] = {
	{.section = CONFIG_IN_PELORUS, "idle-exit", &config_type_duration, GLOBAL(idle_exit_ms),
		"a duration from 1s to 24h", .min = 1000, .max = 86400000, .standard = "60s"},
	{.section = CONFIG_IN_PELORUS, "notify", &config_type_secret_url, GLOBAL(notify), a_url},
	{.section = CONFIG_IN_PELORUS, "notify-command", &config_type_path, GLOBAL(notify_command),
		a_path},
	{.section = CONFIG_IN_PELORUS, "virtual-net", &config_type_net, GLOBAL(virtual_net),
		"networks such as 198.18.0.0/16 (8 to 30 bits) or 2001:2::/48 (16 to 64 bits)",
		.standard = "198.18.0.0/16, 2001:2::/48"},

	{.section = CONFIG_IN_CLUSTER, "endpoint", &config_type_host, CLUSTER(endpoint), a_host},
	{.section = CONFIG_IN_CLUSTER, "reader-endpoint", &config_type_host,
		CLUSTER(reader_endpoint), a_host},
	{.section = CONFIG_IN_CLUSTER, "format", &config_type_word, CLUSTER(format),
		"document, orchestrator, patroni, consul or etcd", .words = format_words},
	{.section = CONFIG_IN_CLUSTER, "source", &config_type_word, CLUSTER(source), "sql or http",
		.words = source_words},
	{.section = CONFIG_IN_CLUSTER, "url", &config_type_url, CLUSTER(url), a_url},
	{.section = CONFIG_IN_CLUSTER, "members", &config_type_members, CLUSTER(members),
		"HOST[:PORT], separated by commas, 32 at most"},

	{.section = CONFIG_IN_BOTH, "admit-max-lag", &config_type_duration,
		CLUSTER(admit_max_lag_ms), "a duration from 1ms to 24h, or off", .min = 0,
		.max = 86400000, .standard = "1s"},
	{.section = CONFIG_IN_BOTH, "admit-never-last", &config_type_bool,
		CLUSTER(admit_never_last), "on or off"},
	{.section = CONFIG_IN_BOTH, "admit-stable", &config_type_duration,
		CLUSTER(admit_stable_ms), "a duration from 1ms to 1h, or off", .min = 0,
		.max = 3600000, .standard = "10s"},
	{.section = CONFIG_IN_BOTH, "allow-http", &config_type_bool, CLUSTER(allow_http),
		"on or off"},
	{.section = CONFIG_IN_BOTH, "allowed-hosts", &config_type_text, CLUSTER(allowed_hosts),
		"a pattern such as *.db.example.com"},
	{.section = CONFIG_IN_BOTH, "auth", &config_type_word, CLUSTER(auth),
		"password, iam or secretsmanager", .words = auth_words},
	{.section = CONFIG_IN_BOTH, "aws-profile", &config_type_text, CLUSTER(aws_profile),
		"a profile's name of 63 bytes at most"},
	{.section = CONFIG_IN_BOTH, "aws-region", &config_type_text, CLUSTER(aws_region),
		"a region such as us-east-1"},
	{.section = CONFIG_IN_BOTH, "control-plane", &config_type_bool, CLUSTER(control_plane),
		"on or off"},
	{.section = CONFIG_IN_BOTH, "dialect", &config_type_word, CLUSTER(dialect),
		"auto, aurora or read_only", .words = dialect_words},
	{.section = CONFIG_IN_BOTH, "failure-detection-time", &config_type_duration,
		CLUSTER(failure_detection_ms), "a duration from 300ms to 60s", .min = 300,
		.max = 60000, .standard = "1500ms"},
	{.section = CONFIG_IN_BOTH, "headers-file", &config_type_path, CLUSTER(headers_file),
		a_path},
	{.section = CONFIG_IN_BOTH, "http-ssl-ca", &config_type_path, CLUSTER(http_tls.ca), a_path},
	{.section = CONFIG_IN_BOTH, "http-ssl-cert", &config_type_path, CLUSTER(http_tls.cert),
		a_path},
	{.section = CONFIG_IN_BOTH, "http-ssl-key", &config_type_path, CLUSTER(http_tls.key),
		a_path},
	{.section = CONFIG_IN_BOTH, "host-pattern", &config_type_pattern, CLUSTER(host_pattern),
		"a host name with one ? for the instance, such as ?.db.example.com"},
	{.section = CONFIG_IN_BOTH, "max-lag", &config_type_duration, CLUSTER(max_lag_ms),
		"a duration from 1ms to 24h, or off", .min = 0, .max = 86400000},
	{.section = CONFIG_IN_BOTH, "password", &config_type_secret, CLUSTER(password),
		"a password of 4095 bytes at most"},
	{.section = CONFIG_IN_BOTH, "password-file", &config_type_path, CLUSTER(password_file),
		a_path},
	{.section = CONFIG_IN_BOTH, "poll", &config_type_duration, CLUSTER(poll_ms),
		"a duration from 100ms to 1h", .min = 100, .max = 3600000, .standard = "1s"},
	{.section = CONFIG_IN_BOTH, "port", &config_type_port, CLUSTER(port),
		"a port from 1 to 65535", .standard = "3306"},
	{.section = CONFIG_IN_BOTH, "publish", &config_type_url, CLUSTER(publish), a_url},
	{.section = CONFIG_IN_BOTH, "publish-lease", &config_type_duration, CLUSTER(lease_ms),
		"a duration from 1s to 60s", .min = 1000, .max = 60000, .standard = "5s"},
	{.section = CONFIG_IN_BOTH, "reader-fallback", &config_type_word, CLUSTER(reader_fallback),
		"reader, writer or refuse", .words = fallback_words},
	{.section = CONFIG_IN_BOTH, "reader-selector", &config_type_word, CLUSTER(reader_selector),
		"random, round-robin, lag, round-trip or load", .words = selector_words},
	{.section = CONFIG_IN_BOTH, "refresh", &config_type_duration, CLUSTER(refresh_ms),
		"a duration from 100ms to 60s", .min = 100, .max = 60000, .standard = "500ms"},
	{.section = CONFIG_IN_BOTH, "secret-id", &config_type_text, CLUSTER(secret_id),
		"the name or the ARN of a secret"},
	{.section = CONFIG_IN_BOTH, "ssl", &config_type_bool, CLUSTER(tls.on), "on or off"},
	{.section = CONFIG_IN_BOTH, "ssl-ca", &config_type_path, CLUSTER(tls.ca), a_path},
	{.section = CONFIG_IN_BOTH, "ssl-capath", &config_type_path, CLUSTER(tls.capath), a_path},
	{.section = CONFIG_IN_BOTH, "ssl-cert", &config_type_path, CLUSTER(tls.cert), a_path},
	{.section = CONFIG_IN_BOTH, "ssl-cipher", &config_type_text, CLUSTER(tls.cipher),
		"a list of ciphers of 255 bytes at most"},
	{.section = CONFIG_IN_BOTH, "ssl-key", &config_type_path, CLUSTER(tls.key), a_path},
	{.section = CONFIG_IN_BOTH, "ssl-verify-server-cert", &config_type_bool,
		CLUSTER(tls.verify), "on or off"},
	{.section = CONFIG_IN_BOTH, "stall-time", &config_type_duration, CLUSTER(stall_ms),
		"a duration from 1s to 1h", .min = 1000, .max = 3600000, .standard = "30s"},
	{.section = CONFIG_IN_BOTH, "user", &config_type_text, CLUSTER(user),
		"a user name of 127 bytes at most"},
	{.section = CONFIG_IN_BOTH, "warm-up", &config_type_warm_up, CLUSTER(warm_up),
		"file:PATH with an absolute path, a URL, digest or off"},
	{.section = CONFIG_IN_BOTH, "warm-up-limit", &config_type_number, CLUSTER(warm_up_limit),
		"a number from 1 to 10000", .min = 1, .max = 10000, .standard = "100"},
	{.section = CONFIG_IN_BOTH, "warm-up-on-failure", &config_type_word,
		CLUSTER(warm_up_on_failure), "admit or hold", .words = unwarmed_words},
	{.section = CONFIG_IN_BOTH, "warm-up-parallel", &config_type_number,
		CLUSTER(warm_up_parallel), "a number from 1 to 16", .min = 1, .max = 16,
		.standard = "4"},
	{.section = CONFIG_IN_BOTH, "warm-up-statement-time", &config_type_duration,
		CLUSTER(warm_up_statement_ms), "a duration from 100ms to 1h", .min = 100,
		.max = 3600000, .standard = "10s"},
	{.section = CONFIG_IN_BOTH, "warm-up-timeout", &config_type_duration,
		CLUSTER(warm_up_timeout_ms), "a duration from 1s to 24h", .min = 1000,
		.max = 86400000, .standard = "10m"},
};
/* clang-format on */
const unsigned config_n_keys = sizeof(config_keys) / sizeof(*config_keys);
_Static_assert(sizeof(config_keys) / sizeof(*config_keys) <= CONFIG_KEYS, "CONFIG_KEYS");

const struct config_key *config_key_find(enum config_section section, const char *name)
{
	for (unsigned i = 0; i < config_n_keys; i++) {
		if ((config_keys[i].section & section) && strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	}
	return NULL;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* How many letters must be put in, taken out or changed to make one word the other. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[32];
	size_t n = strlen(b);

	if (n >= sizeof(row) / sizeof(*row))
		return UINT32_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; a[i]; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < n; j++) {
			unsigned above = row[j + 1];

			row[j + 1] = min3(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
			diagonal = above;
		}
	}
	return row[n];
}

const struct config_key *config_key_guess(enum config_section section, const char *word)
{
	const struct config_key *best = NULL;
	unsigned least = 3;

	for (unsigned i = 0; i < config_n_keys; i++) {
		unsigned d = distance(word, config_keys[i].name);

		if ((config_keys[i].section & section) && d < least) {
			least = d;
			best = &config_keys[i];
		}
	}
	return best;
}
