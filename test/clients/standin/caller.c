/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls a client library as an extension module does that is linked with it: for a program that has no
 * compiler's help, and two such libraries.
 */
void *mysql_real_connect(void *h, const char *host, const char *user, const char *password,
	const char *db, unsigned port, const char *path, unsigned long flags);
int mysql_query(void *h, const char *text);
void *mysql_store_result(void *h);
unsigned mysql_errno(void *h);
const char *mysql_sqlstate(void *h);

void *call_connect(void *h, const char *host);
int call_query(void *h, const char *text);
void *call_store_result(void *h);
unsigned call_errno(void *h);
const char *call_sqlstate(void *h);

void *call_connect(void *h, const char *host)
{
	return mysql_real_connect(h, host, "app", "app", "app", 3306, (void *)0, 0);
}

int call_query(void *h, const char *text)
{
	return mysql_query(h, text);
}

void *call_store_result(void *h)
{
	return mysql_store_result(h);
}

unsigned call_errno(void *h)
{
	return mysql_errno(h);
}

const char *call_sqlstate(void *h)
{
	return mysql_sqlstate(h);
}
