/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement HOST PORT KIND BYTES N: executes a statement N times on one connection by HOST.
 *
 * Linked with test/clients/standin, whose own work is a few instructions, or with libmariadb.  KIND is
 * the statement's verb; it is filled up to BYTES within a string.  The text begins a page: near the end
 * of one a comparison takes other instructions, which the preload would seem to cost or to save.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096

void *mysql_init(void *given);
void *mysql_real_connect(void *h, const char *host, const char *user, const char *password,
	const char *db, unsigned port, const char *path, unsigned long flags);
int mysql_real_query(void *h, const char *text, unsigned long n);
void *mysql_store_result(void *h);
void mysql_free_result(void *result);
void mysql_close(void *h);

static const char *const kinds[][2] = {
	{"select", "SELECT a FROM t WHERE b = '"},
	{"insert", "INSERT INTO t (a, b) VALUES (1, '"},
	{"update", "UPDATE t SET a = 1 WHERE b = '"},
	{"count", "SELECT COUNT(*) FROM t WHERE b='"},
};

static char *fill(const char *kind, size_t bytes)
{
	char *text = aligned_alloc(PAGE, (bytes / PAGE + 2) * PAGE);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i][0], kind) == 0)
			strcpy(text, kinds[i][1]);
	}
	while (strlen(text) < bytes - (*kind == 'i' ? 2 : 1))
		strcat(text, "x");
	return strcat(text, *kind == 'i' ? "')" : "'");
}

int main(int argc, char **argv)
{
	void *h = mysql_init(NULL), *result;
	size_t n;
	char *text;

	if (argc != 6 ||
		!mysql_real_connect(h, argv[1], "app", "app", "app", (unsigned)atoi(argv[2]), NULL,
			0))
		return 2;
	text = fill(argv[3], (size_t)atoi(argv[4]));
	n = strlen(text);
	for (int i = 0; i < atoi(argv[5]); i++) {
		if (mysql_real_query(h, text, n))
			return 3;
		result = mysql_store_result(h);
		if (result)
			mysql_free_result(result);
	}
	mysql_close(h);
	return 0;
}
