/* SPDX-License-Identifier: Apache-2.0 */
/* What libmariadb has been like since 3.4: it verifies certificates unless it is told not to. */
#include <mysql.h>

#include <dlfcn.h>

MYSQL *mysql_init(MYSQL *mysql)
{
	MYSQL *(*real)(MYSQL *);
	MYSQL *made;
	const my_bool yes = 1;

	*(void **)&real = dlsym(RTLD_NEXT, "mysql_init");
	made = real(mysql);
	if (made)
		(void)mysql_optionsv(made, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
	return made;
}
