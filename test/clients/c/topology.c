/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program can ask of Pelorus, by example: it prints the topology of an endpoint at each
 * change, and on which instance its own connection is.
 *
 *   topology ENDPOINT CHANGES
 */
#include <mysql.h>
#include <pelorus.h>

#include <stdio.h>
#include <stdlib.h>

#define WAIT_MS 60000

static const char *role_name(enum pelorus_role role)
{
	return role == PELORUS_WRITER ? "writer" : role == PELORUS_READER ? "reader" : "unknown";
}

/* Prints one line per instance; the epoch, or 0 while nothing is known. */
static uint64_t show(const char *endpoint)
{
	struct pelorus_topology *t;
	const struct pelorus_instance *instance;
	uint64_t epoch;

	if (pelorus_topology_get(endpoint, &t) < 0)
		return 0;
	epoch = pelorus_topology_epoch(t);
	for (unsigned i = 0; (instance = pelorus_topology_instance(t, i)); i++)
		printf("instance %s %s %s:%u\n", instance->id, role_name(instance->role),
			instance->address, instance->port);
	pelorus_topology_free(t);
	return epoch;
}

/* A program may have been built with another release: its struct is larger, or has no size at all. */
static void show_releases(const char *endpoint)
{
	struct {
		struct pelorus_instance known;
		char later[8];
	} larger = {.known.size = sizeof(larger), .later = "unknown"};
	struct pelorus_instance unsized = {.port = 1};

	if (pelorus_resolve(endpoint, PELORUS_WRITER, &larger.known) == 0)
		printf("larger %d %d\n", larger.known.size == sizeof(larger.known),
			larger.later[0]);
	printf("unsized %d %u\n", pelorus_resolve(endpoint, PELORUS_WRITER, &unsized),
		unsized.port);
}

/* A ping finds out that the connection was lost, and moves it. */
static void show_connection(MYSQL *mysql)
{
	struct pelorus_instance here = {.size = sizeof(here)};

	if (mysql_ping(mysql))
		printf("told %s\n", mysql_sqlstate(mysql));
	if (pelorus_connection(mysql, &here) == 0)
		printf("connected %s %s\n", here.id, role_name(here.role));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	MYSQL *mysql = mysql_init(NULL);
	struct pelorus_instance writer = {.size = sizeof(writer)};
	uint64_t epoch = 0;

	if (argc < 3)
		return 2;
	printf("version %s\n", pelorus_version());
	if (!mysql_real_connect(mysql, argv[1], "app", "app", "app", 3306, NULL, 0)) {
		printf("%s\n", mysql_error(mysql));
		return 1;
	}
	for (int i = 0; i < atoi(argv[2]); i++) {
		if (pelorus_wait(argv[1], epoch, WAIT_MS) < 0)
			return 1;
		epoch = show(argv[1]);
		if (pelorus_resolve(argv[1], PELORUS_WRITER, &writer) == 0)
			printf("writer %s\n", writer.id);
		if (i == 0)
			show_releases(argv[1]);
		show_connection(mysql);
	}
	mysql_close(mysql);
	return 0;
}
