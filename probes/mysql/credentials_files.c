/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The credential in my.cnf, as libmariadb reads it.
 *
 * libmariadb reads option files only on its way to a connection.  So it is sent on one that fails
 * before any packet: to a host that nobody is asked for, for another answer lies ready.
 */
#include "credentials.h"

#include "net/getaddrinfo.h"

#include "common/text.h"

#include <mysql.h>

#include <string.h>

static bool credential_take(MYSQL *mysql, struct credential *ret)
{
	const struct st_mysql_options *o = &mysql->options;
	struct tls_settings *tls = &ret->tls;
	my_bool verify = 0;

	if (!o->user || !*o->user)
		return false;
	if (!text_copy_any(ret->user, sizeof(ret->user), o->user) ||
		!text_copy_any(ret->password, sizeof(ret->password), o->password) ||
		!text_copy_any(tls->ca, sizeof(tls->ca), o->ssl_ca) ||
		!text_copy_any(tls->capath, sizeof(tls->capath), o->ssl_capath) ||
		!text_copy_any(tls->cert, sizeof(tls->cert), o->ssl_cert) ||
		!text_copy_any(tls->key, sizeof(tls->key), o->ssl_key) ||
		!text_copy_any(tls->cipher, sizeof(tls->cipher), o->ssl_cipher))
		return false;
	(void)mysql_get_option(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
	tls->verify = verify;
	tls->on = verify || o->use_ssl || *tls->ca || *tls->capath || *tls->cert || *tls->cipher;
	return true;
}

bool credential_of_option_files(const char *defaults_file, struct credential *ret)
{
	const struct pel_addr none = {0};
	MYSQL *mysql = mysql_init(NULL);
	const my_bool no = 0;
	bool found;

	if (!mysql)
		return false;
	if (defaults_file)
		(void)mysql_options(mysql, MYSQL_READ_DEFAULT_FILE, defaults_file);
	(void)mysql_options(mysql, MYSQL_READ_DEFAULT_GROUP, "pelorus");
	/* Unless a file says so; 3.4 would by itself. */
	(void)mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &no);
	getaddrinfo_prepare("", &none);
	(void)mysql_real_connect(mysql, "nowhere.invalid", NULL, NULL, NULL, 1, NULL,
		CLIENT_REMEMBER_OPTIONS);
	getaddrinfo_prepare(NULL, NULL);
	memset(ret, 0, sizeof(*ret));
	ret->origin = CREDENTIAL_OPTION_FILE;
	found = credential_take(mysql, ret);
	mysql_close(mysql);
	return found;
}
