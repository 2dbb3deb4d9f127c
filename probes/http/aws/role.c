/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles, by STS's endpoint in the region.
 *
 * A web identity's token speaks for itself.  Else the question is signed with the key of the source
 * profile, which may be the role's own profile; a source that is itself a role is not followed.
 */
#include "role.h"

#include "local.h"
#include "sign.h"
#include "base/buf.h"
#include "base/read_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_FILE_MAX 16384
#define FORM "application/x-www-form-urlencoded"

static int begin(const char *region, const char *action, const struct aws_profile *role,
	struct aws_question *question, struct buf *body)
{
	const char *base = getenv("AWS_ENDPOINT_URL_STS");
	bool moved = base && *base;
	int n;

	*question = (struct aws_question){.method = "POST",
		.n_headers = 1,
		.headers = {"Content-Type: " FORM}};
	n = snprintf(question->url, sizeof(question->url), moved ? "%s/" : "https://sts.%s.%s/",
		moved ? base : region, aws_domain_of(region));
	buf_init(body, question->body, sizeof(question->body));
	buf_addf(body, "Action=%s&Version=2011-06-15&RoleArn=", action);
	buf_add_percent(body, role->role, "");
	buf_add(body, "&RoleSessionName=");
	buf_add_percent(body, role->session[0] ? role->session : "pelorus", "");
	return n < (int)sizeof(question->url) ? 0 : -1;
}

enum aws_turn aws_role_by_token(const char *region, const struct aws_profile *role,
	struct aws_question *ret)
{
	struct file token;
	struct buf body;
	int r;

	if (file_read(role->token_file, TOKEN_FILE_MAX, FILE_ANY, &token) < 0)
		return AWS_TURN_FAILED;
	token.text[strcspn(token.text, " \t\r\n")] = '\0';
	r = begin(region, "AssumeRoleWithWebIdentity", role, ret, &body);
	buf_add(&body, "&WebIdentityToken=");
	buf_add_percent(&body, token.text, "");
	file_free(&token);
	return r == 0 && buf_error(&body) == 0 ? AWS_TURN_ASK : AWS_TURN_FAILED;
}

static bool sign(struct aws_question *question, const char *region, const struct aws_creds *creds)
{
	const struct aws_pair type = {"Content-Type", FORM};
	const struct aws_key key = {.id = creds->id,
		.secret = creds->secret,
		.token = creds->token[0] ? creds->token : NULL};
	const struct aws_request request = {.headers = &type,
		.n_headers = 1,
		.body = question->body,
		.region = region,
		.service = "sts"};
	int n = aws_sign_post(question->url, &request, &key, time(NULL), question->headers + 1);

	question->n_headers += n > 0 ? (unsigned)n : 0;
	return n > 0;
}

static enum aws_turn by_source(const char *region, const struct aws_profile *role,
	struct aws_question *ret)
{
	struct aws_profile source;
	bool good = aws_local_profile(role->source, &source) == 0 && source.creds.id[0];
	struct buf body;

	good = good && begin(region, "AssumeRole", role, ret, &body) == 0;
	if (good && role->external_id[0]) {
		buf_add(&body, "&ExternalId=");
		buf_add_percent(&body, role->external_id, "");
	}
	good = good && buf_error(&body) == 0 && sign(ret, region, &source.creds);
	explicit_bzero(&source, sizeof(source));
	return good ? AWS_TURN_ASK : AWS_TURN_FAILED;
}

enum aws_turn aws_role_begin(const char *region, const struct aws_profile *role,
	struct aws_question *ret)
{
	if (role->token_file[0])
		return aws_role_by_token(region, role, ret);
	return role->source[0] ? by_source(region, role, ret) : AWS_TURN_FAILED;
}
