/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One move:
 *
 *   doubt     a refused write on a server that says it is the writer is the statement's own affair
 *   sever     the old socket, so that the library finds its connection lost
 *   ping      with MYSQL_OPT_RECONNECT set around it alone: the library connects anew by the name it
 *             knows, which our hooks lead to the right instance, keeps its MYSQL*, character set and
 *             database, and runs INIT_COMMAND.  After a transaction the first ping only clears a flag
 *   verify    the new server's own word, for the topology may be old or unknown
 *   restore   autocommit and the settings that the session had
 *
 * mysql_real_connect() on a used handle would leak, and let an old MYSQL_STMT execute another
 * connection's statement.  Between attempts the topology's next move is waited for.
 *
 * Questions are asked on the application's own connection, when no statement of its is under way.  They
 * change what mysql_errno(), mysql_affected_rows() and the like say.
 */
#include "move.h"

#include "connection.h"
#include "members.h"
#include "common/rows.h"
#include "common/clock.h"
#include "base/env.h"
#include "base/say.h"
#include "known/plan.h"
#include "known/wish.h"
#include "prober/follow.h"
#include "prober/slot.h"

#include <errno.h>
#include <string.h>

#define PINGS 2
#define PAUSE_FIRST_NS UINT64_C(5000000)
#define PAUSE_MAX_NS UINT64_C(50000000)

/* How autocommit stood, as far as anybody can know. */
struct autocommit {
	bool known;
	bool on;
};

/* What the server says of itself and of the session. */
struct answer {
	enum pel_role role; /* PEL_ROLE_UNKNOWN: it has no such variable */
	bool autocommit;
};

/* Executes a statement without a result; false if it failed. */
static bool ask_do(const struct handle *h, const char *text)
{
	bool done;

	client_depth++;
	done = h->library->real.real_query(h->mysql, text, strlen(text)) == 0;
	client_depth--;
	return done;
}

/* Sends a question and takes its whole result; NULL if there is none. */
static void *ask_for(const struct handle *h, const char *text)
{
	const struct client_functions *real = &h->library->real;

	if (real->real_query(h->mysql, text, strlen(text)) != 0)
		return NULL;
	return real->store_result(h->mysql);
}

/* 0, or -EIO if the connection is lost or the answer no answer. */
static int ask_role(const struct handle *h, struct answer *ret)
{
	const struct client_functions *real = &h->library->real;
	char **row;
	void *result;

	client_depth++;
	result = ask_for(h, "SELECT @@innodb_read_only, @@autocommit");
	row = result ? real->fetch_row(result) : NULL;
	if (row) {
		ret->role = pel_rows_role(row[0]);
		ret->autocommit = row[1] && strcmp(row[1], "1") == 0;
	}
	if (result)
		real->free_result(result);
	client_depth--;
	return row ? 0 : -EIO;
}

struct cells {
	const struct client_functions *real;
	void *result;
};

static const char *const *next_row(void *context)
{
	const struct cells *c = context;

	return (const char *const *)c->real->fetch_row(c->result);
}

/* The topology by the table of the server's; 0, -ENODATA, -EPROTO, -EIO. */
static int ask_rows(const struct handle *h, struct pel_rows *ret)
{
	struct cells c = {.real = &h->library->real};
	int r = -EIO;

	client_depth++;
	c.result = ask_for(h, PEL_ROWS_QUERY);
	if (c.result) {
		const struct pel_cells cells = {.next = next_row,
			.context = &c,
			.n_columns = c.real->num_fields(c.result)};

		r = pel_rows_read(&cells, ret);
		c.real->free_result(c.result);
	}
	client_depth--;
	return r;
}

static struct autocommit read_autocommit(const struct handle *h)
{
	unsigned status = handle_status(h);

	if (status != CLIENT_STATUS_UNKNOWN)
		return (struct autocommit){true, (status & CLIENT_STATUS_AUTOCOMMIT) != 0};
	if (h->session.autocommit_set)
		return (struct autocommit){true, h->session.autocommit};
	return (struct autocommit){h->autocommit_known, h->autocommit};
}

/* True once the library has a connection again. */
static bool ping(const struct handle *h)
{
	const struct client_functions *real = &h->library->real;
	client_bool chosen = 0, on = 1;
	bool alive = false;
	struct wish *wish;

	wish = wish_begin(NULL, PEL_ROLE_UNKNOWN, false);
	client_depth++;
	(void)real->get_option(h->mysql, h->library->opt_reconnect, &chosen);
	(void)real->options(h->mysql, h->library->opt_reconnect, &on);
	for (int i = 0; i < PINGS && !alive; i++)
		alive = real->ping(h->mysql) == 0;
	(void)real->options(h->mysql, h->library->opt_reconnect, &chosen);
	client_depth--;
	(void)wish_end(wish);
	return alive;
}

/* The role that a move must lead to; PEL_ROLE_UNKNOWN: any. */
static enum pel_role wanted_role(const struct handle *h)
{
	if (h->role == PEL_ROLE_WRITER)
		return PEL_ROLE_WRITER;
	if (h->role != PEL_ROLE_READER)
		return PEL_ROLE_UNKNOWN;
	switch (env_get()->failover) {
	case ENV_STRICT_READER:
		return PEL_ROLE_READER;
	case ENV_STRICT_WRITER:
		return PEL_ROLE_WRITER;
	case ENV_READER_OR_WRITER:
		break;
	}
	return PEL_ROLE_UNKNOWN;
}

static bool fits(const struct handle *h, enum pel_role role)
{
	enum pel_role wanted = wanted_role(h);

	return wanted == PEL_ROLE_UNKNOWN || role == PEL_ROLE_UNKNOWN || role == wanted;
}

/*
 * Without a prober, what the new server knows of the others is kept; on a reader, the connection is
 * led to the writer that it names.
 */
static void learn(struct handle *h, enum pel_role role)
{
	struct pel_rows rows;

	if (connection_has_prober(h) || ask_rows(h, &rows) < 0)
		return;
	members_learn(h->followed, &rows);
	if (role != PEL_ROLE_WRITER && wanted_role(h) == PEL_ROLE_WRITER && rows.master != PEL_NONE)
		(void)members_try_id(h->followed, rows.rows[rows.master].id);
}

/* Where this process's other connections by the name go, when nobody publishes it. */
static void settle(struct handle *h)
{
	plan_force(h->followed, NULL);
	if (h->role != PEL_ROLE_WRITER)
		return;
	if (connection_has_prober(h))
		followed_pin(h->followed, NULL);
	else
		connection_stay_here(h);
}

/* An attempt failed: without a prober the next one is at another member, or where DNS leads. */
static void look_elsewhere(struct handle *h, unsigned turn)
{
	plan_force(h->followed, NULL);
	followed_pin(h->followed, NULL);
	if (!connection_has_prober(h) && turn % 2 == 1)
		(void)members_try(h->followed, turn / 2);
}

static bool restore(struct handle *h, struct autocommit before)
{
	struct autocommit now = read_autocommit(h);

	if (before.known && (!now.known || now.on != before.on) &&
		!ask_do(h, before.on ? "SET autocommit=1" : "SET autocommit=0"))
		return false;
	for (const char *s = session_next(&h->session, NULL); s; s = session_next(&h->session, s)) {
		if (!ask_do(h, s))
			return false;
	}
	return true;
}

/* One attempt.  True if the connection is where it belongs, as it was. */
static bool attempt(struct handle *h, struct autocommit before, unsigned turn)
{
	struct answer answer;

	connection_sever(h);
	if (h->role == PEL_ROLE_READER && wanted_role(h) == PEL_ROLE_WRITER)
		connection_force_writer(h);
	if (!ping(h)) {
		look_elsewhere(h, turn);
		return false;
	}
	h->epoch++;
	connection_note_socket(h);
	if (ask_role(h, &answer) < 0)
		return false;
	if (!fits(h, answer.role)) {
		look_elsewhere(h, turn);
		learn(h, answer.role);
		return false;
	}
	learn(h, answer.role);
	h->autocommit = answer.autocommit;
	h->autocommit_known = true;
	return restore(h, before);
}

/* A refused write: true if it is not a failover's. */
static bool is_own_affair(const struct handle *h, enum retry_cause cause)
{
	struct answer answer;

	return cause == CAUSE_REFUSED && h->role == PEL_ROLE_WRITER && ask_role(h, &answer) == 0 &&
		answer.role == PEL_ROLE_WRITER;
}

static int move_until(struct handle *h, uint64_t deadline)
{
	struct autocommit before = read_autocommit(h);
	uint64_t pause = PAUSE_FIRST_NS;

	for (unsigned turn = 0;; turn++) {
		uint64_t now = clock_now_ns();

		if (connection_has_way(h) && attempt(h, before, turn))
			break;
		if (now >= deadline) {
			plan_force(h->followed, NULL);
			return -ETIMEDOUT;
		}
		connection_wait(pause < deadline - now ? pause : deadline - now);
		pause = pause * 2 < PAUSE_MAX_NS ? pause * 2 : PAUSE_MAX_NS;
	}
	settle(h);
	h->session.dirty = h->session.transaction = false;
	h->suspect = false;
	slot_count(SLOT_MOVED);
	return 0;
}

int move_connection(struct handle *h, enum retry_cause cause)
{
	uint64_t deadline = clock_now_ns() + env_get()->failover_timeout_ns;
	int saved = errno, r;

	if (h->library->opt_reconnect == 0) {
		say(SAY_CLIENT_WARNS, NULL);
		return -ENOTSUP;
	}
	/* A reader's name gives no writer: a refused write there is what was asked for. */
	if (cause == CAUSE_REFUSED && h->role != PEL_ROLE_WRITER)
		return -ENOENT;
	if (is_own_affair(h, cause))
		return -ENOENT;
	follow_hint(h->followed, false);
	r = move_until(h, deadline);
	errno = saved;
	return r;
}

void move_verify(struct handle *h)
{
	unsigned status = handle_status(h);
	struct answer answer;

	h->autocommit_known = status != CLIENT_STATUS_UNKNOWN;
	h->autocommit = h->autocommit_known && (status & CLIENT_STATUS_AUTOCOMMIT);
	if (h->autocommit_known && (h->role != PEL_ROLE_WRITER || connection_is_proven(h)))
		return;
	if (ask_role(h, &answer) < 0)
		return;
	h->autocommit = answer.autocommit;
	h->autocommit_known = true;
	if (!fits(h, answer.role) || !members_are_known(h->followed))
		learn(h, answer.role);
	if (fits(h, answer.role)) {
		settle(h);
		return;
	}
	if (h->library->opt_reconnect == 0 || h->role != PEL_ROLE_WRITER ||
		connection_has_no_writer(h))
		return;
	follow_hint(h->followed, false);
	(void)move_until(h, clock_now_ns() + env_get()->failover_timeout_ns);
}
