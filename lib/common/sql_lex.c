/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of a statement, strictly: where servers, sql_modes or character sets could disagree on how
 * the text is read, the token is SQL_BAD.
 *
 * - A comment that the server executes (a bang or an M! behind its opening) and one with hints (a
 *   plus sign) are SQL_BAD.
 * - Under NO_BACKSLASH_ESCAPES a backslash is a character like any other.  Both readings end the
 *   string at the same place unless a quote follows an odd number of backslashes.
 * - In GBK, SJIS and Big5 a backslash or a backtick can be the second byte of a character: behind a
 *   byte above 127 they are SQL_BAD, unless the caller knows that the character set is another.
 */
#include "sql_lex.h"

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

#define LETTERS 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
#define DIGITS 1, 1, 1, 1, 1, 1, 1, 1, 1, 1

/* Of words; it is asked of most characters of a statement. */
static const bool word_characters[128] = {
	['$'] = 1,
	['0'] = DIGITS,
	['A'] = LETTERS,
	['_'] = 1,
	['a'] = LETTERS,
};

static bool is_word(char c)
{
	return (c & 0x80) || word_characters[(unsigned char)c];
}

static bool is_punct(char c)
{
	return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || c == '[' || c == ']' ||
		c == '^' || c == '|' || c == '~';
}

/* Whether this character may be the tail of a longer one. */
static bool is_tail(const struct sql_lex *lex, const char *at)
{
	return !lex->ascii && ((unsigned char)at[-1] & 0x80) != 0;
}

void sql_lex_init(struct sql_lex *lex, const char *text, size_t n, unsigned flags)
{
	lex->at = text;
	lex->end = text + n;
	lex->escapes = (flags & PEL_SQL_ESCAPES) != 0;
	lex->ascii = (flags & PEL_SQL_ASCII) != 0;
}

/* Behind the comment that opens here, `at` itself if none does; NULL if it is not surely one. */
static const char *skip_comment(const struct sql_lex *lex, const char *at)
{
	size_t left = (size_t)(lex->end - at);
	const char *end;

	if (*at == '#' ||
		(left >= 2 && memcmp(at, "--", 2) == 0 && (left == 2 || is_space(at[2])))) {
		end = memchr(at, '\n', left);
		return end ? end + 1 : lex->end;
	}
	if (left < 2 || memcmp(at, "/*", 2) != 0)
		return at;
	if (left > 2 && (at[2] == '!' || at[2] == '+'))
		return NULL;
	if (left > 3 && at[2] == 'M' && at[3] == '!')
		return NULL;
	end = memmem(at + 2, left - 2, "*/", 2);
	return end ? end + 2 : NULL;
}

/* Moves behind white space and comments; false where they cannot be understood. */
static bool skip_blank(struct sql_lex *lex)
{
	while (lex->at < lex->end) {
		const char *at = lex->at;

		at = is_space(*at) ? at + 1 : skip_comment(lex, at);
		if (!at)
			return false;
		if (at == lex->at)
			break;
		lex->at = at;
	}
	return true;
}

/* Moves behind the string or name that opens here; false if it has no certain end. */
static bool skip_quoted(struct sql_lex *lex)
{
	const char quote = *lex->at, *at = lex->at + 1, *end, *back;

	while ((end = memchr(at, quote, (size_t)(lex->end - at))) != NULL) {
		back = quote == '`' ? NULL : memchr(at, '\\', (size_t)(end - at));
		if (back) {
			if (is_tail(lex, back))
				return false;
			if ((back[1] == '\'' || back[1] == '"') && !lex->escapes)
				return false;
			at = back + 2;
			continue;
		}
		if (quote == '`' && is_tail(lex, end))
			return false;
		if (end + 1 == lex->end || end[1] != quote) {
			lex->at = end + 1;
			return true;
		}
		at = end + 2;
	}
	return false;
}

/* Moves behind the token that begins here; SQL_BAD, without moving, if it is none. */
static enum sql_kind take(struct sql_lex *lex)
{
	char c = *lex->at;

	if (is_word(c)) {
		while (lex->at < lex->end && is_word(*lex->at))
			lex->at++;
		return SQL_WORD;
	}
	if (c == '\'' || c == '"' || c == '`') {
		if (!skip_quoted(lex))
			return SQL_BAD;
		return c == '`' ? SQL_NAME : SQL_STRING;
	}
	if (!is_punct(c))
		return SQL_BAD;
	lex->at++;
	if (c != '@' || lex->at == lex->end || *lex->at != '@')
		return SQL_PUNCT;
	lex->at++;
	return SQL_SYS_VAR;
}

struct sql_token sql_lex_next(struct sql_lex *lex)
{
	const char *before = lex->at;
	struct sql_token token = {.kind = SQL_BAD, .text.at = before};

	if (!skip_blank(lex))
		return token;
	token.spaced = lex->at != before;
	token.text.at = lex->at;
	token.kind = lex->at == lex->end ? SQL_END : take(lex);
	token.text.n = (size_t)(lex->at - token.text.at);
	if (token.kind == SQL_PUNCT)
		token.punct = *token.text.at;
	return token;
}

struct sql_token sql_lex_peek(const struct sql_lex *lex)
{
	struct sql_lex copy = *lex;

	return sql_lex_next(&copy);
}

bool sql_take_words(struct sql_lex *lex, const char *words)
{
	struct sql_lex copy = *lex;

	while (*words) {
		struct sql_token token = sql_lex_next(&copy);
		size_t n = strcspn(words, " ");

		if (!sql_is_word_n(&token, words, n))
			return false;
		words += n + (words[n] == ' ');
	}
	*lex = copy;
	return true;
}

bool sql_take_punct(struct sql_lex *lex, char c)
{
	struct sql_token token = sql_lex_peek(lex);

	if (!sql_is_punct(&token, c))
		return false;
	(void)sql_lex_next(lex);
	return true;
}
