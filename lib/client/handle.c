/* SPDX-License-Identifier: Apache-2.0 */
#include "handle.h"

#include <stdlib.h>
#include <string.h>

struct handle *handle_new(void *mysql, const struct library *library, struct followed *f)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->mysql = mysql;
	h->library = library;
	h->followed = f;
	h->role = f->role;
	h->fd = -1;
	session_init(&h->session);
	(void)handle_note_autocommit(h);
	handle_note_collation(h);
	if (table_put(mysql, h) < 0) {
		free(h);
		return NULL;
	}
	return h;
}

void handle_free(struct handle *h)
{
	if (!h)
		return;
	(void)table_take(h->mysql);
	while (h->statements)
		statement_free(h->statements);
	free(h);
}

void statement_new(void *stmt, struct handle *h)
{
	struct statement *s = calloc(1, sizeof(*s));

	if (!s || table_put(statement_key(stmt), s) < 0) {
		h->session.dirty = true;
		free(s);
		return;
	}
	s->stmt = stmt;
	s->handle = h;
	s->next = h->statements;
	h->statements = s;
}

void statement_free(struct statement *s)
{
	struct statement **at = &s->handle->statements;

	/* One that was closed unseen may have left its place to another connection's. */
	if (statement_of(s->stmt) == s)
		(void)table_take(statement_key(s->stmt));
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s);
}

bool handle_is_clean(const struct handle *h)
{
	for (const struct statement *s = h->statements; s; s = s->next) {
		if (s->prepared)
			return false;
	}
	return !h->session.dirty;
}

bool handle_is_idle(const struct handle *h)
{
	unsigned status = handle_status(h);

	if (h->session.transaction || !h->session.autocommit)
		return false;
	return status == CLIENT_STATUS_UNKNOWN ||
		(status & (CLIENT_STATUS_AUTOCOMMIT | CLIENT_STATUS_IN_TRANSACTION)) ==
		CLIENT_STATUS_AUTOCOMMIT;
}

unsigned handle_status(const struct handle *h)
{
	unsigned status = CLIENT_STATUS_UNKNOWN;

	(void)h->library->real.get_infov(h->mysql, CLIENT_INFO_SERVER_STATUS, &status);
	return status;
}

bool handle_note_autocommit(struct handle *h)
{
	unsigned status = handle_status(h);

	h->session.autocommit =
		status != CLIENT_STATUS_UNKNOWN && (status & CLIENT_STATUS_AUTOCOMMIT);
	return status != CLIENT_STATUS_UNKNOWN;
}

void handle_note_collation(struct handle *h)
{
	struct client_charset own = {.collation = NULL};

	(void)h->library->real.get_infov(h->mysql, CLIENT_INFO_CHARSET, &own);
	if (own.collation)
		session_keep_collation(&h->session, own.collation);
}

/* Not one of the character sets in which a byte below 128 can be a part of a longer character. */
static bool is_ascii_safe(const char *name)
{
	static const char *const unsafe[] = {"big5", "cp932", "gb18030", "gbk", "sjis"};

	for (size_t i = 0; i < sizeof(unsafe) / sizeof(*unsafe); i++) {
		if (strcasestr(name, unsafe[i]))
			return false;
	}
	return true;
}

unsigned handle_sql_flags(const struct handle *h)
{
	unsigned status = handle_status(h), flags = 0;
	const char *name = h->library->real.character_set_name(h->mysql);

	if (status != CLIENT_STATUS_UNKNOWN && !(status & CLIENT_STATUS_NO_ESCAPES))
		flags |= PEL_SQL_ESCAPES;
	if (name && is_ascii_safe(name) && is_ascii_safe(session_charset(&h->session)))
		flags |= PEL_SQL_ASCII;
	return flags;
}
