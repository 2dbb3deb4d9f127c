/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin that brings the stand-in with it, as an extension module brings its libmysqlclient.
 */
#include <stdio.h>

void *mysql_init(void *given);
void *mysql_real_connect(void *h, const char *host, const char *user, const char *password,
	const char *db, unsigned port, const char *path, unsigned long flags);
int mysql_query(void *h, const char *text);
int mysql_real_query(void *h, const char *text, unsigned long n);
unsigned mysql_errno(void *h);
const char *mysql_error(void *h);
const char *mysql_sqlstate(void *h);
void mysql_close(void *h);
void module_run(const char *host);

static void say(void *h, const char *text)
{
	int failed = mysql_query(h, text);

	printf("module %s: %s %u %s %s\n", text, failed ? "failed" : "went well", mysql_errno(h),
		mysql_sqlstate(h), mysql_error(h));
}

__attribute__((visibility("default"))) void module_run(const char *host)
{
	void *h = mysql_init(NULL);

	if (!mysql_real_connect(h, host, "app", "app", "app", 3306, NULL, 0)) {
		printf("module is not connected\n");
		return;
	}
	say(h, "anything");
	say(h, "fail 1064");
	say(h, "fail 2013");
	say(h, "anything");
	mysql_close(h);
}
