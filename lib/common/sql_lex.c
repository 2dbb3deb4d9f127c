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

#include <string.h>

enum {
	C_OTHER = 0, /* not expected outside quotes */
	C_SPACE,
	C_WORD, /* letters, '_', '$', bytes above 127 */
	C_DIGIT,
	C_PUNCT,
	C_QUOTE, /* ' and " */
	C_TICK,
	C_AT,
	C_SLASH,
	C_HASH,
	C_MINUS,
};

/* clang-format off */
static const unsigned char classes[128] = {
	['\t'] = C_SPACE, ['\n'] = C_SPACE, ['\v'] = C_SPACE, ['\f'] = C_SPACE, ['\r'] = C_SPACE,
	[' '] = C_SPACE,
	['a'] = C_WORD, ['b'] = C_WORD, ['c'] = C_WORD, ['d'] = C_WORD, ['e'] = C_WORD,
	['f'] = C_WORD, ['g'] = C_WORD, ['h'] = C_WORD, ['i'] = C_WORD, ['j'] = C_WORD,
	['k'] = C_WORD, ['l'] = C_WORD, ['m'] = C_WORD, ['n'] = C_WORD, ['o'] = C_WORD,
	['p'] = C_WORD, ['q'] = C_WORD, ['r'] = C_WORD, ['s'] = C_WORD, ['t'] = C_WORD,
	['u'] = C_WORD, ['v'] = C_WORD, ['w'] = C_WORD, ['x'] = C_WORD, ['y'] = C_WORD,
	['z'] = C_WORD, ['A'] = C_WORD, ['B'] = C_WORD, ['C'] = C_WORD, ['D'] = C_WORD,
	['E'] = C_WORD, ['F'] = C_WORD, ['G'] = C_WORD, ['H'] = C_WORD, ['I'] = C_WORD,
	['J'] = C_WORD, ['K'] = C_WORD, ['L'] = C_WORD, ['M'] = C_WORD, ['N'] = C_WORD,
	['O'] = C_WORD, ['P'] = C_WORD, ['Q'] = C_WORD, ['R'] = C_WORD, ['S'] = C_WORD,
	['T'] = C_WORD, ['U'] = C_WORD, ['V'] = C_WORD, ['W'] = C_WORD, ['X'] = C_WORD,
	['Y'] = C_WORD, ['Z'] = C_WORD, ['_'] = C_WORD, ['$'] = C_WORD,
	['0'] = C_DIGIT, ['1'] = C_DIGIT, ['2'] = C_DIGIT, ['3'] = C_DIGIT, ['4'] = C_DIGIT,
	['5'] = C_DIGIT, ['6'] = C_DIGIT, ['7'] = C_DIGIT, ['8'] = C_DIGIT, ['9'] = C_DIGIT,
	['!'] = C_PUNCT, ['%'] = C_PUNCT, ['&'] = C_PUNCT, ['('] = C_PUNCT, [')'] = C_PUNCT,
	['*'] = C_PUNCT, ['+'] = C_PUNCT, [','] = C_PUNCT, ['.'] = C_PUNCT, [':'] = C_PUNCT,
	[';'] = C_PUNCT, ['<'] = C_PUNCT, ['='] = C_PUNCT, ['>'] = C_PUNCT, ['?'] = C_PUNCT,
	['^'] = C_PUNCT, ['|'] = C_PUNCT, ['~'] = C_PUNCT, ['['] = C_PUNCT, [']'] = C_PUNCT,
	['\''] = C_QUOTE, ['"'] = C_QUOTE,
	['`'] = C_TICK, ['@'] = C_AT, ['/'] = C_SLASH, ['#'] = C_HASH, ['-'] = C_MINUS,
};
/* clang-format on */

static unsigned class_at(const char *at)
{
	unsigned char c = (unsigned char)*at;

	return c < sizeof(classes) ? classes[c] : C_WORD;
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

/* Moves behind a comment that opens here; false if it has no end, or the server executes it. */
static bool skip_block_comment(struct sql_lex *lex)
{
	const char *at = lex->at + 2;

	if (at < lex->end && (*at == '!' || *at == '+'))
		return false;
	if (lex->end - at >= 2 && *at == 'M' && at[1] == '!')
		return false;
	for (; lex->end - at >= 2; at++) {
		if (at[0] == '*' && at[1] == '/') {
			lex->at = at + 2;
			return true;
		}
	}
	return false;
}

static void skip_line(struct sql_lex *lex)
{
	const char *feed = memchr(lex->at, '\n', (size_t)(lex->end - lex->at));

	lex->at = feed ? feed + 1 : lex->end;
}

/* White space and comments; false where they cannot be understood. */
static bool skip_blank(struct sql_lex *lex, bool *ret_spaced)
{
	*ret_spaced = false;
	for (; lex->at < lex->end; *ret_spaced = true) {
		size_t left = (size_t)(lex->end - lex->at);

		switch (class_at(lex->at)) {
		case C_SPACE:
			lex->at++;
			break;
		case C_HASH:
			skip_line(lex);
			break;
		case C_SLASH:
			if (left < 2 || lex->at[1] != '*')
				return true;
			if (!skip_block_comment(lex))
				return false;
			break;
		case C_MINUS:
			if (left < 2 || lex->at[1] != '-')
				return true;
			if (left > 2 && class_at(lex->at + 2) != C_SPACE)
				return true;
			skip_line(lex);
			break;
		default:
			return true;
		}
	}
	return true;
}

/* Moves behind the string that opens here; false if it has no certain end. */
static bool skip_string(struct sql_lex *lex)
{
	char quote = *lex->at;
	const char *at = lex->at + 1;

	for (; at < lex->end; at++) {
		if (*at == '\\') {
			if (is_tail(lex, at) || ++at == lex->end)
				return false;
			if ((*at == '\'' || *at == '"') && !lex->escapes)
				return false;
		} else if (*at == quote) {
			if (at + 1 == lex->end || at[1] != quote) {
				lex->at = at + 1;
				return true;
			}
			at++;
		}
	}
	return false;
}

static bool skip_ticked(struct sql_lex *lex)
{
	for (const char *at = lex->at + 1; at < lex->end; at++) {
		if (*at == '\0' || (*at == '`' && is_tail(lex, at)))
			return false;
		if (*at != '`')
			continue;
		if (at + 1 == lex->end || at[1] != '`') {
			lex->at = at + 1;
			return true;
		}
		at++;
	}
	return false;
}

/* A run of word characters and digits.  Hexadecimal and binary literals are words as well. */
static void skip_word(struct sql_lex *lex)
{
	while (lex->at < lex->end && (class_at(lex->at) == C_WORD || class_at(lex->at) == C_DIGIT))
		lex->at++;
}

/* Digits, a point, an exponent with its sign; or an identifier that starts with a digit. */
static enum sql_kind skip_number(struct sql_lex *lex)
{
	const char *start = lex->at;
	bool word = false;

	for (; lex->at < lex->end; lex->at++) {
		unsigned c = class_at(lex->at);
		char before = lex->at > start ? (char)(lex->at[-1] | 0x20) : 0;

		if (c == C_WORD)
			word |= (*lex->at | 0x20) != 'e';
		else if (c != C_DIGIT && *lex->at != '.' &&
			!(before == 'e' && (*lex->at == '+' || *lex->at == '-')))
			break;
	}
	return word ? SQL_WORD : SQL_NUMBER;
}

static enum sql_kind take(struct sql_lex *lex, bool *ret_punct)
{
	switch (class_at(lex->at)) {
	case C_WORD:
		skip_word(lex);
		return SQL_WORD;
	case C_DIGIT:
		return skip_number(lex);
	case C_QUOTE:
		return skip_string(lex) ? SQL_STRING : SQL_BAD;
	case C_TICK:
		return skip_ticked(lex) ? SQL_NAME : SQL_BAD;
	case C_AT:
		lex->at++;
		if (lex->at == lex->end || *lex->at != '@')
			return SQL_USER_VAR;
		lex->at++;
		return SQL_SYS_VAR;
	case C_PUNCT:
	case C_SLASH:
	case C_MINUS:
		lex->at++;
		*ret_punct = true;
		return SQL_PUNCT;
	default:
		return SQL_BAD;
	}
}

struct sql_token sql_lex_next(struct sql_lex *lex)
{
	struct sql_token token = {.kind = SQL_BAD};
	bool punct = false;

	if (!skip_blank(lex, &token.spaced))
		return token;
	token.text.at = lex->at;
	if (lex->at == lex->end)
		token.kind = SQL_END;
	else
		token.kind = take(lex, &punct);
	token.text.n = (size_t)(lex->at - token.text.at);
	if (punct)
		token.punct = *token.text.at;
	return token;
}

struct sql_token sql_lex_peek(const struct sql_lex *lex)
{
	struct sql_lex copy = *lex;

	return sql_lex_next(&copy);
}

bool sql_is_word(const struct sql_token *token, const char *lower)
{
	if (token->kind != SQL_WORD)
		return false;
	for (size_t i = 0; i < token->text.n; i++) {
		char c = token->text.at[i];

		if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != lower[i] || lower[i] == '\0')
			return false;
	}
	return lower[token->text.n] == '\0';
}

bool sql_is_punct(const struct sql_token *token, char c)
{
	return token->kind == SQL_PUNCT && token->punct == c;
}
