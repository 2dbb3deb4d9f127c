/* SPDX-License-Identifier: Apache-2.0 */
#include "observe.h"

#include "watcher.h"
#include "common/words.h"
#include "base/process.h"
#include "known/address.h"
#include "known/trace.h"
#include "known/wish.h"
#include "prober/slot.h"

#include <errno.h>

bool observe_count(const struct followed *f, const struct plan *plan, const struct pel_addr *real)
{
	static const uint8_t seen[] = {
		[ROUTE_ELSEWHERE] = SEEN_ELSEWHERE,
		[ROUTE_WRONG] = SEEN_WRONG,
		[ROUTE_HELD] = SEEN_HELD,
	};
	enum route_difference d = ROUTE_SAME;

	if (plan->mode == PEL_MODE_OBSERVE)
		d = route_difference(&plan->would, plan->role, &plan->would_go, real);
	if (d != ROUTE_SAME)
		slot_count_seen(f->hash, (enum slot_seen)seen[d]);
	return d != ROUTE_SAME;
}

/* A second connect() of a socket asks how the first one goes. */
static bool is_known(int fd, uint64_t cookie, const struct pel_addr *real)
{
	struct socket_record r;

	return sockets_read(fd, &r) && r.cookie == cookie && r.socket.real.port == real->port &&
		__builtin_memcmp(r.socket.real.ip, real->ip, sizeof(real->ip)) == 0;
}

static void remember(int fd, uint64_t cookie, struct followed *f, struct plan *plan)
{
	unsigned i = plan->found ? sever_find_instance(&plan->hot, &plan->target) : PEL_NONE;
	struct wish *wish = wish_find();
	struct socket_record record = {
		.cookie = cookie,
		.made_ns = plan->now_ns,
		.followed = followed_index(f),
		.holder = atomic_load(&process_get()->pid),
	};

	if (i != PEL_NONE)
		plan->identity = plan->hot.instances[i].identity;
	record.socket = plan_socket(plan);
	/* What begins wrong is counted as that, and not by and by as stale, too. */
	record.seen = observe_count(f, plan, &plan->target);
	if (wish)
		wish->fd = fd;
	if (sockets_record(fd, &record) != 0)
		return;
	(void)watcher_arm();
	slot_count_sockets(1);
}

void observe_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int saved = errno, type = 0;
	socklen_t n = sizeof(type);
	struct pel_addr real;
	struct followed *f;
	struct plan plan;
	uint64_t cookie;

	if (!addr || !address_from_sockaddr(addr, len, &real) ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_STREAM ||
		process_check() == PROCESS_BORROWED)
		goto out;
	f = followed_find_dns(&real);
	cookie = f ? socket_cookie(fd) : 0;
	if (cookie == 0 || is_known(fd, cookie, &real))
		goto out;
	plan_make(f, ROUTE_FAMILY4 | ROUTE_FAMILY6, real.port, &plan);
	plan.target = real;
	if (plan.mode != PEL_MODE_OBSERVE)
		goto out;
	remember(fd, cookie, f, &plan);
	trace("would-connect", f->name, route_word(plan.would.reason),
		plan.would.verdict == ROUTE_INSTANCE ? &plan.would_go : NULL, fd, 0);
out:
	errno = saved;
}

void observe_sever(int fd, const struct socket_record *record, enum sever_reason reason)
{
	struct socket_record seen = *record;

	seen.seen = 1;
	if (record->seen)
		return;
	if (socket_cookie(fd) != record->cookie)
		sockets_forget(fd, record->cookie);
	else if (sockets_replace(fd, record, &seen)) {
		slot_count_seen(followed_at(record->followed)->hash, SEEN_SEVERED);
		trace("would-sever", followed_at(record->followed)->name,
			pel_word_of_severed(reason - SEVER_FIRST), &record->socket.real, fd, 0);
	}
}
