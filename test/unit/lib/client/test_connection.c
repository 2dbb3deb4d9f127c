/* SPDX-License-Identifier: Apache-2.0 */
/* What a lost connection is taken for, where nobody publishes; and what a call leaves of others. */
#include "client/connection.h"
#include "client/move.h"
#include "base/process.h"
#include "common/names.h"
#include "connections/sockets.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "db.example.com"

/* As the library has it. */
long mysql_stmt_close_start(long ret, long stmt, long c, long d, long e, long f);

static int get_socket(void *mysql)
{
	return *(int *)mysql;
}

static void nothing(int fd, uint64_t cookie)
{
}

static void closed(int fd, uint64_t cookie)
{
	(void)close(fd);
}

static void severed(int fd, uint64_t cookie)
{
	assert_int_equal(socket_sever(fd, cookie), 0);
}

static void severed_and_closed(int fd, uint64_t cookie)
{
	severed(fd, cookie);
	(void)close(fd);
}

/* What the watcher makes of a socket that is no longer at its number, when it next looks. */
static void closed_and_forgotten(int fd, uint64_t cookie)
{
	(void)close(fd);
	sockets_forget(fd, cookie);
}

static void severed_and_replaced(int fd, uint64_t cookie)
{
	const struct socket_record another = {.cookie = cookie + 1};

	severed(fd, cookie);
	assert_int_equal(sockets_record(fd, &another), 0);
}

static void only_what_this_library_has_severed_failed_over(void **state)
{
	static const struct {
		const char *what;
		void (*happens)(int fd, uint64_t cookie);
		bool failed_over;
	} rows[] = {
		{"the server ended it", nothing, false},
		{"... and the library closed it", closed, false},
		{"... and long ago", closed_and_forgotten, false},
		{"this library severed it", severed, true},
		{"... and the library closed it", severed_and_closed, true},
		{"... and another has its number", severed_and_replaced, false},
	};
	static const struct library library = {.real.get_socket = get_socket};
	struct followed *f;

	assert_int_equal(followed_add(NAME, pel_name_hash(NAME), PEL_ROLE_WRITER, &f), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		const struct socket_record record = {.cookie = socket_cookie(fd)};
		struct handle h = {.mysql = &fd, .library = &library, .followed = f};

		assert_int_equal(sockets_record(fd, &record), 0);
		connection_note_socket(&h, -1);
		assert_true(h.recorded);
		rows[i].happens(fd, record.cookie);
		connection_note_loss(&h, CAUSE_NEVER_SENT);
		if (connection_failed_over(&h, CAUSE_NEVER_SENT, UINT64_MAX) != rows[i].failed_over)
			fail_msg("%s", rows[i].what);
		sockets_forget(fd, record.cookie);
		(void)close(fd);
	}
}

static int query(void *mysql, const char *text, unsigned long n)
{
	errno = EAGAIN;
	return 1;
}

static void a_question_of_ours_leaves_errno_alone(void **state)
{
	static const struct library library = {.real.real_query = query};
	const struct handle h = {.library = &library};

	errno = ENOENT;
	assert_false(move_has_no_id(&h));
	assert_int_equal(errno, ENOENT);
}

static long close_start(long ret, long stmt, long c, long d, long e, long f)
{
	return 0;
}

/* Where the library's own call of mysql_stmt_close() does not come to us. */
static void a_statement_that_is_closed_step_by_step_is_forgotten(void **state)
{
	static const struct library library = {
		.real.unseen[UNSEEN_mysql_stmt_close_start] = (void *)(uintptr_t)&close_start};
	struct handle h = {.library = &library};
	client_bool failed;
	long stmt;

	statement_new(&stmt, &h);
	assert_non_null(statement_of(&stmt));
	assert_int_equal(mysql_stmt_close_start((long)&failed, (long)&stmt, 0, 0, 0, 0), 0);
	assert_null(statement_of(&stmt));
	assert_null(h.statements);
}

static int prepare(void **state)
{
	process_init();
	return process_check() == PROCESS_OURS ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_this_library_has_severed_failed_over),
		cmocka_unit_test(a_question_of_ours_leaves_errno_alone),
		cmocka_unit_test(a_statement_that_is_closed_step_by_step_is_forgotten),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
