/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of a statement, and the lists of words by which it is judged. */
#ifndef PELORUS_LIB_COMMON_SQL_LEX_H
#define PELORUS_LIB_COMMON_SQL_LEX_H

#include "sql_plain.h"

#include <string.h>

enum sql_kind {
	SQL_END,
	SQL_BAD,     /* cannot be understood, or the server executes what looks like a comment */
	SQL_WORD,    /* an identifier, a keyword, or a run of digits */
	SQL_NAME,    /* `quoted` */
	SQL_STRING,  /* 'text' or "text" (under ANSI_QUOTES a name) */
	SQL_PUNCT,   /* one character */
	SQL_SYS_VAR, /* @@ */
};

struct sql_token {
	enum sql_kind kind;
	char punct;  /* SQL_PUNCT: the character */
	bool spaced; /* white space or a comment came before it */
	struct pel_sql_span text;
};

struct sql_lex {
	const char *at;
	const char *end;
	bool escapes; /* a backslash in a string surely escapes */
	bool ascii;   /* a byte below 128 is surely a character of its own */
};

void sql_lex_init(struct sql_lex *lex, const char *text, size_t n, unsigned flags);

/* The next token; after SQL_END or SQL_BAD, the same again. */
struct sql_token sql_lex_next(struct sql_lex *lex);

/* The next token, without taking it. */
struct sql_token sql_lex_peek(const struct sql_lex *lex);

/* Moves behind these lower-case words, separated by spaces, if the statement goes on with them. */
bool sql_take_words(struct sql_lex *lex, const char *words);

bool sql_take_punct(struct sql_lex *lex, char c);

/* The first `n` letters of `lower` in any case. */
static inline bool sql_is_word_n(const struct sql_token *token, const char *lower, size_t n)
{
	if (token->kind != SQL_WORD || token->text.n != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = token->text.at[i];

		if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != lower[i])
			return false;
	}
	return true;
}

static inline bool sql_is_word(const struct sql_token *token, const char *lower)
{
	return sql_is_word_n(token, lower, strlen(lower));
}

static inline bool sql_is_punct(const struct sql_token *token, char c)
{
	return token->kind == SQL_PUNCT && token->punct == c;
}

/* How a word may stand before an opening parenthesis. */
enum sql_call {
	SQL_CALL_UNKNOWN, /* a stored or loadable function, or one with effects */
	SQL_CALL_KEYWORD, /* reserved: a parenthesis behind it is no call, or a harmless one */
	SQL_CALL_PURE,    /* a built-in function without effects, if no space is in between */
	SQL_CALL_PEEK,    /* asks for what this session holds, if it has no argument */
};
enum sql_call sql_word_call(struct pel_sql_span word);

/* The listed spelling of a session variable that may be set and restored; NULL if it is none. */
const char *sql_word_setting(struct pel_sql_span word);

/* True for a system variable whose value does not depend on what the session did before. */
bool sql_word_is_readable(struct pel_sql_span word);

#endif
