/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment, read into one static struct.
 *
 * `active` is the only word that changes later, and only to false.
 */
#include "env.h"

#include "environ.h"
#include "common/names.h"
#include "common/text.h"

#include <fnmatch.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

extern char **environ;

static struct env env;
static atomic_bool switched_off;

bool env_glob_matches(const char *list, const char *executable)
{
	const char *slash = strrchr(executable, '/');
	const char *base = slash ? slash + 1 : executable;

	while (*list) {
		size_t n = strcspn(list, ":");
		char glob[ENV_PATH_MAX];

		if (n > 0 && n < sizeof(glob)) {
			memcpy(glob, list, n);
			glob[n] = '\0';
			if (fnmatch(glob, strchr(glob, '/') ? executable : base, 0) == 0)
				return true;
		}
		list += n + (list[n] == ':');
	}
	return false;
}

/* One word of PELORUS_CLUSTER. */
static void add_cluster(struct env *ret, const char *word, size_t n)
{
	static const char reader[] = "reader:", writer[] = "writer:";
	struct env_cluster *c = &ret->clusters[ret->n_clusters];
	char text[PEL_NAME_MAX + sizeof(reader)];
	const char *name = text;

	if (ret->n_clusters == ENV_CLUSTERS || n == 0 || n >= sizeof(text))
		return;
	memcpy(text, word, n);
	text[n] = '\0';
	c->role = PEL_ROLE_WRITER;
	if (strncmp(text, reader, sizeof(reader) - 1) == 0) {
		c->role = PEL_ROLE_READER;
		name += sizeof(reader) - 1;
	} else if (strncmp(text, writer, sizeof(writer) - 1) == 0) {
		name += sizeof(writer) - 1;
	}
	if (pel_name_normalise(name, c->name) == 0)
		ret->n_clusters++;
}

static void read_clusters(struct env *ret, const char *list)
{
	while (list && *list) {
		size_t n = strcspn(list, ", \t");

		add_cluster(ret, list, n);
		list += n + (list[n] != '\0');
	}
}

static bool is_wanted_here(char *const *list, const char *executable)
{
	const char *disabled = environ_value(list, "PELORUS_DISABLED");
	const char *include = environ_value(list, "PELORUS_INCLUDE");
	const char *exclude = environ_value(list, "PELORUS_EXCLUDE");

	/* The prober must see the servers as they are, and needs no prober itself. */
	if (env_glob_matches("pelorusd", executable))
		return false;
	if (disabled && *disabled && strcmp(disabled, "0") != 0)
		return false;
	if (include && *include && !env_glob_matches(include, executable))
		return false;
	return !exclude || !env_glob_matches(exclude, executable);
}

static enum sever_mode read_sever(const char *word)
{
	if (word && strcmp(word, "all") == 0)
		return SEVER_ALL;
	return word && strcmp(word, "off") == 0 ? SEVER_OFF : SEVER_SAFE;
}

/* A word that is none of ours leads nobody. */
static enum pel_mode read_mode(const char *word)
{
	if (!word || !*word || strcmp(word, "active") == 0)
		return PEL_MODE_ACTIVE;
	return strcmp(word, "off") == 0 ? PEL_MODE_OFF : PEL_MODE_OBSERVE;
}

static enum env_failover read_failover(const char *word)
{
	if (word && strcmp(word, "strict-reader") == 0)
		return ENV_STRICT_READER;
	return word && strcmp(word, "strict-writer") == 0 ? ENV_STRICT_WRITER
							  : ENV_READER_OR_WRITER;
}

static enum line_format read_log_format(const char *word)
{
	if (word && strcmp(word, "json") == 0)
		return LINE_JSON;
	return word && strcmp(word, "logfmt") == 0 ? LINE_LOGFMT : LINE_TEXT;
}

/* Whole seconds, or milliseconds with "ms" behind them. */
static uint64_t read_timeout(const char *word, uint64_t otherwise)
{
	char *end = NULL;
	long n = word ? strtol(word, &end, 10) : -1;

	if (n < 0 || n > 86400000 || end == word)
		return otherwise;
	if (strcmp(end, "ms") == 0)
		return (uint64_t)n * 1000000;
	return *end == '\0' || strcmp(end, "s") == 0 ? (uint64_t)n * 1000000000 : otherwise;
}

static void read_trace(struct env *ret, char *const *list)
{
	const char *format = environ_value(list, "PELORUS_TRACE_FORMAT"), *end;

	(void)text_copy(ret->trace, sizeof(ret->trace), environ_value(list, "PELORUS_TRACE"));
	end = strrchr(ret->trace, '.');
	ret->trace_json = format ? strcmp(format, "json") == 0
				 : end && strncmp(end, ".json", sizeof(".json") - 1) == 0;
}

void env_read(struct env *ret, char *const *list, const char *executable, bool secure)
{
	const char *prober, *retry, *auth;

	ret->hold_ns = UINT64_MAX;
	ret->secure = secure;
	ret->active = is_wanted_here(list, executable);
	ret->trapped = environ_value(list, "PELORUS_TRAP") != NULL;
	if (secure)
		return;
	prober = environ_value(list, "PELORUS_PROBER");
	ret->may_spawn = !prober || strcmp(prober, "off") != 0;
	if (prober && *prober == '/')
		(void)text_copy(ret->prober, sizeof(ret->prober), prober);
	ret->failover = read_failover(environ_value(list, "PELORUS_FAILOVER"));
	ret->failover_timeout_ns = read_timeout(environ_value(list, "PELORUS_FAILOVER_TIMEOUT"),
		ENV_FAILOVER_TIMEOUT_NS);
	ret->hold_ns = read_timeout(environ_value(list, "PELORUS_HOLD"), UINT64_MAX);
	retry = environ_value(list, "PELORUS_RETRY");
	ret->retry = retry && strcmp(retry, "off") == 0 ? RETRY_OFF : RETRY_SAFE;
	auth = environ_value(list, "PELORUS_AUTH");
	ret->auth_iam = auth && strcmp(auth, "iam") == 0;
	ret->mode = read_mode(environ_value(list, "PELORUS_MODE"));
	ret->sever = read_sever(environ_value(list, "PELORUS_SEVER"));
	(void)text_copy(ret->runtime_dir, sizeof(ret->runtime_dir),
		environ_value(list, "PELORUS_RUNTIME_DIR"));
	(void)text_copy(ret->log, sizeof(ret->log), environ_value(list, "PELORUS_LOG"));
	ret->log_format = read_log_format(environ_value(list, "PELORUS_LOG_FORMAT"));
	read_trace(ret, list);
	read_clusters(ret, environ_value(list, "PELORUS_CLUSTER"));
}

void env_init(void)
{
	char path[ENV_PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0) {
		(void)text_copy(path, sizeof(path), (const char *)getauxval(AT_EXECFN));
	}
	env_read(&env, environ, path, getauxval(AT_SECURE) != 0);
	if (atomic_load_explicit(&switched_off, memory_order_relaxed))
		env.active = false;
}

const struct env *env_get(void)
{
	return &env;
}

void env_switch_off(void)
{
	atomic_store_explicit(&switched_off, true, memory_order_relaxed);
	__atomic_store_n(&env.active, false, __ATOMIC_RELAXED);
}

enum pel_role env_role_of(const struct env *e, const char *name)
{
	for (unsigned i = 0; i < e->n_clusters; i++) {
		if (strcmp(e->clusters[i].name, name) == 0)
			return e->clusters[i].role;
	}
	return pel_kind_role(pel_name_kind(name));
}
