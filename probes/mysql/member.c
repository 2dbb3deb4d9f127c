/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to one server, through libmariadb's non-blocking API.
 *
 * Each operation is a pair _start, _cont that runs on a stack of libmariadb's own and returns what
 * it waits for.  The socket is asked for anew after each of them.  To give an operation up, it is
 * told that its time is over (MYSQL_WAIT_TIMEOUT): it then unwinds by itself and frees what it
 * holds, which dropping it half-way would not.
 *
 * Operations are begun and their ends told from the loop, never from within a call of the caller.
 * A login has a stack of its own besides (member_login.h).
 */
#include "member.h"

#include "net/getaddrinfo.h"
#include "answer.h"
#include "member_login.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <errmsg.h>
#include <mysql.h>

#define TCP_STATE_ESTABLISHED 1 /* TCP_ESTABLISHED of the kernel's tcp_states.h */
#define TCP_STATE_CLOSE_WAIT 8  /* the peer has already closed again */
#define GIVE_UP_ROUNDS 32
#define DRAIN_ROWS 256 /* then the loop has its turn */

enum member_step {
	STEP_NEW = 0,
	STEP_DIAL,
	STEP_LOGIN,
	STEP_IDLE,
	STEP_QUERY,
	STEP_STORE,
	STEP_DRAIN,
	STEP_OVER, /* failed, or closed by the caller */
};

struct member {
	struct loop *loop;
	struct member_options options;
	char host[PEL_NAME_MAX];
	char query[MEMBER_QUERY_MAX];
	MYSQL *mysql;
	MYSQL_RES *result;
	MYSQL_ROW row; /* the last one that was drained; NULL: there are no more */
	bool drains;
	enum member_step step;
	int waits; /* MYSQL_WAIT_*; 0: the operation has ended */
	struct member_login *login;
	int failed;
	struct loop_io io;
	struct loop_timer kick; /* goes on with what ended within a call of the caller */
	struct loop_timer limit;
	uint64_t sent_ns;
	struct answer answer;
	bool telling;
	bool closed;
};

static void member_run(struct member *m, int status);

static int socket_of(const struct member *m)
{
	return m->mysql ? (int)mysql_get_socket(m->mysql) : -1;
}

static bool tcp_info_read(const struct member *m, struct tcp_info *ret)
{
	socklen_t size = sizeof(*ret);
	int fd = socket_of(m);

	memset(ret, 0, sizeof(*ret));
	return fd >= 0 && getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret, &size) == 0;
}

int member_look(const struct member *m, bool *ret_unacked, uint64_t *ret_ack_age_ns)
{
	struct tcp_info info;

	if (!tcp_info_read(m, &info) || info.tcpi_state != TCP_STATE_ESTABLISHED)
		return -ENOTCONN;
	*ret_unacked = info.tcpi_unacked > 0 || info.tcpi_notsent_bytes > 0;
	*ret_ack_age_ns = info.tcpi_last_ack_recv * LOOP_MS;
	return 0;
}

void member_hand_over(struct member *m,
	void (*told)(void *ctx, enum member_event event, const struct member_answer *answer,
		const struct member_failure *failure),
	void *ctx)
{
	m->options.told = told;
	m->options.ctx = ctx;
}

bool member_is_greeted(const struct member *m)
{
	return member_login_is_greeted(m->login);
}

bool member_is_idle(const struct member *m)
{
	return m->step == STEP_IDLE;
}

static void member_destroy(struct member *m)
{
	answer_enter(NULL);
	loop_io_remove(m->loop, &m->io);
	loop_timer_stop(m->loop, &m->kick);
	loop_timer_stop(m->loop, &m->limit);
	if (m->result) {
		/* Freed half-read it would read the rest, and wait for it. */
		(void)shutdown(socket_of(m), SHUT_RDWR);
		mysql_free_result(m->result);
	}
	if (m->mysql)
		mysql_close(m->mysql);
	member_login_free(m->login);
	free(m);
}

static void tell(struct member *m, enum member_event event, const struct member_answer *answer,
	const struct member_failure *failure)
{
	if (m->closed)
		return;
	m->telling = true;
	m->options.told(m->options.ctx, event, answer, failure);
	m->telling = false;
}

static void tell_failed(struct member *m, const struct member_failure *failure)
{
	m->step = STEP_OVER;
	loop_io_remove(m->loop, &m->io);
	loop_timer_stop(m->loop, &m->limit);
	loop_timer_stop(m->loop, &m->kick);
	tell(m, MEMBER_FAILED, NULL, failure);
}

static void tell_failure(struct member *m, enum member_failure_kind kind, unsigned code,
	const char *text)
{
	const struct member_failure failure = {.kind = kind,
		.heard = m->step != STEP_NEW && m->step != STEP_DIAL,
		.code = code,
		.text = text};

	tell_failed(m, &failure);
}

static void socket_ready(void *ctx, uint32_t events)
{
	struct member *m = ctx;
	int status = 0;

	if (m->step == STEP_IDLE) {
		/* A server says nothing unasked, unless it is to say that this is the end. */
		tell_failure(m, MEMBER_LOST, 0, "closed by the server");
	} else {
		if (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
			status |= m->waits & MYSQL_WAIT_READ;
		if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
			status |= m->waits & MYSQL_WAIT_WRITE;
		if (events & EPOLLPRI)
			status |= m->waits & MYSQL_WAIT_EXCEPT;
		if (status)
			member_run(m, status);
	}
	if (m->closed)
		member_destroy(m);
}

static uint32_t wanted_events(const struct member *m)
{
	if (m->step == STEP_IDLE)
		return EPOLLIN | EPOLLRDHUP;
	return (m->waits & MYSQL_WAIT_READ ? EPOLLIN : 0) |
		(m->waits & MYSQL_WAIT_WRITE ? EPOLLOUT : 0) |
		(m->waits & MYSQL_WAIT_EXCEPT ? EPOLLPRI : 0);
}

/* Watches the socket of this moment for what is waited for; none while nothing is. */
static int socket_watch(struct member *m)
{
	int fd = m->waits || m->step == STEP_IDLE ? socket_of(m) : -1;

	if (m->io.slot && m->io.fd != fd)
		loop_io_remove(m->loop, &m->io);
	if (fd < 0)
		return 0;
	member_login_unblock(fd);
	if (m->io.slot)
		return loop_io_change(m->loop, &m->io, wanted_events(m));
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return loop_io_add(m->loop, &m->io, fd, wanted_events(m), socket_ready, m);
}

static void dial(struct member *m)
{
	getaddrinfo_prepare(m->host, &m->options.addr);
	m->sent_ns = loop_now_ns(m->loop);
	m->step = STEP_DIAL;
	answer_begin(&m->answer, MEMBER_ANSWER_MAX);
	answer_enter(&m->answer);
	m->waits = member_login_enter(m->login, 0);
	getaddrinfo_prepare(NULL, NULL);
	loop_timer_set_in(m->loop, &m->limit, m->options.dial_limit_ns);
	tell(m, MEMBER_DIALLED, NULL, NULL);
}

/* Starts what a step is about, or goes on with it; sets m->waits. */
static void step_continue(struct member *m, int status)
{
	answer_enter(&m->answer);
	switch (m->step) {
	case STEP_DIAL:
	case STEP_LOGIN:
		m->waits = member_login_enter(m->login, status);
		break;
	case STEP_QUERY:
		m->waits = mysql_real_query_cont(&m->failed, m->mysql, status);
		break;
	case STEP_STORE:
		m->waits = mysql_store_result_cont(&m->result, m->mysql, status);
		break;
	case STEP_DRAIN:
		m->waits = mysql_fetch_row_cont(&m->row, m->result, status);
		break;
	case STEP_NEW:
	case STEP_IDLE:
	case STEP_OVER:
		break;
	}
}

/* Lets the operation under way unwind. */
static void give_up(struct member *m)
{
	for (int i = 0; m->waits && i < GIVE_UP_ROUNDS; i++)
		step_continue(m, MYSQL_WAIT_TIMEOUT);
	m->waits = 0;
}

static const char *const *next_row(void *ctx)
{
	return (const char *const *)mysql_fetch_row(ctx);
}

static const char *column_name(void *ctx, unsigned column)
{
	return mysql_fetch_field_direct(ctx, column)->name;
}

/* An answer is complete: the member is idle before it is told, so that it may be asked again. */
static void tell_answer(struct member *m, unsigned error)
{
	MYSQL_RES *result = m->result;
	const struct pel_cells cells = {.next = next_row,
		.name = column_name,
		.context = result,
		.n_columns = result ? mysql_num_fields(result) : 0};
	const struct member_answer answer = {.sent_ns = m->sent_ns,
		.received_ns = loop_now_ns(m->loop),
		.error = error,
		.text = error ? mysql_error(m->mysql) : NULL,
		.cells = result && !error && !m->drains ? &cells : NULL};

	loop_timer_stop(m->loop, &m->limit);
	m->result = NULL;
	m->step = STEP_IDLE;
	tell(m, MEMBER_ANSWERED, &answer, NULL);
	if (result)
		mysql_free_result(result);
}

static void end_login(struct member *m)
{
	const struct member_answer ready = {.sent_ns = m->sent_ns,
		.received_ns = loop_now_ns(m->loop)};
	struct member_failure failure;

	if (!member_login_is_up(m->login)) {
		member_login_judge(m->login, m->step == STEP_DIAL, &failure);
		tell_failed(m, &failure);
	} else if (m->options.credential->tls.on && !mysql_get_ssl_cipher(m->mysql)) {
		tell_failure(m, MEMBER_UNFIT, CR_SSL_CONNECTION_ERROR, MEMBER_LOGIN_NO_TLS);
	} else {
		loop_timer_stop(m->loop, &m->limit);
		m->step = STEP_IDLE;
		tell(m, MEMBER_READY, &ready, NULL);
	}
}

static void end_answer(struct member *m, bool failed)
{
	unsigned code = mysql_errno(m->mysql);

	if (failed && member_login_is_client_error(code))
		tell_failure(m, MEMBER_LOST, code, mysql_error(m->mysql));
	else
		tell_answer(m, failed ? code : 0);
}

/* Goes on from the last row, as far as what has come goes. */
static void drain(struct member *m)
{
	for (int i = 0; m->row && i < DRAIN_ROWS; i++) {
		m->waits = mysql_fetch_row_start(&m->row, m->result);
		if (m->waits)
			return;
	}
	if (m->row)
		loop_timer_set(m->loop, &m->kick, 0);
	else
		end_answer(m, mysql_errno(m->mysql) != 0);
}

static void drain_begin(struct member *m)
{
	m->result = mysql_use_result(m->mysql);
	if (!m->result) {
		end_answer(m, mysql_errno(m->mysql) != 0);
		return;
	}
	m->step = STEP_DRAIN;
	m->waits = mysql_fetch_row_start(&m->row, m->result);
	if (!m->waits)
		drain(m);
}

static void end_question(struct member *m, bool failed)
{
	if (!failed && m->step == STEP_QUERY && m->drains) {
		drain_begin(m);
		return;
	}
	if (!failed && m->step == STEP_QUERY && !m->result) {
		m->step = STEP_STORE;
		m->waits = mysql_store_result_start(&m->result, m->mysql);
		if (!m->waits)
			end_question(m, !m->result && mysql_errno(m->mysql) != 0);
		return;
	}
	end_answer(m, failed);
}

/* The operation of this step has ended. */
static void step_end(struct member *m)
{
	answer_enter(&m->answer);
	if (m->step == STEP_DIAL || m->step == STEP_LOGIN)
		end_login(m);
	else if (m->step == STEP_STORE)
		end_question(m, !m->result && mysql_errno(m->mysql) != 0);
	else if (m->step == STEP_DRAIN)
		drain(m);
	else if (m->step == STEP_QUERY)
		end_question(m, m->failed != 0);
}

static bool dial_is_answered(const struct member *m)
{
	struct tcp_info info;

	return m->step == STEP_DIAL && tcp_info_read(m, &info) &&
		(info.tcpi_state == TCP_STATE_ESTABLISHED ||
			info.tcpi_state == TCP_STATE_CLOSE_WAIT);
}

static void member_run(struct member *m, int status)
{
	if (dial_is_answered(m)) {
		m->step = STEP_LOGIN;
		loop_timer_set_in(m->loop, &m->limit, m->options.login_limit_ns);
		tell(m, MEMBER_ACCEPTED, NULL, NULL);
		if (m->closed)
			return;
	}
	step_continue(m, status);
	if (answer_is_too_long(&m->answer)) {
		give_up(m);
		tell_failure(m, MEMBER_UNFIT, 0, "an answer without end");
		return;
	}
	if (!m->waits)
		step_end(m);
	if (!m->closed && socket_watch(m) < 0)
		tell_failure(m, MEMBER_LOST, 0, "the socket cannot be watched");
}

static void kicked(void *ctx)
{
	struct member *m = ctx;

	if (m->step == STEP_NEW)
		dial(m);
	if (!m->closed && !m->waits)
		step_end(m);
	if (!m->closed && socket_watch(m) < 0)
		tell_failure(m, MEMBER_LOST, 0, "the socket cannot be watched");
	if (m->closed)
		member_destroy(m);
}

static void limit_passed(void *ctx)
{
	struct member *m = ctx;

	give_up(m);
	tell_failure(m, MEMBER_LATE, 0, "no answer within its time");
	if (m->closed)
		member_destroy(m);
}

int member_open(struct loop *loop, const struct member_options *options, struct member **ret)
{
	struct member *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->loop = loop;
	m->options = *options;
	strncpy(m->host, options->host, sizeof(m->host) - 1);
	m->login = member_login_new(m->host, options->addr.port, options->credential);
	if (!m->login) {
		free(m);
		return -ENOMEM;
	}
	m->mysql = member_login_handle(m->login);
	loop_timer_init(&m->kick, kicked, m);
	loop_timer_init(&m->limit, limit_passed, m);
	loop_timer_set(loop, &m->kick, 0);
	*ret = m;
	return 0;
}

void member_close(struct member *m)
{
	if (!m || m->closed)
		return;
	m->closed = true;
	give_up(m);
	m->step = STEP_OVER;
	loop_io_remove(m->loop, &m->io);
	if (!m->telling)
		member_destroy(m);
}

static void begin(struct member *m, uint64_t limit_ns)
{
	m->sent_ns = loop_now_ns(m->loop);
	if (limit_ns != LOOP_NEVER)
		loop_timer_set(m->loop, &m->limit, m->sent_ns + limit_ns);
}

static void await(struct member *m)
{
	if (!m->waits || socket_watch(m) < 0)
		loop_timer_set(m->loop, &m->kick, 0);
}

static int put(struct member *m, const char *query, size_t n, bool drains, uint64_t limit_ns)
{
	begin(m, limit_ns);
	answer_begin(&m->answer, drains ? UINT64_MAX : MEMBER_ANSWER_MAX);
	answer_enter(&m->answer);
	m->drains = drains;
	m->step = STEP_QUERY;
	m->waits = mysql_real_query_start(&m->failed, m->mysql, query, n);
	await(m);
	return 0;
}

int member_ask(struct member *m, const char *query, uint64_t limit_ns)
{
	if (m->step != STEP_IDLE || strlen(query) >= sizeof(m->query))
		return -EBUSY;
	return put(m, strcpy(m->query, query), strlen(query), false, limit_ns);
}

int member_drain(struct member *m, const char *query, size_t n, uint64_t limit_ns)
{
	return m->step == STEP_IDLE ? put(m, query, n, true, limit_ns) : -EBUSY;
}
