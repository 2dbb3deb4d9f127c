/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for a libmysqlclient of MySQL 8.0.36, where none is to be had: its symbol versions, an
 * opaque handle of its own, its renumbered options, and its warning on stderr whenever
 * MYSQL_OPT_RECONNECT is touched.  It connects, and then answers each statement with the error that
 * the statement names, or with success.
 */
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPT_RECONNECT 15

struct handle {
	char secret[7]; /* nothing is where libmariadb has it */
	int fd;
	unsigned error;
	unsigned queries;
};

#define EXPORT __attribute__((visibility("default")))

EXPORT void *mysql_init(void *given);
EXPORT void *mysql_real_connect(struct handle *h, const char *host, const char *user,
	const char *password, const char *db, unsigned port, const char *path, unsigned long flags);
EXPORT int mysql_real_query(struct handle *h, const char *text, unsigned long n);
EXPORT int mysql_query(struct handle *h, const char *text);
EXPORT void *mysql_store_result(struct handle *h);
EXPORT char **mysql_fetch_row(void *result);
EXPORT unsigned mysql_num_fields(void *result);
EXPORT void mysql_free_result(void *result);
EXPORT int mysql_options(struct handle *h, int option, const void *value);
EXPORT int mysql_get_option(struct handle *h, int option, void *value);
EXPORT int mysql_ping(struct handle *h);
EXPORT unsigned mysql_errno(struct handle *h);
EXPORT const char *mysql_error(struct handle *h);
EXPORT const char *mysql_sqlstate(struct handle *h);
EXPORT unsigned long mysql_get_client_version(void);
EXPORT void mysql_close(struct handle *h);

void *mysql_init(void *given)
{
	struct handle *h = calloc(1, sizeof(*h));

	h->fd = -1;
	return h;
}

static int connect_to(const struct addrinfo *list)
{
	int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, list->ai_addr, list->ai_addrlen) == 0)
		return fd;
	close(fd);
	return -1;
}

void *mysql_real_connect(struct handle *h, const char *host, const char *user, const char *password,
	const char *db, unsigned port, const char *path, unsigned long flags)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET};
	struct addrinfo *list;
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(host, service, &hints, &list) != 0)
		return NULL;
	h->fd = connect_to(list);
	freeaddrinfo(list);
	h->error = h->fd < 0 ? 2003 : 0;
	return h->fd < 0 ? NULL : h;
}

/* "fail 2013" fails so. */
int mysql_real_query(struct handle *h, const char *text, unsigned long n)
{
	h->queries++;
	h->error = strncmp(text, "fail ", 5) == 0 ? (unsigned)atoi(text + 5) : 0;
	return h->error != 0;
}

int mysql_query(struct handle *h, const char *text)
{
	return mysql_real_query(h, text, strlen(text));
}

void *mysql_store_result(struct handle *h)
{
	return NULL;
}

char **mysql_fetch_row(void *result)
{
	return NULL;
}

unsigned mysql_num_fields(void *result)
{
	return 0;
}

void mysql_free_result(void *result)
{
}

static void warn(int option)
{
	if (option == OPT_RECONNECT)
		fputs("WARNING: MYSQL_OPT_RECONNECT is deprecated and will be removed in a future "
		      "version.\n",
			stderr);
}

int mysql_options(struct handle *h, int option, const void *value)
{
	warn(option);
	return 0;
}

int mysql_get_option(struct handle *h, int option, void *value)
{
	warn(option);
	*(bool *)value = false;
	return 0;
}

int mysql_ping(struct handle *h)
{
	return 0;
}

unsigned mysql_errno(struct handle *h)
{
	return h->error;
}

const char *mysql_error(struct handle *h)
{
	return h->error ? "the stand-in says so" : "";
}

const char *mysql_sqlstate(struct handle *h)
{
	return h->error ? "HY000" : "00000";
}

unsigned long mysql_get_client_version(void)
{
	return 80036;
}

void mysql_close(struct handle *h)
{
	close(h->fd);
	free(h);
}
