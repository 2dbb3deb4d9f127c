/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of a connection that follows a cluster, and of a prepared statement on it.
 *
 * A handle belongs to the thread that uses its MYSQL* at that moment, as the client library
 * demands.  It is made by mysql_real_connect() and ended by mysql_close().
 */
#ifndef PELORUS_LIB_CLIENT_HANDLE_H
#define PELORUS_LIB_CLIENT_HANDLE_H

#include "library.h"
#include "table.h"
#include "rules/session.h"
#include "rules/sever.h"
#include "known/followed.h"

#include <stdbool.h>
#include <stdint.h>

struct statement;

struct handle {
	bool left;     /* fails as without us: it is never moved */
	bool lost;     /* its connection was lost, at lost_ns, and it was not moved since */
	bool severed;  /* ... by this library */
	bool recorded; /* `socket` holds */
	bool moved;    /* its session is another than the program's statements began in */
	bool pinged;   /* ... by a ping, and no statement was executed since */
	bool old_news; /* its instance had another role already when the last statement began */
	uint8_t role;  /* enum pel_role of the name it was connected by */
	void *mysql;
	const struct library *library;
	struct followed *followed;
	int fd; /* its socket, as long as cookie says so */
	uint64_t cookie;
	uint64_t lost_ns;
	uint32_t word;              /* the map's, when old_news was told */
	struct sever_socket socket; /* with the role that its instance had */
	struct statement *statements;
	struct session session;
};

struct statement {
	bool prepared; /* it is one of the server's session */
	void *stmt;
	struct handle *handle;
	struct statement *next;
};

static inline struct handle *handle_of(const void *mysql)
{
	return table_find(mysql);
}

/* A statement's place in the table, which no connection can have. */
static inline const void *statement_key(const void *stmt)
{
	return (const char *)stmt + 2;
}

static inline struct statement *statement_of(const void *stmt)
{
	return table_find(statement_key(stmt));
}

/* Remembers a connection; NULL if there is no memory for it. */
struct handle *handle_new(void *mysql, const struct library *library, struct followed *f);

/* Forgets it, if it is one, and its statements: the library lets go of them as well. */
void handle_free(struct handle *h);

/* Remembers a statement of a followed connection; without memory the session counts as dirty. */
void statement_new(void *stmt, struct handle *h);
void statement_free(struct statement *s);

/* True if a new session with the settings that are kept is the same as this one. */
bool handle_is_clean(const struct handle *h);

/* True if surely no transaction is open, and autocommit is on. */
bool handle_is_idle(const struct handle *h);

/* server_status as the server last told it, or CLIENT_STATUS_UNKNOWN. */
unsigned handle_status(const struct handle *h);

/* Takes autocommit from it; false if it is not told. */
bool handle_note_autocommit(struct handle *h);

/*
 * Keeps the collation that a login has: the library's own of its character set.  libmariadb, when it
 * connects anew, names the character set alone, of which the server may have another by default.
 */
void handle_note_collation(struct handle *h);

/* The flags for pel_sql_classify() that hold on this connection. */
unsigned handle_sql_flags(const struct handle *h);

#endif
