/* SPDX-License-Identifier: Apache-2.0 */
#include "connection.h"

#include "common/names.h"
#include "common/text.h"
#include "common/clock.h"
#include "base/env.h"
#include "base/futex.h"
#include "known/mapview.h"
#include "known/plan.h"
#include "prober/follow.h"
#include "prober/wait.h"
#include "connections/sockets.h"

#define NEWER_NS UINT64_C(5000000) /* an answer that comes so soon may be from before a loss */
#define PAUSE_FIRST_NS UINT64_C(5000000)
#define PAUSE_MAX_NS UINT64_C(50000000)

/* By name, when a connection was last lost, and to which instance. */
static struct {
	_Atomic uint64_t ns;
	_Atomic uint64_t identity;
} losses[FOLLOWED_MAX];

/* The record of a name that this process follows, or NULL. */
static struct followed *find_followed(const char *host)
{
	char name[PEL_NAME_MAX];

	if (!host || pel_name_normalise(host, name) < 0)
		return NULL;
	return followed_find_name(name, pel_name_hash(name));
}

struct handle *connection_adopt(const struct library *lib, void *mysql, const char *host, int fd)
{
	struct followed *f;
	struct handle *h;

	if (!host && lib->real.get_infov)
		(void)lib->real.get_infov(mysql, CLIENT_INFO_HOST, &host);
	f = find_followed(host);
	h = f ? handle_new(mysql, lib, f) : NULL;
	if (h)
		connection_note_socket(h, fd);
	return h;
}

/* What the map says of a name's cluster now: the name is among its names. */
static bool read_map(const struct followed *f, struct pel_hot *ret)
{
	uint64_t now = clock_now_ns();
	const struct pel_map *map = mapview_get(now);
	struct pel_ref ref;

	return mapview_is_fresh(map, now) && mapview_read(map, f->name, f->hash, &ref, ret) == 0;
}

/* What its instance is now is what it must still be: a reader's name may lead to a writer. */
static void note_instance(struct handle *h)
{
	struct pel_hot hot;
	unsigned i;

	if (!read_map(h->followed, &hot) || hot.state != PEL_STATE_KNOWN)
		return;
	i = sever_find_instance(&hot, &h->socket.real);
	if (i != PEL_NONE && hot.instances[i].role != PEL_ROLE_UNKNOWN &&
		h->role != PEL_ROLE_WRITER)
		h->socket.role = hot.instances[i].role;
}

void connection_note_socket(struct handle *h, int fd)
{
	struct socket_record record;

	h->fd = h->library->real.get_socket ? h->library->real.get_socket(h->mysql) : fd;
	h->cookie = h->fd < 0 ? 0 : socket_cookie(h->fd);
	h->recorded = h->cookie != 0 && sockets_read(h->fd, &record) && record.cookie == h->cookie;
	if (!h->recorded)
		return;
	h->socket = record.socket;
	if (record.socket.role != PEL_ROLE_UNKNOWN)
		h->role = record.socket.role;
	note_instance(h);
}

bool connection_is_proven(const struct handle *h)
{
	struct pel_hot hot;
	unsigned i;

	if (!h->recorded || !read_map(h->followed, &hot))
		return false;
	i = sever_find_instance(&hot, &h->socket.real);
	return hot.state == PEL_STATE_KNOWN && i != PEL_NONE && hot.instances[i].role == h->role;
}

void connection_note_loss(struct handle *h)
{
	struct socket_record record;

	if (h->lost)
		return;
	h->lost = true;
	h->lost_ns = clock_now_ns();
	atomic_store(&losses[followed_index(h->followed)].identity, h->socket.identity);
	atomic_store(&losses[followed_index(h->followed)].ns, h->lost_ns);
	h->severed = h->recorded && sockets_read(h->fd, &record) && record.cookie == h->cookie &&
		record.severed;
}

static enum retry_evidence look_for_evidence(const struct handle *h, uint64_t failed_ns)
{
	struct sever_socket socket = h->socket;
	struct pel_hot hot;

	if (!read_map(h->followed, &hot))
		return EVIDENCE_NEVER;
	socket.uid = hot.uid;
	for (socket.name = 0; hot.names[socket.name].hash != h->followed->hash; socket.name++)
		;
	return retry_evidence_of(&hot, &socket, true, failed_ns, clock_now_ns());
}

static enum retry_evidence await_evidence(const struct handle *h, uint64_t failed_ns)
{
	uint64_t pause = PAUSE_FIRST_NS;

	for (bool hinted = false;; hinted = true) {
		uint32_t seen = connection_word();
		enum retry_evidence found = look_for_evidence(h, failed_ns);

		if (found != EVIDENCE_NOT_YET || clock_now_ns() >= failed_ns + EVIDENCE_WAIT_NS)
			return found;
		if (!hinted)
			follow_hint(h->followed, false);
		connection_wait(seen, pause);
		pause = pause * 2 < PAUSE_MAX_NS ? pause * 2 : PAUSE_MAX_NS;
	}
}

bool connection_failed_over(struct handle *h, enum retry_cause cause)
{
	enum retry_evidence found;

	if (cause == CAUSE_SHUTDOWN || (cause != CAUSE_REFUSED && h->severed))
		return true;
	if (!h->recorded)
		found = EVIDENCE_NEVER;
	else
		found = await_evidence(h, cause == CAUSE_REFUSED ? clock_now_ns() : h->lost_ns);
	/* Where nobody is there to know better, the server's word on itself is enough. */
	if (found == EVIDENCE_NEVER && cause == CAUSE_REFUSED)
		return retry_is_read_only(h->library->real.error(h->mysql));
	return found == EVIDENCE_MOVED;
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

bool connection_is_in_doubt(const struct followed *f)
{
	uint64_t lost = atomic_load(&losses[followed_index(f)].ns);
	uint64_t identity = atomic_load(&losses[followed_index(f)].identity);
	const struct pel_hot_instance *writer;
	struct pel_hot hot;

	if (lost == 0 || clock_now_ns() >= lost + EVIDENCE_WAIT_NS || !read_map(f, &hot) ||
		hot.state != PEL_STATE_KNOWN || hot.writer >= hot.n_instances)
		return false;
	writer = &hot.instances[hot.writer];
	if (writer->identity != identity || writer->evidence_ns > lost + NEWER_NS)
		return false;
	follow_hint(f, false);
	return true;
}

bool connection_has_way(struct followed *f)
{
	struct plan plan;

	plan_make(f, ROUTE_FAMILY4 | ROUTE_FAMILY6, 0, &plan);
	return plan.verdict == ROUTE_INSTANCE || plan.verdict == ROUTE_DNS;
}

uint64_t connection_wait_end(struct followed *f, uint64_t begin_ns)
{
	uint64_t whole = env_get()->failover_timeout_ns;
	struct pel_hot hot;

	if (read_map(f, &hot) && hot.state == PEL_STATE_WRITERLESS)
		return hot.writerless_ns + whole;
	return begin_ns + (whole < WAIT_WRITER_NS ? whole : WAIT_WRITER_NS);
}

bool connection_has_no_writer(const struct handle *h)
{
	struct pel_hot hot;

	return read_map(h->followed, &hot) && route_is_readers_alone(&hot);
}

bool connection_has_prober(const struct handle *h)
{
	struct pel_hot hot;

	return read_map(h->followed, &hot) && hot.state != PEL_STATE_UNKNOWN && !hot.dns_only;
}

/* The TLS settings, which the prober must not weaken; false if they cannot be read. */
static bool read_tls(const struct handle *h, struct envcreds *ret)
{
	const struct client_functions *real = &h->library->real;
	const char *ca = NULL;
	client_bool verify = 0;

	if (!real->get_ssl_cipher || !real->get_ssl_cipher(h->mysql))
		return true;
	ret->ssl = true;
	if (!h->library->is_mariadb)
		return false;
	(void)real->get_option(h->mysql, CLIENT_OPT_SSL_CA, &ca);
	(void)real->get_option(h->mysql, CLIENT_OPT_SSL_VERIFY, &verify);
	ret->ssl_verify = verify != 0;
	return !ca || text_copy(ret->ssl_ca, sizeof(ret->ssl_ca), ca);
}

void connection_hand_over(const struct handle *h, const char *user, const char *password,
	unsigned port)
{
	struct envcreds creds = {.ssl = false};
	struct pel_hot hot;

	if (!read_map(h->followed, &hot) || (!hot.dns_only && hot.state != PEL_STATE_UNKNOWN))
		return;
	if (text_copy(creds.user, sizeof(creds.user), user) &&
		text_copy(creds.password, sizeof(creds.password), password ? password : "") &&
		read_tls(h, &creds))
		follow_hand_over(h->followed, (uint16_t)port, &creds);
	text_wipe(&creds, sizeof(creds));
}
