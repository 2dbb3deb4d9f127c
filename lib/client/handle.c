/* SPDX-License-Identifier: Apache-2.0 */
#include "handle.h"

#include "common/text.h"

#include <stdlib.h>
#include <string.h>

#define SENT_FIRST 256u
#define SENT_MAX 65536u /* a longer one is not executed again */

_Thread_local unsigned abi_depth __attribute__((tls_model("initial-exec")));

struct abi_handle *abi_handle_new(void *mysql, const struct abi_client *client, struct followed *f)
{
	struct abi_handle *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->mysql = mysql;
	h->client = client;
	h->followed = f;
	h->role = f->role;
	h->fd = -1;
	abi_session_init(&h->session);
	if (abi_table_put(mysql, h) < 0) {
		free(h);
		return NULL;
	}
	return h;
}

void abi_handle_free(struct abi_handle *h)
{
	struct abi_stmt *next;

	(void)abi_table_take(h->mysql);
	for (struct abi_stmt *s = h->statements; s; s = next) {
		next = s->next;
		s->handle = NULL;
		s->next = NULL;
	}
	free(h->sent.text);
	free(h);
}

void abi_handle_keep_sent(struct abi_handle *h, const char *text, size_t n)
{
	struct abi_sent *sent = &h->sent;

	sent->held = false;
	if (n > sent->room && n <= SENT_MAX) {
		size_t room = n < SENT_FIRST ? SENT_FIRST : n * 2;
		char *more = realloc(sent->text, room);

		if (!more)
			return;
		sent->text = more;
		sent->room = room;
	}
	if (n > sent->room)
		return;
	memcpy(sent->text, text, n);
	sent->n = n;
	sent->held = true;
}

void abi_stmt_new(void *stmt, struct abi_handle *h)
{
	struct abi_stmt *s = calloc(1, sizeof(*s));

	if (!s)
		return;
	s->stmt = stmt;
	s->handle = h;
	s->epoch = h->epoch;
	if (abi_table_put(abi_stmt_key(stmt), s) < 0) {
		free(s);
		return;
	}
	s->next = h->statements;
	h->statements = s;
}

void abi_stmt_free(struct abi_stmt *s)
{
	(void)abi_table_take(abi_stmt_key(s->stmt));
	for (struct abi_stmt **at = s->handle ? &s->handle->statements : NULL; at && *at;
		at = &(*at)->next) {
		if (*at == s) {
			*at = s->next;
			break;
		}
	}
	free(s);
}

unsigned abi_handle_status(const struct abi_handle *h)
{
	unsigned status = ABI_STATUS_UNKNOWN;

	if (h->client->real.get_infov)
		(void)h->client->real.get_infov(h->mysql, ABI_INFO_SERVER_STATUS, &status);
	return status;
}

/* Character sets in which a byte below 128 can be a part of a longer character. */
static bool is_ascii_safe(const char *name)
{
	static const char *const unsafe[] = {"big5", "cp932", "gb18030", "gbk", "sjis"};

	for (size_t i = 0; i < sizeof(unsafe) / sizeof(*unsafe); i++) {
		if (strcmp(name, unsafe[i]) == 0)
			return false;
	}
	return true;
}

unsigned abi_handle_sql_flags(const struct abi_handle *h)
{
	unsigned status = abi_handle_status(h), flags = 0;
	const char *name = h->client->real.character_set_name
		? h->client->real.character_set_name(h->mysql)
		: NULL;

	if (status != ABI_STATUS_UNKNOWN && !(status & ABI_STATUS_NO_ESCAPES))
		flags |= PEL_SQL_ESCAPES;
	if (name && is_ascii_safe(name))
		flags |= PEL_SQL_ASCII;
	return flags;
}

void abi_tell(struct abi_told *told, unsigned error, enum abi_action action, const char *original)
{
	told->error = error;
	strcpy(told->sqlstate, abi_sqlstate_of(action));
	told->message[0] = '\0';
	text_append(told->message, sizeof(told->message),
		original && *original ? original : "Lost connection");
	text_append(told->message, sizeof(told->message),
		action == ABI_TELL_UNKNOWN
			? "; the connection was moved (pelorus): the outcome is unknown"
			: "; the connection was moved (pelorus): the session is a new one");
}
