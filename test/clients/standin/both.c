/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two client libraries in one process: libmariadb, linked, and another, loaded RTLD_LOCAL by a
 * module.  Then libmariadb again, called through dlsym() as an FFI would.
 *
 *   both HOST MODULE
 */
#include <mysql.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static void say(MYSQL *mysql, const char *text)
{
	MYSQL_RES *result;
	MYSQL_ROW row;

	if (mysql_query(mysql, text)) {
		printf("main %s: failed %u %s\n", text, mysql_errno(mysql), mysql_sqlstate(mysql));
		return;
	}
	result = mysql_store_result(mysql);
	row = result ? mysql_fetch_row(result) : NULL;
	printf("main %s: %s\n", text, row ? row[0] : "went well");
	mysql_free_result(result);
}

/* Past every interposed symbol, but not past what the library itself calls. */
static void call_by_symbol(const char *host)
{
	void *library = dlopen("libmariadb.so.3", RTLD_NOW | RTLD_LOCAL);
	int (*query)(MYSQL *, const char *);
	MYSQL *(*connect_to)(MYSQL *, const char *, const char *, const char *, const char *,
		unsigned, const char *, unsigned long);
	MYSQL *mysql = mysql_init(NULL);
	void *symbol = dlsym(library, "mysql_query");

	memcpy(&query, &symbol, sizeof(query));
	symbol = dlsym(library, "mysql_real_connect");
	memcpy(&connect_to, &symbol, sizeof(connect_to));
	if (!connect_to(mysql, host, "app", "app", "app", 3306, NULL, 0))
		printf("symbol: not connected\n");
	else
		printf("symbol: %s\n", query(mysql, "DO 0") == 0 ? "went well" : "failed");
	mysql_close(mysql);
	dlclose(library);
}

int main(int argc, char **argv)
{
	void *module = argc > 2 ? dlopen(argv[2], RTLD_NOW | RTLD_LOCAL) : NULL;
	void (*run)(const char *host);
	MYSQL *mysql = mysql_init(NULL);
	void *symbol;

	if (!module) {
		printf("%s\n", dlerror());
		return 1;
	}
	symbol = dlsym(module, "module_run");
	memcpy(&run, &symbol, sizeof(run));
	if (!mysql_real_connect(mysql, argv[1], "app", "app", "app", 3306, NULL, 0)) {
		printf("main is not connected: %s\n", mysql_error(mysql));
		return 1;
	}
	say(mysql, "SELECT 1");
	run(argv[1]);
	say(mysql, "SELECT 2");
	say(mysql, "SELECT oops");
	call_by_symbol(argv[1]);
	mysql_close(mysql);
	return 0;
}
