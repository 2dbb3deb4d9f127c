/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One blocking conversation with a server, for a person who has no prober, or doubts it.
 *
 * What the server says is checked as the prober checks it (pel_rows_read); but one server's word is
 * not confirmed by another one, and the report says whose word it is.
 */
#include "direct.h"

#include "commands.h"

#include "common/errors.h"
#include "common/names.h"
#include "common/rows.h"

#include <mysql.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECT_LIMIT_S 5
#define ANSWER_LIMIT_S 5

static const char *const *row_next(void *ctx)
{
	return (const char *const *)mysql_fetch_row(ctx);
}

static int status_of(unsigned error)
{
	static const int statuses[] = {[PEL_ERROR_OTHER] = STATUS_FAILED,
		[PEL_ERROR_DENIED] = STATUS_CREDENTIALS,
		[PEL_ERROR_NO_TABLE] = STATUS_UNKNOWN};

	return statuses[pel_error_of(error)];
}

static int why(MYSQL *mysql, char ret_why[static 256])
{
	int status = status_of(mysql_errno(mysql));

	(void)snprintf(ret_why, 256, "%s%s",
		status == STATUS_UNKNOWN ? "the server has no topology to tell: " : "",
		mysql_error(mysql));
	return status;
}

static void options_set(MYSQL *mysql, const struct direct_options *o)
{
	const unsigned connect_limit = CONNECT_LIMIT_S, answer_limit = ANSWER_LIMIT_S, no = 0;
	const my_bool yes = 1, verify = o->ssl_verify;

	if (o->defaults_file)
		(void)mysql_options(mysql, MYSQL_READ_DEFAULT_FILE, o->defaults_file);
	(void)mysql_options(mysql, MYSQL_READ_DEFAULT_GROUP, "pelorus");
	(void)mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_limit);
	(void)mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &answer_limit);
	(void)mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no);
	if (o->ssl_ca)
		(void)mysql_options(mysql, MYSQL_OPT_SSL_CA, o->ssl_ca);
	if (o->ssl || o->ssl_ca || o->ssl_verify)
		(void)mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
	(void)mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify); /* 3.4's own is on */
}

/* The address of an instance by its name, as libc resolves it; empty if it does not. */
static void address_find(const char *host, unsigned port, char *ret, size_t size)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	char text[NI_MAXHOST];

	if (getaddrinfo(host, NULL, &hints, &list) != 0)
		return;
	if (getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof(text), NULL, 0,
		    NI_NUMERICHOST) == 0)
		(void)snprintf(ret, size, list->ai_family == AF_INET6 ? "[%s]:%u" : "%s:%u", text,
			port);
	freeaddrinfo(list);
}

static void instance_put(const struct pel_row *row, const char *domain, unsigned port,
	struct report_instance *ret)
{
	memcpy(ret->id, row->id, sizeof(ret->id));
	ret->role = PEL_ROLE_READER;
	ret->routable = true;
	ret->lag_ms = row->lag_ms;
	ret->cpu_permille = row->cpu_permille;
	ret->age_ms = row->age_us == PEL_AGE_UNKNOWN ? -1 : row->age_us / 1000;
	if (domain && pel_name_of_instance(row->id, domain, NULL, ret->host) == 0)
		address_find(ret->host, port, ret->address, sizeof(ret->address));
}

static void report_fill(MYSQL *mysql, const struct pel_rows *rows, struct report *ret)
{
	char name[PEL_NAME_MAX];
	const char *domain = NULL;

	if (pel_name_normalise(mysql->host ? mysql->host : "", name) == 0)
		domain = pel_name_instance_domain(name);
	(void)snprintf(ret->name, sizeof(ret->name), "%s", mysql->host ? mysql->host : "localhost");
	(void)snprintf(ret->source, sizeof(ret->source), "a server that is %s",
		rows->role == PEL_ROLE_WRITER           ? "the writer itself"
			: rows->role == PEL_ROLE_READER ? "a reader"
							: "of unknown role");
	ret->n_instances = rows->n;
	for (unsigned i = 0; i < rows->n; i++)
		instance_put(&rows->rows[i], domain, mysql->port, &ret->instances[i]);
	if (rows->master != PEL_NONE) {
		ret->state = PEL_STATE_KNOWN;
		ret->writer = rows->master;
		ret->instances[rows->master].role = PEL_ROLE_WRITER;
	}
}

static int answer_read(MYSQL *mysql, struct report *ret, char ret_why[static 256])
{
	MYSQL_RES *result = mysql_store_result(mysql);
	struct pel_cells cells = {.next = row_next, .context = result};
	struct pel_rows rows;
	int r;

	if (!result)
		return why(mysql, ret_why);
	cells.n_columns = mysql_num_fields(result);
	r = pel_rows_read(&cells, &rows);
	mysql_free_result(result);
	if (r < 0) {
		(void)snprintf(ret_why, 256, "the server's table has no row to believe");
		return STATUS_UNKNOWN;
	}
	report_fill(mysql, &rows, ret);
	return STATUS_OK;
}

static uint32_t ping_us(MYSQL *mysql)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	if (mysql_ping(mysql) != 0)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (uint32_t)((b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000);
}

/* The round trip is of the one server that was asked: it may be told only if it is known which. */
static void round_trip_put(MYSQL *mysql, struct report *ret)
{
	MYSQL_RES *result;
	MYSQL_ROW row;

	if (mysql_query(mysql, "SELECT @@aurora_server_id") != 0)
		return;
	result = mysql_store_result(mysql);
	row = result ? mysql_fetch_row(result) : NULL;
	for (unsigned i = 0; row && row[0] && i < ret->n_instances; i++) {
		if (strcasecmp(ret->instances[i].id, row[0]) != 0)
			continue;
		ret->instances[i].rtt_us = ping_us(mysql);
		ret->instances[i].health = PEL_HEALTH_OK;
	}
	mysql_free_result(result);
}

int direct_ask(const struct direct_options *options, struct report *ret, char ret_why[static 256])
{
	MYSQL *mysql = mysql_init(NULL);
	int status;

	if (!mysql)
		return STATUS_FAILED;
	memset(ret, 0, sizeof(*ret));
	ret->writer = -1;
	ret->state = PEL_STATE_UNKNOWN;
	ret->why = PEL_WHY_NO_WRITER;
	ret->verified_ms = ret->writerless_ms = -1;
	options_set(mysql, options);
	if (!mysql_real_connect(mysql, options->host, options->user, options->password, NULL,
		    options->port, NULL, 0) ||
		mysql_query(mysql, PEL_ROWS_QUERY) != 0)
		status = why(mysql, ret_why);
	else
		status = answer_read(mysql, ret, ret_why);
	if (status == STATUS_OK)
		round_trip_put(mysql, ret);
	mysql_close(mysql);
	return status;
}
