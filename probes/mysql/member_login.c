/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a login may do and how it failed: the options and the errors of libmariadb.
 *
 * libmariadb tells the reason of a failed connect() only in the text of its error, as a number in
 * parentheses; an error packet that comes before TLS is up only after a fixed sentence.
 */
#include "member_login.h"

#include "answer.h"
#include "coroutine.h"
#include "sha2_login.h"

#include "common/errors.h"
#include "common/text.h"

#include <ctype.h>
#include <errmsg.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * A rogue server learns a scramble of these, and no password; of caching_sha2_password because
 * sha2_login.h takes its place.  The others show the password: to a server that TLS verified alone.
 */
#define PLUGINS_ALWAYS "mysql_native_password,client_ed25519,caching_sha2_password"
#define PLUGINS_VERIFIED PLUGINS_ALWAYS ",sha256_password,mysql_clear_password"

/* Exported by libmariadb, but in no header of its package. */
int ma_pvio_register_callback(my_bool on,
	void (*callback)(int mode, MYSQL *mysql, const unsigned char *data, size_t n));

#define PACKET_HEAD 4
#define PACKET_SWITCH 0xfe
#define PROTOCOL 10
#define BEFORE_CAPABILITIES                                                                        \
	14 /* after its version: NUL, number of the connection, half a nonce, NUL */

#define AUTHORITIES "SSL_CERT_FILE" /* where libcrypto looks for those of the system */

struct member_login {
	const struct credential *credential;
	const char *host;
	unsigned port;
	MYSQL *mysql;
	MYSQL *connected;
	int waits, status;      /* MYSQL_WAIT_*: what it waits for, and what came */
	bool greeted, in_clear; /* the server has; and TLS is required, but not offered */
	char plugin[64];        /* that the server wants, by its last word */
	char refusal[128];      /* a failure in our own words */
	struct coroutine stack;
};

/* Whose stack this is. */
static struct member_login *entered;

void member_login_unblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && !(flags & O_NONBLOCK))
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* libmariadb waits in the middle of a login.  Anywhere else it may not: 0 means that it was late. */
static int wait_within(int fd, my_bool is_read, int timeout)
{
	struct member_login *l = entered;

	(void)fd;
	(void)timeout;
	if (!l)
		return 0;
	l->waits = is_read ? MYSQL_WAIT_READ : MYSQL_WAIT_WRITE;
	coroutine_pause(&l->stack);
	return l->status & MYSQL_WAIT_TIMEOUT ? 0 : 1;
}

/* The greeting says whether TLS is offered; a request for another plugin, which. */
static void heard(struct member_login *l, const unsigned char *data, size_t n)
{
	size_t at = PACKET_HEAD + 1, k = 0;

	if (n <= at)
		return;
	if (!l->greeted && data[PACKET_HEAD] == PROTOCOL) {
		at += strnlen((const char *)data + at, n - at) + BEFORE_CAPABILITIES;
		l->in_clear = at + 1 < n && !((data[at] | data[at + 1] << 8) & CLIENT_SSL);
	}
	l->greeted = true;
	if (data[PACKET_HEAD] != PACKET_SWITCH)
		return;
	for (; at < n && data[at] && k + 1 < sizeof(l->plugin); at++)
		l->plugin[k++] = isgraph(data[at]) ? (char)data[at] : '?';
	l->plugin[k] = '\0';
}

/*
 * libmariadb leaves the socket blocking after the dial, and if the greeting is there already, reads it
 * without a wait: the handshake would then stop the loop within read().  And it goes on in clear where
 * TLS is not offered: if it must be, that ends here, before a user is named.
 */
static void spoke(int is_write, MYSQL *mysql, const unsigned char *data, size_t n)
{
	struct member_login *l = entered;
	int fd = (int)mysql_get_socket(mysql);

	if (!l || l->mysql != mysql)
		return;
	member_login_unblock(fd);
	if (!is_write)
		heard(l, data, n);
	l->in_clear = l->in_clear && l->credential->tls.on;
	if (l->in_clear)
		(void)shutdown(fd, SHUT_RDWR);
}

static void run(void *ctx)
{
	struct member_login *l = ctx;
	const struct credential *c = l->credential;
	int waits = l->status == 0 ? mysql_real_connect_start(&l->connected, l->mysql, l->host,
					     c->user, c->password, NULL, l->port, NULL, 0)
				   : mysql_real_connect_cont(&l->connected, l->mysql, l->status);

	l->waits = waits;
}

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
	my_bool yes = 1, verify = tls->verify;

	/* Where it is offered; that it was, if it must be, is seen after the login. */
	(void)mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
	/* Without a word 3.4 verifies, and goes nowhere without TLS, which 3.3 did not. */
	(void)mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
	option_path(mysql, MYSQL_OPT_SSL_CA, tls->ca);
	option_path(mysql, MYSQL_OPT_SSL_CAPATH, tls->capath);
	option_path(mysql, MYSQL_OPT_SSL_CERT, tls->cert);
	option_path(mysql, MYSQL_OPT_SSL_KEY, tls->key);
	option_path(mysql, MYSQL_OPT_SSL_CIPHER, tls->cipher);
}

static void trust_again(const char *own)
{
	if (*own)
		(void)setenv(AUTHORITIES, own, 1);
	else
		(void)unsetenv(AUTHORITIES);
}

/*
 * libmariadb reads all authorities of the system for every handshake, 20 ms of work on the loop, also
 * where nobody is verified by them.
 */
static void trust(const struct tls_settings *tls, const char *own)
{
	if (!tls->verify && !*tls->ca && !*tls->capath)
		(void)setenv(AUTHORITIES, "/dev/null", 1);
	else
		trust_again(own);
}

/* A handle with all options set; NULL if there is no memory. */
static MYSQL *prepare(const struct tls_settings *tls)
{
	const unsigned protocol = MYSQL_PROTOCOL_TCP, no = 0;
	const unsigned long packet = MEMBER_ANSWER_MAX;
	MYSQL *mysql = mysql_init(NULL);

	if (!mysql)
		return NULL;
	(void)mysql_optionsv(mysql, MYSQL_OPT_NONBLOCK, NULL);
	(void)mysql_optionsv(mysql, MARIADB_OPT_IO_WAIT, wait_within);
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

static bool listen_once(void)
{
	static unsigned done;

	if (done == 0)
		done += sha2_login_register() == 0;
	if (done == 1)
		done += ma_pvio_register_callback(1, spoke) == 0;
	if (done == 2)
		done += ma_pvio_register_callback(1, answer_has_read) == 0;
	return done == 3;
}

struct member_login *member_login_new(const char *host, uint16_t port,
	const struct credential *credential)
{
	struct member_login *l = listen_once() ? calloc(1, sizeof(*l)) : NULL;

	if (!l)
		return NULL;
	l->host = host;
	l->port = port;
	l->credential = credential;
	l->mysql = prepare(&credential->tls);
	if (l->mysql && coroutine_init(&l->stack, run, l) == 0)
		return l;
	if (l->mysql)
		mysql_close(l->mysql);
	free(l);
	return NULL;
}

void member_login_free(struct member_login *l)
{
	coroutine_deinit(&l->stack);
	free(l);
}

MYSQL *member_login_handle(const struct member_login *l)
{
	return l->mysql;
}

bool member_login_is_greeted(const struct member_login *l)
{
	return l->greeted;
}

bool member_login_is_up(const struct member_login *l)
{
	return l->connected != NULL;
}

int member_login_enter(struct member_login *l, int status)
{
	struct member_login *outer = entered;
	char own[PATH_MAX] = "";

	(void)text_copy_any(own, sizeof(own), getenv(AUTHORITIES));
	l->status = status;
	entered = l;
	trust(&l->credential->tls, own);
	(void)coroutine_enter(&l->stack);
	trust_again(own);
	entered = outer;
	return l->waits;
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

/* One that was not cut off: the words that each library of TLS has for certificates and methods. */
static bool is_unfit_tls(const char *text)
{
	static const char *const words[] = {"certificate", "verif", "version", "protocol", "cipher",
		"alert", "hostname", "algorithm", "too small", "support"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcasestr(text, words[i]))
			return true;
	}
	return false;
}

static enum member_failure_kind judge_client_error(unsigned code, const char *text)
{
	switch (code) {
	case CR_SERVER_LOST:
	case CR_SERVER_GONE_ERROR:
	case CR_ERR_NET_READ:
	case CR_ERR_NET_WRITE:
		return MEMBER_REFUSED;
	case CR_SSL_CONNECTION_ERROR:
		return is_unfit_tls(text) ? MEMBER_UNFIT : MEMBER_REFUSED;
	default:
		return MEMBER_UNFIT;
	}
}

/* The server's own word: that it blocks this host, or that the account's hour is spent, lasts. */
static enum member_failure_kind judge_server_error(unsigned code, const char *text)
{
	if (pel_error_of(code) == PEL_ERROR_DENIED)
		return MEMBER_DENIED;
	if (code == 1129 || (code == 1226 && strstr(text, "per_hour")))
		return MEMBER_UNFIT;
	return MEMBER_SPOKE;
}

/* libmariadb says no other when it has no connection yet. */
static bool is_of_dial(unsigned code)
{
	return code == CR_CONNECTION_ERROR || code == CR_CONN_HOST_ERROR ||
		code == CR_IPSOCK_ERROR || code == CR_UNKNOWN_HOST;
}

void member_login_judge_error(MYSQL *mysql, bool dialling, struct member_failure *ret)
{
	unsigned code = mysql_errno(mysql), inner;

	ret->code = code;
	ret->text = mysql_error(mysql);
	if (code ==
		CR_PLUGIN_NOT_ALLOWED) /* its text names the plugin, by memory that it has reused */
		ret->text = "the server asks for the password in a form that would show it";
	inner = server_code_before_tls(ret->text);
	if (inner)
		ret->code = code = inner;
	if (!member_login_is_client_error(code))
		ret->kind = judge_server_error(code, ret->text);
	else if (dialling && is_of_dial(code))
		ret->kind = judge_dial(errno_in(ret->text));
	else
		ret->kind = judge_client_error(code, ret->text);
	ret->heard = !dialling || !is_of_dial(code);
}

void member_login_judge(struct member_login *l, bool dialling, struct member_failure *ret)
{
	member_login_judge_error(l->mysql, dialling, ret);
	if (l->in_clear)
		*ret = (struct member_failure){.kind = MEMBER_UNFIT,
			.heard = true,
			.code = CR_SSL_CONNECTION_ERROR,
			.text = MEMBER_LOGIN_NO_TLS};
	if (ret->code != CR_PLUGIN_NOT_ALLOWED && ret->code != CR_AUTH_PLUGIN_CANNOT_LOAD)
		return;
	(void)snprintf(l->refusal, sizeof(l->refusal),
		"the server wants the plugin %s, which is not used here", l->plugin);
	ret->text = l->refusal;
}
