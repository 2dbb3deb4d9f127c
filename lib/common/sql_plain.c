/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a statement may leave in its session.
 *
 * The verb decides how a statement is read; the body of a query is not parsed, only searched for
 * whatever has effects beyond its rows: variables, INTO, locks, sequences, calls of functions that
 * are not listed.  Since a call needs a parenthesis, each one is judged by what stands before it.
 */
#include "sql_lex.h"

#include <string.h>

struct scan {
	struct sql_lex lex;
	bool locks; /* FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE */
	bool peeks;
};

static bool is_end(struct scan *scan, const struct sql_token *token)
{
	if (sql_is_punct(token, ';'))
		return sql_lex_next(&scan->lex).kind == SQL_END;
	return token->kind == SQL_END;
}

/* A parenthesis opens behind `word`; false if that may be a call with effects. */
static bool judge_call(struct scan *scan, const struct sql_token *before,
	const struct sql_token *word, const struct sql_token *paren)
{
	struct sql_token inner;

	if (sql_is_punct(before, '.'))
		return false;
	switch (sql_word_call(word->text)) {
	case SQL_CALL_KEYWORD:
		return true;
	case SQL_CALL_PURE:
		return !paren->spaced;
	case SQL_CALL_PEEK:
		if (paren->spaced)
			return false;
		(void)sql_lex_next(&scan->lex);
		inner = sql_lex_peek(&scan->lex);
		scan->peeks = true;
		return sql_is_punct(&inner, ')') || sql_is_word(word, "lastval");
	case SQL_CALL_UNKNOWN:
		break;
	}
	return false;
}

/* A word in the body; false if it may have effects. */
static bool judge_word(struct scan *scan, const struct sql_token *before,
	const struct sql_token *word)
{
	struct sql_token next = sql_lex_peek(&scan->lex);

	if (sql_is_punct(&next, '('))
		return judge_call(scan, before, word, &next);
	if (sql_is_punct(before, '.'))
		return true;
	if (sql_is_word(word, "into") || sql_is_word(word, "procedure"))
		return false;
	if (sql_is_word(word, "next") || sql_is_word(word, "previous"))
		return !sql_is_word(&next, "value");
	if (sql_is_word(word, "for"))
		scan->locks |= sql_is_word(&next, "update") || sql_is_word(&next, "share");
	else if (sql_is_word(word, "lock"))
		scan->locks |= sql_is_word(&next, "in");
	return true;
}

/* @@name, @@session.name, @@global.name */
static bool judge_system_variable(struct scan *scan)
{
	struct sql_token name = sql_lex_next(&scan->lex), dot = sql_lex_peek(&scan->lex);

	if (name.spaced || name.kind != SQL_WORD)
		return false;
	if (sql_is_punct(&dot, '.')) {
		if (!sql_is_word(&name, "session") && !sql_is_word(&name, "global") &&
			!sql_is_word(&name, "local"))
			return false;
		(void)sql_lex_next(&scan->lex);
		name = sql_lex_next(&scan->lex);
	}
	return name.kind == SQL_WORD && sql_word_is_readable(name.text);
}

/* The rest of a statement, behind `before`; false if it may leave something in the session. */
static bool judge_body(struct scan *scan, struct sql_token before)
{
	for (;;) {
		struct sql_token token = sql_lex_next(&scan->lex), next;

		switch (token.kind) {
		case SQL_WORD:
			if (!judge_word(scan, &before, &token))
				return false;
			break;
		case SQL_NAME:
		case SQL_STRING:
		case SQL_NUMBER:
			next = sql_lex_peek(&scan->lex);
			if (sql_is_punct(&next, '('))
				return false;
			break;
		case SQL_SYS_VAR:
			if (!judge_system_variable(scan))
				return false;
			break;
		case SQL_PUNCT:
			if (token.punct == ';')
				return is_end(scan, &token);
			break;
		case SQL_END:
			return true;
		case SQL_USER_VAR:
		case SQL_BAD:
			return false;
		}
		before = token;
	}
}

/* INSERT and REPLACE: up to the list of columns, whose parenthesis is no call. */
static bool judge_insert(struct scan *scan)
{
	static const char *const modifiers[] = {"low_priority", "high_priority", "ignore", "into"};
	struct sql_token token = sql_lex_next(&scan->lex), next;

	for (size_t i = 0; i < sizeof(modifiers) / sizeof(*modifiers); i++) {
		if (sql_is_word(&token, modifiers[i]))
			token = sql_lex_next(&scan->lex);
	}
	for (;;) {
		if (token.kind != SQL_WORD && token.kind != SQL_NAME)
			return false;
		next = sql_lex_peek(&scan->lex);
		if (!sql_is_punct(&next, '.'))
			break;
		(void)sql_lex_next(&scan->lex);
		token = sql_lex_next(&scan->lex);
	}
	if (sql_is_punct(&next, '('))
		token = sql_lex_next(&scan->lex);
	return judge_body(scan, token);
}

static enum sql_kind peek_kind(const struct scan *scan)
{
	return sql_lex_peek(&scan->lex).kind;
}

static enum pel_sql_class class_select(struct scan *scan, const struct sql_token *verb)
{
	if (peek_kind(scan) == SQL_END || !judge_body(scan, *verb))
		return PEL_SQL_DIRTY;
	if (scan->locks)
		return PEL_SQL_WRITE;
	return scan->peeks ? PEL_SQL_PEEK : PEL_SQL_READ;
}

static enum pel_sql_class class_change(struct scan *scan, const struct sql_token *verb)
{
	bool insert = sql_is_word(verb, "insert") || sql_is_word(verb, "replace");

	if (peek_kind(scan) == SQL_END)
		return PEL_SQL_DIRTY;
	if (!(insert ? judge_insert(scan) : judge_body(scan, *verb)))
		return PEL_SQL_DIRTY;
	return scan->peeks ? PEL_SQL_PEEK : PEL_SQL_WRITE;
}

/* Moves behind the parenthesis that closes the one just taken, judging what is inside. */
static bool skip_parens(struct scan *scan, struct sql_token before)
{
	struct scan inner = *scan;
	unsigned depth = 1;

	while (depth > 0) {
		struct sql_token token = sql_lex_next(&scan->lex);

		if (token.kind == SQL_END || token.kind == SQL_BAD)
			return false;
		depth += sql_is_punct(&token, '(');
		depth -= sql_is_punct(&token, ')');
	}
	inner.lex.end = scan->lex.at - 1;
	if (!judge_body(&inner, before))
		return false;
	scan->locks |= inner.locks;
	scan->peeks |= inner.peeks;
	return true;
}

/* WITH [RECURSIVE] name AS (query) [, ...] and then SELECT; other verbs are not understood. */
static enum pel_sql_class class_with(struct scan *scan, const struct sql_token *verb)
{
	struct sql_token token = sql_lex_next(&scan->lex);

	if (sql_is_word(&token, "recursive"))
		token = sql_lex_next(&scan->lex);
	for (;;) {
		struct sql_token as = sql_lex_next(&scan->lex), paren;

		if ((token.kind != SQL_WORD && token.kind != SQL_NAME) || !sql_is_word(&as, "as"))
			return PEL_SQL_DIRTY;
		paren = sql_lex_next(&scan->lex);
		if (!sql_is_punct(&paren, '(') || !skip_parens(scan, paren))
			return PEL_SQL_DIRTY;
		token = sql_lex_next(&scan->lex);
		if (!sql_is_punct(&token, ','))
			break;
		token = sql_lex_next(&scan->lex);
	}
	return sql_is_word(&token, "select") ? class_select(scan, &token) : PEL_SQL_DIRTY;
}

/* SHOW, DESCRIBE: about the session or the schema, and nothing that could be called in them. */
static enum pel_sql_class class_show(struct scan *scan, const struct sql_token *verb)
{
	return judge_body(scan, *verb) ? PEL_SQL_PEEK : PEL_SQL_DIRTY;
}

static enum pel_sql_class class_begin(struct scan *scan, const struct sql_token *verb)
{
	struct sql_token token = sql_lex_next(&scan->lex);

	if (sql_is_word(verb, "start")) {
		if (!sql_is_word(&token, "transaction"))
			return PEL_SQL_DIRTY;
		return judge_body(scan, token) ? PEL_SQL_BEGIN : PEL_SQL_DIRTY;
	}
	if (sql_is_word(&token, "work"))
		token = sql_lex_next(&scan->lex);
	return is_end(scan, &token) ? PEL_SQL_BEGIN : PEL_SQL_DIRTY;
}

static enum pel_sql_class class_end(struct scan *scan, const struct sql_token *verb)
{
	struct sql_token token = sql_lex_next(&scan->lex);

	if (sql_is_word(&token, "work"))
		token = sql_lex_next(&scan->lex);
	if (is_end(scan, &token))
		return PEL_SQL_END;
	if (sql_is_word(verb, "rollback") && sql_is_word(&token, "to"))
		return judge_body(scan, token) ? PEL_SQL_PEEK : PEL_SQL_DIRTY;
	return PEL_SQL_DIRTY;
}

/* SAVEPOINT and RELEASE SAVEPOINT: gone with the transaction that they are in. */
static enum pel_sql_class class_savepoint(struct scan *scan, const struct sql_token *verb)
{
	struct sql_token token = sql_lex_next(&scan->lex);

	if (sql_is_word(verb, "release")) {
		if (!sql_is_word(&token, "savepoint"))
			return PEL_SQL_DIRTY;
		token = sql_lex_next(&scan->lex);
	}
	if (token.kind != SQL_WORD && token.kind != SQL_NAME)
		return PEL_SQL_DIRTY;
	token = sql_lex_next(&scan->lex);
	return is_end(scan, &token) ? PEL_SQL_PEEK : PEL_SQL_DIRTY;
}

static const struct {
	const char *verb;
	enum pel_sql_class (*read)(struct scan *scan, const struct sql_token *verb);
} verbs[] = {
	{"select", class_select},
	{"insert", class_change},
	{"update", class_change},
	{"delete", class_change},
	{"replace", class_change},
	{"with", class_with},
	{"begin", class_begin},
	{"start", class_begin},
	{"commit", class_end},
	{"rollback", class_end},
	{"savepoint", class_savepoint},
	{"release", class_savepoint},
	{"show", class_show},
	{"describe", class_show},
	{"desc", class_show},
};

static enum pel_sql_class class_settings(const char *text, size_t n, unsigned flags)
{
	struct pel_sql_setting setting;
	struct sql_lex lex;
	struct sql_token token;
	size_t at = 0;

	while (pel_sql_next_setting(text, n, flags, &at, &setting))
		;
	if (at == 0)
		return PEL_SQL_DIRTY;
	sql_lex_init(&lex, text + at, n - at, flags);
	token = sql_lex_next(&lex);
	if (sql_is_punct(&token, ';'))
		token = sql_lex_next(&lex);
	return token.kind == SQL_END ? PEL_SQL_SET : PEL_SQL_DIRTY;
}

enum pel_sql_class pel_sql_classify(const char *text, size_t n, unsigned flags)
{
	struct scan scan = {0};
	struct sql_token token;
	struct pel_sql_span name;
	bool parens = false;

	sql_lex_init(&scan.lex, text, n, flags);
	for (token = sql_lex_next(&scan.lex); sql_is_punct(&token, '('); parens = true)
		token = sql_lex_next(&scan.lex);
	if (parens && !sql_is_word(&token, "select"))
		return PEL_SQL_DIRTY;
	if (sql_is_word(&token, "set"))
		return class_settings(text, n, flags);
	if (sql_is_word(&token, "use"))
		return pel_sql_used_database(text, n, &name) ? PEL_SQL_USE : PEL_SQL_DIRTY;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (sql_is_word(&token, verbs[i].verb))
			return verbs[i].read(&scan, &token);
	}
	return PEL_SQL_DIRTY;
}
