/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of a connection that follows a cluster, and of a prepared statement on it.
 *
 * A handle belongs to the thread that uses its MYSQL* at that moment, as the client library demands.
 * It is made by mysql_real_connect() and ended by mysql_close().
 */
#ifndef PELORUS_LIB_CLIENT_HANDLE_H
#define PELORUS_LIB_CLIENT_HANDLE_H

#include "library.h"
#include "table.h"
#include "rules/retry.h"
#include "rules/session.h"
#include "known/followed.h"

#include <stdbool.h>
#include <stdint.h>

#define SHOWN_MESSAGE_MAX 512

/* An error that is shown in place of the library's own, until the next call on the same object. */
struct shown_error {
	unsigned error; /* 0: none */
	char sqlstate[6];
	char message[SHOWN_MESSAGE_MAX];
};

enum async_phase { ASYNC_NONE = 0, ASYNC_PING, ASYNC_RESTORE, ASYNC_QUERY };

/* An asynchronous call that is under way.  The text is the caller's, who keeps it until the end. */
struct async {
	enum async_phase phase;
	client_bool reconnect; /* the option as the application chose it */
	bool autocommit_done;
	const char *setting; /* the one being restored */
	const char *text;
	size_t n;
};

/* A copy of the statement that mysql_send_query() sent: the caller's own need not live on. */
struct sent_statement {
	char *text;
	size_t room;
	size_t n;
	bool held; /* it is the statement whose result has not been read */
};

struct statement;

struct handle {
	bool suspect;    /* an asynchronous call has failed: move before the next one */
	bool autocommit; /* as last read from the server; see autocommit_known */
	bool autocommit_known;
	uint8_t role;   /* enum pel_role of the name it was connected by */
	uint32_t epoch; /* moves with each reconnection */
	void *mysql;
	const struct library *library;
	struct followed *followed;
	int fd; /* its socket, as long as cookie says so */
	uint64_t cookie;
	struct statement *statements;
	struct sent_statement sent;
	struct async async;
	struct session session;
	struct shown_error shown;
};

struct statement {
	uint32_t epoch; /* of the handle, when it was prepared */
	enum pel_sql_class class;
	void *stmt;
	struct handle *handle; /* NULL once the connection was closed */
	struct statement *next;
	struct shown_error shown;
};

/* Where real functions are being called: hooks that are entered from there only pass through. */
extern _Thread_local unsigned client_depth __attribute__((tls_model("initial-exec")));

static inline struct handle *handle_of(const void *mysql)
{
	return client_depth ? NULL : table_find(mysql);
}

/* A statement's place in the table, which no connection can have. */
static inline const void *statement_key(const void *stmt)
{
	return (const char *)stmt + 2;
}

static inline struct statement *statement_of(const void *stmt)
{
	return client_depth ? NULL : table_find(statement_key(stmt));
}

/* Remembers a connection; NULL if there is no memory for it. */
struct handle *handle_new(void *mysql, const struct library *library, struct followed *f);

/* Forgets it; its statements stay, without a connection. */
void handle_free(struct handle *h);

/* Keeps a copy of a statement that was sent; without memory, or of a very long one, none. */
void handle_keep_sent(struct handle *h, const char *text, size_t n);

/* Remembers a statement of a followed connection; nothing happens without memory. */
void statement_new(void *stmt, struct handle *h);
void statement_free(struct statement *s);

/* server_status as the server last told it, or CLIENT_STATUS_UNKNOWN. */
unsigned handle_status(const struct handle *h);

/* The flags for pel_sql_classify() that hold on this connection. */
unsigned handle_sql_flags(const struct handle *h);

/* Shows `error` with another SQLSTATE; the text says why. */
void shown_set(struct shown_error *shown, unsigned error, enum retry_action action,
	const char *original);

#endif
