/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings are kept as the statements that make them, the last one of each name, in the order in
 * which they were last made: SET NAMES and its parts override each other.
 */
#include "session.h"

#include <string.h>
#include <strings.h>

void session_init(struct session *s)
{
	s->dirty = s->transaction = s->autocommit = false;
	s->used = 0;
}

const char *session_next(const struct session *s, const char *before)
{
	const char *next = before ? before + strlen(before) + 1 : s->settings;

	return next < s->settings + s->used ? next : NULL;
}

/* Removes the statement that begins like this one, if there is one. */
static void forget(struct session *s, const char *start, size_t n)
{
	for (const char *at = session_next(s, NULL); at; at = session_next(s, at)) {
		size_t from = (size_t)(at - s->settings), length = strlen(at) + 1;

		if (strncmp(at, start, n) != 0)
			continue;
		memmove(s->settings + from, s->settings + from + length, s->used - from - length);
		s->used = (uint16_t)(s->used - length);
		return;
	}
}

void session_forget_database(struct session *s)
{
	forget(s, "USE ", 4);
}

/* The first ones say in what statements are written. */
#define WRITTEN 2
static const char *const charset_starts[] = {"SET names", "SET character set",
	"SET SESSION character_set_results", "SET SESSION character_set_connection",
	"SET SESSION collation_connection"};

void session_forget_charset(struct session *s)
{
	for (size_t i = 0; i < sizeof(charset_starts) / sizeof(*charset_starts); i++)
		forget(s, charset_starts[i], strlen(charset_starts[i]));
}

const char *session_charset(const struct session *s)
{
	const char *found = "";

	for (const char *at = session_next(s, NULL); at; at = session_next(s, at)) {
		for (size_t i = 0; i < WRITTEN; i++) {
			if (strncmp(at, charset_starts[i], strlen(charset_starts[i])) == 0)
				found = at;
		}
	}
	return found;
}

/* Keeps START VALUE, of which START tells the setting. */
static void keep(struct session *s, const char *start, struct pel_sql_span value)
{
	size_t n = strlen(start), size = n + value.n + 1;

	forget(s, start, n);
	if (size > sizeof(s->settings) - s->used || memchr(value.at, '\0', value.n)) {
		s->dirty = true;
		return;
	}
	memcpy(s->settings + s->used, start, n);
	memcpy(s->settings + s->used + n, value.at, value.n);
	s->settings[s->used + size - 1] = '\0';
	s->used = (uint16_t)(s->used + size);
}

void session_keep_collation(struct session *s, const char *name)
{
	keep(s, "SET SESSION collation_connection = ", (struct pel_sql_span){name, strlen(name)});
}

static bool equals(struct pel_sql_span value, const char *word)
{
	return value.n == strlen(word) && strncasecmp(value.at, word, value.n) == 0;
}

/*
 * autocommit is no setting to restore: a session without it is never moved.  Where it was on already,
 * setting it ends no transaction that a BEGIN opened.
 */
static void set_autocommit(struct session *s, struct pel_sql_span value)
{
	bool on = equals(value, "1") || equals(value, "on") || equals(value, "true");

	if (!on && !equals(value, "0") && !equals(value, "off") && !equals(value, "false")) {
		s->dirty = true;
		return;
	}
	s->autocommit = on;
}

static void note_settings(struct session *s, const char *text, size_t n, unsigned flags)
{
	struct pel_sql_setting setting;
	size_t at = 0;

	while (pel_sql_next_setting(text, n, flags, &at, &setting)) {
		char start[64] = "SET ";

		if (strcmp(setting.name, "autocommit") == 0) {
			set_autocommit(s, setting.value);
			continue;
		}
		if (setting.is_variable)
			strcat(start, "SESSION ");
		strcat(start, setting.name);
		strcat(start, setting.is_variable ? " = " : " ");
		keep(s, start, setting.value);
	}
}

void session_note(struct session *s, enum pel_sql_class class, const char *text, size_t n,
	unsigned flags)
{
	struct pel_sql_span name;

	switch (class) {
	case PEL_SQL_READ:
	case PEL_SQL_WRITE:
	case PEL_SQL_PEEK:
		break;
	case PEL_SQL_SET:
		note_settings(s, text, n, flags);
		break;
	case PEL_SQL_USE:
		if (pel_sql_used_database(text, n, &name))
			keep(s, "USE ", name);
		break;
	case PEL_SQL_BEGIN:
		s->transaction = true;
		break;
	case PEL_SQL_END:
		s->transaction = false;
		break;
	case PEL_SQL_DIRTY:
		s->dirty = true;
		break;
	}
}
