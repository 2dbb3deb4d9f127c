/* SPDX-License-Identifier: Apache-2.0 */
#include "connection.h"

#include "common/names.h"
#include "common/text.h"
#include "common/clock.h"
#include "base/futex.h"
#include "known/address.h"
#include "known/mapview.h"
#include "known/plan.h"
#include "prober/follow.h"
#include "connections/sockets.h"

static struct followed *find_followed(const char *host)
{
	char name[PEL_NAME_MAX];

	if (pel_name_normalise(host, name) < 0)
		return NULL;
	return followed_find_name(name, pel_name_hash(name));
}

struct handle *connection_adopt(const struct library *lib, void *mysql, const char *host)
{
	struct followed *f;
	struct handle *h;

	if (!host && lib->real.get_infov)
		(void)lib->real.get_infov(mysql, CLIENT_INFO_HOST, &host);
	f = host ? find_followed(host) : NULL;
	h = f ? handle_new(mysql, lib, f) : NULL;
	if (h)
		connection_note_socket(h);
	return h;
}

bool connection_is_proven(const struct handle *h)
{
	uint64_t now = clock_now_ns();
	const struct pel_map *map = mapview_get(now);
	struct pel_ref ref;
	struct pel_hot hot;
	struct socket_record record;
	unsigned i;

	if (h->fd < 0 || !mapview_is_fresh(map, now) || !sockets_read(h->fd, &record) ||
		record.cookie != h->cookie ||
		mapview_read(map, h->followed->name, h->followed->hash, &ref, &hot) < 0)
		return false;
	i = sever_find_instance(&hot, &record.socket.real);
	return hot.state == PEL_STATE_KNOWN && i != PEL_NONE && hot.instances[i].role == h->role;
}

void connection_note_socket(struct handle *h)
{
	h->fd = h->library->real.get_socket ? h->library->real.get_socket(h->mysql)
					    : sockets_last();
	h->cookie = h->fd < 0 ? 0 : socket_cookie(h->fd);
}

void connection_sever(struct handle *h)
{
	if (h->fd >= 0 && h->cookie != 0)
		(void)socket_sever(h->fd, h->cookie);
	h->fd = -1;
	h->cookie = 0;
}

void connection_wait(uint64_t limit_ns)
{
	uint64_t now = clock_now_ns();
	const struct pel_map *map = mapview_look(now);
	static const _Atomic uint32_t nobody;

	if (mapview_is_fresh(map, now))
		futex_wait(&map->header.wake,
			atomic_load_explicit(&map->header.wake, memory_order_acquire), NULL, 0,
			limit_ns);
	else
		futex_wait(NULL, 0, &nobody, 0, limit_ns);
}

bool connection_has_way(const struct handle *h)
{
	struct plan plan;

	plan_make(h->followed, ROUTE_FAMILY4 | ROUTE_FAMILY6, 0, &plan);
	return plan.verdict == ROUTE_INSTANCE || plan.verdict == ROUTE_DNS;
}

/* What the map says of the handle's cluster now; false without a living prober. */
static bool read_map(const struct handle *h, struct pel_hot *ret)
{
	uint64_t now = clock_now_ns();
	const struct pel_map *map = mapview_get(now);
	struct pel_ref ref;

	return mapview_is_fresh(map, now) &&
		mapview_read(map, h->followed->name, h->followed->hash, &ref, ret) == 0;
}

bool connection_has_no_writer(const struct handle *h)
{
	struct pel_hot hot;

	return read_map(h, &hot) && route_is_readers_alone(&hot);
}

bool connection_has_prober(const struct handle *h)
{
	struct pel_hot hot;

	return read_map(h, &hot) && hot.state != PEL_STATE_UNKNOWN && !hot.dns_only;
}

void connection_force_writer(const struct handle *h)
{
	struct pel_hot hot;
	struct pel_addr addr;

	if (read_map(h, &hot) && hot.state == PEL_STATE_KNOWN && hot.writer < hot.n_instances &&
		route_address(&hot, hot.writer, PEL_NONE, ROUTE_FAMILY4 | ROUTE_FAMILY6, 0, &addr))
		plan_force(h->followed, &addr);
}

void connection_stay_here(const struct handle *h)
{
	struct sockaddr_storage peer;
	socklen_t n = sizeof(peer);
	struct pel_addr addr;

	if (getpeername(h->fd, (struct sockaddr *)&peer, &n) == 0 &&
		address_from_sockaddr((struct sockaddr *)&peer, n, &addr))
		followed_pin(h->followed, &addr);
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

	if (!read_map(h, &hot) || (!hot.dns_only && hot.state != PEL_STATE_UNKNOWN))
		return;
	if (text_copy(creds.user, sizeof(creds.user), user) &&
		text_copy(creds.password, sizeof(creds.password), password ? password : "") &&
		read_tls(h, &creds))
		follow_hand_over(h->followed, (uint16_t)port, &creds);
	text_wipe(&creds, sizeof(creds));
}
