/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What DNS says: of the names that lead to the cluster, and of the hosts of its members.
 *
 * With credentials DNS decides nothing by itself.  Where a name leads, steadily, to an address at
 * which no member is known, a stranger lives there: the caller meets it, and what it says (scout.c)
 * may begin the topology anew, or take the name away (bond.c).  A member whose host has another address
 * for good is logged in to there; the old address counts until that has worked.
 *
 * Without credentials the names' addresses are all there is.  New connections follow the latest
 * answer, as they would without us.  `settled` is what severs: it follows when three answers, 300
 * ms apart, agree and the old address was in none for two TTLs, or at once if the old address
 * refused a client.  Until then the published set of a writer name holds both.  Reader names are
 * the set of what was seen within a minute, and never sever.
 */
#include "state.h"

#include "common/names.h"

#include <string.h>

static int compare_addr(const struct pel_addr *a, const struct pel_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->ip, b->ip, sizeof(a->ip));
}

static struct pel_addr lead_of(const struct topology_dns *dns)
{
	struct pel_addr lead = dns->addrs[0];

	for (unsigned i = 1; i < dns->n_addrs; i++) {
		if (compare_addr(&dns->addrs[i], &lead) < 0)
			lead = dns->addrs[i];
	}
	return lead;
}

static void count(struct pel_addr *lead, uint8_t *agree, uint64_t *agree_ns,
	const struct pel_addr *now_lead, uint64_t now_ns)
{
	if (!topology_same_addr(lead, now_lead)) {
		*lead = *now_lead;
		*agree = 1;
		*agree_ns = now_ns;
	} else if (*agree < TOPOLOGY_STEADY_ANSWERS && now_ns >= *agree_ns + TOPOLOGY_STEADY_NS) {
		(*agree)++;
		*agree_ns = now_ns;
	}
}

/* Puts the addresses of an answer first, in its order, and keeps the others behind them. */
static void remember(struct topology_name *n, const struct topology_dns *dns, uint64_t now_ns)
{
	struct topology_seen was[PEL_MAP_ADDRS];
	unsigned n_was = n->n_seen, n_now = 0;

	memcpy(was, n->seen, sizeof(was));
	for (unsigned i = 0; i < dns->n_addrs && n_now < PEL_MAP_ADDRS; i++)
		n->seen[n_now++] = (struct topology_seen){dns->addrs[i], now_ns};
	n->n_latest = (uint8_t)n_now;
	for (unsigned i = 0; i < n_was && n_now < PEL_MAP_ADDRS; i++) {
		if (!topology_has_addr(dns->addrs, dns->n_addrs, &was[i].addr))
			n->seen[n_now++] = was[i];
	}
	n->n_seen = (uint8_t)n_now;
}

static uint64_t last_seen(const struct topology_name *n, const struct pel_addr *addr)
{
	for (unsigned i = 0; i < n->n_seen; i++) {
		if (topology_same_addr(&n->seen[i].addr, addr))
			return n->seen[i].seen_ns;
	}
	return 0;
}

/* A writer name keeps the latest answer and the settled address; the others what is young. */
static void expire(struct topology *t, struct topology_name *n, uint64_t now_ns)
{
	unsigned kept = n->n_latest;

	for (unsigned i = n->n_latest; i < n->n_seen; i++) {
		bool keep = n->role == PEL_ROLE_WRITER
			? topology_same_addr(&n->seen[i].addr, &n->settled)
			: topology_within(t, n->seen[i].seen_ns, TOPOLOGY_SEEN_NS, now_ns);

		if (keep)
			n->seen[kept++] = n->seen[i];
	}
	n->n_seen = (uint8_t)kept;
}

static bool has_moved_for_good(struct topology *t, struct topology_name *n, uint64_t now_ns)
{
	uint64_t absence_ns = 2 * (uint64_t)n->ttl_ms * 1000000;

	if (n->refused_ns && topology_within(t, n->refused_ns, TOPOLOGY_REFUSED_NS, now_ns))
		return true;
	if (n->agree < TOPOLOGY_STEADY_ANSWERS)
		return false;
	return !topology_within(t, last_seen(n, &n->settled), absence_ns, now_ns);
}

/* True if the last answer for the name had the address. */
static bool has_latest(const struct topology_name *n, const struct pel_addr *addr)
{
	for (unsigned i = 0; i < n->n_latest; i++) {
		if (topology_same_addr(&n->seen[i].addr, addr))
			return true;
	}
	return false;
}

/* True if a socket by that name may have to be severed, should there be nothing but DNS. */
static bool settle_name(struct topology *t, struct topology_name *n, uint64_t now_ns)
{
	bool moved = false;

	if (n->role == PEL_ROLE_WRITER && n->n_latest > 0) {
		if (n->settled.family == 0) {
			n->settled = n->lead;
		} else if (!has_latest(n, &n->settled) && has_moved_for_good(t, n, now_ns)) {
			n->settled = n->lead;
			n->refused_ns = 0;
			moved = true;
		}
	}
	expire(t, n, now_ns);
	return moved;
}

unsigned topology_conclude_names(struct topology *t, uint64_t now_ns)
{
	bool moved = false;

	t->dns_only = t->state == PEL_STATE_UNKNOWN && !topology_is_anyone_live(t) &&
		(t->told_why == PEL_WHY_NO_CREDENTIALS || t->told_why == PEL_WHY_DENIED ||
			t->told_why == PEL_WHY_NOT_A_CLUSTER || t->told_why == PEL_WHY_IDLE ||
			t->told_why == PEL_WHY_UNFIT);
	for (unsigned i = 0; i < t->n_names; i++) {
		struct topology_name *n = &t->names[i];

		moved |= settle_name(t, n, now_ns) && t->dns_only;
		/* Its sockets lead to another cluster, and can be judged from now on. */
		if (n->arrived && (t->dns_only || t->state == PEL_STATE_KNOWN)) {
			n->arrived = false;
			moved = true;
		}
	}
	return moved ? TOPOLOGY_SEVER | TOPOLOGY_EPOCH : 0;
}

/* Custom names: whose address is in the answer. */
static void match_members(struct topology *t, struct topology_name *n,
	const struct topology_dns *dns, uint64_t now_ns)
{
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = &t->members[i];
		bool match = m->used && topology_has_addr(dns->addrs, dns->n_addrs, &m->addr);

		for (unsigned j = 0; m->used && !match && j < m->n_host; j++)
			match = topology_has_addr(dns->addrs, dns->n_addrs, &m->host_addrs[j]);
		if (match)
			n->members_seen_ns[i] = now_ns;
	}
}

static bool is_known_address(const struct topology *t, const struct topology_name *n,
	const struct pel_addr *addr)
{
	if (topology_same_addr(&n->alias, addr))
		return true;
	for (unsigned i = 0; i < PEL_MAP_INSTANCES; i++) {
		const struct topology_member *m = &t->members[i];

		/* Where a live member's host leads, the stranger may live. */
		if (m->used && topology_same_addr(m->live ? &m->addr : &m->want, addr))
			return true;
	}
	return false;
}

/* Whether a writer name leads to a stranger, long enough for what is at stake. */
static unsigned look_for_stranger(struct topology *t, struct topology_name *n)
{
	unsigned enough = TOPOLOGY_STEADY_ANSWERS;

	if (is_known_address(t, n, &n->lead)) {
		if (topology_same_addr(&t->scout, &n->lead))
			t->scout = (struct pel_addr){0};
		return 0;
	}
	if (!topology_is_anyone_live(t)) {
		/* Nobody answered there: the scout is on its way through the other addresses. */
		if (t->scout.family && n->agree > 1)
			return 0;
		enough = 1;
	} else if (t->state != PEL_STATE_KNOWN) {
		enough = TOPOLOGY_STEADY_ANSWERS - 1;
	}
	if (n->agree < enough)
		return 0;
	t->scout = n->lead;
	return TOPOLOGY_SCOUT;
}

/* Whether any of the answer's addresses is one of ours: else the name may belong elsewhere. */
static void note_away(struct topology *t, struct topology_name *n, const struct topology_dns *dns,
	uint64_t now_ns)
{
	bool home = n->bond == TOPOLOGY_BOND_ALIAS || !t->config.has_table;

	for (unsigned i = 0; i < dns->n_addrs && !home; i++)
		home = is_known_address(t, n, &dns->addrs[i]);
	if (home)
		n->away_ns = 0;
	else if (!n->away_ns)
		n->away_ns = now_ns;
}

/* Where no writer name is followed, any name is the way to the first contact. */
static bool is_way_in(const struct topology *t, const struct topology_name *n)
{
	if (n->bond == TOPOLOGY_BOND_OTHER)
		return false;
	if (n->role == PEL_ROLE_WRITER)
		return true;
	for (unsigned i = 0; i < t->n_names; i++) {
		if (t->names[i].role == PEL_ROLE_WRITER)
			return false;
	}
	return !topology_is_anyone_live(t);
}

/* Whether it matters who lives where the name leads. */
static bool is_asked_after(struct topology *t, const struct topology_name *n, uint64_t now_ns)
{
	if (!t->config.has_table || n->bond == TOPOLOGY_BOND_OWN || !topology_is_anyone_met(t))
		return is_way_in(t, n);
	return n->away_ns && topology_may_leave(t, n, now_ns);
}

/* An alias has the role of its endpoint: of the cluster's other one, where it leads there steadily. */
static unsigned follow_role(struct topology_name *n, enum pel_role role)
{
	if (role == PEL_ROLE_UNKNOWN || role == n->role) {
		n->strange = 0;
		return 0;
	}
	if (++n->strange < TOPOLOGY_STEADY_ANSWERS)
		return 0;
	n->strange = 0;
	n->role = (uint8_t)role;
	n->settled = (struct pel_addr){0};
	return TOPOLOGY_EPOCH;
}

unsigned topology_take_dns(struct topology *t, unsigned name, const struct topology_dns *dns,
	uint64_t now_ns)
{
	struct topology_name *n;
	unsigned bits = TOPOLOGY_DATA;
	struct pel_addr lead;

	if (name >= t->n_names || dns->n_addrs == 0)
		return 0;
	n = &t->names[name];
	lead = lead_of(dns);
	count(&n->lead, &n->agree, &n->agree_ns, &lead, now_ns);
	remember(n, dns, now_ns);
	n->ttl_ms = dns->ttl_ms;
	n->dns_ns = now_ns;
	n->bond = (uint8_t)dns->bond;
	n->repointed = dns->repointed;
	if (dns->bond == TOPOLOGY_BOND_ALIAS)
		bits |= follow_role(n, dns->role);
	if (dns->astray && !n->left &&
		(t->state != PEL_STATE_KNOWN || n->agree >= TOPOLOGY_STEADY_ANSWERS))
		bits |= topology_leave(n, true);
	note_away(t, n, dns, now_ns);
	if (n->role == PEL_ROLE_CUSTOM)
		match_members(t, n, dns, now_ns);
	if (is_asked_after(t, n, now_ns))
		bits |= look_for_stranger(t, n);
	return bits;
}

void topology_feed_refusal(struct topology *t, unsigned name, uint64_t now_ns)
{
	struct topology_name *n = &t->names[name];

	if (t->dns_only && n->n_seen == 1 && topology_same_addr(&n->settled, &n->seen[0].addr))
		n->refused_ns = now_ns;
}

unsigned topology_set_name_members(struct topology *t, unsigned name, const char *const *ids,
	unsigned n)
{
	uint64_t listed[PEL_MAP_INSTANCES] = {0};
	struct topology_name *to;
	unsigned n_listed = 0;

	if (name >= t->n_names)
		return 0;
	to = &t->names[name];
	for (; ids && n_listed < n && n_listed < PEL_MAP_INSTANCES; n_listed++)
		listed[n_listed] = pel_name_hash(ids[n_listed]);
	if (to->listed == (ids != NULL) && memcmp(to->listed_ids, listed, sizeof(listed)) == 0)
		return 0;
	to->listed = ids != NULL;
	to->n_listed = (uint8_t)n_listed;
	memcpy(to->listed_ids, listed, sizeof(listed));
	t->epoch++;
	return TOPOLOGY_DATA | TOPOLOGY_EPOCH;
}

/* Where to log in to a member whose host has these addresses. */
static void choose_login(struct topology_member *m, const struct topology_dns *dns, uint64_t now_ns)
{
	struct pel_addr lead = lead_of(dns);
	bool stays = m->live && topology_has_addr(dns->addrs, dns->n_addrs, &m->addr);

	count(&m->lead, &m->agree, &m->agree_ns, &lead, now_ns);
	if (stays)
		m->want = m->addr;
	else if (!m->live && topology_has_addr(dns->addrs, dns->n_addrs, &m->want))
		return; /* perhaps not the first, but one after a failure: topology_login_failed() */
	else if (!m->live || !m->routable || m->agree >= TOPOLOGY_STEADY_ANSWERS)
		m->want = lead;
}

unsigned topology_take_host(struct topology *t, unsigned slot, const struct topology_dns *dns,
	uint64_t now_ns)
{
	struct topology_member *m;
	struct pel_addr was;

	if (!topology_member(t, slot) || dns->n_addrs == 0)
		return 0;
	m = &t->members[slot];
	was = m->want;
	m->n_host = 0;
	while (m->n_host < dns->n_addrs && m->n_host < TOPOLOGY_HOST_ADDRS) {
		m->host_addrs[m->n_host] = dns->addrs[m->n_host];
		m->n_host++;
	}
	choose_login(m, dns, now_ns);
	if (m->live && topology_has_addr(m->host_addrs, m->n_host, &m->addr))
		m->routable = true;
	return TOPOLOGY_DATA | (topology_same_addr(&was, &m->want) ? 0 : TOPOLOGY_MOVED);
}

/* Nobody answered at any address: perhaps at the other port. */
static void try_other_port(const struct topology *t, struct topology_member *m)
{
	if (!m->told_port || m->configured || m->named)
		return;
	m->port = m->port == m->told_port ? t->config.port : m->told_port;
	m->want.port = 0;
}

void topology_login_failed(struct topology *t, unsigned slot)
{
	struct topology_member *m;

	if (!topology_member(t, slot) || t->members[slot].live)
		return;
	m = &t->members[slot];
	for (unsigned i = 0; i < m->n_host; i++) {
		if (!topology_same_addr(&m->host_addrs[i], &m->want))
			continue;
		m->want = m->host_addrs[(i + 1) % m->n_host];
		if (i + 1u == m->n_host)
			try_other_port(t, m);
		return;
	}
}

bool topology_login_addr(const struct topology *t, unsigned slot, struct pel_addr *ret)
{
	const struct topology_member *m = topology_member(t, slot);

	if (!m || m->want.family == 0)
		return false;
	*ret = m->want;
	if (ret->port == 0)
		ret->port = m->port;
	return true;
}
