/* SPDX-License-Identifier: Apache-2.0 */
/* One line of an option file, taken apart in place. */
#include "lines.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char blanks[] = " \t\r\n\v\f";

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, blanks);
	n = strlen(text);
	while (n > 0 && strchr(blanks, text[n - 1]))
		n--;
	text[n] = '\0';
	return text;
}

static int section_parse(char *line, struct config_line *ret, const char **ret_expected)
{
	char *end = strchr(line, ']'), *rest;

	*ret_expected = "[SECTION] and nothing behind it";
	if (!end)
		return -EINVAL;
	rest = end + 1 + strspn(end + 1, blanks);
	if (*rest && *rest != '#')
		return -EINVAL;
	*end = '\0';
	ret->kind = CONFIG_LINE_SECTION;
	ret->name = trim(line + 1);
	return *ret->name ? 0 : -EINVAL;
}

/* What a backslash and this letter stand for; 0 if they stand for themselves. */
static char unescaped(char letter)
{
	static const char from[] = "ntrbs\\'\"", to[] = "\n\t\r\b \\'\"";
	const char *at = letter ? strchr(from, letter) : NULL;

	return at ? to[at - from] : '\0';
}

/* Unescapes up to `quote` (0: up to a comment or the end); returns where it stopped, or NULL. */
static char *value_unescape(char *at, char quote, char **ret_end)
{
	char *to = at;

	for (; *at; at++) {
		char c = *at == '\\' ? unescaped(at[1]) : '\0';

		if (c) {
			*to++ = c;
			at++;
			continue;
		}
		if (*at == (quote ? quote : '#'))
			break;
		*to++ = *at;
	}
	if (quote && *at != quote)
		return NULL;
	*ret_end = to;
	return at;
}

static int value_parse(char *at, struct config_line *ret, const char **ret_expected)
{
	char quote = '\0', *stop, *end;

	at += strspn(at, blanks);
	if (*at == '\'' || *at == '"')
		quote = *at++;
	stop = value_unescape(at, quote, &end);
	*ret_expected = "a closing quotation mark";
	if (!stop)
		return -EINVAL;
	if (quote) {
		stop++;
		stop += strspn(stop, blanks);
		*ret_expected = "nothing behind the closing quotation mark";
		if (*stop && *stop != '#')
			return -EINVAL;
	}
	*end = '\0';
	ret->value = quote ? at : trim(at);
	return 0;
}

static int pair_parse(char *line, struct config_line *ret, const char **ret_expected)
{
	char *equals = strchr(line, '='), *comment = strchr(line, '#');

	if (comment && (!equals || comment < equals)) {
		*comment = '\0';
		equals = NULL;
	}
	ret->kind = CONFIG_LINE_PAIR;
	ret->value = NULL;
	if (equals)
		*equals = '\0';
	ret->name = trim(line);
	*ret_expected = "KEY = VALUE";
	if (!*ret->name || strpbrk(ret->name, blanks))
		return -EINVAL;
	for (char *c = ret->name; *c; c++) {
		if (*c == '_')
			*c = '-';
	}
	return equals ? value_parse(equals + 1, ret, ret_expected) : 0;
}

int config_line_parse(char *line, struct config_line *ret, const char **ret_expected)
{
	line += strspn(line, blanks);
	*ret = (struct config_line){.kind = CONFIG_LINE_BLANK};
	if (*line == '\0' || *line == '#' || *line == ';')
		return 0;
	if (*line == '[')
		return section_parse(line, ret, ret_expected);
	return pair_parse(line, ret, ret_expected);
}
