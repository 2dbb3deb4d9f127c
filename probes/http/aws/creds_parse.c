/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms in which AWS hands out credentials: JSON, XML, a secret.
 *
 * A value that does not fit is an error, never a shorter secret.
 */
#include "creds_parse.h"

#include "common/text.h"
#include "http/json_read.h"
#include "http/xml_read.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool copy(char *field, size_t size, const char *text)
{
	return text && aws_creds_copy(field, size, text, strlen(text));
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

int aws_creds_parse_json(const char *body, size_t n, struct aws_creds *ret)
{
	struct json_object *root = json_read(body, n);
	const char *token = json_string(root, "Token"), *until = json_string(root, "Expiration");
	const char *of_process = json_string(root, "SessionToken");
	struct aws_creds read = {0};
	bool good;

	token = token ? token : of_process;
	good = copy(read.id, sizeof(read.id), json_string(root, "AccessKeyId")) &&
		copy(read.secret, sizeof(read.secret), json_string(root, "SecretAccessKey")) &&
		(!token || !*token || copy(read.token, sizeof(read.token), token)) &&
		(!until || aws_parse_time(until, &read.expires_s) == 0);

	json_object_put(root);
	return aws_creds_hand_over(&read, good, ret);
}

struct sts_reading {
	struct aws_creds creds;
	bool bad;
};

static void on_close(void *ctx, const char *path, const char *text)
{
	struct sts_reading *r = ctx;
	const char *name = xml_path_under(path, "Credentials");

	if (!name ||
		(!xml_path_under(path, "AssumeRoleWithWebIdentityResult") &&
			!xml_path_under(path, "AssumeRoleResult")))
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
	int code = xml_read(body, n, &(struct xml_handler){.close = on_close, .ctx = &r});

	return aws_creds_hand_over(&r.creds,
		code == 0 && !r.bad && r.creds.id[0] && r.creds.secret[0] && r.creds.token[0], ret);
}

static bool copy_free_text(char *field, size_t size, const char *text)
{
	return text && *text && text_copy(field, size, text);
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
