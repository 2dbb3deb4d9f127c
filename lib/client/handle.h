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
#include "rules/retry.h"
#include "rules/session.h"
#include "table.h"
#include "known/followed.h"

#include <stdbool.h>
#include <stdint.h>

#define ABI_MESSAGE_MAX 512

/* An error that is told in place of the library's own, until the next call on the same object. */
struct abi_told {
	unsigned error; /* 0: none */
	char sqlstate[6];
	char message[ABI_MESSAGE_MAX];
};

enum abi_phase { ABI_PHASE_NONE = 0, ABI_PHASE_PING, ABI_PHASE_RESTORE, ABI_PHASE_QUERY };

/* An asynchronous call that is under way.  The text is the caller's, who keeps it until the end. */
struct abi_async {
	enum abi_phase phase;
	abi_bool reconnect; /* the option as the application chose it */
	bool autocommit_done;
	const char *setting; /* the one being restored */
	const char *text;
	size_t n;
};

/* A copy of the statement that mysql_send_query() sent: the caller's own need not live on. */
struct abi_sent {
	char *text;
	size_t room;
	size_t n;
	bool held; /* it is the statement whose result has not been read */
};

struct abi_stmt;

struct abi_handle {
	bool suspect;    /* an asynchronous call has failed: move before the next one */
	bool autocommit; /* as last read from the server; see autocommit_known */
	bool autocommit_known;
	uint8_t role;   /* enum pel_role of the name it was connected by */
	uint32_t epoch; /* moves with each reconnection */
	void *mysql;
	const struct abi_client *client;
	struct followed *followed;
	int fd; /* its socket, as long as cookie says so */
	uint64_t cookie;
	struct abi_stmt *statements;
	struct abi_sent sent;
	struct abi_async async;
	struct abi_session session;
	struct abi_told told;
};

struct abi_stmt {
	uint32_t epoch; /* of the handle, when it was prepared */
	enum pel_sql_class class;
	void *stmt;
	struct abi_handle *handle; /* NULL once the connection was closed */
	struct abi_stmt *next;
	struct abi_told told;
};

/* Where real functions are being called: hooks that are entered from there only pass through. */
extern _Thread_local unsigned abi_depth __attribute__((tls_model("initial-exec")));

static inline struct abi_handle *abi_handle_of(const void *mysql)
{
	return abi_depth ? NULL : abi_find(mysql);
}

/* A statement's place in the table, which no connection can have. */
static inline const void *abi_stmt_key(const void *stmt)
{
	return (const char *)stmt + 2;
}

static inline struct abi_stmt *abi_stmt_of(const void *stmt)
{
	return abi_depth ? NULL : abi_find(abi_stmt_key(stmt));
}

/* Remembers a connection; NULL if there is no memory for it. */
struct abi_handle *abi_handle_new(void *mysql, const struct abi_client *client, struct followed *f);

/* Forgets it; its statements stay, without a connection. */
void abi_handle_free(struct abi_handle *h);

/* Keeps a copy of a statement that was sent; without memory, or of a very long one, none. */
void abi_handle_keep_sent(struct abi_handle *h, const char *text, size_t n);

/* Remembers a statement of a followed connection; nothing happens without memory. */
void abi_stmt_new(void *stmt, struct abi_handle *h);
void abi_stmt_free(struct abi_stmt *s);

/* server_status as the server last told it, or ABI_STATUS_UNKNOWN. */
unsigned abi_handle_status(const struct abi_handle *h);

/* The flags for pel_sql_classify() that hold on this connection. */
unsigned abi_handle_sql_flags(const struct abi_handle *h);

/* Tells `error` with another SQLSTATE; the text says why. */
void abi_tell(struct abi_told *told, unsigned error, enum abi_action action, const char *original);

#endif
