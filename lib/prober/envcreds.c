/* SPDX-License-Identifier: Apache-2.0 */
#include "envcreds.h"

#include "common/names.h"
#include "common/text.h"

#include <string.h>

static const struct set {
	const char *host; /* NULL: for every name */
	const char *user[2];
	const char *password[2];
} sets[] = {
	{NULL, {"PELORUS_USER"}, {"PELORUS_PASSWORD"}},
	{"DB_HOST", {"DB_USER", "DB_USERNAME"}, {"DB_PASSWORD", "DB_PASS"}},
	{"DB_HOSTNAME", {"DB_USER", "DB_USERNAME"}, {"DB_PASSWORD", "DB_PASS"}},
	{"MYSQL_HOST", {"MYSQL_USER"}, {"MYSQL_PASSWORD", "MYSQL_PWD"}},
	{"WORDPRESS_DB_HOST", {"WORDPRESS_DB_USER"}, {"WORDPRESS_DB_PASSWORD"}},
	{"RDS_HOSTNAME", {"RDS_USERNAME"}, {"RDS_PASSWORD"}},
	{"TYPEORM_HOST", {"TYPEORM_USERNAME"}, {"TYPEORM_PASSWORD"}},
};
#define N_SETS (sizeof(sets) / sizeof(*sets))

static const char *const urls[] = {"PELORUS_DATABASE_URL", "DATABASE_URL", "MYSQL_URL", "DB_URL",
	"TYPEORM_URL"};
#define N_URLS (sizeof(urls) / sizeof(*urls))

/* clang-format off */
const char envcreds_variables[] =
	"PELORUS_\0" "DATABASE_URL=\0" "DB_HOST=\0" "DB_HOSTNAME=\0" "DB_USER=\0" "DB_USERNAME=\0"
	"DB_PASSWORD=\0" "DB_PASS=\0" "MYSQL_HOST=\0" "MYSQL_USER=\0" "MYSQL_PASSWORD=\0"
	"MYSQL_PWD=\0" "MYSQL_ATTR_SSL_CA=\0" "WORDPRESS_DB_HOST=\0" "WORDPRESS_DB_USER=\0"
	"WORDPRESS_DB_PASSWORD=\0" "MYSQL_URL=\0" "DB_URL=\0" "TYPEORM_\0" "RDS_HOSTNAME=\0"
	"RDS_USERNAME=\0" "RDS_PASSWORD=\0";
/* clang-format on */

/* The normal form of HOST or HOST:PORT, n bytes long. */
static bool host_read(const char *text, size_t n, char ret[static PEL_NAME_MAX])
{
	char host[PEL_NAME_MAX + 8];

	if (!text_copy_n(host, sizeof(host), text, n))
		return false;
	host[strcspn(host, ":")] = '\0';
	return pel_name_normalise(host, ret) == 0;
}

static bool is_host(const char *text, size_t n, const char *name)
{
	char normal[PEL_NAME_MAX];

	return host_read(text, n, normal) && strcmp(normal, name) == 0;
}

static const char *first_of(const struct environ_kept *env, const char *const keys[2])
{
	const char *value = environ_kept_value(env, keys[0]);

	return value || !keys[1] ? value : environ_kept_value(env, keys[1]);
}

static bool find_in_set(const struct environ_kept *env, const struct set *set, const char *name,
	struct envcreds *ret)
{
	const char *user = first_of(env, set->user), *password = first_of(env, set->password);
	const char *host = set->host ? environ_kept_value(env, set->host) : NULL;

	if (!user || !*user || (set->host && (!host || !is_host(host, strlen(host), name))))
		return false;
	if (!password)
		password = "";
	return text_copy(ret->user, sizeof(ret->user), user) &&
		text_copy(ret->password, sizeof(ret->password), password);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode(char *to, size_t size, const char *from, size_t n)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++, out++) {
		if (out + 1 >= size)
			return false;
		to[out] = from[i];
		if (from[i] != '%' || i + 2 >= n || hex(from[i + 1]) < 0 || hex(from[i + 2]) < 0)
			continue;
		to[out] = (char)(hex(from[i + 1]) << 4 | hex(from[i + 2]));
		i += 2;
	}
	to[out] = '\0';
	return true;
}

/* The value of a parameter behind '?', or NULL; *ret_n is its length. */
static const char *parameter(const char *query, const char *key, size_t *ret_n)
{
	size_t n = strlen(key);

	for (const char *at = query; at && *at; at = strchr(at, '&')) {
		at++;
		if (strncmp(at, key, n) == 0 && at[n] == '=') {
			*ret_n = strcspn(at + n + 1, "&#");
			return at + n + 1;
		}
	}
	return NULL;
}

static void read_url_tls(const char *query, struct envcreds *ret)
{
	static const struct {
		const char *key, *value;
		bool verify;
	} known[] = {
		{"sslmode", "require", false},
		{"sslmode", "verify-ca", true},
		{"sslmode", "verify-full", true},
		{"ssl-mode", "REQUIRED", false},
		{"ssl-mode", "VERIFY_CA", true},
		{"ssl-mode", "VERIFY_IDENTITY", true},
		{"ssl", "true", false},
		{"ssl", "1", false},
	};
	const char *value;
	size_t n;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		value = parameter(query, known[i].key, &n);
		if (!value || n != strlen(known[i].value) || strncmp(value, known[i].value, n) != 0)
			continue;
		ret->ssl = true;
		ret->ssl_verify = ret->ssl_verify || known[i].verify;
	}
	value = parameter(query, "sslca", &n);
	if (value && decode(ret->ssl_ca, sizeof(ret->ssl_ca), value, n))
		ret->ssl = true;
}

/*
 * mysql://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETERS, also mysql2:, mariadb:, mysql+DRIVER: what
 * stands behind "://", the '@', and how far the host goes from there; false: it is none.
 */
static bool url_split(const char *url, const char **ret_user, const char **ret_at, size_t *ret_n)
{
	if (!url || (strncmp(url, "mysql", 5) != 0 && strncmp(url, "mariadb", 7) != 0))
		return false;
	url = strstr(url, "://");
	if (!url)
		return false;
	*ret_user = url + 3;
	*ret_n = strcspn(url + 3, "/?#");
	*ret_at = memrchr(url + 3, '@', *ret_n);
	if (!*ret_at)
		return false;
	*ret_n -= (size_t)(*ret_at + 1 - *ret_user);
	return true;
}

static bool find_in_url(const char *url, const char *name, struct envcreds *ret)
{
	const char *user, *at, *colon;
	size_t n;

	*ret = (struct envcreds){0};
	if (!url_split(url, &user, &at, &n) || !is_host(at + 1, n, name))
		return false;
	colon = memchr(user, ':', (size_t)(at - user));
	if (!decode(ret->user, sizeof(ret->user), user, (size_t)((colon ? colon : at) - user)))
		return false;
	if (colon &&
		!decode(ret->password, sizeof(ret->password), colon + 1, (size_t)(at - colon - 1)))
		return false;
	read_url_tls(strchr(at + 1 + n, '?'), ret);
	return *ret->user != '\0';
}

static bool is_on(const char *value)
{
	return value && *value && strcmp(value, "0") != 0;
}

static void read_tls(const struct environ_kept *env, struct envcreds *ret)
{
	const char *ca = environ_kept_value(env, "PELORUS_SSL_CA");

	if (!ca)
		ca = environ_kept_value(env, "MYSQL_ATTR_SSL_CA");
	if (ca && *ca && text_copy(ret->ssl_ca, sizeof(ret->ssl_ca), ca))
		ret->ssl = true;
	if (is_on(environ_kept_value(env, "PELORUS_SSL")))
		ret->ssl = true;
	if (is_on(environ_kept_value(env, "PELORUS_SSL_VERIFY")))
		ret->ssl = ret->ssl_verify = true;
}

bool envcreds_find(const struct environ_kept *env, const char *name, struct envcreds *ret)
{
	struct envcreds found = {0};
	bool ok = find_in_set(env, &sets[0], name, &found);

	for (size_t i = 0; i < N_URLS && !ok; i++)
		ok = find_in_url(environ_kept_value(env, urls[i]), name, &found);
	for (size_t i = 1; i < N_SETS && !ok; i++)
		ok = find_in_set(env, &sets[i], name, &found);
	if (ok) {
		read_tls(env, &found);
		*ret = found;
	}
	text_wipe(&found, sizeof(found));
	return ok;
}

bool envcreds_host(const struct environ_kept *env, unsigned i, char ret[static PEL_NAME_MAX])
{
	const char *user, *at, *host;
	size_t n;

	*ret = '\0';
	if (i < N_URLS) {
		if (url_split(environ_kept_value(env, urls[i]), &user, &at, &n))
			(void)host_read(at + 1, n, ret);
	} else if (i - N_URLS + 1 < N_SETS) {
		host = environ_kept_value(env, sets[i - N_URLS + 1].host);
		if (host)
			(void)host_read(host, strlen(host), ret);
	} else {
		return false;
	}
	return true;
}
