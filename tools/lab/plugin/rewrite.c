/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table becomes JSON_TABLE(), which gives the columns the names and types of the original;
 * @@innodb_read_only becomes @@read_only under its own name; SHOW VARIABLES becomes what the server
 * itself makes of it, but for that one value.  What stands in quotes or in comments is left alone.
 */
#include "rewrite.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name, *columns;
	unsigned n;
} tables[LAB_TABLES] = {
	[LAB_REPLICA_HOST_STATUS] = {"replica_host_status",
		"SERVER_ID VARCHAR(100) PATH '$[0]', SESSION_ID VARCHAR(100) PATH '$[1]',"
		" IS_CURRENT TINYINT PATH '$[2]', CPU DOUBLE PATH '$[3]',"
		" LAST_UPDATE_TIMESTAMP DATETIME(6) PATH '$[4]',"
		" REPLICA_LAG_IN_MILLISECONDS DOUBLE PATH '$[5]'",
		6},
	[LAB_GLOBAL_INSTANCE_STATUS] = {"aurora_global_db_instance_status",
		"SERVER_ID VARCHAR(100) PATH '$[0]', SESSION_ID VARCHAR(100) PATH '$[1]',"
		" AWS_REGION VARCHAR(100) PATH '$[2]', VISIBILITY_LAG_IN_MSEC DOUBLE PATH '$[3]'",
		4},
};

/* What may follow a table that has no other name, or an expression of a list that has none. */
static const char *const clauses[] = {"WHERE", "ORDER", "GROUP", "HAVING", "LIMIT", "JOIN", "LEFT",
	"RIGHT", "INNER", "CROSS", "NATURAL", "STRAIGHT_JOIN", "ON", "USING", "UNION", "EXCEPT",
	"INTERSECT", "FOR", "INTO", "WINDOW", "FROM"};

enum token {
	SPACE, /* comments, too */
	QUOTED,
	WORD, /* a name or a number, with its @@ */
	MARK,
};

struct scan {
	const char *at, *end;
	char *(*rows)(unsigned table);
	FILE *out;
	char *made;
	size_t made_n;
	const char *copied; /* up to where the text is in what was made */
	bool in_list;       /* of a SELECT, at its depth */
	bool in_turn;       /* a new expression of it begins here */
	bool at_start;      /* of a statement */
	int depth, list_depth;
	bool has_marker;
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || c == '@' || (c & 0x80);
}

static bool is(const char *token, const char *end, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(end - token) == n && strncasecmp(token, word, n) == 0;
}

/* The end of a line, of a comment, of what is quoted. */
static const char *past(const char *at, const char *end, const char *closing)
{
	size_t n = strlen(closing);

	for (; at < end; at++)
		if ((size_t)(end - at) >= n && memcmp(at, closing, n) == 0)
			return at + n;
	return end;
}

static const char *past_quoted(const char *at, const char *end)
{
	char quote = *at++;

	while (at < end && *at != quote)
		at += *at == '\\' && quote != '`' && at + 1 < end ? 2 : 1;
	return at < end ? at + 1 : end;
}

/* The end of the token that begins here. */
static const char *next(const char *at, const char *end, enum token *kind)
{
	*kind = SPACE;
	if (isspace((unsigned char)*at))
		return at + 1;
	if (*at == '#' ||
		(end - at > 2 && at[0] == '-' && at[1] == '-' && isspace((unsigned char)at[2])))
		return past(at, end, "\n");
	if (end - at > 2 && at[0] == '/' && at[1] == '*' && at[2] != '!' && at[2] != '+')
		return past(at + 2, end, "*/");
	*kind = *at == '`' || *at == '\'' || *at == '"' ? QUOTED : is_word(*at) ? WORD : MARK;
	if (*kind == QUOTED)
		return past_quoted(at, end);
	at++;
	while (*kind == WORD && at < end && is_word(*at))
		at++;
	return at;
}

/* The beginning of the next token that says something. */
static const char *skip(const char *at, const char *end)
{
	enum token kind = SPACE;
	const char *begin = at;

	while (at < end && kind == SPACE) {
		begin = at;
		at = next(at, end, &kind);
	}
	return kind == SPACE ? end : begin;
}

/* Behind this name, in backquotes or not, or NULL. */
static const char *past_name(const char *at, const char *end, const char *name)
{
	enum token kind;
	const char *to;

	at = skip(at, end);
	if (at == end)
		return NULL;
	to = next(at, end, &kind);
	return is(at, to, name) || (*at == '`' && is(at + 1, to - 1, name)) ? to : NULL;
}

static const char *past_mark(const char *at, const char *end, char mark)
{
	at = skip(at, end);
	return at < end && *at == mark ? at + 1 : NULL;
}

/* Whether what follows is no name of its own for what stands before. */
static bool is_nameless(const char *at, const char *end)
{
	enum token kind;
	const char *to;

	at = skip(at, end);
	if (at == end || strchr(",);", *at))
		return true;
	to = next(at, end, &kind);
	for (size_t i = 0; i < sizeof(clauses) / sizeof(*clauses); i++)
		if (is(at, to, clauses[i]))
			return true;
	return false;
}

/* All that stands before `to` is in what was made, from now on. */
static FILE *replace(struct scan *s, const char *from, const char *to)
{
	if (!s->out)
		s->out = open_memstream(&s->made, &s->made_n);
	if (s->out)
		fwrite(s->copied, 1, from - s->copied, s->out);
	s->copied = s->at = to;
	return s->out;
}

/* One line as an array of JSON, unless it has other fields or what would have to be escaped. */
static bool put_row(FILE *out, const char *line, size_t size, unsigned n_wanted, bool is_first)
{
	unsigned n = 1;

	for (size_t i = 0; i < size; i++) {
		n += line[i] == '\t';
		if (line[i] == '\'' || line[i] == '"' || line[i] == '\\' ||
			(line[i] != '\t' && (unsigned char)line[i] < ' '))
			return false;
	}
	if (n != n_wanted)
		return false;
	fputs(is_first ? "[\"" : ",[\"", out);
	for (size_t i = 0; i < size; i++)
		if (line[i] == '\t')
			fputs("\",\"", out);
		else
			fputc(line[i], out);
	fputs("\"]", out);
	return true;
}

static void put_table(struct scan *s, unsigned table, const char *from, const char *to)
{
	FILE *out = replace(s, from, to);
	char *lines = out ? s->rows(table) : NULL;
	const char *line = lines;
	bool is_first = true;

	if (!out)
		return;
	fputs("JSON_TABLE('[", out);
	while (line && *line) {
		size_t size = strcspn(line, "\n");

		if (put_row(out, line, size, tables[table].n, is_first))
			is_first = false;
		line += size + (line[size] == '\n');
	}
	free(lines);
	fprintf(out, "]', '$[*]' COLUMNS (%s))", tables[table].columns);
	if (is_nameless(to, s->end))
		fprintf(out, " AS %s", tables[table].name);
}

/* information_schema.NAME, of a table, or before the name of one of its columns */
static bool take_table(struct scan *s)
{
	const char *from = s->at, *to = past_name(from, s->end, "information_schema");
	FILE *out;

	to = to ? past_mark(to, s->end, '.') : NULL;
	for (unsigned i = 0; to && i < LAB_TABLES; i++) {
		const char *behind = past_name(to, s->end, tables[i].name);

		if (!behind)
			continue;
		if (!past_mark(behind, s->end, '.'))
			put_table(s, i, from, behind);
		else if ((out = replace(s, from, behind)) != NULL)
			fputs(tables[i].name, out);
		return true;
	}
	return false;
}

static bool take_variable(struct scan *s)
{
	const char *from = s->at, *to = past_name(from, s->end, "@@innodb_read_only");
	bool needs_name;
	FILE *out;

	if (!to) {
		to = past_name(from, s->end, "@@global");
		to = to ? past_mark(to, s->end, '.') : NULL;
		to = to ? past_name(to, s->end, "innodb_read_only") : NULL;
	}
	if (!to || *from == '`')
		return false;
	needs_name =
		s->in_list && s->in_turn && s->depth == s->list_depth && is_nameless(to, s->end);
	out = replace(s, from, to);
	if (out)
		fputs("@@global.read_only", out);
	if (out && needs_name)
		fprintf(out, " AS `%.*s`", (int)(to - from), from);
	return true;
}

/* SHOW [GLOBAL | SESSION | LOCAL] VARIABLES [LIKE TEXT | WHERE CONDITION] */
static bool take_show(struct scan *s)
{
	const char *from = s->at, *show = past_name(from, s->end, "SHOW"), *global, *own, *to;
	const char *of;
	FILE *out;

	if (!show)
		return false;
	global = past_name(show, s->end, "GLOBAL");
	own = past_name(show, s->end, "SESSION");
	if (!own)
		own = past_name(show, s->end, "LOCAL");
	to = past_name(global ? global : own ? own : show, s->end, "VARIABLES");
	if (!to || !(out = replace(s, from, to)))
		return false;
	of = global ? "global" : "session";
	fprintf(out,
		"SELECT * FROM (SELECT VARIABLE_NAME AS Variable_name, IF(VARIABLE_NAME ="
		" 'innodb_read_only', IF(@@global.read_only, 'ON', 'OFF'), VARIABLE_VALUE) AS Value"
		" FROM performance_schema.%s_variables) AS %s_variables%s",
		of, of, past_name(to, s->end, "LIKE") ? " WHERE Variable_name" : "");
	return true;
}

/* What the token says of those that follow. */
static void note(struct scan *s, const char *from, const char *to)
{
	s->at_start = *from == ';';
	s->in_turn = s->in_list && s->depth == s->list_depth && *from == ',';
	s->depth += (*from == '(') - (*from == ')');
	s->has_marker |= *from == '?';
	if (is(from, to, "SELECT")) {
		s->in_list = s->in_turn = true;
		s->list_depth = s->depth;
	} else if (is(from, to, "FROM")) {
		s->in_list = false;
	}
}

char *lab_rewrite(const char *text, size_t size, char *(*rows)(unsigned table), bool *has_marker)
{
	struct scan s = {.at = text,
		.end = text + size,
		.rows = rows,
		.copied = text,
		.at_start = true};

	while (s.at < s.end) {
		enum token kind;
		const char *from = s.at, *to = next(from, s.end, &kind);

		if (kind == SPACE) {
			s.at = to;
			continue;
		}
		if ((s.at_start && take_show(&s)) || take_table(&s) || take_variable(&s)) {
			s.at_start = s.in_turn = false;
			continue;
		}
		note(&s, from, to);
		s.at = to;
	}
	*has_marker = s.has_marker;
	if (!s.out)
		return NULL;
	fwrite(s.copied, 1, s.end - s.copied, s.out);
	if (fclose(s.out) == 0)
		return s.made;
	free(s.made);
	return NULL;
}
