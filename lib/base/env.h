/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the environment asks of the library.
 *
 *   PELORUS_DISABLED=1        everything off
 *   PELORUS_MODE              observe: connections go where DNS leads, and what would have been done
 *                             is counted; off: they do, and nothing is done
 *   PELORUS_INCLUDE, _EXCLUDE globs on the executable, separated by ':'; one with a '/' is matched
 *                             against its path, any other against its last part
 *   PELORUS_CLUSTER           names to follow beside Aurora's, separated by ','; "reader:NAME" for
 *                             one that leads to the readers
 *   PELORUS_PROBER            off, or the path of pelorusd
 *   PELORUS_SEVER             all, off
 *   PELORUS_HOLD              how long a connect may wait for a writer, if shorter than the cluster's
 *                             own `hold`: 30, 500ms; 0: not at all
 *   PELORUS_FAILOVER_TIMEOUT  how long a call of the client ABI may wait for a writer: 30, 500ms
 *   PELORUS_AUTH              iam: the client ABI logs in with RDS tokens
 *   PELORUS_RETRY             safe, off: whether the client ABI executes statements again
 *   PELORUS_FAILOVER          reader-or-writer, strict-reader, strict-writer: where connections by
 *                             a reader's name go
 *   PELORUS_RUNTIME_DIR       where prober and library meet
 *   PELORUS_LOG               file for what is otherwise said on stderr
 *   PELORUS_LOG_FORMAT        text, logfmt, json: the form of that
 *   PELORUS_TRACE             file for a line per lookup, connect, hold and sever
 *   PELORUS_TRACE_FORMAT      logfmt, json; else as the file's name ends
 *
 * Read once, at load: php-fpm clears the environment of its workers.  Ignored as a whole, but for
 * its being off, in a process that gained privileges by its exec (AT_SECURE).
 */
#ifndef PELORUS_LIB_BASE_ENV_H
#define PELORUS_LIB_BASE_ENV_H

#include "common/rundir.h"
#include "line.h"
#include "rules/retry.h"
#include "rules/sever.h"

#include <pelorus/map.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENV_PATH_MAX 512
#define ENV_CLUSTERS 16
#define ENV_FAILOVER_TIMEOUT_NS UINT64_C(30000000000)

struct env_cluster {
	char name[PEL_NAME_MAX]; /* normal form */
	uint8_t role;            /* enum pel_role */
};

/* PELORUS_FAILOVER */
enum env_failover { ENV_READER_OR_WRITER = 0, ENV_STRICT_READER, ENV_STRICT_WRITER };

struct env {
	bool active;        /* hooks do more than pass through */
	bool trapped;       /* PELORUS_TRAP is set, as by its keeper */
	bool secure;        /* AT_SECURE: starts no prober */
	bool may_spawn;     /* PELORUS_PROBER is not off */
	enum pel_mode mode; /* what the map says may be more */
	bool auth_iam;      /* passwords are RDS tokens */
	enum sever_mode sever;
	enum retry_mode retry;
	enum env_failover failover;
	uint64_t failover_timeout_ns;
	uint64_t hold_ns;                 /* UINT64_MAX: as the cluster says */
	char runtime_dir[PEL_RUNDIR_MAX]; /* empty: by rule */
	char prober[ENV_PATH_MAX];        /* empty: by rule */
	char log[ENV_PATH_MAX];           /* empty: stderr */
	enum line_format log_format;
	char trace[ENV_PATH_MAX]; /* empty: nothing is traced */
	bool trace_json;
	unsigned n_clusters;
	struct env_cluster clusters[ENV_CLUSTERS];
};

/* Pure: from a list like environ, for an executable of this path.  *ret must be zero before. */
void env_read(struct env *ret, char *const *list, const char *executable, bool secure);

/* Reads the environment of this process; once, in the constructor. */
void env_init(void);

/* Valid for ever; inactive before env_init(). */
const struct env *env_get(void);

/* For what is found out later: the hooks only pass through from now on. */
void env_switch_off(void);

/* Pure: the role that PELORUS_CLUSTER, or else its form, gives a name in normal form. */
enum pel_role env_role_of(const struct env *env, const char *name);

/* Pure: true if a glob of a ':'-separated list matches. */
bool env_glob_matches(const char *list, const char *executable);

#endif
