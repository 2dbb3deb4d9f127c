/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One static record per followed name, written by whoever gets its flag and skipped by all others: it is a
 * hint.  Members are kept by id; their hosts lie in the cluster's own domain, so that a hostile table
 * can send nobody elsewhere, and are resolved when they are tried.
 */
#include "members.h"

#include "common/names.h"
#include "base/real.h"
#include "known/address.h"
#include "known/plan.h"

#include <stdatomic.h>
#include <string.h>

static struct members {
	atomic_flag busy;
	unsigned n;
	char ids[PEL_MAP_INSTANCES][PEL_ID_MAX];
} members[FOLLOWED_MAX];

void members_learn(const struct followed *f, const struct pel_rows *rows)
{
	struct members *m = &members[followed_index(f)];

	if (atomic_flag_test_and_set_explicit(&m->busy, memory_order_acquire))
		return;
	for (unsigned i = 0; i < rows->n; i++)
		memcpy(m->ids[i], rows->rows[i].id, PEL_ID_MAX);
	m->n = rows->n;
	atomic_flag_clear_explicit(&m->busy, memory_order_release);
}

bool members_are_known(const struct followed *f)
{
	return members[followed_index(f)].n > 0;
}

static bool pick(const struct followed *f, unsigned turn, char ret[static PEL_ID_MAX])
{
	struct members *m = &members[followed_index(f)];
	bool found;

	if (atomic_flag_test_and_set_explicit(&m->busy, memory_order_acquire))
		return false;
	found = m->n > 0;
	if (found)
		memcpy(ret, m->ids[turn % m->n], PEL_ID_MAX);
	atomic_flag_clear_explicit(&m->busy, memory_order_release);
	return found;
}

/* The first address of a host, by the real resolver. */
static bool resolve(const char *host, struct pel_addr *ret)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	bool found;

	if (real_get()->getaddrinfo(host, NULL, &hints, &list) != 0)
		return false;
	found = address_from_sockaddr(list->ai_addr, list->ai_addrlen, ret);
	real_get()->freeaddrinfo(list);
	return found;
}

/* An own domain's name is an alias of the cluster's: the resolver knows for which. */
static bool host_of(const struct followed *f, const char *id, char ret[static PEL_NAME_MAX])
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
	const char *domain = pel_name_instance_domain(f->name);
	char canonical[PEL_NAME_MAX];
	struct addrinfo *list;

	if (domain)
		return pel_name_of_instance(id, domain, NULL, ret) == 0;
	if (real_get()->getaddrinfo(f->name, NULL, &hints, &list) != 0)
		return false;
	if (list->ai_canonname && pel_name_normalise(list->ai_canonname, canonical) == 0)
		domain = pel_name_instance_domain(canonical);
	real_get()->freeaddrinfo(list);
	return domain && pel_name_of_instance(id, domain, NULL, ret) == 0;
}

bool members_try_id(const struct followed *f, const char *id)
{
	char host[PEL_NAME_MAX];
	struct pel_addr addr;

	if (!host_of(f, id, host) || !resolve(host, &addr))
		return false;
	plan_force(f, &addr);
	return true;
}

bool members_try(const struct followed *f, unsigned turn)
{
	char id[PEL_ID_MAX];

	return pick(f, turn, id) && members_try_id(f, id);
}
