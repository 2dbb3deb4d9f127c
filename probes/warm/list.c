/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of a warm-up: split from text, and only those that are plain reads. */
#include "list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How the session is set up: sql_mode is empty, the character set is utf8mb4. */
#define FLAGS (PEL_SQL_ESCAPES | PEL_SQL_ASCII)
#define DATABASES_MAX 64

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool has(const char *text, size_t n, size_t at, const char *word)
{
	size_t length = strlen(word);

	return n - at >= length && memcmp(text + at, word, length) == 0;
}

static size_t line_end(const char *text, size_t n, size_t at)
{
	const char *end = memchr(text + at, '\n', n - at);

	return end ? (size_t)(end - text) : n;
}

/* Behind the comment that begins here, or `at` itself if none does. */
static size_t skip_comment(const char *text, size_t n, size_t at)
{
	const char *end;

	if (text[at] == '#' ||
		(has(text, n, at, "--") && (n - at == 2 || (unsigned char)text[at + 2] <= ' ')))
		return line_end(text, n, at);
	if (!has(text, n, at, "/*"))
		return at;
	end = memmem(text + at + 2, n - at - 2, "*/", 2);
	return end ? (size_t)(end - text) + 2 : n;
}

static bool is_executed(const char *text, size_t n, size_t at)
{
	return has(text, n, at, "/*!") || has(text, n, at, "/*M!") || has(text, n, at, "/*+");
}

/* Behind the string or quoted name that begins here; a doubled quote is two strings in a row. */
static size_t skip_quoted(const char *text, size_t n, size_t at)
{
	char quote = text[at++];

	while (at < n && text[at] != quote)
		at += text[at] == '\\' && quote != '`' ? 2 : 1;
	return at < n ? at + 1 : n;
}

/* Where the statement ends that begins here, or goes on here. */
static size_t statement_end(const char *text, size_t n, bool lines, size_t at)
{
	while (at < n && text[at] != ';' && !(lines && text[at] == '\n')) {
		size_t behind = skip_comment(text, n, at);

		if (behind > at)
			at = behind;
		else if (text[at] == '\'' || text[at] == '"' || text[at] == '`')
			at = skip_quoted(text, n, at);
		else
			at++;
	}
	return at;
}

static size_t skip_nothings(const char *text, size_t n, size_t at)
{
	while (at < n) {
		size_t behind = is_executed(text, n, at) ? at : skip_comment(text, n, at);

		if (behind == at && !is_blank(text[at]) && text[at] != ';')
			return at;
		at = behind > at ? behind : at + 1;
	}
	return at;
}

bool warm_split(const char *text, size_t n, bool lines, size_t *at, struct pel_sql_span *ret)
{
	size_t begin = skip_nothings(text, n, *at), end = statement_end(text, n, lines, begin);

	*at = end;
	if (begin == n)
		return false;
	while (end > begin && is_blank(text[end - 1]))
		end--;
	*ret = (struct pel_sql_span){.at = text + begin, .n = end - begin};
	return true;
}

void warm_list_init(struct warm_list *list, unsigned limit)
{
	*list = (struct warm_list){.limit = limit};
}

void warm_list_deinit(struct warm_list *list)
{
	for (unsigned i = 0; i < list->n; i++)
		free(list->statements[i].text);
	free(list->statements);
	free(list->databases);
	*list = (struct warm_list){.limit = list->limit};
}

/* The number of a database, counted from 1; 0 for none, -ENOSPC for one too many or too long. */
static int database_put(struct warm_list *list, const char *name, size_t n)
{
	void *grown;

	if (n == 0)
		return 0;
	for (unsigned i = 0; i < list->n_databases; i++) {
		if (strlen(list->databases[i]) == n && memcmp(list->databases[i], name, n) == 0)
			return (int)i + 1;
	}
	if (n >= WARM_DATABASE_MAX || list->n_databases == DATABASES_MAX)
		return -ENOSPC;
	grown = realloc(list->databases, (list->n_databases + 1) * sizeof(*list->databases));
	if (!grown)
		return -ENOMEM;
	list->databases = grown;
	memcpy(list->databases[list->n_databases], name, n);
	list->databases[list->n_databases][n] = '\0';
	return (int)++list->n_databases;
}

static int statement_put(struct warm_list *list, const char *text, size_t n, unsigned database)
{
	struct warm_statement *grown;
	char *copy;

	if (list->n == list->limit)
		return 0;
	if (n > WARM_STATEMENT_MAX || pel_sql_classify(text, n, FLAGS) != PEL_SQL_READ) {
		list->refused++;
		return 0;
	}
	grown = realloc(list->statements, (list->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->statements = grown;
	copy = malloc(n + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, n);
	copy[n] = '\0';
	list->statements[list->n++] =
		(struct warm_statement){.text = copy, .n = n, .database = database};
	return 0;
}

static bool has_semicolon(const char *text, size_t n)
{
	return statement_end(text, n, false, 0) < n;
}

int warm_list_parse(struct warm_list *list, const char *text, size_t n)
{
	struct pel_sql_span statement, name;
	size_t at = has(text, n, 0, "\xef\xbb\xbf") ? 3 : 0;
	bool lines = !has_semicolon(text + at, n - at);
	int database = 0, r = 0;

	while (r >= 0 && list->n < list->limit && warm_split(text, n, lines, &at, &statement)) {
		if (!pel_sql_used_database(statement.at, statement.n, &name)) {
			r = statement_put(list, statement.at, statement.n, (unsigned)database);
			continue;
		}
		r = database_put(list, name.at, name.n);
		database = r < 0 ? 0 : r;
		list->refused += r == -ENOSPC;
		r = r == -ENOSPC ? 0 : r;
	}
	return r < 0 ? r : 0;
}

int warm_list_add(struct warm_list *list, const char *text, size_t n, const char *database)
{
	char quoted[WARM_DATABASE_MAX];
	size_t length = 0;
	int r;

	for (const char *c = database ? database : ""; *c; c++) {
		if (length == 0)
			quoted[length++] = '`';
		if (length + 3 >= sizeof(quoted)) {
			list->refused++;
			return 0;
		}
		if (*c == '`')
			quoted[length++] = '`';
		quoted[length++] = *c;
	}
	if (length)
		quoted[length++] = '`';
	r = database_put(list, quoted, length);
	if (r >= 0)
		return statement_put(list, text, n, (unsigned)r);
	list->refused += r == -ENOSPC;
	return r == -ENOSPC ? 0 : r;
}
