/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles of the AWS files, and what all readers of credentials share.  libc only.
 *
 * A control character inside a value is an error: these values become header lines.  In a config
 * file, lines that begin with a blank belong to a setting of settings (s3 =), none of which is
 * ours.
 */
#include "profile.h"

#include "common/text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

bool aws_creds_copy(char *field, size_t size, const char *text, size_t n)
{
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return text_copy_n(field, size, text, n);
}

int aws_creds_hand_over(struct aws_creds *read, bool good, struct aws_creds *ret)
{
	if (good)
		*ret = *read;
	explicit_bzero(read, sizeof(*read));
	return good ? 0 : -EPROTO;
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

/* The section's name; false if the line is none, or not one of a profile. */
static bool is_section(struct span line, enum aws_file file, const char *name)
{
	static const char prefix[] = "profile";
	struct span inner;

	if (line.n < 2 || line.at[line.n - 1] != ']')
		return false;
	inner = trim((struct span){line.at + 1, line.n - 2});
	if (file == AWS_FILE_CREDENTIALS || strcmp(name, "default") == 0) {
		if (is_text(inner, name))
			return true;
	}
	if (file != AWS_FILE_CONFIG || inner.n <= strlen(prefix) ||
		memcmp(inner.at, prefix, strlen(prefix)) != 0 ||
		!isspace((unsigned char)inner.at[strlen(prefix)]))
		return false;
	return is_text(trim((struct span){inner.at + strlen(prefix), inner.n - strlen(prefix)}),
		name);
}

struct setting {
	const char *key;
	char *field;
	size_t size;
};

/* Words with blanks between them, and nothing that ends a line. */
static bool copy_command(char *field, size_t size, struct span value)
{
	for (size_t i = 0; i < value.n; i++) {
		if ((unsigned char)value.at[i] < ' ')
			return false;
	}
	return value.n > 0 && text_copy_n(field, size, value.at, value.n);
}

/* One line "key = value" of the profile; false if a known key has no usable value. */
static bool take_setting(struct span line, struct aws_profile *p)
{
	const struct setting settings[] = {
		{"aws_access_key_id", p->creds.id, sizeof(p->creds.id)},
		{"aws_secret_access_key", p->creds.secret, sizeof(p->creds.secret)},
		{"aws_session_token", p->creds.token, sizeof(p->creds.token)},
		{"region", p->region, sizeof(p->region)},
		{"role_arn", p->role, sizeof(p->role)},
		{"source_profile", p->source, sizeof(p->source)},
		{"web_identity_token_file", p->token_file, sizeof(p->token_file)},
		{"role_session_name", p->session, sizeof(p->session)},
		{"external_id", p->external_id, sizeof(p->external_id)},
	};
	const char *equals = memchr(line.at, '=', line.n);
	size_t n = equals ? (size_t)(equals - line.at) : 0;
	struct span key, value;

	if (!equals)
		return true;
	key = trim((struct span){line.at, n});
	value = trim((struct span){equals + 1, line.n - n - 1});
	if (is_text(key, "credential_process"))
		return copy_command(p->process, sizeof(p->process), value);
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		if (is_text(key, settings[i].key))
			return aws_creds_copy(settings[i].field, settings[i].size, value.at,
				value.n);
	}
	return true;
}

static bool is_empty(const struct aws_profile *p)
{
	return !p->creds.id[0] && !p->creds.secret[0] && !p->region[0] && !p->role[0] &&
		!p->source[0] && !p->token_file[0] && !p->session[0] && !p->external_id[0] &&
		!p->process[0];
}

static void overlay(char *field, const char *read, size_t size)
{
	if (*read)
		memcpy(field, read, size);
}

static void merge(struct aws_profile *to, const struct aws_profile *read)
{
	if (read->creds.id[0])
		to->creds = read->creds;
	overlay(to->region, read->region, sizeof(to->region));
	overlay(to->role, read->role, sizeof(to->role));
	overlay(to->source, read->source, sizeof(to->source));
	overlay(to->token_file, read->token_file, sizeof(to->token_file));
	overlay(to->session, read->session, sizeof(to->session));
	overlay(to->external_id, read->external_id, sizeof(to->external_id));
	overlay(to->process, read->process, sizeof(to->process));
}

int aws_profile_parse(const char *text, size_t n, enum aws_file file, const char *name,
	struct aws_profile *profile)
{
	struct span rest = {text, n}, line;
	struct aws_profile read = {0};
	bool inside = false, good = true;
	int r;

	while (rest.n > 0) {
		bool nested = file == AWS_FILE_CONFIG && (*rest.at == ' ' || *rest.at == '\t');

		(void)next_line(&rest, &line);
		if (nested || line.n == 0 || *line.at == '#' || *line.at == ';')
			continue;
		if (*line.at == '[')
			inside = is_section(line, file, name);
		else if (inside)
			good &= take_setting(line, &read);
	}
	good &= !read.creds.id[0] == !read.creds.secret[0];
	r = !good ? -EPROTO : is_empty(&read) ? -ENOENT : 0;
	if (r == 0)
		merge(profile, &read);
	explicit_bzero(&read, sizeof(read));
	return r;
}
