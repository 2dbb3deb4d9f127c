/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What coordinators, the control plane and the other hosts of a fleet say of a cluster.
 *
 * All of it is a claim of a third party.  A coordinator's word makes members and buys a round of
 * questions; the answers to those decide.
 */
#include "internal.h"

#include "common/names.h"

#include <stdlib.h>
#include <string.h>

#define FLEET_EACH_NS (100 * LOOP_MS) /* who can write there makes us ask no more often */

/* Whether the word names another writer than the one that is known. */
static bool is_contrary(const struct cluster *c, const struct coordinator_view *view)
{
	const struct topology_member *w = topology_member(&c->topology, c->topology.writer);

	for (unsigned i = 0; i < view->n; i++) {
		if (view->hosts[i].role == PEL_ROLE_WRITER)
			return !w || !w->named || w->word_role != PEL_ROLE_WRITER;
	}
	return false;
}

void cluster_take_words(struct cluster *c, const struct coordinator_view *view)
{
	struct evidence_host words[PEL_MAP_INSTANCES];
	uint64_t now = cluster_now(c);

	for (unsigned i = 0; i < view->n; i++) {
		words[i].role = view->hosts[i].role;
		words[i].port = view->hosts[i].port;
		memcpy(words[i].host, view->hosts[i].host, sizeof(words[i].host));
	}

	if (credentials_verdict(c->links.credentials) == CREDENTIALS_NONE)
		cluster_note(c, topology_set_why(&c->topology, PEL_WHY_NO_CREDENTIALS, now));
	cluster_note(c, topology_feed_words(&c->topology, words, view->n, now));
	if (is_contrary(c, view))
		schedule_refresh(&c->schedule);
	cluster_kick(c);
}

/* One custom endpoint's members, as the writer of now has them. */
static void list_endpoint(struct cluster *c, const struct rds_endpoint *e, const char *writer)
{
	const char *ids[PEL_MAP_INSTANCES];
	struct name_watch *name = e->custom ? cluster_find_name(c, e->host) : NULL;
	unsigned n;

	if (!name || c->topology.names[name->index].role != PEL_ROLE_CUSTOM)
		return;
	n = rds_endpoint_members(c->listed, e, writer, ids);
	cluster_note(c, topology_set_name_members(&c->topology, name->index, ids, n));
}

/* What the control plane says of one member. */
static void list_member(struct cluster *c, const struct rds_member *m)
{
	unsigned slot = topology_find(&c->topology, m->id);

	topology_set_zone(&c->topology, slot, m->zone);
	topology_set_port(&c->topology, slot, m->host, m->port);
}

/* For whom the list has to be gone through again: writer, names, members. */
static uint64_t listeners_of(const struct cluster *c)
{
	const struct topology_member *w = topology_member(&c->topology, c->topology.writer);
	uint64_t hash = (w ? pel_name_hash(w->id) : 1) * 31 + c->topology.n_names;

	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		if (topology_member(&c->topology, i))
			hash = hash * 31 + pel_name_hash(c->topology.members[i].id);
	}
	return hash;
}

void cluster_list_apply(struct cluster *c)
{
	const struct topology_member *w = topology_member(&c->topology, c->topology.writer);
	uint64_t now = listeners_of(c);

	if (!c->listed || c->listed_for == now)
		return;
	c->listed_for = now;
	for (unsigned i = 0; i < c->listed->n_endpoints; i++)
		list_endpoint(c, &c->listed->endpoints[i], w ? w->id : NULL);
	for (unsigned i = 0; i < c->listed->n_members; i++)
		list_member(c, &c->listed->members[i]);
}

void cluster_take_list(struct cluster *c, const struct rds_view *view)
{
	if (!c->listed)
		c->listed = malloc(sizeof(*c->listed));
	if (!c->listed)
		return;
	*c->listed = *view;
	c->listed_for = 0;
	cluster_list_apply(c);
	cluster_note(c, TOPOLOGY_DATA);
	cluster_kick(c);
}

void cluster_take_tokens(struct cluster *c)
{
	if (c->config->auth != CONFIG_AUTH_IAM)
		return;
	cluster_login_anew(c);
}

bool cluster_is_useless(const struct cluster *c, const char *user, const char *password)
{
	return credentials_is_useless(c->links.credentials, user, password);
}

void cluster_take_credential(struct cluster *c, const struct credential *credential)
{
	if (credentials_add(c->links.credentials, credential) == 1)
		cluster_login_anew(c);
}

/* Where there are many that may be written to, a fleet has one writer. */
static void wish_as(struct cluster *c, const struct coordinator_view *said)
{
	const struct topology_member *m = NULL;

	for (unsigned i = 0; said && i < said->n; i++) {
		if (said->hosts[i].role == PEL_ROLE_WRITER)
			m = topology_at(&c->topology, said->hosts[i].host, said->hosts[i].port);
	}
	topology_wish(&c->topology, m ? m->id : NULL, true, cluster_now(c));
}

void cluster_take_fleet(struct cluster *c, enum remote_fleet fleet,
	const struct coordinator_view *said)
{
	uint64_t now = cluster_now(c);

	c->fleet = fleet;
	wish_as(c, fleet == REMOTE_FLEET_FOLLOWS ? said : NULL);
	/* Whatever is new there may be true: each instance is asked for its role, and decides. */
	if (fleet == REMOTE_FLEET_FOLLOWS && now - c->fleet_asked_ns >= FLEET_EACH_NS) {
		c->fleet_asked_ns = now;
		schedule_refresh(&c->schedule);
	}
	cluster_kick(c);
}
