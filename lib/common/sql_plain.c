/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a statement may leave in its session.
 *
 * Its first words decide how it is read (`statements`).  The body of a query is not parsed, only
 * searched for whatever has effects beyond its rows: user variables, INTO, sequences, calls of
 * functions that are not listed.  Since a call needs a parenthesis, each one is judged by what
 * stands before it.
 *
 * The server is not asked.  Its session tracking (session_track_state_change,
 * session_track_transaction_info; tried with MariaDB 10.11, MySQL 9.7 and libmariadb 3.3) says
 * nothing of SELECT @a := 1 and of functions in a SELECT, for the end of a result carries no news
 * there; nothing of INSERT ... VALUES (@a := 1), GET_LOCK, LAST_INSERT_ID(5), HANDLER; and the same
 * of a SET that can be restored as of one that cannot.  It would be one more statement at each
 * connect, and these lists all the same.
 */
#include "sql_lex.h"

#include <strings.h>

enum rest {
	REST_NONE,  /* nothing may follow but a semicolon */
	REST_BODY,  /* what is judged by judge_body() */
	REST_TABLE, /* a table's name first, whose parenthesis opens a list of columns */
};

/* The positive list.  What is left in the session by a trigger or a view is not seen. */
static const struct {
	char words[20];
	enum rest rest;
	enum pel_sql_class class;
} statements[] = {
	{"select", REST_BODY, PEL_SQL_READ},
	{"insert", REST_TABLE, PEL_SQL_WRITE},
	{"update", REST_BODY, PEL_SQL_WRITE},
	{"delete", REST_BODY, PEL_SQL_WRITE},
	{"replace", REST_TABLE, PEL_SQL_WRITE},
	{"with", REST_BODY, PEL_SQL_READ},
	{"begin", REST_NONE, PEL_SQL_BEGIN},
	{"begin work", REST_NONE, PEL_SQL_BEGIN},
	{"start transaction", REST_BODY, PEL_SQL_BEGIN},
	{"commit", REST_NONE, PEL_SQL_END},
	{"commit work", REST_NONE, PEL_SQL_END},
	{"rollback", REST_NONE, PEL_SQL_END},
	{"rollback work", REST_NONE, PEL_SQL_END},
	{"rollback to", REST_BODY, PEL_SQL_PEEK},
	{"savepoint", REST_BODY, PEL_SQL_PEEK}, /* gone with the transaction that it is in */
	{"release savepoint", REST_BODY, PEL_SQL_PEEK},
	{"show", REST_BODY, PEL_SQL_PEEK},
	{"describe", REST_BODY, PEL_SQL_PEEK},
	{"desc", REST_BODY, PEL_SQL_PEEK},
};

struct scan {
	struct sql_lex lex;
	struct sql_token before, last; /* the two that were judged last */
	bool table;                    /* still before the list of columns */
	bool locks;                    /* FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE */
	bool changes;                  /* an UPDATE or DELETE, behind WITH */
	bool peeks;
};

static bool is_end(struct sql_lex *lex)
{
	(void)sql_take_punct(lex, ';');
	return sql_lex_next(lex).kind == SQL_END;
}

/* A parenthesis opens; false if that may be a call with effects. */
static bool judge_call(struct scan *scan, bool spaced)
{
	struct sql_token inner;

	if (scan->table) {
		scan->table = false;
		return true;
	}
	if (scan->last.kind == SQL_NAME || scan->last.kind == SQL_STRING)
		return false;
	if (scan->last.kind != SQL_WORD)
		return true;
	if (sql_is_punct(&scan->before, '.'))
		return false;
	switch (sql_word_call(scan->last.text)) {
	case SQL_CALL_KEYWORD:
		return true;
	case SQL_CALL_PURE:
		return !spaced;
	case SQL_CALL_PEEK:
		inner = sql_lex_peek(&scan->lex);
		scan->peeks = true;
		return !spaced &&
			(sql_is_punct(&inner, ')') || sql_is_word(&scan->last, "lastval"));
	case SQL_CALL_UNKNOWN:
		break;
	}
	return false;
}

/* The words between INSERT and the list of columns. */
static void judge_table(struct scan *scan, const struct sql_token *word)
{
	static const char ends[][8] = {"value", "values", "set", "select", "with"};

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		scan->table &= !sql_is_word(word, ends[i]);
}

/* False if the word, with the one before it, may have effects. */
static bool judge_word(struct scan *scan, const struct sql_token *word)
{
	const struct sql_token *last = &scan->last;

	if (sql_is_punct(last, '.'))
		return true;
	if (scan->table) {
		judge_table(scan, word);
		return true;
	}
	/* Most words are none of those below. */
	if (!strchr("idpsuv", *word->text.at | 0x20))
		return true;
	if (sql_is_word(word, "into") || sql_is_word(word, "procedure"))
		return false;
	if (sql_is_word(word, "value"))
		return !sql_is_word(last, "next") && !sql_is_word(last, "previous");
	if (sql_is_word(word, "update") || sql_is_word(word, "share")) {
		scan->locks |= sql_is_word(last, "for");
		scan->changes |= !sql_is_word(last, "for") && sql_is_word(word, "update");
	}
	scan->locks |= sql_is_word(word, "in") && sql_is_word(last, "lock");
	scan->changes |= sql_is_word(word, "delete");
	return true;
}

/* @@name, @@session.name, @@global.name */
static bool judge_system_variable(struct scan *scan)
{
	struct sql_token name = sql_lex_next(&scan->lex);

	if (name.spaced)
		return false;
	if (sql_take_punct(&scan->lex, '.'))
		name = sql_lex_next(&scan->lex);
	if (name.kind != SQL_WORD && name.kind != SQL_NAME)
		return false;
	scan->peeks |= !sql_word_is_readable(name.text);
	return true;
}

static bool judge_token(struct scan *scan, const struct sql_token *token)
{
	switch (token->kind) {
	case SQL_WORD:
		return judge_word(scan, token);
	case SQL_NAME:
	case SQL_STRING:
		return true;
	case SQL_SYS_VAR:
		return judge_system_variable(scan);
	case SQL_PUNCT:
		return token->punct == '(' ? judge_call(scan, token->spaced) : token->punct != '@';
	case SQL_END:
	case SQL_BAD:
		break;
	}
	return false;
}

/* The rest of a statement; false if it may leave something in the session. */
static bool judge_body(struct scan *scan)
{
	for (;;) {
		struct sql_token token = sql_lex_next(&scan->lex);

		if (token.kind == SQL_END)
			return true;
		if (sql_is_punct(&token, ';'))
			return sql_lex_next(&scan->lex).kind == SQL_END;
		if (!judge_token(scan, &token))
			return false;
		scan->before = scan->last;
		scan->last = token;
	}
}

static enum pel_sql_class judge(struct sql_lex lex, enum rest rest, enum pel_sql_class class)
{
	struct scan scan = {.lex = lex, .table = rest == REST_TABLE};

	if (rest == REST_NONE)
		return is_end(&scan.lex) ? class : PEL_SQL_DIRTY;
	if (!judge_body(&scan) || (class == PEL_SQL_READ && scan.changes))
		return PEL_SQL_DIRTY;
	if (scan.peeks)
		return PEL_SQL_PEEK;
	return class == PEL_SQL_READ && scan.locks ? PEL_SQL_WRITE : class;
}

static enum pel_sql_class judge_settings(const char *text, size_t n, unsigned flags)
{
	struct pel_sql_setting setting;
	struct sql_lex lex;
	size_t at = 0;

	while (pel_sql_next_setting(text, n, flags, &at, &setting))
		;
	sql_lex_init(&lex, text + at, n - at, flags);
	return at > 0 && is_end(&lex) ? PEL_SQL_SET : PEL_SQL_DIRTY;
}

enum pel_sql_class pel_sql_classify(const char *text, size_t n, unsigned flags)
{
	struct pel_sql_span name;
	struct sql_lex lex, behind;
	bool parens = false;

	sql_lex_init(&lex, text, n, flags);
	while (sql_take_punct(&lex, '('))
		parens = true;
	for (size_t i = 0; i < (parens ? 1 : sizeof(statements) / sizeof(*statements)); i++) {
		enum pel_sql_class class;

		behind = lex;
		if (!sql_take_words(&behind, statements[i].words))
			continue;
		class = judge(behind, statements[i].rest, statements[i].class);
		if (class != PEL_SQL_DIRTY)
			return class;
	}
	if (sql_take_words(&lex, "set"))
		return parens ? PEL_SQL_DIRTY : judge_settings(text, n, flags);
	return pel_sql_used_database(text, n, &name) ? PEL_SQL_USE : PEL_SQL_DIRTY;
}

static bool is_query(const char *text)
{
	static const char verbs[][8] = {"select ", "insert ", "update ", "delete ", "replace"};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if ((*text | 0x20) == *verbs[i] && strncasecmp(text, verbs[i], 7) == 0)
			return true;
	}
	return false;
}

bool pel_sql_is_harmless(const char *text, size_t n)
{
	enum pel_sql_class class;

	if (n < 7 || !is_query(text))
		return false;
	if (!memchr(text, '(', n) && !memchr(text, '@', n) && !memchr(text, ';', n))
		return true;
	class = pel_sql_classify(text, n, 0);
	return class == PEL_SQL_READ || class == PEL_SQL_WRITE || class == PEL_SQL_PEEK;
}

/*
 * A value is made of literals and bare words, up to the end of the assignment; anything else could
 * depend on the session's history.  One with a backslash is not taken: how it is read depends on
 * the sql_mode of that moment.
 */
static bool take_value(struct sql_lex *lex, struct pel_sql_span *ret)
{
	struct sql_token token = sql_lex_peek(lex);

	*ret = (struct pel_sql_span){token.text.at, 0};
	while (token.kind == SQL_WORD || token.kind == SQL_STRING ||
		(token.kind == SQL_PUNCT && strchr(".+-", token.punct))) {
		lex->at = token.text.at + token.text.n;
		ret->n = (size_t)(lex->at - ret->at);
		token = sql_lex_peek(lex);
	}
	if (token.kind != SQL_END && !sql_is_punct(&token, ',') && !sql_is_punct(&token, ';'))
		return false;
	return ret->n > 0 && !memchr(ret->at, '\\', ret->n);
}

/* [@@] [SESSION] name =, in each way that it can be written */
static bool take_variable(struct sql_lex *lex, struct pel_sql_setting *ret)
{
	struct sql_token name = sql_lex_peek(lex);
	bool at = name.kind == SQL_SYS_VAR, scoped;

	if (at)
		(void)sql_lex_next(lex);
	scoped = sql_take_words(lex, "session") || sql_take_words(lex, "local");
	if (scoped && at && !sql_take_punct(lex, '.'))
		return false;
	name = sql_lex_next(lex);
	if (name.kind != SQL_WORD)
		return false;
	ret->name = sql_word_setting(name.text);
	ret->is_variable = true;
	(void)sql_take_punct(lex, ':');
	/* Such a one is the next transaction's alone. */
	if (at && !scoped && ret->name &&
		(strncmp(ret->name, "tx_", 3) == 0 || strncmp(ret->name, "transaction_", 12) == 0))
		return false;
	return ret->name && sql_take_punct(lex, '=');
}

static bool take_setting(struct sql_lex *lex, struct pel_sql_setting *ret)
{
	ret->is_variable = false;
	if (sql_take_words(lex, "names")) {
		ret->name = "names";
	} else if (sql_take_words(lex, "charset") || sql_take_words(lex, "character set")) {
		ret->name = "character set";
	} else if (sql_take_words(lex, "session transaction isolation level") ||
		sql_take_words(lex, "local transaction isolation level")) {
		ret->name = "session transaction isolation level";
	} else if (sql_take_words(lex, "session transaction read") ||
		sql_take_words(lex, "local transaction read")) {
		ret->name = "session transaction read";
	} else if (!take_variable(lex, ret)) {
		return false;
	}
	return take_value(lex, &ret->value);
}

bool pel_sql_next_setting(const char *text, size_t n, unsigned flags, size_t *at,
	struct pel_sql_setting *ret)
{
	struct pel_sql_setting setting;
	struct sql_lex lex;

	sql_lex_init(&lex, text + *at, n - *at, flags);
	if (*at == 0 ? !sql_take_words(&lex, "set") : !sql_take_punct(&lex, ','))
		return false;
	if (!take_setting(&lex, &setting))
		return false;
	*ret = setting;
	*at = (size_t)(lex.at - text);
	return true;
}

bool pel_sql_used_database(const char *text, size_t n, struct pel_sql_span *ret)
{
	struct sql_token name;
	struct sql_lex lex;

	sql_lex_init(&lex, text, n, 0);
	if (!sql_take_words(&lex, "use"))
		return false;
	name = sql_lex_next(&lex);
	if ((name.kind != SQL_WORD && name.kind != SQL_NAME) || !is_end(&lex))
		return false;
	*ret = name.text;
	return true;
}
