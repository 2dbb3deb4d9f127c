/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes each call once, and once more under the eyes of test/guests/oath.c:
 *
 *   oath HOST PORT
 *
 * Prints for each "state WHAT ERRNO MASK": 1 where errno and the signal mask are behind it as they
 * were before; "failed WHAT" if it does not go well; then what the oath has to tell.
 */
#include <mysql.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEPT 77

static const char *host, *port;
static struct addrinfo *target;
static struct sockaddr_in nameserver;
static MYSQL *mysql;
static MYSQL_STMT *stmt;
static char text[8192];
static unsigned rounds;

static int dial(int flags)
{
	int fd = socket(target->ai_family, SOCK_STREAM | flags, 0);
	int r = connect(fd, target->ai_addr, target->ai_addrlen);
	int error = r < 0 ? errno : 0;

	close(fd);
	return error != 0 && error != EINPROGRESS;
}

static int call_connect(void)
{
	return dial(0);
}

static int call_connect_nonblocking(void)
{
	int saved = errno, r = dial(SOCK_NONBLOCK);

	errno = saved; /* which EINPROGRESS has rightly changed */
	return r;
}

static int look_up(int flags)
{
	struct addrinfo hints = {.ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags};
	struct addrinfo *list;

	if (getaddrinfo(host, port, &hints, &list) != 0)
		return 1;
	freeaddrinfo(list);
	return 0;
}

static int call_getaddrinfo(void)
{
	return look_up(0);
}

static int call_gethostbyname(void)
{
	return gethostbyname(host) == NULL;
}

static int call_getnameinfo(void)
{
	char name[NI_MAXHOST];

	return getnameinfo(target->ai_addr, target->ai_addrlen, name, sizeof(name), NULL, 0,
		NI_NUMERICHOST);
}

/* Asks the nameserver as a resolver of one's own does; the descriptor, with the answer on its way. */
static int ask(void)
{
	unsigned char asked[512];
	int n = res_mkquery(ns_o_query, host, ns_c_in, ns_t_a, NULL, 0, NULL, asked, sizeof(asked));
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	errno = KEPT; /* which res_mkquery() may have changed */
	if (n < 0 || connect(fd, (const struct sockaddr *)&nameserver, sizeof(nameserver)) < 0 ||
		send(fd, asked, (size_t)n, 0) != n) {
		close(fd);
		return -1;
	}
	return fd;
}

static int call_recvfrom(void)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	int fd = ask();
	ssize_t n = recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &len);

	close(fd);
	return n < 40;
}

static int call_recvmsg(void)
{
	struct iovec piece = {.iov_base = text, .iov_len = sizeof(text)};
	struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};
	int fd = ask();
	ssize_t n = recvmsg(fd, &msg, 0);

	close(fd);
	return n < 40;
}

/* Longer each time, so that what is kept of a statement needs more room each time. */
static const char *statement(void)
{
	size_t n = 10 + 900u * rounds * rounds;

	memcpy(text, "SELECT 5 /*", 11);
	memset(text + 11, 'x', n);
	memcpy(text + 11 + n, "*/", 3);
	return text;
}

static int take(int failed)
{
	MYSQL_RES *result = failed ? NULL : mysql_store_result(mysql);

	failed |= !result || !mysql_fetch_row(result);
	mysql_free_result(result);
	return failed;
}

static int call_query(void)
{
	return take(mysql_query(mysql, statement()));
}

static int call_real_query(void)
{
	return take(mysql_real_query(mysql, statement(), strlen(text)));
}

static int call_send_query(void)
{
	return take(mysql_send_query(mysql, statement(), strlen(text)) ||
		mysql_read_query_result(mysql));
}

static int call_ping(void)
{
	return mysql_ping(mysql);
}

static int call_commit(void)
{
	return mysql_commit(mysql);
}

static int call_rollback(void)
{
	return mysql_rollback(mysql);
}

static int call_autocommit(void)
{
	return mysql_autocommit(mysql, 1);
}

static int call_select_db(void)
{
	return mysql_select_db(mysql, "app");
}

static int call_character_set(void)
{
	return mysql_set_character_set(mysql, "utf8mb4");
}

static int call_prepare(void)
{
	return mysql_stmt_prepare(stmt, statement(), strlen(text));
}

static int call_execute(void)
{
	int failed = mysql_stmt_execute(stmt) || mysql_stmt_store_result(stmt) ||
		mysql_stmt_fetch(stmt) == 1;

	return mysql_stmt_free_result(stmt) || failed;
}

static int call_errors(void)
{
	return mysql_errno(mysql) != 0 || *mysql_error(mysql) || !*mysql_sqlstate(mysql) ||
		mysql_stmt_errno(stmt) != 0 || *mysql_stmt_error(stmt);
}

static const struct {
	const char *what;
	int (*call)(void);
} calls[] = {
	{"connect", call_connect},
	{"connect-nonblocking", call_connect_nonblocking},
	{"getaddrinfo", call_getaddrinfo},
	{"gethostbyname", call_gethostbyname},
	{"getnameinfo", call_getnameinfo},
	{"recvfrom", call_recvfrom},
	{"recvmsg", call_recvmsg},
	{"mysql_query", call_query},
	{"mysql_real_query", call_real_query},
	{"mysql_send_query", call_send_query},
	{"mysql_ping", call_ping},
	{"mysql_commit", call_commit},
	{"mysql_rollback", call_rollback},
	{"mysql_autocommit", call_autocommit},
	{"mysql_select_db", call_select_db},
	{"mysql_set_character_set", call_character_set},
	{"mysql_stmt_prepare", call_prepare},
	{"mysql_stmt_execute", call_execute},
	{"mysql_errno", call_errors},
};

static int is_same(const sigset_t *a, const sigset_t *b)
{
	int same = 1;

	for (int number = 1; number < NSIG; number++)
		same &= sigismember(a, number) == sigismember(b, number);
	return same;
}

static void *oath(const char *name)
{
	void *symbol = dlsym(RTLD_DEFAULT, name);

	if (!symbol)
		_Exit(3);
	return symbol;
}

static void make_calls(void (*begin)(const char *), void (*end)(void))
{
	sigset_t before, after;
	int failed, kept;

	rounds++;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		(void)sigprocmask(SIG_BLOCK, NULL, &before);
		if (begin)
			begin(calls[i].what);
		errno = KEPT;
		failed = calls[i].call();
		kept = errno == KEPT;
		if (end)
			end();
		(void)sigprocmask(SIG_BLOCK, NULL, &after);
		if (failed)
			printf("failed %s %s\n", calls[i].what, mysql_error(mysql));
		else if (begin)
			printf("state %s %d %d\n", calls[i].what, kept, is_same(&before, &after));
	}
}

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	void *symbols[] = {oath("oath_begin"), oath("oath_end"), oath("oath_tell")};
	void (*begin)(const char *), (*end)(void), (*tell)(void);
	sigset_t blocked;

	memcpy(&begin, &symbols[0], sizeof(begin));
	memcpy(&end, &symbols[1], sizeof(end));
	memcpy(&tell, &symbols[2], sizeof(tell));
	if (argc < 3)
		return 2;
	if (res_init() != 0)
		return 1;
	nameserver = _res.nsaddr_list[0];
	host = argv[1];
	port = argv[2];
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &blocked, NULL);
	mysql = mysql_init(NULL);
	if (getaddrinfo(host, port, &hints, &target) != 0 ||
		!mysql_real_connect(mysql, host, "app", "app", "app", (unsigned)atoi(port), NULL,
			0))
		return 1;
	stmt = mysql_stmt_init(mysql);
	make_calls(NULL, NULL);
	make_calls(begin, end);
	tell();
	mysql_stmt_close(stmt);
	mysql_close(mysql);
	freeaddrinfo(target);
	return 0;
}
