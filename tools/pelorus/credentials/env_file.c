/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .env: the program reads it itself, in whatever way its own library does.  Pelorus reads it for
 * nothing but the credentials in it, so that what we understand otherwise harms nobody.
 */
#include "credentials/env_file.h"

#include "prober/envcreds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r"

extern char **environ;

void env_file_wipe(struct env_file *file)
{
	explicit_bzero(file, sizeof(*file));
}

/* False if there is no room for it. */
static bool put(struct env_file *f, char c)
{
	if (f->used + 1 >= sizeof(f->room))
		return false;
	f->room[f->used++] = c;
	return true;
}

static bool put_text(struct env_file *f, const char *text)
{
	for (; text && *text; text++) {
		if (!put(f, *text))
			return false;
	}
	return true;
}

/* `at` is behind "${"; what stands behind the '}'. */
static const char *put_variable(struct env_file *f, const char *at)
{
	size_t n = strcspn(at, "}\n");
	char *key = at[n] == '}' ? strndup(at, n) : NULL;
	const char *value = key ? environ_value(f->list, key) : NULL;

	if (key && !value)
		value = getenv(key);
	if (!put_text(f, key ? value : "${"))
		at = NULL;
	else if (key)
		at += n + 1;
	free(key);
	return at;
}

/* What a backslash and that character are together; 0: they stand for themselves. */
static char unescaped(char c)
{
	static const char from[] = "nrt\"\\$", to[] = "\n\r\t\"\\$";
	const char *at = c ? strchr(from, c) : NULL;

	return at ? to[at - from] : '\0';
}

/* The end of what is quoted; NULL: there is none, and the quote is a character as others are. */
static const char *quoted_end(const char *at, char quote)
{
	for (; *at && *at != quote; at++) {
		if (quote == '"' && at[0] == '\\' && at[1])
			at++;
	}
	return *at ? at : NULL;
}

/* From behind the opening quote; what stands behind the closing one, or NULL: there is no room. */
static const char *put_quoted(struct env_file *f, const char *at, const char *end)
{
	bool plain = *end != '"';

	while (at && at < end) {
		if (!plain && at[0] == '\\' && unescaped(at[1]))
			at = put(f, unescaped(at[1])) ? at + 2 : NULL;
		else if (!plain && at[0] == '$' && at[1] == '{')
			at = put_variable(f, at + 2);
		else
			at = put(f, *at) ? at + 1 : NULL;
	}
	return at ? end + 1 : NULL;
}

/* Up to the end of the line, or a comment; blanks at its end are none of it. */
static const char *put_bare(struct env_file *f, const char *at)
{
	size_t start = f->used;

	while (at && *at && *at != '\n' && !(*at == '#' && strchr(BLANKS, at[-1]))) {
		if (at[0] == '$' && at[1] == '{')
			at = put_variable(f, at + 2);
		else
			at = put(f, *at) ? at + 1 : NULL;
	}
	while (f->used > start && strchr(BLANKS, f->room[f->used - 1]))
		f->used--;
	return at;
}

/* `at` is behind the '='. */
static const char *put_value(struct env_file *f, const char *at)
{
	const char *end = NULL;

	at += strspn(at, BLANKS);
	if (*at && strchr("'\"`", *at))
		end = quoted_end(at + 1, *at);
	return end ? put_quoted(f, at + 1, end) : put_bare(f, at);
}

/* Of two with one key the last counts. */
static int line_end(struct env_file *f, size_t start, size_t n_key)
{
	char *line = f->room + start;
	unsigned i = 0;

	if (!put(f, '\0'))
		return -ENOSPC;
	while (i < f->n && strncmp(f->list[i], line, n_key + 1) != 0)
		i++;
	if (i == ENV_FILE_LINES)
		return -ENOSPC;
	f->list[i] = line;
	f->n += i == f->n;
	f->list[f->n] = NULL;
	return 0;
}

int env_file_parse(const char *text, struct env_file *ret)
{
	static const char mark[] = "\xef\xbb\xbf"; /* editors of Windows begin with it */
	const char *at = strncmp(text, mark, strlen(mark)) == 0 ? text + strlen(mark) : text;
	int r = 0;

	ret->n = 0;
	ret->used = 0;
	ret->list[0] = NULL;
	for (; *at && r == 0; at += strcspn(at, "\n"), at += *at == '\n') {
		size_t start = ret->used, n;

		at += strspn(at, BLANKS);
		if (strncmp(at, "export", 6) == 0 && at[6] && strchr(BLANKS, at[6]))
			at += 6 + strspn(at + 6, BLANKS);
		n = strcspn(at, "= \t\r\n#");
		if (n == 0 || at[n + strspn(at + n, BLANKS)] != '=')
			continue;
		for (size_t i = 0; i < n; i++) {
			if (!put(ret, at[i]))
				return -ENOSPC;
		}
		if (!put(ret, '='))
			return -ENOSPC;
		at = put_value(ret, strchr(at + n, '=') + 1);
		if (!at)
			return -ENOSPC;
		r = line_end(ret, start, n);
	}
	return r;
}

/* Percent-encodes what is not plain. */
static void url_put(char *url, const char *text)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	size_t n = strlen(url);

	for (; *text && n + 4 < ENV_URL_MAX; text++)
		n += (size_t)snprintf(url + n, ENV_URL_MAX - n,
			strchr(plain, *text) ? "%c" : "%%%02X", (unsigned char)*text);
}

/* A user of 127 bytes, a password of 1023 and a path of 255 fit, all of them encoded. */
static void url_make(const char *host, const struct envcreds *creds, char ret[static ENV_URL_MAX])
{
	strcpy(ret, "mysql://");
	url_put(ret, creds->user);
	strcat(ret, ":");
	url_put(ret, creds->password);
	strcat(ret, "@");
	strcat(ret, host);
	strcat(ret,
		creds->ssl_verify    ? "/?sslmode=verify-full"
			: creds->ssl ? "/?sslmode=require"
				     : "/");
	if (*creds->ssl_ca) {
		strcat(ret, "&sslca=");
		url_put(ret, creds->ssl_ca);
	}
}

static int url_find(const struct environ_kept *kept, char ret[static ENV_URL_MAX])
{
	struct envcreds creds;
	char host[PEL_NAME_MAX];
	int r = -ENODATA;

	for (unsigned i = 0; r != 0 && envcreds_host(kept, i, host); i++) {
		if (!*host || !envcreds_find(kept, host, &creds))
			continue;
		url_make(host, &creds, ret);
		r = 0;
	}
	explicit_bzero(&creds, sizeof(creds));
	return r;
}

static int text_read(const char *path, char ret[static ENV_FILE_MAX])
{
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(ret, 1, ENV_FILE_MAX, file) : 0;
	int r = !file || ferror(file) ? -errno : n == ENV_FILE_MAX ? -EFBIG : 0;

	if (file)
		(void)fclose(file);
	ret[n == ENV_FILE_MAX ? 0 : n] = '\0';
	return r;
}

int env_file_url(const char *path, char ret[static ENV_URL_MAX])
{
	struct env_file *file = calloc(1, sizeof(*file));
	struct environ_kept kept = {0};
	char *text = calloc(1, ENV_FILE_MAX);
	int r = file && text ? text_read(path, text) : -ENOMEM;

	if (r == 0)
		r = env_file_parse(text, file);
	if (r == 0) {
		environ_keep(&kept, file->list, envcreds_variables);
		r = url_find(&kept, ret);
	}
	if (file)
		env_file_wipe(file);
	if (text)
		explicit_bzero(text, ENV_FILE_MAX);
	explicit_bzero(&kept, sizeof(kept));
	free(file);
	free(text);
	return r;
}

bool env_host(unsigned i, char ret[static PEL_NAME_MAX])
{
	struct environ_kept kept = {0};

	environ_keep(&kept, environ, envcreds_variables);
	return envcreds_host(&kept, i, ret);
}

bool env_has_credentials(const char *name)
{
	struct environ_kept kept = {0};
	struct envcreds creds;
	bool found;

	environ_keep(&kept, environ, envcreds_variables);
	found = envcreds_find(&kept, name, &creds);
	explicit_bzero(&creds, sizeof(creds));
	return found;
}
