/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms in which AWS hands out credentials: JSON, XML, a file, a secret.
 *
 * A value that does not fit is an error, never a shorter secret.  A control character inside one is
 * an error too: these values become header lines.
 */
#include "aws_creds_parse.h"

#include "json_read.h"
#include "xml_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Printable and without blanks, as a header line needs it.  False if it is not, or does not fit. */
static bool copy_n(char *field, size_t size, const char *text, size_t n)
{
	if (n == 0 || n >= size)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	memcpy(field, text, n);
	field[n] = '\0';
	return true;
}

static bool copy(char *field, size_t size, const char *text)
{
	return text && copy_n(field, size, text, strlen(text));
}

int aws_parse_time(const char *text, int64_t *ret)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (end && *end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (!end || strcmp(end, "Z") != 0)
		return -EINVAL;
	*ret = timegm(&tm);
	return 0;
}

/* All or nothing: a half-read credential leaves nothing behind. */
static int hand_over(struct aws_creds *read, bool good, struct aws_creds *ret)
{
	if (good)
		*ret = *read;
	explicit_bzero(read, sizeof(*read));
	return good ? 0 : -EPROTO;
}

int aws_creds_parse_json(const char *body, size_t n, struct aws_creds *ret)
{
	struct json_object *root = json_read(body, n);
	const char *token = json_string(root, "Token"), *until = json_string(root, "Expiration");
	struct aws_creds read = {0};
	bool good = copy(read.id, sizeof(read.id), json_string(root, "AccessKeyId")) &&
		    copy(read.secret, sizeof(read.secret), json_string(root, "SecretAccessKey")) &&
		    (!token || !*token || copy(read.token, sizeof(read.token), token)) &&
		    (!until || aws_parse_time(until, &read.expires_s) == 0);

	json_object_put(root);
	return hand_over(&read, good, ret);
}

struct sts_reading {
	struct aws_creds creds;
	bool bad;
};

static void on_open(void *ctx, const char *path)
{
}

static void on_close(void *ctx, const char *path, const char *text)
{
	struct sts_reading *r = ctx;
	const char *name = xml_path_under(path, "Credentials");

	if (!name || !xml_path_under(path, "AssumeRoleWithWebIdentityResult"))
		return;
	if (strcmp(name, "AccessKeyId") == 0)
		r->bad |= !copy(r->creds.id, sizeof(r->creds.id), text);
	else if (strcmp(name, "SecretAccessKey") == 0)
		r->bad |= !copy(r->creds.secret, sizeof(r->creds.secret), text);
	else if (strcmp(name, "SessionToken") == 0)
		r->bad |= !copy(r->creds.token, sizeof(r->creds.token), text);
	else if (strcmp(name, "Expiration") == 0)
		r->bad |= aws_parse_time(text, &r->creds.expires_s) < 0;
}

int aws_creds_parse_sts(const char *body, size_t n, struct aws_creds *ret)
{
	struct sts_reading r = {0};
	int code = xml_read(
		body, n, &(struct xml_handler){.open = on_open, .close = on_close, .ctx = &r});

	return hand_over(&r.creds,
		code == 0 && !r.bad && r.creds.id[0] && r.creds.secret[0] && r.creds.token[0], ret);
}

struct span {
	const char *at;
	size_t n;
};

static struct span trim(struct span s)
{
	while (s.n > 0 && isspace((unsigned char)*s.at)) {
		s.at++;
		s.n--;
	}
	while (s.n > 0 && isspace((unsigned char)s.at[s.n - 1]))
		s.n--;
	return s;
}

static bool is_text(struct span s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.at, text, s.n) == 0;
}

/* The next line, trimmed; false at the end. */
static bool next_line(struct span *rest, struct span *ret)
{
	const char *end;

	if (rest->n == 0)
		return false;
	end = memchr(rest->at, '\n', rest->n);
	*ret = (struct span){rest->at, end ? (size_t)(end - rest->at) : rest->n};
	rest->at += ret->n + (end != NULL);
	rest->n -= ret->n + (end != NULL);
	*ret = trim(*ret);
	return true;
}

/* "[profile]": whether it is the wanted one. */
static bool is_section(struct span line, const char *profile)
{
	if (line.n < 2 || line.at[line.n - 1] != ']')
		return false;
	return is_text(trim((struct span){line.at + 1, line.n - 2}), profile);
}

/* One line "key = value" of the profile; false if a known key has no usable value. */
static bool take_setting(struct span line, struct aws_creds *creds)
{
	const char *equals = memchr(line.at, '=', line.n);
	size_t n = equals ? (size_t)(equals - line.at) : 0;
	struct span key, value;

	if (!equals)
		return true;
	key = trim((struct span){line.at, n});
	value = trim((struct span){equals + 1, line.n - n - 1});
	if (is_text(key, "aws_access_key_id"))
		return copy_n(creds->id, sizeof(creds->id), value.at, value.n);
	if (is_text(key, "aws_secret_access_key"))
		return copy_n(creds->secret, sizeof(creds->secret), value.at, value.n);
	if (is_text(key, "aws_session_token"))
		return copy_n(creds->token, sizeof(creds->token), value.at, value.n);
	return true;
}

int aws_creds_parse_file(const char *text, size_t n, const char *profile, struct aws_creds *ret)
{
	struct span rest = {text, n}, line;
	struct aws_creds read = {0};
	bool inside = false, good = true;

	while (next_line(&rest, &line)) {
		if (line.n == 0 || *line.at == '#' || *line.at == ';')
			continue;
		if (*line.at == '[')
			inside = is_section(line, profile);
		else if (inside)
			good &= take_setting(line, &read);
	}
	if (good && !read.id[0] && !read.secret[0])
		return -ENOENT;
	return hand_over(&read, good && read.id[0] && read.secret[0], ret);
}

static bool copy_free_text(char *field, size_t size, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n == 0 || n >= size)
		return false;
	memcpy(field, text, n + 1);
	return true;
}

int aws_secret_parse(const char *body, size_t n, char *ret_user, size_t user_size,
	char *ret_password, size_t password_size)
{
	struct json_object *root = json_read(body, n), *inner;
	const char *text = json_string(root, "SecretString");
	bool good;

	inner = text ? json_read(text, strlen(text)) : NULL;
	good = copy_free_text(ret_user, user_size, json_string(inner, "username")) &&
	       copy_free_text(ret_password, password_size, json_string(inner, "password"));
	json_object_put(inner);
	json_object_put(root);
	return good ? 0 : -EPROTO;
}
