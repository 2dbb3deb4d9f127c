/* SPDX-License-Identifier: Apache-2.0 */
#include "connection.h"

#include "common/names.h"
#include "common/text.h"
#include "common/clock.h"
#include "base/env.h"
#include "base/futex.h"
#include "known/mapview.h"
#include "prober/follow.h"
#include "connections/hold.h"
#include "connections/sockets.h"

#define SHARED_NS UINT64_C(1000000000)
#define HAND_OVER_NS UINT64_C(60000000000)
#define DOUBT_NS UINT64_C(10000000)
#define PAUSE_FIRST_NS UINT64_C(5000000)
#define PAUSE_MAX_NS UINT64_C(50000000)

/*
 * By name, a loss of which the prober is told, once.  Others of the same instance share it for
 * SHARED_NS: the answer that serves the first serves them, and a pool whose idle connections have all
 * ended waits once.  But an answer from before a statement's loss says nothing of that.
 */
static struct loss {
	_Atomic uint64_t ns;
	_Atomic uint64_t identity;
	_Atomic bool in_flight;
	_Atomic bool told;
} losses[FOLLOWED_MAX];

struct handle *connection_adopt(const struct library *lib, void *mysql, const char *host, int fd)
{
	struct followed *f = NULL;
	char name[PEL_NAME_MAX];
	struct handle *h;

	if (!host)
		(void)lib->real.get_infov(mysql, CLIENT_INFO_HOST, &host);
	if (host && pel_name_normalise(host, name) == 0)
		f = followed_find_name(name, pel_name_hash(name));
	h = f ? handle_new(mysql, lib, f) : NULL;
	if (h)
		connection_note_socket(h, fd);
	return h;
}

bool connection_read_map(const struct followed *f, struct pel_hot *ret)
{
	uint64_t now = clock_now_ns();
	const struct pel_map *map = mapview_get(now);
	struct pel_ref ref;

	return mapview_is_fresh(map, now) && mapview_read(map, f->name, f->hash, &ref, ret) == 0;
}

enum pel_role connection_known_role(const struct handle *h)
{
	struct pel_hot hot;
	unsigned i;

	if (!h->recorded || !connection_read_map(h->followed, &hot) || hot.state != PEL_STATE_KNOWN)
		return PEL_ROLE_UNKNOWN;
	i = sever_find_instance(&hot, &h->socket.real);
	return i == PEL_NONE ? PEL_ROLE_UNKNOWN : hot.instances[i].role;
}

void connection_note_socket(struct handle *h, int fd)
{
	struct socket_record record;
	enum pel_role known;

	h->word = mapview_word();
	h->old_news = false;
	h->fd = h->library->real.get_socket ? h->library->real.get_socket(h->mysql) : fd;
	h->cookie = h->fd < 0 ? 0 : socket_cookie(h->fd);
	h->recorded = h->cookie != 0 && sockets_read(h->fd, &record) && record.cookie == h->cookie;
	if (!h->recorded)
		return;
	h->socket = record.socket;
	if (record.socket.role != PEL_ROLE_UNKNOWN)
		h->role = record.socket.role;
	/* What its instance is now is what it must still be: a reader's name may lead to a writer. */
	known = connection_known_role(h);
	if (known != PEL_ROLE_UNKNOWN && h->role != PEL_ROLE_WRITER)
		h->socket.role = known;
}

/* When the loss was that this one shares. */
static uint64_t share_loss(const struct handle *h, bool in_flight, uint64_t now_ns)
{
	struct loss *l = &losses[followed_index(h->followed)];
	uint64_t ns = atomic_load(&l->ns);

	if (now_ns < ns + SHARED_NS && atomic_load(&l->identity) == h->socket.identity &&
		(!in_flight || atomic_load(&l->in_flight)))
		return ns;
	atomic_store(&l->identity, h->socket.identity);
	atomic_store(&l->in_flight, in_flight);
	atomic_store(&l->ns, now_ns);
	atomic_store(&l->told, false);
	return now_ns;
}

/* Only what is asked from RETRY_NEWER_NS on can be known for an answer. */
static void tell_loss(const struct followed *f)
{
	struct loss *l = &losses[followed_index(f)];

	if (clock_now_ns() > atomic_load(&l->ns) + RETRY_NEWER_NS &&
		!atomic_exchange(&l->told, true))
		follow_hint(f, false);
}

void connection_note_loss(struct handle *h, enum retry_cause cause)
{
	struct socket_record record;

	if (h->lost)
		return;
	h->lost = true;
	h->lost_ns = clock_now_ns();
	h->severed = h->recorded && sockets_read(h->fd, &record) && record.cookie == h->cookie &&
		(record.severed || (record.seen && plan_mode(h->followed) == PEL_MODE_OBSERVE));
	if (h->recorded && !h->severed)
		h->lost_ns = share_loss(h, cause == CAUSE_IN_FLIGHT, h->lost_ns);
}

static enum retry_evidence look_for_evidence(const struct handle *h, bool by_role,
	uint64_t failed_ns)
{
	struct sever_socket socket = h->socket;
	struct pel_hot hot;

	if (!connection_read_map(h->followed, &hot))
		return EVIDENCE_NEVER;
	socket.uid = hot.uid;
	for (socket.name = 0; socket.name < hot.n_names; socket.name++) {
		if (hot.names[socket.name].hash == h->followed->hash)
			break;
	}
	if (socket.name == hot.n_names)
		return EVIDENCE_NEVER;
	return retry_evidence_of(&hot, &socket, by_role, failed_ns, clock_now_ns());
}

void connection_note_begin(struct handle *h)
{
	uint32_t word = mapview_word();

	if (word == h->word)
		return;
	h->word = word;
	h->old_news = h->recorded && look_for_evidence(h, true, 0) == EVIDENCE_MOVED;
}

static enum retry_evidence await_evidence(const struct handle *h, bool by_role, uint64_t failed_ns,
	uint64_t until_ns)
{
	uint64_t pause = PAUSE_FIRST_NS;

	for (;;) {
		uint32_t seen = connection_word();
		enum retry_evidence found = look_for_evidence(h, by_role, failed_ns);

		if (found != EVIDENCE_NOT_YET || clock_now_ns() >= until_ns ||
			plan_mode(h->followed) != PEL_MODE_ACTIVE)
			return found;
		if (h->lost)
			tell_loss(h->followed);
		connection_wait(seen, pause);
		pause = pause * 2 < PAUSE_MAX_NS ? pause * 2 : PAUSE_MAX_NS;
	}
}

/*
 * A server that says that it is read-only may be ahead of the map.  A transaction that is, or another
 * option, says nothing of the server: then only what the map has already counts.
 */
static bool has_become_reader(const struct handle *h, uint64_t until_ns)
{
	bool says_so = retry_is_read_only(h->library->real.error(h->mysql));
	uint64_t now = clock_now_ns();
	enum retry_evidence found = EVIDENCE_NEVER;

	if (h->recorded && says_so)
		follow_hint(h->followed, false);
	if (h->recorded)
		found = await_evidence(h, true, now, says_so ? until_ns : now);
	/* Where nobody is there to know better, the server's word on itself is enough. */
	return found == EVIDENCE_MOVED || (found == EVIDENCE_NEVER && says_so);
}

bool connection_failed_over(struct handle *h, enum retry_cause cause, uint64_t until_ns)
{
	uint64_t begin = cause == CAUSE_REFUSED ? clock_now_ns() : h->lost_ns;

	if (until_ns > begin + EVIDENCE_WAIT_NS)
		until_ns = begin + EVIDENCE_WAIT_NS;
	if (cause == CAUSE_REFUSED)
		return has_become_reader(h, until_ns);
	if (h->severed || !h->recorded)
		return h->severed;
	return await_evidence(h, cause != CAUSE_IN_FLIGHT || !h->old_news, h->lost_ns, until_ns) ==
		EVIDENCE_MOVED;
}

void connection_sever(struct handle *h)
{
	if (h->fd >= 0 && h->cookie != 0)
		(void)socket_sever(h->fd, h->cookie);
	h->fd = -1;
	h->cookie = 0;
}

uint32_t connection_word(void)
{
	const struct pel_map *map = mapview_look(clock_now_ns());

	return map ? atomic_load_explicit(&map->header.wake, memory_order_acquire) : 0;
}

void connection_wait(uint32_t seen, uint64_t limit_ns)
{
	uint64_t now = clock_now_ns();
	const struct pel_map *map = mapview_look(now);
	static const _Atomic uint32_t nobody;

	if (mapview_is_fresh(map, now))
		futex_wait(&map->header.wake, seen, NULL, 0, limit_ns);
	else
		futex_wait(NULL, 0, &nobody, 0, limit_ns);
}

/*
 * True if a connection to the writer was just lost in a statement, and the writer has not been heard
 * of since: it may be gone, and refuse connects, before the map has it.  The prober is told.
 */
static bool is_in_doubt(const struct followed *f)
{
	struct loss *l = &losses[followed_index(f)];
	uint64_t lost = atomic_load(&l->ns);
	const struct pel_hot_instance *writer;
	struct pel_hot hot;

	if (lost == 0 || !atomic_load(&l->in_flight) || clock_now_ns() >= lost + EVIDENCE_WAIT_NS ||
		plan_mode(f) != PEL_MODE_ACTIVE || !connection_read_map(f, &hot) ||
		hot.state != PEL_STATE_KNOWN || hot.writer >= hot.n_instances)
		return false;
	writer = &hot.instances[hot.writer];
	if (writer->identity != atomic_load(&l->identity) ||
		writer->evidence_ns > lost + RETRY_NEWER_NS)
		return false;
	tell_loss(f);
	return true;
}

struct plan connection_plan(struct followed *f)
{
	struct plan plan;

	plan_make(f, ROUTE_FAMILY4 | ROUTE_FAMILY6, 0, &plan);
	return plan;
}

uint64_t connection_wait_end(struct followed *f, uint64_t begin_ns)
{
	uint64_t whole = env_get()->failover_timeout_ns;
	struct plan plan = connection_plan(f);

	if (plan.found && plan.fresh && plan.hot.state == PEL_STATE_WRITERLESS)
		return plan.hot.writerless_ns + whole;
	if (plan.verdict == ROUTE_WAIT) /* it is lost, or says so, and nobody is in its place yet */
		return plan.hot.verified_ns + whole;
	return begin_ns + (whole < CONNECTION_SEARCH_NS ? whole : CONNECTION_SEARCH_NS);
}

bool connection_await_way(struct followed *f, uint64_t limit_ns)
{
	uint64_t now = clock_now_ns(), hold_ns = connection_plan(f).hold_ns;
	uint64_t until = now + (limit_ns < hold_ns ? limit_ns : hold_ns), end;
	struct hold hold = {.fd = -1,
		.families = ROUTE_FAMILY4 | ROUTE_FAMILY6,
		.since_ns = now,
		.followed = f};
	struct plan plan;

	while (clock_now_ns() < until && is_in_doubt(f))
		connection_wait(connection_word(), DOUBT_NS);
	plan = connection_plan(f);
	end = connection_wait_end(f, now);
	hold.until_ns = until < end ? until : end;
	return plan.verdict == ROUTE_WAIT && hold.until_ns > now && hold_wait(&hold, &plan) == 0;
}

/* The TLS settings, which the prober must not weaken; false if they cannot be read. */
static bool read_tls(const struct handle *h, struct envcreds *ret)
{
	const struct client_functions *real = &h->library->real;
	const char *ca = NULL;
	client_bool verify = 0;

	if (!real->get_ssl_cipher(h->mysql))
		return true;
	ret->ssl = true;
	if (!h->library->is_mariadb)
		return false;
	(void)real->get_option(h->mysql, CLIENT_OPT_SSL_CA, &ca);
	(void)real->get_option(h->mysql, CLIENT_OPT_SSL_VERIFY, &verify);
	ret->ssl_verify = verify != 0;
	return !ca || text_copy(ret->ssl_ca, sizeof(ret->ssl_ca), ca);
}

/* True once a minute for each user and start of the prober; by name only the last one is remembered. */
static bool is_hand_over_due(const struct followed *f, const char *user, uint64_t now_ns)
{
	static struct {
		_Atomic uint64_t whom, ns;
	} last[FOLLOWED_MAX];
	const struct pel_map *map = mapview_get(now_ns);
	uint64_t whom = pel_name_hash(user) ^ (map ? map->header.start_ns : 0);
	unsigned i = followed_index(f);

	if (atomic_exchange(&last[i].whom, whom) == whom &&
		now_ns < atomic_load(&last[i].ns) + HAND_OVER_NS)
		return false;
	atomic_store(&last[i].ns, now_ns);
	return true;
}

void connection_hand_over(const struct handle *h, const char *user, const char *password,
	unsigned port)
{
	struct envcreds creds = {.ssl = false};
	struct pel_hot hot;

	if (!user || !connection_read_map(h->followed, &hot) ||
		(!hot.dns_only && hot.state != PEL_STATE_UNKNOWN) ||
		!is_hand_over_due(h->followed, user, clock_now_ns()))
		return;
	if (text_copy(creds.user, sizeof(creds.user), user) &&
		text_copy(creds.password, sizeof(creds.password), password ? password : "") &&
		read_tls(h, &creds))
		follow_hand_over(h->followed, (uint16_t)port, &creds);
	text_wipe(&creds, sizeof(creds));
}
