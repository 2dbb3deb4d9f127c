/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As caller.c, for calls of MySQL 8 that do not block, which the caller asks again until they are
 * done, and for prepared statements.
 */
void *mysql_stmt_init(void *h);
int mysql_real_query_nonblocking(void *h, const char *text, unsigned long n);
int mysql_stmt_prepare(void *stmt, const char *text, unsigned long n);
unsigned mysql_stmt_errno(void *stmt);
const char *mysql_stmt_sqlstate(void *stmt);

int call_query_nonblocking(void *h, const char *text, unsigned long n);
void *call_stmt_init(void *h);
int call_stmt_prepare(void *stmt, const char *text, unsigned long n);
unsigned call_stmt_errno(void *stmt);
const char *call_stmt_sqlstate(void *stmt);

int call_query_nonblocking(void *h, const char *text, unsigned long n)
{
	int r;

	do
		r = mysql_real_query_nonblocking(h, text, n);
	while (r == 1); /* not ready; 0: complete, 2: an error */
	return r != 0;
}

void *call_stmt_init(void *h)
{
	return mysql_stmt_init(h);
}

int call_stmt_prepare(void *stmt, const char *text, unsigned long n)
{
	return mysql_stmt_prepare(stmt, text, n);
}

unsigned call_stmt_errno(void *stmt)
{
	return mysql_stmt_errno(stmt);
}

const char *call_stmt_sqlstate(void *stmt)
{
	return mysql_stmt_sqlstate(stmt);
}
