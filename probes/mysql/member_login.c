/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a login may do and how it failed: the options and the errors of libmariadb.
 *
 * libmariadb tells the reason of a failed connect() only in the text of its error, as a number in
 * parentheses; an error packet that comes before TLS is up only after a fixed sentence.
 */
#include "member_login.h"

#include "sha2_login.h"

#include "common/errors.h"

#include <errmsg.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A rogue server learns a scramble of these, and no password; of caching_sha2_password because
 * sha2_login.h takes its place.  The others show the password: to a server that TLS verified alone.
 */
#define PLUGINS_ALWAYS "mysql_native_password,client_ed25519,caching_sha2_password"
#define PLUGINS_VERIFIED PLUGINS_ALWAYS ",sha256_password,mysql_clear_password"

#define AUTHORITIES "SSL_CERT_FILE" /* where libcrypto looks for those of the system */

static int infile_refuse(void **ptr, const char *name, void *userdata)
{
	*ptr = NULL;
	return 1;
}

static int infile_read(void *ptr, char *buffer, unsigned int size)
{
	return -1;
}

static void infile_end(void *ptr)
{
}

static int infile_error(void *ptr, char *text, unsigned int size)
{
	if (size)
		*text = '\0';
	return 2;
}

static void option_path(MYSQL *mysql, enum mysql_option option, const char *path)
{
	if (*path)
		(void)mysql_optionsv(mysql, option, path);
}

static void options_of_tls(MYSQL *mysql, const struct tls_settings *tls)
{
	my_bool yes = 1;

	/* Where it is offered; that it was, if it must be, is seen after the login. */
	(void)mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
	if (tls->verify)
		(void)mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
	option_path(mysql, MYSQL_OPT_SSL_CA, tls->ca);
	option_path(mysql, MYSQL_OPT_SSL_CAPATH, tls->capath);
	option_path(mysql, MYSQL_OPT_SSL_CERT, tls->cert);
	option_path(mysql, MYSQL_OPT_SSL_KEY, tls->key);
	option_path(mysql, MYSQL_OPT_SSL_CIPHER, tls->cipher);
}

void member_login_trust(const struct tls_settings *tls)
{
	static char own[PATH_MAX];
	static bool known;
	const char *value = getenv(AUTHORITIES);

	if (!known && value)
		(void)snprintf(own, sizeof(own), "%s", value);
	known = true;
	if (!tls->verify && !*tls->ca && !*tls->capath)
		(void)setenv(AUTHORITIES, "/dev/null", 1);
	else if (*own)
		(void)setenv(AUTHORITIES, own, 1);
	else
		(void)unsetenv(AUTHORITIES);
}

MYSQL *member_login_prepare(const struct tls_settings *tls,
	int (*wait)(int fd, my_bool is_read, int timeout))
{
	const unsigned protocol = MYSQL_PROTOCOL_TCP, no = 0;
	const unsigned long packet = MEMBER_ANSWER_MAX;
	MYSQL *mysql;

	if (sha2_login_register() < 0)
		return NULL;
	mysql = mysql_init(NULL);
	if (!mysql)
		return NULL;
	(void)mysql_optionsv(mysql, MYSQL_OPT_NONBLOCK, NULL);
	(void)mysql_optionsv(mysql, MARIADB_OPT_IO_WAIT, wait);
	(void)mysql_optionsv(mysql, MYSQL_OPT_PROTOCOL, &protocol);
	(void)mysql_optionsv(mysql, MYSQL_OPT_LOCAL_INFILE, &no);
	mysql_set_local_infile_handler(mysql, infile_refuse, infile_read, infile_end, infile_error,
		NULL);
	(void)mysql_optionsv(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
	(void)mysql_optionsv(mysql, MARIADB_OPT_RESTRICTED_AUTH,
		tls->verify ? PLUGINS_VERIFIED : PLUGINS_ALWAYS);
	sha2_login_set_verified(mysql, tls->verify);
	(void)mysql_optionsv(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	options_of_tls(mysql, tls);
	return mysql;
}

bool member_login_is_client_error(unsigned code)
{
	return (code >= CR_MIN_ERROR && code <= CR_MAX_ERROR) || (code >= 5000 && code < 6000);
}

/* The number in the last parentheses of an error's text, or 0. */
static int errno_in(const char *text)
{
	const char *at = strrchr(text, '(');

	return at ? atoi(at + 1) : 0;
}

static unsigned server_code_before_tls(const char *text)
{
	const char *at = strstr(text, "cannot be verified: ");

	return at ? (unsigned)strtoul(at + strlen("cannot be verified: "), NULL, 10) : 0;
}

static enum member_failure_kind judge_dial(int code)
{
	return code == ECONNREFUSED || code == ECONNRESET ? MEMBER_REFUSED : MEMBER_UNDIALLED;
}

static enum member_failure_kind judge_client_error(unsigned code)
{
	switch (code) {
	case CR_SERVER_LOST:
	case CR_SERVER_GONE_ERROR:
	case CR_SERVER_HANDSHAKE_ERR:
		return MEMBER_REFUSED;
	default:
		return MEMBER_UNFIT;
	}
}

void member_login_judge(MYSQL *mysql, bool dialling, struct member_failure *ret)
{
	unsigned code = mysql_errno(mysql), inner;

	ret->code = code;
	ret->text = mysql_error(mysql);
	inner = server_code_before_tls(ret->text);
	if (inner)
		ret->code = code = inner;
	if (!member_login_is_client_error(code))
		ret->kind = pel_error_of(code) == PEL_ERROR_DENIED ? MEMBER_DENIED : MEMBER_SPOKE;
	else if (dialling)
		ret->kind = judge_dial(errno_in(ret->text));
	else
		ret->kind = judge_client_error(code);
}
