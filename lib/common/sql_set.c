/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SET and USE: what a statement changes in the session in a way that can be done again.
 *
 * A value is one literal or one bare word; an expression could depend on the session's history.  A
 * value with a backslash is not taken: how it is read depends on the sql_mode of that moment.
 */
#include "sql_lex.h"

#include <string.h>

static bool take_word(struct sql_lex *lex, const char *word)
{
	struct sql_token token = sql_lex_peek(lex);

	if (!sql_is_word(&token, word))
		return false;
	(void)sql_lex_next(lex);
	return true;
}

static bool take_punct(struct sql_lex *lex, char c)
{
	struct sql_token token = sql_lex_peek(lex);

	if (!sql_is_punct(&token, c))
		return false;
	(void)sql_lex_next(lex);
	return true;
}

/* Whether what follows ends an assignment. */
static bool at_border(const struct sql_lex *lex)
{
	struct sql_token token = sql_lex_peek(lex);

	return token.kind == SQL_END || sql_is_punct(&token, ',') || sql_is_punct(&token, ';');
}

/* One literal, signed if a number, or one word. */
static bool take_value(struct sql_lex *lex, struct pel_sql_span *ret)
{
	struct sql_token token = sql_lex_next(lex);

	*ret = token.text;
	if (sql_is_punct(&token, '-') || sql_is_punct(&token, '+')) {
		token = sql_lex_next(lex);
		if (token.kind != SQL_NUMBER)
			return false;
		ret->n = (size_t)(token.text.at + token.text.n - ret->at);
	}
	if (token.kind != SQL_STRING && token.kind != SQL_NUMBER && token.kind != SQL_WORD)
		return false;
	return !memchr(ret->at, '\\', ret->n);
}

/* NAMES charset [COLLATE collation], CHARACTER SET charset */
static bool take_charset(struct sql_lex *lex, bool names, struct pel_sql_setting *ret)
{
	struct pel_sql_span collation;

	ret->name = names ? "names" : "character set";
	ret->is_variable = false;
	if (!take_value(lex, &ret->value))
		return false;
	if (names && take_word(lex, "collate")) {
		if (!take_value(lex, &collation))
			return false;
		ret->value.n = (size_t)(collation.at + collation.n - ret->value.at);
	}
	return at_border(lex);
}

/* SESSION TRANSACTION ...: everything up to the end, made of words and commas. */
static bool take_transaction(struct sql_lex *lex, struct pel_sql_setting *ret)
{
	struct sql_token token = sql_lex_peek(lex);

	ret->name = "session transaction";
	ret->is_variable = false;
	ret->value = token.text;
	while (token.kind == SQL_WORD || sql_is_punct(&token, ',')) {
		(void)sql_lex_next(lex);
		ret->value.n = (size_t)(token.text.at + token.text.n - ret->value.at);
		token = sql_lex_peek(lex);
	}
	return ret->value.n > 0 && at_border(lex);
}

/* [session .] name, behind @@ */
static bool take_scoped_name(struct sql_lex *lex, struct sql_token *ret)
{
	*ret = sql_lex_next(lex);
	if (!take_punct(lex, '.'))
		return true;
	if (!sql_is_word(ret, "session") && !sql_is_word(ret, "local"))
		return false;
	*ret = sql_lex_next(lex);
	return true;
}

static bool take_variable(struct sql_lex *lex, struct pel_sql_setting *ret)
{
	struct sql_token name = sql_lex_next(lex);

	if (name.kind == SQL_SYS_VAR && !take_scoped_name(lex, &name))
		return false;
	if (name.kind != SQL_WORD)
		return false;
	ret->name = sql_word_setting(name.text);
	ret->is_variable = true;
	if (!ret->name)
		return false;
	(void)take_punct(lex, ':');
	return take_punct(lex, '=') && take_value(lex, &ret->value) && at_border(lex);
}

static bool take_setting(struct sql_lex *lex, struct pel_sql_setting *ret)
{
	if (take_word(lex, "names"))
		return take_charset(lex, true, ret);
	if (take_word(lex, "charset"))
		return take_charset(lex, false, ret);
	if (take_word(lex, "character"))
		return take_word(lex, "set") && take_charset(lex, false, ret);
	if ((take_word(lex, "session") || take_word(lex, "local")) && take_word(lex, "transaction"))
		return take_transaction(lex, ret);
	return take_variable(lex, ret);
}

bool pel_sql_next_setting(const char *text, size_t n, unsigned flags, size_t *at,
	struct pel_sql_setting *ret)
{
	struct pel_sql_setting setting;
	struct sql_lex lex;

	sql_lex_init(&lex, text + *at, n - *at, flags);
	if (*at == 0 ? !take_word(&lex, "set") : !take_punct(&lex, ','))
		return false;
	if (!take_setting(&lex, &setting))
		return false;
	*ret = setting;
	*at = (size_t)(lex.at - text);
	return true;
}

bool pel_sql_used_database(const char *text, size_t n, struct pel_sql_span *ret)
{
	struct sql_token name, end;
	struct sql_lex lex;

	sql_lex_init(&lex, text, n, 0);
	if (!take_word(&lex, "use"))
		return false;
	name = sql_lex_next(&lex);
	end = sql_lex_next(&lex);
	if (sql_is_punct(&end, ';'))
		end = sql_lex_next(&lex);
	if ((name.kind != SQL_WORD && name.kind != SQL_NAME) || end.kind != SQL_END)
		return false;
	*ret = name.text;
	return true;
}
