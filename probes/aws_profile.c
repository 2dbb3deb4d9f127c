/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles of a shared credentials file, and what all readers of credentials share.  libc only.
 *
 * A control character inside a value is an error: these values become header lines.
 */
#include "aws_creds_parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

bool aws_creds_copy(char *field, size_t size, const char *text, size_t n)
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
		return aws_creds_copy(creds->id, sizeof(creds->id), value.at, value.n);
	if (is_text(key, "aws_secret_access_key"))
		return aws_creds_copy(creds->secret, sizeof(creds->secret), value.at, value.n);
	if (is_text(key, "aws_session_token"))
		return aws_creds_copy(creds->token, sizeof(creds->token), value.at, value.n);
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
	return aws_creds_hand_over(&read, good && read.id[0] && read.secret[0], ret);
}
