/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup.h"

#include "common/names.h"
#include "common/clock.h"
#include "base/elf_note.h"
#include "base/env.h"
#include "base/process.h"
#include "base/real.h"
#include "known/address.h"
#include "known/block.h"
#include "known/plan.h"
#include "known/trace.h"
#include "known/wish.h"
#include "prober/follow.h"
#include "prober/spawn.h"
#include "prober/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_go, is_trapped;

void lookup_init(void)
{
	is_go = elf_note_is_go();
	/* Filters pass on to children, and the variable too; but that may go further. */
	is_trapped = is_go && env_get()->trapped && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2;
}

static bool is_in_map(const char *name)
{
	const struct pel_map *map = mapview_get(clock_now_ns());
	struct pel_ref ref;

	return map && pel_map_find(map, name, pel_name_hash(name), &ref) == 0;
}

/* By form, by PELORUS_CLUSTER, or because the prober was told to: false for all other names. */
static bool is_followed(const char *name)
{
	return env_role_of(env_get(), name) != PEL_ROLE_UNKNOWN ||
		(pel_name_kind(name) == PEL_KIND_OTHER && is_in_map(name));
}

static uint16_t families_of(const struct plan *plan)
{
	uint16_t families = 0;

	if (plan->verdict == ROUTE_DNS || !plan->found)
		return 0;
	for (unsigned i = 0; i < plan->hot.n_instances; i++)
		families |= plan->hot.instances[i].flags & (PEL_INST_HAS4 | PEL_INST_HAS6);
	return families;
}

static void read_plan(struct lookup *l)
{
	struct plan plan;

	plan_make(l->followed, ROUTE_FAMILY4 | ROUTE_FAMILY6, 0, &plan);
	l->mode = plan.mode;
	l->known = plan.verdict != ROUTE_DNS;
	l->families = families_of(&plan);
	if (plan.verdict == ROUTE_INSTANCE)
		l->real = plan.target;
	trace("lookup", l->followed->name, route_word(plan.reason),
		plan.verdict == ROUTE_INSTANCE ? &plan.target : NULL, -1, 0);
}

bool lookup_begin(const char *node, uint16_t port, struct lookup *ret)
{
	char name[PEL_NAME_MAX];

	if (!env_get()->active || !node || pel_name_normalise(node, name) < 0 ||
		!is_followed(name) || process_check() == PROCESS_BORROWED)
		return false;
	*ret = (struct lookup){.followed = follow_name(name), .is_go = is_go};
	if (!ret->followed)
		return false;
	if (follow_tell(ret->followed, port, clock_now_ns()) &&
		plan_mode(ret->followed) == PEL_MODE_ACTIVE)
		wait_for_first(ret->followed, port);
	/* A call of a client library comes back to us, whoever else there is. */
	ret->is_backed = mapview_get(clock_now_ns()) || wish_find() || !spawn_is_hopeless();
	read_plan(ret);
	/* Its connects are answered from outside, where nobody knows what DNS says here. */
	ret->is_go &= !(is_trapped && ret->known);
	ret->is_backed &= ret->mode == PEL_MODE_ACTIVE;
	return true;
}

/* By more than its form, which anybody can give a name. */
static bool is_known(const char *name)
{
	const struct env *env = env_get();

	for (unsigned i = 0; i < env->n_clusters; i++) {
		if (strcmp(env->clusters[i].name, name) == 0)
			return true;
	}
	return followed_find_name(name, pel_name_hash(name)) || is_in_map(name);
}

const struct followed *lookup_received(const char *name, bool vouched)
{
	struct followed *f;
	struct plan plan;

	if (!env_get()->active || is_go || !is_followed(name) || (!vouched && !is_known(name)) ||
		process_check() == PROCESS_BORROWED)
		return NULL;
	f = follow_name(name);
	if (!f)
		return NULL;
	(void)follow_tell(f, 0, clock_now_ns());
	plan_make(f, ROUTE_FAMILY4 | ROUTE_FAMILY6, 0, &plan);
	if (plan.found && plan.mode == PEL_MODE_OBSERVE) {
		/* What the prober sees of it: this process does not read the answer. */
		followed_set_dns(f, plan.hot.names[plan.ref.name].addrs,
			plan.hot.names[plan.ref.name].n_addrs, plan.now_ns);
		atomic_store_explicit(&followed_by_dns, true, memory_order_relaxed);
	}
	/* Where DNS leads, connect() must know an address: from the prober, for ours is a stranger's word. */
	return plan.fresh && plan.found && plan.mode == PEL_MODE_ACTIVE &&
			(plan.verdict != ROUTE_DNS || plan.n_addrs > 0)
		? f
		: NULL;
}

/* glibc before 2.34 asks through our own recvfrom(), which may have been at the answer. */
void lookup_learn(struct lookup *l, const struct pel_addr *addrs, unsigned n)
{
	if (n > 0 && block_is_of(addrs, l->followed->hash))
		return;
	followed_set_dns(l->followed, addrs, n, clock_now_ns());
	if (l->mode == PEL_MODE_OBSERVE)
		atomic_store_explicit(&followed_by_dns, true, memory_order_relaxed);
	for (unsigned i = 0; i < n; i++)
		l->families |= addrs[i].family == 4 ? PEL_INST_HAS4 : PEL_INST_HAS6;
}

/* Go dials what it is given: the instance itself, if its family was asked for. */
static const char *answer_go(const struct lookup *l, int family, char buf[static 64])
{
	if ((family == AF_INET && l->real.family != 4) || l->real.family == 0)
		return NULL;
	(void)atomic_fetch_add(&l->followed->turn, 1);
	address_to_text(&l->real, family == AF_INET6, buf);
	return buf;
}

/* Whether packets have a way to the IPv4 address at all; sends none. */
static bool has_way(const struct pel_addr *a)
{
	struct sockaddr_storage sa;
	socklen_t len = address_to_sockaddr(a, AF_INET, &sa);
	int saved = errno, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has = true;

	if (fd >= 0) {
		has = real_get()->connect(fd, (const struct sockaddr *)&sa, len) == 0;
		(void)close(fd);
	}
	errno = saved;
	return has;
}

/* Of a cluster with both families the one that this host can use. */
static bool prefers_v6(const struct lookup *l)
{
	if (!(l->families & PEL_INST_HAS6))
		return false;
	return !(l->families & PEL_INST_HAS4) || (l->real.family == 4 && !has_way(&l->real));
}

const char *lookup_answer(const struct lookup *l, int family, bool mapped, char buf[static 64])
{
	const struct followed *f = l->followed;
	bool has4 = (l->families & PEL_INST_HAS4) || l->families == 0;
	bool has6 = l->families & PEL_INST_HAS6;

	if (l->is_go)
		return answer_go(l, family, buf);
	if (!l->is_backed)
		return NULL;
	switch (family) {
	case AF_INET:
		return has4 ? followed_text4(f) : NULL;
	case AF_INET6:
		return has6 ? f->text6 : mapped ? f->mapped : NULL;
	case AF_UNSPEC:
		return prefers_v6(l) ? f->text6 : followed_text4(f);
	default:
		return NULL;
	}
}

static bool is_number(const char *node)
{
	struct in6_addr addr;

	return inet_pton(AF_INET, node, &addr) == 1 || strchr(node, ':');
}

/* What `pelorus hosts` has put into /etc/hosts, for a name that is not followed yet. */
static bool is_own(const char *node, const struct addrinfo *a)
{
	char name[PEL_NAME_MAX];
	struct pel_addr addr;

	return pel_name_normalise(node, name) == 0 &&
		address_from_sockaddr(a->ai_addr, a->ai_addrlen, &addr) &&
		block_is_of(&addr, pel_name_hash(name));
}

void lookup_heed(const char *node, const struct addrinfo *list)
{
	for (; list && env_get()->active; list = list->ai_next) {
		if (block_has_sockaddr(list->ai_addr, list->ai_addrlen) && !is_number(node) &&
			!is_own(node, list))
			block_note_use(BLOCK_TAKEN);
	}
}

const char *lookup_name_of(const struct pel_addr *addr)
{
	const struct followed *f = NULL;

	if (env_get()->active && block_has(addr))
		f = followed_find_addr(addr);
	return f ? f->name : NULL;
}
