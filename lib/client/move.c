/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One move:
 *
 *   sever     the old socket, so that the library finds its connection lost
 *   ping      with MYSQL_OPT_RECONNECT set around it alone: the library connects anew by the name
 *             that it knows, which our hooks lead to the right instance, keeps its MYSQL*, character
 *             set and database, and runs INIT_COMMAND
 *   verify    the new server's own word, where nobody publishes the topology
 *   restore   the settings that the session had, and autocommit
 *
 * mysql_real_connect() on a used handle would leak, and let an old MYSQL_STMT execute another
 * connection's statement.  Between tries the topology's next move is waited for.  A connection that
 * is given up is ended, and the library's own error is what the program is told.
 */
#include "move.h"

#include "connection.h"
#include "common/clock.h"
#include "common/names.h"
#include "common/rows.h"
#include "base/env.h"
#include "base/real.h"
#include "base/say.h"
#include "known/address.h"
#include "prober/follow.h"
#include "prober/slot.h"

#include <errno.h>
#include <string.h>

/* Each try is a login: within three seconds they are ten. */
#define PAUSE_FIRST_NS UINT64_C(50000000)
#define PAUSE_MAX_NS UINT64_C(400000000)

enum outcome { OUTCOME_DONE = 0, OUTCOME_AGAIN, OUTCOME_HOPELESS };

bool move_is_possible(const struct handle *h)
{
	if (h->library->opt_reconnect == 0)
		say(SAY_CLIENT_WARNS, NULL);
	return h->library->opt_reconnect != 0 && !env_get()->auth_iam;
}

/* Executes a statement without a result; false if it failed. */
static bool ask_do(const struct handle *h, const char *text)
{
	return h->library->real.real_query(h->mysql, text, strlen(text)) == 0;
}

/* Sends a question and takes its whole result; NULL if there is none. */
static void *ask_for(const struct handle *h, const char *text)
{
	return ask_do(h, text) ? h->library->real.store_result(h->mysql) : NULL;
}

/* What the server says of itself, UNKNOWN if it does not.  Notes autocommit by the way. */
static enum pel_role ask_role(struct handle *h)
{
	const struct client_functions *real = &h->library->real;
	void *result = ask_for(h, "SELECT " PEL_ROLE_COLUMNS ", @@autocommit");
	char **row = result ? real->fetch_row(result) : NULL;
	enum pel_role role = row ? pel_rows_role_of(row[0], row[1]) : PEL_ROLE_UNKNOWN;

	h->session.autocommit = row && row[2] && strcmp(row[2], "1") == 0;
	if (result)
		real->free_result(result);
	return role;
}

bool move_has_no_id(const struct handle *h)
{
	const struct client_functions *real = &h->library->real;
	int saved = errno;
	void *result = ask_for(h, "SELECT LAST_INSERT_ID()");
	char **row = result ? real->fetch_row(result) : NULL;
	bool none = row && row[0] && strcmp(row[0], "0") == 0;

	if (result)
		real->free_result(result);
	errno = saved;
	return none;
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

/* The id of the writer by the server's own table; false if it has none to tell. */
static bool ask_writer(const struct handle *h, char ret[static PEL_ID_MAX])
{
	struct cells c = {.real = &h->library->real, .result = ask_for(h, PEL_ROWS_QUERY)};
	struct pel_cells cells = {.next = next_row, .context = &c};
	struct pel_rows rows;
	bool told;

	if (!c.result)
		return false;
	cells.n_columns = c.real->num_fields(c.result);
	told = pel_rows_read(&cells, &rows) == 0 && rows.master != PEL_NONE;
	if (told)
		memcpy(ret, rows.rows[rows.master].id, PEL_ID_MAX);
	c.real->free_result(c.result);
	return told;
}

/* The first address of a host, and its canonical name, by the real resolver. */
static bool resolve(const char *host, struct pel_addr *ret, char ret_canonical[static PEL_NAME_MAX])
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
	struct addrinfo *list;
	bool found;

	if (real_get()->getaddrinfo(host, NULL, &hints, &list) != 0)
		return false;
	found = address_from_sockaddr(list->ai_addr, list->ai_addrlen, ret) && list->ai_canonname &&
		pel_name_normalise(list->ai_canonname, ret_canonical) == 0;
	real_get()->freeaddrinfo(list);
	return found;
}

/*
 * Without a prober the reader that we are on says who is the writer: this process's connections by
 * the name are led there, until one of them fails or somebody publishes the topology.  Its host
 * lies in the cluster's own domain, so that a hostile table sends nobody elsewhere; an own domain's
 * name is an alias of the cluster's.
 */
static void learn_writer(const struct handle *h)
{
	const char *domain = pel_name_instance_domain(h->followed->name);
	char id[PEL_ID_MAX], host[PEL_NAME_MAX], canonical[PEL_NAME_MAX];
	struct pel_addr addr;
	struct pel_hot hot;

	if (connection_read_map(h->followed, &hot) && hot.state != PEL_STATE_UNKNOWN &&
		!hot.dns_only)
		return;
	if (!ask_writer(h, id))
		return;
	if (!domain && resolve(h->followed->name, &addr, canonical))
		domain = pel_name_instance_domain(canonical);
	if (domain && pel_name_of_instance(id, domain, NULL, host) == 0 &&
		resolve(host, &addr, canonical))
		followed_pin(h->followed, &addr);
}

/* True once the library has a connection: a new one if `anew`, and if it has none. */
static bool ping(const struct handle *h, bool anew)
{
	const struct client_functions *real = &h->library->real;
	client_bool chosen = 0, on = anew;
	bool alive;

	if (h->library->opt_reconnect == 0)
		return real->ping(h->mysql) == 0;
	(void)real->get_option(h->mysql, h->library->opt_reconnect, &chosen);
	(void)real->options(h->mysql, h->library->opt_reconnect, &on);
	alive = real->ping(h->mysql) == 0;
	(void)real->options(h->mysql, h->library->opt_reconnect, &chosen);
	return alive;
}

/* The role that a move must lead to; PEL_ROLE_UNKNOWN: any. */
static enum pel_role wanted_role(const struct handle *h)
{
	enum env_failover mode = env_get()->failover;

	if (h->role == PEL_ROLE_WRITER || (h->role == PEL_ROLE_READER && mode == ENV_STRICT_WRITER))
		return PEL_ROLE_WRITER;
	return h->role == PEL_ROLE_READER && mode == ENV_STRICT_READER ? PEL_ROLE_READER
								       : PEL_ROLE_UNKNOWN;
}

static bool is_lost(const struct handle *h)
{
	return retry_cause_of(h->library->real.errnum(h->mysql)) != CAUSE_NONE;
}

/* False if the server surely is not what the name means, or is lost again. */
static bool is_right(struct handle *h, enum pel_role wanted)
{
	bool is_told = handle_note_autocommit(h), is_needed = h->library->opt_reconnect != 0;
	struct pel_hot hot;
	enum pel_role role;

	if ((is_told || !is_needed) &&
		(wanted == PEL_ROLE_UNKNOWN || connection_known_role(h) == h->role))
		return true;
	role = ask_role(h);
	if (role == PEL_ROLE_UNKNOWN && is_lost(h))
		return false;
	if (wanted == PEL_ROLE_UNKNOWN || role == PEL_ROLE_UNKNOWN || role == wanted ||
		(wanted == PEL_ROLE_WRITER && connection_read_map(h->followed, &hot) &&
			route_is_readers_alone(&hot)))
		return true;
	if (wanted == PEL_ROLE_WRITER)
		learn_writer(h);
	return false;
}

/* A library's own collation that a server does not have (ER_UNKNOWN_COLLATION) no login has there. */
static enum outcome restore(struct handle *h)
{
	bool done = true;

	for (const char *s = session_next(&h->session, NULL); done && s;
		s = session_next(&h->session, s))
		done = ask_do(h, s) || h->library->real.errnum(h->mysql) == 1273;
	if (done)
		return OUTCOME_DONE;
	return is_lost(h) ? OUTCOME_AGAIN : OUTCOME_HOPELESS;
}

/* One try. */
static enum outcome attempt(struct handle *h, struct wish *wish)
{
	const struct client_functions *real = &h->library->real;

	connection_sever(h);
	if (!ping(h, true)) {
		if (retry_is_hopeless(real->errnum(h->mysql), real->error(h->mysql)))
			return OUTCOME_HOPELESS;
		followed_pin(h->followed, NULL);
		return OUTCOME_AGAIN;
	}
	connection_note_socket(h, wish ? wish->fd : -1);
	return is_right(h, wanted_role(h)) ? restore(h) : OUTCOME_AGAIN;
}

/* Nobody is served on it any more: the library finds it lost, and that is its last error. */
static void end(struct handle *h)
{
	connection_sever(h);
	(void)ping(h, false);
}

/*
 * Tries until it is done, or hopeless, or the time is over: that for finding a server that takes us
 * in begins with the way to one.
 */
static enum outcome move_until(struct handle *h, struct wish *wish, uint64_t until_ns)
{
	uint64_t begin = clock_now_ns(), pause = PAUSE_FIRST_NS, now, until;
	enum outcome outcome = OUTCOME_AGAIN;
	bool had_way = false, tried = false;

	for (;;) {
		uint32_t seen = connection_word();
		enum route_verdict verdict = connection_plan(h->followed).verdict;
		/* Between two writers there is none. */
		bool has_way = verdict == ROUTE_INSTANCE || verdict == ROUTE_DNS;

		/* Switched off meanwhile: what was lost is told. */
		if (plan_mode(h->followed) != PEL_MODE_ACTIVE)
			break;
		if (has_way && !had_way) {
			begin = clock_now_ns();
			pause = PAUSE_FIRST_NS;
		}
		had_way = has_way;
		tried |= has_way;
		if (has_way)
			outcome = attempt(h, wish);
		now = clock_now_ns();
		until = connection_wait_end(h->followed, begin);
		if (until > until_ns)
			until = until_ns;
		if (outcome != OUTCOME_AGAIN || now >= until)
			break;
		connection_wait(seen, pause < until - now ? pause : until - now);
		pause = pause * 2 < PAUSE_MAX_NS ? pause * 2 : PAUSE_MAX_NS;
	}
	if (outcome != OUTCOME_DONE && tried)
		end(h);
	/* Without a writer it is moved once there is one. */
	if (outcome != OUTCOME_DONE && had_way)
		h->left = true;
	return outcome;
}

static bool move(struct handle *h, uint64_t until_ns)
{
	enum pel_role role = wanted_role(h) == PEL_ROLE_WRITER ? PEL_ROLE_WRITER : PEL_ROLE_UNKNOWN;
	struct wish *wish = wish_begin(h->followed, role, false);
	enum outcome outcome = move_until(h, wish, until_ns);

	(void)wish_end(wish);
	if (outcome != OUTCOME_DONE)
		return false;
	h->lost = h->severed = false;
	slot_count(SLOT_MOVED);
	return true;
}

bool move_connection(struct handle *h, uint64_t until_ns)
{
	int saved = errno;
	bool moved = move(h, until_ns);

	/* A session is moved only with autocommit on, so that is what it gets. */
	if (moved && !h->session.autocommit) {
		moved = h->session.autocommit = ask_do(h, "SET autocommit=1");
		h->left = !moved;
		if (!moved)
			end(h);
	}
	errno = saved;
	return moved;
}

bool move_verify(struct handle *h)
{
	enum pel_role wanted = h->role == PEL_ROLE_WRITER ? PEL_ROLE_WRITER : PEL_ROLE_UNKNOWN;
	int saved = errno;
	bool right = is_right(h, wanted);
	uint64_t limit_ns = library_limit_ns(h->library, h->mysql, CLIENT_OPT_CONNECT_TIMEOUT);

	if (!right) {
		uint64_t most_ns = connection_plan(h->followed).hold_ns;

		if (most_ns < CONNECTION_SEARCH_NS)
			most_ns = CONNECTION_SEARCH_NS;
		if (limit_ns > most_ns)
			limit_ns = most_ns;
		follow_hint(h->followed, false);
		right = move_is_possible(h) && move(h, clock_now_ns() + limit_ns);
		/* Switched off meanwhile: it is where DNS leads. */
		if (!right && plan_mode(h->followed) != PEL_MODE_ACTIVE)
			right = ping(h, true);
		else if (!right) {
			say(SAY_ONLY_READERS, h->followed->name);
			end(h);
			h->left = true;
		}
	}
	errno = saved;
	return right;
}
