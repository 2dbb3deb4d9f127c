/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys. */
#include "dialects.h"
#include "keys.h"

#include <string.h>

#define FIELD(of, field)                                                                           \
	.offset = offsetof(struct of, field), .size = sizeof(((struct of *)0)->field)
#define GLOBAL(field) .section = CONFIG_IN_PELORUS, FIELD(config, field)
#define CLUSTER(field) .section = CONFIG_IN_CLUSTER, FIELD(config_cluster, field)
#define BOTH(field) .section = CONFIG_IN_BOTH, FIELD(config_cluster, field)

/* clang-format off */
#define WORD(name) #name,
#define AND_WORD(name) ", " #name
static const char *const dialect_words[] = {"auto", CONFIG_DIALECTS(WORD) NULL};
static const char *const selector_words[] = {
	"random", "round-robin", "lag", "round-trip", "load", NULL};
static const char *const fallback_words[] = {"reader", "writer", "refuse", NULL};

static const char *const source_words[] = {"sql", "http", "zookeeper", NULL};
static const char *const format_words[] = {
	"document", "orchestrator", "patroni", "consul", "etcd", "maxscale", "proxysql", NULL};
static const char *const unwarmed_words[] = {"admit", "hold", NULL};
static const char *const mode_words[] = {"active", "observe", "off", NULL};
static const char *const auth_words[] = {"password", "iam", "secretsmanager", NULL};

static const char a_url[] = "a URL that begins with https:// or http://";
static const char a_path[] = "an absolute path";
static const char a_host[] = "a host name";

const struct config_key config_keys[] = {
	{GLOBAL(idle_exit_ms), "idle-exit", &config_type_duration, "a duration from 1s to 24h",
		.min = 1000, .max = 86400000, .standard = "60s"},
	{GLOBAL(log_format), "log-format", &config_type_word, "logfmt, json or text",
		.words = log_format_words},
	{GLOBAL(metrics_listen), "metrics-listen", &config_type_listen,
		"a numeric address with a port such as 127.0.0.1:9187, or unix:PATH"},
	{GLOBAL(notify), "notify", &config_type_secret_url, a_url},
	{GLOBAL(notify_command), "notify-command", &config_type_path, a_path},
	{GLOBAL(virtual_net), "virtual-net", &config_type_net,
		"networks such as 198.18.0.0/16 (8 to 30 bits) or 2001:2::/48 (16 to 64 bits)",
		.standard = "198.18.0.0/16, 2001:2::/48"},

	{CLUSTER(endpoint), "endpoint", &config_type_host, a_host},
	{CLUSTER(reader_endpoint), "reader-endpoint", &config_type_host, a_host},
	{CLUSTER(format), "format", &config_type_word,
		"document, orchestrator, patroni, consul, etcd, maxscale or proxysql",
		.words = format_words},
	{CLUSTER(global_regions), "global-regions", &config_type_regions,
		"host names with one ? for the instance, a region each, such as "
		"?.abc.us-east-1.rds.amazonaws.com, [eu-west-1]?.db.example.com"},
	{CLUSTER(home_region), "home-region", &config_type_text, "a region such as us-east-1"},
	{CLUSTER(source), "source", &config_type_word, "sql, http or zookeeper",
		.words = source_words},
	{CLUSTER(url), "url", &config_type_source_url,
		"a URL that begins with https://, http:// or zookeeper://"},
	{CLUSTER(members), "members", &config_type_members,
		"HOST[:PORT], separated by commas, 32 at most"},

	{BOTH(admit_max_lag_ms), "admit-max-lag", &config_type_duration,
		"a duration from 1ms to 24h, or off", .max = 86400000, .standard = "1s"},
	{BOTH(admit_never_last), "admit-never-last", &config_type_bool, "on or off"},
	{BOTH(admit_stable_ms), "admit-stable", &config_type_duration,
		"a duration from 1ms to 1h, or off", .max = 3600000, .standard = "10s"},
	{BOTH(allow_http), "allow-http", &config_type_bool, "on or off"},
	{BOTH(allowed_hosts), "allowed-hosts", &config_type_text,
		"a pattern such as *.db.example.com"},
	{BOTH(auth), "auth", &config_type_word, "password, iam or secretsmanager",
		.words = auth_words},
	{BOTH(aws_profile), "aws-profile", &config_type_text,
		"a profile's name of 63 bytes at most"},
	{BOTH(aws_region), "aws-region", &config_type_text, "a region such as us-east-1"},
	{BOTH(control_plane), "control-plane", &config_type_bool, "on or off"},
	{BOTH(dialect), "dialect", &config_type_word, "one of auto" CONFIG_DIALECTS(AND_WORD),
		.words = dialect_words},
	{BOTH(failure_detection_ms), "failure-detection-time", &config_type_duration,
		"a duration from 300ms to 60s", .min = 300, .max = 60000, .standard = "1500ms"},
	{BOTH(headers_file), "headers-file", &config_type_path, a_path},
	{BOTH(http_tls.ca), "http-ssl-ca", &config_type_path, a_path},
	{BOTH(http_tls.cert), "http-ssl-cert", &config_type_path, a_path},
	{BOTH(http_tls.key), "http-ssl-key", &config_type_path, a_path},
	{BOTH(hold_ms), "hold", &config_type_duration, "a duration from 1ms to 10m, or off",
		.max = PEL_HOLD_MAX_NS / 1000000, .standard = "30s"},
	{BOTH(host_pattern), "host-pattern", &config_type_pattern,
		"a host name with one ? for the instance, such as ?.db.example.com"},
	{BOTH(idle_ms), "idle", &config_type_duration, "a duration from 10s to 24h, or off",
		.min = 10000, .max = 86400000},
	{BOTH(max_lag_ms), "max-lag", &config_type_duration, "a duration from 1ms to 24h, or off",
		.max = 86400000},
	{BOTH(mode), "mode", &config_type_word, "active, observe or off", .words = mode_words},
	{BOTH(password), "password", &config_type_secret, "a password of 4095 bytes at most"},
	{BOTH(password_file), "password-file", &config_type_path, a_path},
	{BOTH(poll_ms), "poll", &config_type_duration, "a duration from 100ms to 1h", .min = 100,
		.max = 3600000, .standard = "1s"},
	{BOTH(port), "port", &config_type_number, "a port from 1 to 65535", .min = 1, .max = 65535,
		.standard = "3306"},
	{BOTH(publish), "publish", &config_type_url, a_url},
	{BOTH(lease_ms), "publish-lease", &config_type_duration, "a duration from 1s to 60s",
		.min = 1000, .max = 60000, .standard = "5s"},
	{BOTH(reader_fallback), "reader-fallback", &config_type_word, "reader, writer or refuse",
		.words = fallback_words},
	{BOTH(reader_selector), "reader-selector", &config_type_word,
		"random, round-robin, lag, round-trip or load", .words = selector_words},
	{BOTH(secret_id), "secret-id", &config_type_text, "the name or the ARN of a secret"},
	{BOTH(tls.on), "ssl", &config_type_bool, "on or off"},
	{BOTH(tls.ca), "ssl-ca", &config_type_path, a_path},
	{BOTH(tls.capath), "ssl-capath", &config_type_path, a_path},
	{BOTH(tls.cert), "ssl-cert", &config_type_path, a_path},
	{BOTH(tls.cipher), "ssl-cipher", &config_type_text,
		"a list of ciphers of 255 bytes at most"},
	{BOTH(tls.key), "ssl-key", &config_type_path, a_path},
	{BOTH(tls.verify), "ssl-verify-server-cert", &config_type_bool, "on or off"},
	{BOTH(stall_ms), "stall-time", &config_type_duration, "a duration from 1s to 1h",
		.min = 1000, .max = 3600000, .standard = "30s"},
	{BOTH(user), "user", &config_type_text, "a user name of 127 bytes at most"},
	{BOTH(warm_up), "warm-up", &config_type_warm_up,
		"file:PATH with an absolute path, a URL, digest or off"},
	{BOTH(warm_up_limit), "warm-up-limit", &config_type_number, "a number from 1 to 10000",
		.min = 1, .max = 10000, .standard = "100"},
	{BOTH(warm_up_on_failure), "warm-up-on-failure", &config_type_word, "admit or hold",
		.words = unwarmed_words},
	{BOTH(warm_up_parallel), "warm-up-parallel", &config_type_number, "a number from 1 to 16",
		.min = 1, .max = 16, .standard = "4"},
	{BOTH(warm_up_statement_ms), "warm-up-statement-time", &config_type_duration,
		"a duration from 100ms to 1h", .min = 100, .max = 3600000, .standard = "10s"},
	{BOTH(warm_up_timeout_ms), "warm-up-timeout", &config_type_duration,
		"a duration from 1s to 24h", .min = 1000, .max = 86400000, .standard = "10m"},
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
