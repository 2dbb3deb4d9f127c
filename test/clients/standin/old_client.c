/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for the libmysqlclient.so.18 of MariaDB 5.5 to 10.1 and for Connector/C 2: it has the
 * calls that do not block, and nothing by which it could be asked for the host.  It connects to
 * nobody, and every statement goes well.
 */
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

struct handle {
	unsigned queries;
};

EXPORT void *mysql_init(void *given);
EXPORT void *mysql_real_connect(struct handle *h, const char *host, const char *user,
	const char *password, const char *db, unsigned port, const char *path, unsigned long flags);
EXPORT int mysql_real_connect_start(void **ret, struct handle *h, const char *host,
	const char *user, const char *password, const char *db, unsigned port, const char *path,
	unsigned long flags);
EXPORT int mysql_real_connect_cont(void **ret, struct handle *h, int events);
EXPORT int mysql_real_query(struct handle *h, const char *text, unsigned long n);
EXPORT int mysql_real_query_start(int *ret, struct handle *h, const char *text, unsigned long n);
EXPORT int mysql_real_query_cont(int *ret, struct handle *h, int events);
EXPORT unsigned mysql_errno(struct handle *h);
EXPORT const char *mysql_error(struct handle *h);
EXPORT const char *mysql_sqlstate(struct handle *h);
EXPORT unsigned long mysql_get_client_version(void);
EXPORT void mysql_close(struct handle *h);

void *mysql_init(void *given)
{
	return calloc(1, sizeof(struct handle));
}

void *mysql_real_connect(struct handle *h, const char *host, const char *user, const char *password,
	const char *db, unsigned port, const char *path, unsigned long flags)
{
	return h;
}

/* Waits once, as for a server. */
int mysql_real_connect_start(void **ret, struct handle *h, const char *host, const char *user,
	const char *password, const char *db, unsigned port, const char *path, unsigned long flags)
{
	*ret = NULL;
	return 1;
}

int mysql_real_connect_cont(void **ret, struct handle *h, int events)
{
	*ret = h;
	return 0;
}

int mysql_real_query(struct handle *h, const char *text, unsigned long n)
{
	h->queries++;
	return 0;
}

int mysql_real_query_start(int *ret, struct handle *h, const char *text, unsigned long n)
{
	*ret = mysql_real_query(h, text, n);
	return 0;
}

int mysql_real_query_cont(int *ret, struct handle *h, int events)
{
	*ret = 0;
	return 0;
}

unsigned mysql_errno(struct handle *h)
{
	return 0;
}

const char *mysql_error(struct handle *h)
{
	return "";
}

const char *mysql_sqlstate(struct handle *h)
{
	return "00000";
}

unsigned long mysql_get_client_version(void)
{
	return 50568;
}

void mysql_close(struct handle *h)
{
	free(h);
}
