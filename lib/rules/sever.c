/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Severing, pure.
 *
 * The questions come in the order of what they are worth.  First whether this topology may judge
 * the socket at all; then health, which judges every socket; then role, which judges those of
 * writer names alone: a reader's connection loses nothing on a promoted instance.  A topology that
 * is unknown, or without a writer for so long that it counts as such, judges by health only, as does
 * a set of readers alone for writer names: the new connection would go where DNS leads, which need
 * be no better than the old one.
 */
#include "sever.h"

#include "route.h"

#include <pelorus/slots.h>

#include <netinet/tcp.h>

#define IDLE_MS 1000

_Static_assert(SEVER_REPLACED - SEVER_FIRST == PEL_SEVERED_REPLACED, "enum pel_severed");

static bool same_ip(const struct pel_hot_instance *in, const struct pel_addr *a)
{
	if (a->family == 4)
		return (in->flags & PEL_INST_HAS4) && __builtin_memcmp(in->ip4, a->ip, 4) == 0;
	return a->family == 6 && (in->flags & PEL_INST_HAS6) &&
		__builtin_memcmp(in->ip6, a->ip, 16) == 0;
}

unsigned sever_find_instance(const struct pel_hot *hot, const struct pel_addr *real)
{
	unsigned found = PEL_NONE, n = 0;

	for (unsigned i = 0; i < hot->n_instances && i < PEL_MAP_INSTANCES; i++) {
		if (!same_ip(&hot->instances[i], real))
			continue;
		if (hot->instances[i].port == real->port)
			return i;
		found = i;
		n++;
	}
	return n == 1 ? found : PEL_NONE;
}

bool sever_is_answered(uint32_t sent_ms, uint32_t received_ms, uint32_t acknowledged_ms)
{
	return sent_ms > received_ms || (sent_ms == received_ms && acknowledged_ms >= received_ms);
}

bool sever_is_idle(const struct tcp_info *info)
{
	return info->tcpi_state == TCP_ESTABLISHED && info->tcpi_unacked == 0 &&
		info->tcpi_last_data_recv >= IDLE_MS &&
		sever_is_answered(info->tcpi_last_data_sent, info->tcpi_last_data_recv,
			info->tcpi_last_ack_recv);
}

/*
 * Without credentials DNS is all there is.  The prober publishes the addresses of a writer name only
 * once it is sure of them: they are not what one answer said.
 */
static enum sever_reason decide_by_dns(const struct pel_hot *hot, const struct sever_socket *s)
{
	const struct pel_hot_name *name;

	if (s->role != PEL_ROLE_WRITER || s->name >= hot->n_names || s->name >= PEL_MAP_NAMES)
		return SEVER_NOT_KNOWN;
	name = &hot->names[s->name];
	if (name->n_addrs == 0 || name->n_addrs > PEL_MAP_ADDRS)
		return SEVER_NOT_KNOWN;
	for (unsigned i = 0; i < name->n_addrs; i++) {
		const struct pel_addr *a = &name->addrs[i];

		if (a->family == s->real.family &&
			__builtin_memcmp(a->ip, s->real.ip, a->family == 4 ? 4 : 16) == 0)
			return SEVER_NOT;
	}
	return SEVER_DNS_MOVED;
}

static enum sever_reason decide_for_writer(const struct pel_hot *hot, const struct sever_socket *s,
	unsigned i)
{
	if (route_is_readers_alone(hot))
		return SEVER_NOT_KNOWN;
	if (i == PEL_NONE)
		return s->identity ? SEVER_GONE : SEVER_NOT_A_MEMBER;
	if (hot->instances[i].self_role == PEL_ROLE_READER)
		return SEVER_SAYS_READER;
	if (i == hot->writer)
		return SEVER_NOT;
	return s->identity ? SEVER_NOT_WRITER : SEVER_MADE_WRONG;
}

/* What only PELORUS_SEVER=all ends: nothing is wrong with it but its place. */
static enum sever_reason decide_for_all(const struct pel_hot *hot, const struct sever_socket *s,
	unsigned i)
{
	if (i == PEL_NONE)
		return s->identity ? SEVER_GONE : SEVER_NOT_A_MEMBER;
	if (s->identity && hot->instances[i].identity != s->identity)
		return SEVER_REPLACED;
	if (s->role == PEL_ROLE_READER && i == hot->writer && hot->n_instances > 1)
		return SEVER_PROMOTED;
	return SEVER_NOT;
}

enum sever_reason sever_decide(const struct pel_hot *hot, const struct sever_socket *socket,
	enum sever_mode mode, bool fresh, uint64_t now_ns)
{
	enum sever_reason reason = SEVER_NOT;
	unsigned i;

	if (mode == SEVER_OFF)
		return SEVER_NOT_SWITCHED;
	if (socket->uid != hot->uid || hot->uid == 0)
		return SEVER_NOT_OURS;
	if (!fresh)
		return SEVER_NOT_KNOWN;
	i = sever_find_instance(hot, &socket->real);
	if (i != PEL_NONE && hot->instances[i].health == PEL_HEALTH_UNREACHABLE)
		return SEVER_UNREACHABLE;
	if (hot->dns_only)
		return decide_by_dns(hot, socket);
	if (route_is_unknown(hot, fresh, now_ns))
		return SEVER_NOT_KNOWN;
	if (socket->role == PEL_ROLE_WRITER)
		reason = decide_for_writer(hot, socket, i);
	if (reason < SEVER_FIRST && mode == SEVER_ALL)
		reason = decide_for_all(hot, socket, i);
	return reason;
}
