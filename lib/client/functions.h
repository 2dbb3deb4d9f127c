/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of a client library, as libmariadb and libmysqlclient export them alike.
 *
 * MYSQL, MYSQL_STMT and MYSQL_RES are opaque here: their fields differ between libraries and
 * versions.  my_bool and bool have one size everywhere.  What a library does not have is NULL.
 */
#ifndef PELORUS_LIB_CLIENT_FUNCTIONS_H
#define PELORUS_LIB_CLIENT_FUNCTIONS_H

typedef unsigned char client_bool;

/* The hooks, by the names that programs call: the real functions have the same types. */
#define CLIENT_EXPORT __attribute__((visibility("default")))

CLIENT_EXPORT void *mysql_real_connect(void *mysql, const char *host, const char *user,
	const char *password, const char *db, unsigned port, const char *socket,
	unsigned long flags);
CLIENT_EXPORT void mysql_close(void *mysql);
CLIENT_EXPORT int mysql_query(void *mysql, const char *text);
CLIENT_EXPORT int mysql_real_query(void *mysql, const char *text, unsigned long n);
CLIENT_EXPORT int mysql_send_query(void *mysql, const char *text, unsigned long n);
CLIENT_EXPORT client_bool mysql_read_query_result(void *mysql);
CLIENT_EXPORT client_bool mysql_commit(void *mysql);
CLIENT_EXPORT client_bool mysql_rollback(void *mysql);
CLIENT_EXPORT client_bool mysql_autocommit(void *mysql, client_bool on);
CLIENT_EXPORT int mysql_select_db(void *mysql, const char *db);
CLIENT_EXPORT client_bool mysql_change_user(void *mysql, const char *user, const char *password,
	const char *db);
CLIENT_EXPORT int mysql_set_character_set(void *mysql, const char *name);
CLIENT_EXPORT int mysql_reset_connection(void *mysql);
CLIENT_EXPORT int mysql_ping(void *mysql);
CLIENT_EXPORT void *mysql_stmt_init(void *mysql);
CLIENT_EXPORT int mysql_stmt_prepare(void *stmt, const char *text, unsigned long n);

CLIENT_EXPORT int mysql_real_connect_start(void **ret, void *mysql, const char *host,
	const char *user, const char *password, const char *db, unsigned port, const char *socket,
	unsigned long flags);
CLIENT_EXPORT int mysql_real_connect_cont(void **ret, void *mysql, int events);
CLIENT_EXPORT int mysql_close_start(void *mysql);

/*
 * Functions that may change a session, and that are of no other interest: they make it dirty, or end a
 * statement.  Each as it is called, and where its MYSQL* or MYSQL_STMT* stands among its arguments.
 * Adding one takes a line here and one in version.map.
 */
#define UNSEEN_EACH(DO)                                                                            \
	DO(mariadb_reconnect, 0)                                                                   \
	DO(mariadb_stmt_execute_direct, 0)                                                         \
	DO(mysql_autocommit_start, 1)                                                              \
	DO(mysql_change_user_start, 1)                                                             \
	DO(mysql_query_start, 1)                                                                   \
	DO(mysql_real_query_nonblocking, 0)                                                        \
	DO(mysql_real_query_start, 1)                                                              \
	DO(mysql_reset_connection_start, 1)                                                        \
	DO(mysql_select_db_nonblocking, 0)                                                         \
	DO(mysql_select_db_start, 1)                                                               \
	DO(mysql_send_query_nonblocking, 0)                                                        \
	DO(mysql_send_query_start, 1)                                                              \
	DO(mysql_set_character_set_start, 1)                                                       \
	DO(mysql_set_server_option, 0)                                                             \
	DO(mysql_set_server_option_start, 1)                                                       \
	DO(mysql_stmt_close, 0)                                                                    \
	DO(mysql_stmt_close_start, 1)                                                              \
	DO(mysql_stmt_execute_start, 1)                                                            \
	DO(mysql_stmt_prepare_start, 1)

#define UNSEEN_NUMBER(name, place) UNSEEN_##name,
enum unseen { UNSEEN_EACH(UNSEEN_NUMBER) UNSEEN_N };
#undef UNSEEN_NUMBER

struct client_functions {
	__typeof__(mysql_real_connect) *real_connect;
	__typeof__(mysql_close) *close;
	__typeof__(mysql_real_query) *real_query;
	__typeof__(mysql_send_query) *send_query;
	__typeof__(mysql_read_query_result) *read_query_result;
	void *(*store_result)(void *mysql);
	char **(*fetch_row)(void *result);
	unsigned (*num_fields)(void *result);
	void (*free_result)(void *result);
	__typeof__(mysql_commit) *commit;
	__typeof__(mysql_rollback) *rollback;
	__typeof__(mysql_autocommit) *autocommit;
	__typeof__(mysql_select_db) *select_db;
	__typeof__(mysql_change_user) *change_user;
	__typeof__(mysql_set_character_set) *set_character_set;
	__typeof__(mysql_reset_connection) *reset_connection;
	__typeof__(mysql_ping) *ping;
	int (*options)(void *mysql, int option, const void *arg);
	int (*get_option)(void *mysql, int option, void *arg);
	unsigned (*errnum)(void *mysql);
	const char *(*error)(void *mysql);
	unsigned long (*client_version)(void);
	const char *(*character_set_name)(void *mysql);
	__typeof__(mysql_real_connect_start) *connect_start; /* this and the next two: libmariadb */
	__typeof__(mysql_real_connect_cont) *connect_cont;
	__typeof__(mysql_close_start) *close_start;
	const char *(*get_ssl_cipher)(void *mysql);
	int (*get_socket)(void *mysql);                                   /* libmariadb */
	client_bool (*get_infov)(void *mysql, int value, void *arg, ...); /* libmariadb */
	__typeof__(mysql_stmt_init) *stmt_init;
	__typeof__(mysql_stmt_prepare) *stmt_prepare;
	void *unseen[UNSEEN_N]; /* by enum unseen */
};

/* mysql_get_option()'s limits, in seconds; 0: none. */
#define CLIENT_OPT_CONNECT_TIMEOUT 0
#define CLIENT_OPT_READ_TIMEOUT 11

/* mysql_get_option()'s and mysql_options()'s MYSQL_OPT_RECONNECT: MySQL 8 renumbered it. */
#define CLIENT_OPT_RECONNECT 20
#define CLIENT_OPT_RECONNECT_8 15

/* libmariadb's */
#define CLIENT_OPT_SSL_VERIFY 21
#define CLIENT_OPT_SSL_CA 27
#define CLIENT_OPT_SSL_ENFORCE 38

/* mariadb_get_infov() */
#define CLIENT_INFO_CHARSET 7
#define CLIENT_INFO_HOST 10
#define CLIENT_INFO_SERVER_STATUS 30

/* MY_CHARSET_INFO */
struct client_charset {
	unsigned number, state;
	const char *charset, *collation, *comment, *directory;
	unsigned least, most;
};

/* What a server says of the session with each answer. */
#define CLIENT_STATUS_IN_TRANSACTION 0x0001u
#define CLIENT_STATUS_AUTOCOMMIT 0x0002u
#define CLIENT_STATUS_NO_ESCAPES 0x0200u
#define CLIENT_STATUS_UNKNOWN (~0u)

#endif
