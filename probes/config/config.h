/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: pelorus.conf, in the dialect of my.cnf.
 *
 * `[pelorus]` holds what concerns the prober as a whole, and defaults for all clusters; each
 * `[cluster NAME]` overrides them for one.  All keys stand in one table (keys.c): section,
 * key, type, place in the struct, and the words that tell what is expected.  A new key is a field
 * here and a row there.
 *
 * A configuration is read as a whole or not at all: on the first error nothing changes, and the
 * error names file, line, key and what was expected.  It may hold passwords: it lives in memory
 * that no core dump contains, and a file with a password that others may read is refused.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "base/log.h"

#include <pelorus/map.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_CLUSTERS PEL_MAP_CLUSTERS
#define CONFIG_MEMBERS PEL_MAP_INSTANCES
#define CONFIG_KEYS 64 /* rows of the key table, at most */
#define CONFIG_USER_MAX 128
#define CONFIG_PASSWORD_MAX 4096 /* a token of IAM can be long */
#define CONFIG_PATH_MAX 512
#define CONFIG_URL_MAX 512
#define CONFIG_REGIONS_MAX 1024
#define CONFIG_LISTEN_MAX 120 /* a path of a socket is shorter */
#define CONFIG_ALLOWED_MAX (PEL_NAME_MAX + 2)

enum config_source {
	CONFIG_SOURCE_SQL = 0,
	CONFIG_SOURCE_HTTP, /* a coordinator names the members as well */
	CONFIG_SOURCE_ZOOKEEPER,
};

/* What a coordinator's answers look like. */
enum coordinator_format {
	COORDINATOR_DOCUMENT = 0, /* {"primary": "host:port", "secondary": ["host:port", ...]} */
	COORDINATOR_ORCHESTRATOR, /* an instance, or an array of them */
	COORDINATOR_PATRONI,      /* {"members": [{"role", "host", "port", "state"}, ...]} */
	COORDINATOR_CONSUL,       /* KV entry: base64 of host:port, or of a document */
	COORDINATOR_ETCD, /* the same from etcd's JSON gateway: range, or one watch message */
	COORDINATOR_MAXSCALE, /* /v1/servers: {"data": [{"attributes": {"parameters", "state"}}, ...]} */
	COORDINATOR_PROXYSQL, /* rows of runtime_mysql_servers, each with its writer_hostgroup */
};

/* What becomes of a new reader whose warm-up came to nothing. */
enum config_unwarmed {
	CONFIG_UNWARMED_ADMIT = 0, /* it is admitted when the warm-up's time is over */
	CONFIG_UNWARMED_HOLD,      /* it is held until somebody admits it */
};

enum config_auth {
	CONFIG_AUTH_PASSWORD = 0,
	CONFIG_AUTH_IAM,            /* an RDS token, made anew for each login */
	CONFIG_AUTH_SECRETSMANAGER, /* user and password of an AWS secret */
};

/* TLS as one login uses it; `ca`, `cert`, `key` are paths, empty if not set. */
struct tls_settings {
	bool on;     /* no login without TLS */
	bool verify; /* the certificate must be the host's, signed by a known authority */
	char ca[CONFIG_PATH_MAX];
	char capath[CONFIG_PATH_MAX];
	char cert[CONFIG_PATH_MAX];
	char key[CONFIG_PATH_MAX];
	char cipher[256];
};

struct config_member {
	char host[PEL_NAME_MAX]; /* normal form, or a numeric address */
	uint16_t port;           /* 0: the cluster's */
};

struct config_members {
	unsigned n;
	struct config_member list[CONFIG_MEMBERS];
};

/* The blocks of virtual addresses. */
struct config_net {
	uint32_t v4; /* host order */
	uint8_t v4_bits;
	uint8_t v6_bits;
	uint8_t v6[16];
};

struct config_cluster {
	char name[PEL_NAME_MAX];            /* NAME of `[cluster NAME]`; empty in the defaults */
	char endpoint[PEL_NAME_MAX];        /* leads to the writer; NAME if that is a host name */
	char reader_endpoint[PEL_NAME_MAX]; /* empty: by form, or none */
	char host_pattern[PEL_NAME_MAX];    /* "?.db.example.com", or empty */
	char global_regions[CONFIG_REGIONS_MAX]; /* see regions.h */
	char home_region[32]; /* whose readers a global database's are; empty: those of all */
	struct config_members members;
	uint16_t port;
	enum pel_mode mode;
	unsigned dialect; /* its place in dialects.h, from 1; 0, auto: the server is asked */
	char user[CONFIG_USER_MAX];         /* empty: no configured credential */
	char password[CONFIG_PASSWORD_MAX]; /* of `password` or of the first line of the file */
	char password_file[CONFIG_PATH_MAX];
	struct tls_settings tls;
	uint32_t failure_detection_ms; /* silence until unreachable */
	uint32_t stall_ms;             /* stalled for so long: severed */
	uint32_t hold_ms;              /* so long connects wait for a writer; 0: not at all */
	uint32_t idle_ms;              /* used by nobody for so long: left in peace; 0: off */
	uint32_t max_lag_ms;           /* 0: off */
	enum pel_selector reader_selector;
	enum pel_fallback reader_fallback;
	uint32_t admit_max_lag_ms;    /* of a new reader; 0: off */
	uint32_t admit_stable_ms;     /* it has to be fit for so long; 0: admitted at once */
	bool admit_never_last;        /* also if there is no other reader */
	char warm_up[CONFIG_URL_MAX]; /* file:PATH, a URL, or "digest"; empty: none */
	uint32_t warm_up_parallel;    /* connections */
	uint32_t warm_up_limit;       /* statements, at most */
	uint32_t warm_up_statement_ms;
	uint32_t warm_up_timeout_ms;
	enum config_unwarmed warm_up_on_failure;
	enum config_source source;
	enum coordinator_format format;
	char url[CONFIG_URL_MAX];         /* of the coordinator */
	char allowed_hosts[PEL_NAME_MAX]; /* that it or a server may name; empty: by endpoint */
	char headers_file[CONFIG_PATH_MAX];
	struct tls_settings http_tls; /* ca, cert, key */
	bool allow_http;
	uint32_t poll_ms;             /* of a coordinator that cannot push */
	char publish[CONFIG_URL_MAX]; /* where the hosts of a fleet tell each other */
	uint32_t lease_ms;
	bool control_plane; /* RDS is asked for custom endpoints and zones */
	char aws_region[32];
	char aws_profile[64];
	enum config_auth auth;
	char secret_id[CONFIG_PATH_MAX]; /* of `auth = secretsmanager`: name or ARN */
	/* Where each key of the table was set; 0: default.  The last field: what is before it counts. */
	unsigned lines[CONFIG_KEYS];
};

struct config {
	char path[CONFIG_PATH_MAX]; /* empty: no file, everything is default */
	bool has_password;          /* the file itself contains one */
	uint32_t idle_exit_ms;
	struct config_net virtual_net;
	enum log_format log_format;
	char metrics_listen[CONFIG_LISTEN_MAX]; /* ADDRESS:PORT or unix:PATH; empty: nowhere */
	char notify[CONFIG_URL_MAX];            /* notices are posted there */
	char notify_command[CONFIG_PATH_MAX];   /* or given to this program */
	unsigned lines[CONFIG_KEYS];            /* of the keys of [pelorus] alone */
	struct config_cluster defaults;         /* for names that no section mentions */
	unsigned n_clusters;
	struct config_cluster clusters[CONFIG_CLUSTERS];
};

struct config_error {
	char text[1024]; /* "FILE:LINE: KEY: expected ..., found ..." */
};

/*
 * Decides which file is read: `explicit_path`, else $PELORUS_CONFIG, else that of the user, else
 * /etc/pelorus/pelorus.conf.  0; -ENOENT if there is none (a named one is not looked at here).
 */
int config_find(const char *explicit_path, char ret_path[static CONFIG_PATH_MAX]);

/*
 * Reads a file; NULL or "" gives the defaults.  0 and a configuration that the caller frees, or
 * -errno with the sentence in *ret_error and *ret untouched.
 */
int config_load(const char *path, struct config **ret, struct config_error *ret_error);

/* The same from text, for tests; `path` is what errors name; password files are not opened. */
int config_parse(const char *text, const char *path, struct config **ret,
	struct config_error *ret_error);

/* Wipes and frees; NULL is ignored. */
void config_free(struct config *config);

/*
 * Whether what was known of a cluster by the one section may be wrong by the other: its members, where
 * they listen, what they are.
 */
bool config_cluster_is_other(const struct config_cluster *a, const struct config_cluster *b);

/*
 * The pattern of hosts that a coordinator or a server may name: as configured, else those of the
 * endpoint's domain (`key`, where no endpoint is configured).
 */
void config_allowed_hosts(const struct config_cluster *cluster, const char *key,
	char ret[static CONFIG_ALLOWED_MAX]);

/*
 * The section that a host name in normal form belongs to: by its NAME, endpoint, reader endpoint or
 * a member; NULL if no section mentions it (config->defaults applies then).
 */
const struct config_cluster *config_find_cluster(const struct config *config, const char *name);

/*
 * One value after the other, for `config show`: i counts from 0 until false is returned.  Passwords
 * come as "***".  `cluster` NULL: those of [pelorus].  *ret_line 0: default.
 */
struct config_shown {
	const char *key;
	unsigned line;
	char value[1024];
};
bool config_show(const struct config *config, const struct config_cluster *cluster, unsigned i,
	struct config_shown *ret);

#endif
