/* SPDX-License-Identifier: Apache-2.0 */
/* What mends a login or a question that was refused. */
#include "remedy.h"

#include <errmsg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Doubles quotes and backslashes, so that the printed SQL means this user and nothing else. */
static void quote(const char *text, char *ret, size_t size)
{
	size_t n = 0;

	for (; *text && n + 3 < size; text++) {
		if (*text == '\'' || *text == '\\')
			ret[n++] = *text;
		ret[n++] = (unsigned char)*text < ' ' ? '?' : *text;
	}
	ret[n] = '\0';
}

/* What is said before and after the user, by the server's code; the last row is for all others. */
static const struct {
	unsigned code; /* see common/errors.c */
	const char *before, *after;
} logins[] = {
	{3159,
		"this server demands TLS and offers none here: set up its certificate, or let the "
		"proxy before it pass TLS on (user '",
		"')"},
	{3118, "ALTER USER '", "'@'%' ACCOUNT UNLOCK;"},
	{4151, "ALTER USER '", "'@'%' ACCOUNT UNLOCK;"},
	{1820, "ALTER USER '", "'@'%' IDENTIFIED BY '<a new password>';"},
	{1862, "ALTER USER '", "'@'%' IDENTIFIED BY '<a new password>';"},
	{1524, "ALTER USER '", "'@'%' IDENTIFIED WITH caching_sha2_password BY '<its password>';"},
	{0, "CREATE USER IF NOT EXISTS '", "'@'%' IDENTIFIED BY '<its password>';"},
};

/* Behind what *ret has: a GRANT for each, to this account. */
static void put_grants(const char *const *grants, const char *account, char *ret, size_t size)
{
	for (; *grants; grants++) {
		size_t n = strlen(ret);

		(void)snprintf(ret + n, size - n, "%sGRANT %s TO %s;", n ? " " : "", *grants,
			account);
	}
}

void remedy_of_login(const char *user, unsigned code, const char *const *grants, char *ret,
	size_t size)
{
	char name[2 * CONFIG_USER_MAX], account[2 * CONFIG_USER_MAX + 8];
	unsigned i = 0;

	quote(user, name, sizeof(name));
	(void)snprintf(account, sizeof(account), "'%s'@'%%'", name);
	while (logins[i].code && logins[i].code != code)
		i++;
	(void)snprintf(ret, size, "%s%s%s", logins[i].before, name, logins[i].after);
	if (!logins[i].code)
		put_grants(grants, account, ret, size);
}

const char *remedy_of_unfit(unsigned code, const char *text)
{
	switch (code) {
	case 1129:
		return "FLUSH HOSTS (or mysqladmin flush-hosts) at the server, and find out which "
		       "client breaks its connections off; a higher max_connect_errors";
	case 1226:
		return "wait for the hour to end, or ALTER USER ... WITH MAX_CONNECTIONS_PER_HOUR 0";
	case CR_SSL_CONNECTION_ERROR:
		if (strstr(text, "offer") || strstr(text, "support"))
			return "set up TLS at the server, or set `ssl = off`";
		if (strstr(text, "version") || strstr(text, "protocol") || strstr(text, "cipher") ||
			strstr(text, "handshake"))
			return "let the server and this host have a version of TLS and a cipher in "
			       "common (`ssl-cipher`)";
		return "set `ssl-ca` to the authority that signed the server's certificate, which "
		       "has to name this endpoint; or `ssl-verify-server-cert = off`";
	case CR_PLUGIN_NOT_ALLOWED:
	case CR_AUTH_PLUGIN_CANNOT_LOAD:
	case CR_AUTH_PLUGIN_ERR:
		return "have the user IDENTIFIED WITH caching_sha2_password or "
		       "mysql_native_password; to show this server its password, set `ssl-ca` and "
		       "`ssl-verify-server-cert = on`";
	default:
		return "see what answers at this address: it does not log in as a MySQL server does";
	}
}

/* The last, which is the least, of "you need (at least one of) the A, B privilege(s)". */
static int privilege_named(const char *refusal, const char **ret)
{
	static const char of_privileges[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ ";
	const char *end = strstr(refusal, " privilege(s)"), *at = end;

	while (at > refusal && strchr(of_privileges, at[-1]))
		at--;
	while (at < end && *at == ' ')
		at++;
	*ret = at;
	return (int)(end - at);
}

/* "NAME@HOST" as SQL has it; false if it is none. */
static bool quote_account(const char *account, char *ret, size_t size)
{
	char user[2 * CONFIG_USER_MAX], host[2 * CONFIG_USER_MAX], name[CONFIG_USER_MAX];
	const char *at = account ? strrchr(account, '@') : NULL;

	if (!at || (size_t)(at - account) >= sizeof(name))
		return false;
	memcpy(name, account, (size_t)(at - account));
	name[at - account] = '\0';
	quote(name, user, sizeof(user));
	quote(at + 1, host, sizeof(host));
	(void)snprintf(ret, size, "'%s'@'%s'", user, host);
	return true;
}

void remedy_of_question(const char *refusal, const char *account, const char *const *grants,
	char *ret, size_t size)
{
	char whom[4 * CONFIG_USER_MAX + 8], told[CONFIG_USER_MAX];
	const char *const named[] = {told, NULL};
	/* Who needs nothing to ask, and is refused, lacks what it takes to see replication. */
	static const char *const replication[] = {"REPLICATION CLIENT ON *.*", NULL};
	const char *privilege;
	int n = privilege_named(refusal, &privilege);

	if (!quote_account(account, whom, sizeof(whom)))
		(void)snprintf(whom, sizeof(whom), "the user that it logged in as");
	(void)snprintf(told, sizeof(told), "%.*s ON *.*", n, privilege);
	*ret = '\0';
	if (n > 0)
		grants = named;
	else if (strcmp(*grants, "USAGE ON *.*") == 0)
		grants = replication;
	put_grants(grants, whom, ret, size);
}
