/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routing, pure.
 *
 * A writer name goes to the writer or nowhere: a reader would refuse its first write, and an old
 * writer lose it.  So between two writers the verdict is to wait, and only a topology that counts
 * as unknown gives the connection back to DNS.
 *
 * A reader name goes through a sieve, in this order: health and admission (who should take
 * connections at all), then what this process can reach (routable, of its family, not excluded),
 * then lag.  An empty set after the first step means that there is no reader, and the writer
 * stands in; after the second that only DNS may know a way; after the third the fallback decides.
 *
 * Among equals the choice is random.  The selectors by lag, round trip and load compare two random
 * candidates, and only a clear difference decides: the best of all would draw every connection of
 * every process at once, and a new idle reader would drown.  With two candidates it gets at most
 * twice its share.
 */
#include "route.h"

/* Differences below a tie's width are noise: lag is sampled, a round trip jitters. */
#define TIE_LAG_MS 20
#define TIE_RTT_US 100
#define TIE_LOAD 100
#define LOAD_LAG_MAX 1000

static struct route verdict(enum route_verdict v, enum route_reason reason)
{
	return (struct route){.verdict = v, .reason = reason, .instance = PEL_NONE};
}

static struct route to_instance(unsigned i, enum route_reason reason)
{
	return (struct route){.verdict = ROUTE_INSTANCE, .reason = reason, .instance = (uint8_t)i};
}

static bool elapsed(uint64_t now_ns, uint64_t since_ns, uint64_t limit_ns)
{
	return now_ns > since_ns && now_ns - since_ns > limit_ns;
}

/* After so long without a writer the topology counts as unknown. */
static uint64_t writerless_limit_ns(const struct pel_hot *hot)
{
	return hot->hold > PEL_HOLD_OF(0) ? (uint64_t)(hot->hold - 1) * UINT64_C(100000000)
					  : ROUTE_HOLD_NS;
}

static bool writerless_long(const struct pel_hot *hot, uint64_t now_ns)
{
	return hot->state == PEL_STATE_WRITERLESS &&
		elapsed(now_ns, hot->writerless_ns, writerless_limit_ns(hot));
}

/* Why everything of this cluster follows DNS, or ROUTE_BY_ROLE if it does not. */
static enum route_reason reason_for_dns(const struct pel_hot *hot, bool fresh, uint64_t now_ns)
{
	if (!fresh)
		return ROUTE_STALE;
	if (hot->dns_only)
		return ROUTE_DNS_ONLY;
	if (hot->state != PEL_STATE_KNOWN && hot->state != PEL_STATE_WRITERLESS)
		return ROUTE_UNKNOWN;
	return writerless_long(hot, now_ns) ? ROUTE_WRITERLESS_LONG : ROUTE_BY_ROLE;
}

bool route_is_unknown(const struct pel_hot *hot, bool fresh, uint64_t now_ns)
{
	return reason_for_dns(hot, fresh, now_ns) != ROUTE_BY_ROLE;
}

bool route_is_readers_alone(const struct pel_hot *hot)
{
	return hot->state == PEL_STATE_KNOWN && hot->writer == PEL_NONE;
}

/* Whether this process can get to an instance directly; ROUTE_BY_ROLE means yes. */
static enum route_reason reach(const struct pel_hot *hot, const struct route_intent *intent,
	unsigned i)
{
	const struct pel_hot_instance *in = &hot->instances[i];

	if (!(in->flags & PEL_INST_ROUTABLE))
		return ROUTE_UNROUTABLE;
	if (intent->excluded & (UINT32_C(1) << i))
		return ROUTE_EXCLUDED;
	return in->flags & intent->families ? ROUTE_BY_ROLE : ROUTE_NO_FAMILY;
}

static unsigned writer_of(const struct pel_hot *hot)
{
	return hot->state == PEL_STATE_KNOWN && hot->writer < hot->n_instances ? hot->writer
									       : PEL_NONE;
}

/*
 * A writer that is lost but not yet replaced is waited for no longer than a missing one: then DNS
 * may know better than a prober that cannot reach it.
 */
static struct route choose_writer(const struct pel_hot *hot, const struct route_intent *intent)
{
	unsigned w = writer_of(hot);
	const struct pel_hot_instance *in = &hot->instances[w & (PEL_MAP_INSTANCES - 1)];
	enum route_reason how;

	if (route_is_readers_alone(hot))
		return verdict(ROUTE_DNS, ROUTE_NO_WRITER);
	if (w == PEL_NONE)
		return verdict(ROUTE_WAIT, ROUTE_BETWEEN_WRITERS);
	if (in->self_role == PEL_ROLE_READER || in->health == PEL_HEALTH_UNREACHABLE) {
		if (elapsed(intent->now_ns, hot->verified_ns, writerless_limit_ns(hot)))
			return verdict(ROUTE_DNS, ROUTE_WRITERLESS_LONG);
		return verdict(ROUTE_WAIT,
			in->self_role == PEL_ROLE_READER ? ROUTE_WRITER_RECANTS
							 : ROUTE_WRITER_LOST);
	}
	how = reach(hot, intent, w);
	return how == ROUTE_BY_ROLE ? to_instance(w, ROUTE_BY_ROLE) : verdict(ROUTE_DNS, how);
}

static unsigned pick(uint32_t random, unsigned n)
{
	return (unsigned)(((uint64_t)random * n) >> 32);
}

/* The index of the set bit number `nth`. */
static unsigned nth_of(uint32_t set, unsigned nth)
{
	while (nth-- > 0)
		set &= set - 1;
	return (unsigned)__builtin_ctz(set);
}

static uint64_t load_of(const struct pel_hot_instance *in)
{
	return (uint64_t)in->cpu_permille + (in->lag_ms < LOAD_LAG_MAX ? in->lag_ms : LOAD_LAG_MAX);
}

static bool clearly_less(uint64_t a, uint64_t b, uint64_t tie)
{
	return a + a / 8 + tie < b;
}

/* An unmeasured round trip is 0 in the map: the worst, not the best. */
static uint64_t rtt_of(const struct pel_hot_instance *in)
{
	return in->rtt_us ? in->rtt_us : UINT32_MAX;
}

static bool is_better(const struct pel_hot_instance *a, const struct pel_hot_instance *b,
	unsigned selector)
{
	switch (selector) {
	case PEL_SELECT_LEAST_LAG:
		return clearly_less(a->lag_ms, b->lag_ms, TIE_LAG_MS);
	case PEL_SELECT_LEAST_RTT:
		return clearly_less(rtt_of(a), rtt_of(b), TIE_RTT_US);
	case PEL_SELECT_LEAST_LOAD:
		return clearly_less(load_of(a), load_of(b), TIE_LOAD);
	default:
		return false;
	}
}

/* One of a set that is not empty, by the cluster's selector. */
static unsigned select_one(const struct pel_hot *hot, const struct route_intent *intent,
	uint32_t set)
{
	unsigned n = (unsigned)__builtin_popcount(set), first, second;

	if (hot->selector == PEL_SELECT_ROUND_ROBIN)
		return nth_of(set, (unsigned)(intent->turn % n));
	first = pick((uint32_t)(intent->random >> 32), n);
	if (n == 1 || hot->selector == PEL_SELECT_RANDOM)
		return nth_of(set, first);
	second = pick((uint32_t)intent->random, n - 1);
	second += second >= first;
	first = nth_of(set, first);
	second = nth_of(set, second);
	return is_better(&hot->instances[second], &hot->instances[first], hot->selector) ? second
											 : first;
}

/* Which of the wanted instances should take new connections at all. */
static uint32_t takers(const struct pel_hot *hot, uint32_t wanted)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < hot->n_instances; i++) {
		const struct pel_hot_instance *in = &hot->instances[i];

		if ((wanted & (UINT32_C(1) << i)) && in->admission == PEL_ADMITTED &&
			in->health != PEL_HEALTH_STALLED && in->health != PEL_HEALTH_UNREACHABLE)
			set |= UINT32_C(1) << i;
	}
	return set;
}

/* Which of a set this process can reach; the reason is that of the last one that it cannot. */
static uint32_t reachable(const struct pel_hot *hot, const struct route_intent *intent,
	uint32_t set, enum route_reason *reason)
{
	for (uint32_t rest = set; rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctz(rest);
		enum route_reason how = reach(hot, intent, i);

		if (how == ROUTE_BY_ROLE)
			continue;
		*reason = how;
		set &= ~(UINT32_C(1) << i);
	}
	return set;
}

static uint32_t not_lagged(const struct pel_hot *hot, uint32_t set)
{
	for (uint32_t rest = set; rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctz(rest);

		if (hot->instances[i].flags & PEL_INST_LAGGED)
			set &= ~(UINT32_C(1) << i);
	}
	return set;
}

/* More than one if their lag is the same, as an unknown one is. */
static uint32_t least_lagged(const struct pel_hot *hot, uint32_t set)
{
	uint32_t least = UINT32_MAX, best = 0;

	for (uint32_t rest = set; rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctz(rest);

		if (hot->instances[i].lag_ms < least)
			best = 0;
		if (hot->instances[i].lag_ms <= least) {
			least = hot->instances[i].lag_ms;
			best |= UINT32_C(1) << i;
		}
	}
	return best;
}

/* All lag.  `writer_may` is whether the writer belongs to what the name leads to. */
static struct route choose_lagged(const struct pel_hot *hot, const struct route_intent *intent,
	uint32_t set, bool writer_may)
{
	struct route writer;

	if (hot->fallback == PEL_FALLBACK_REFUSE)
		return verdict(ROUTE_REFUSE, ROUTE_ALL_LAGGED);
	if (hot->fallback == PEL_FALLBACK_WRITER && writer_may) {
		writer = choose_writer(hot, intent);
		if (writer.verdict == ROUTE_INSTANCE)
			return to_instance(writer.instance, ROUTE_LAGGED_TO_WRITER);
	}
	return to_instance(select_one(hot, intent, least_lagged(hot, set)), ROUTE_LAGGED_READER);
}

static uint32_t readers_of(const struct pel_hot *hot)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < hot->n_instances; i++) {
		if (hot->instances[i].role == PEL_ROLE_READER)
			set |= UINT32_C(1) << i;
	}
	return set;
}

static struct route choose_reader(const struct pel_hot *hot, const struct route_intent *intent)
{
	enum route_reason reason = ROUTE_UNROUTABLE;
	uint32_t set = takers(hot, readers_of(hot));
	struct route writer;

	if (!set) {
		writer = choose_writer(hot, intent);
		if (writer.verdict == ROUTE_INSTANCE)
			return to_instance(writer.instance, ROUTE_NO_READER);
		return verdict(writer.verdict, ROUTE_NO_READER);
	}
	set = reachable(hot, intent, set, &reason);
	if (!set)
		return verdict(ROUTE_DNS, reason);
	if (!not_lagged(hot, set))
		return choose_lagged(hot, intent, set, true);
	return to_instance(select_one(hot, intent, not_lagged(hot, set)), ROUTE_BY_ROLE);
}

static struct route choose_member(const struct pel_hot *hot, const struct route_intent *intent)
{
	enum route_reason reason = ROUTE_UNROUTABLE;
	uint32_t members, set;
	unsigned w = writer_of(hot);

	if (intent->name >= hot->n_names)
		return verdict(ROUTE_DNS, ROUTE_BAD_INTENT);
	members = hot->names[intent->name].members;
	set = takers(hot, members);
	if (!set)
		return verdict(ROUTE_DNS, ROUTE_NO_MEMBER);
	set = reachable(hot, intent, set, &reason);
	if (!set)
		return verdict(ROUTE_DNS, reason);
	if (!not_lagged(hot, set))
		return choose_lagged(hot, intent, set,
			w != PEL_NONE && (members & (UINT32_C(1) << w)));
	return to_instance(select_one(hot, intent, not_lagged(hot, set)), ROUTE_BY_MEMBERS);
}

struct route route_choose(const struct pel_hot *hot, const struct route_intent *intent)
{
	enum route_reason dns = reason_for_dns(hot, intent->fresh, intent->now_ns);

	if (hot->n_instances > PEL_MAP_INSTANCES || hot->n_names > PEL_MAP_NAMES)
		return verdict(ROUTE_DNS, ROUTE_BAD_INTENT);
	if (dns != ROUTE_BY_ROLE)
		return verdict(ROUTE_DNS, dns);
	switch (intent->role) {
	case PEL_ROLE_WRITER:
		return choose_writer(hot, intent);
	case PEL_ROLE_READER:
		return choose_reader(hot, intent);
	case PEL_ROLE_CUSTOM:
		return choose_member(hot, intent);
	default:
		return verdict(ROUTE_DNS, ROUTE_BAD_INTENT);
	}
}

/* In the enumeration's order; an array of pointers would be relocated in every process. */
const char *route_word(enum route_reason reason)
{
	const char *word = "by-role\0"
			   "by-members\0"
			   "lagged-reader\0"
			   "lagged-to-writer\0"
			   "no-reader\0"
			   "all-lagged\0"
			   "between-writers\0"
			   "writer-recants\0"
			   "writer-lost\0"
			   "stale\0"
			   "unknown\0"
			   "dns-only\0"
			   "writerless-long\0"
			   "unroutable\0"
			   "excluded\0"
			   "no-family\0"
			   "no-member\0"
			   "no-writer\0"
			   "bad-intent\0"
			   "observed\0"
			   "disabled\0";

	for (unsigned i = 0; i < (unsigned)reason; i++)
		word += __builtin_strlen(word) + 1;
	return word;
}

enum route_difference route_difference(const struct route *would, uint8_t role,
	const struct pel_addr *would_go, const struct pel_addr *real)
{
	if (would->verdict == ROUTE_WAIT)
		return ROUTE_HELD;
	if (would->verdict != ROUTE_INSTANCE ||
		(would_go->family == real->family && would_go->port == real->port &&
			__builtin_memcmp(would_go->ip, real->ip, sizeof(real->ip)) == 0))
		return ROUTE_SAME;
	return role == PEL_ROLE_WRITER ? ROUTE_WRONG : ROUTE_ELSEWHERE;
}

static uint16_t port_for(const struct pel_hot *hot, unsigned name,
	const struct pel_hot_instance *in, uint16_t asked_port)
{
	uint16_t port = name < hot->n_names ? hot->names[name].port : 0;

	if (port == 0)
		port = hot->port;
	return asked_port == port && in->port ? in->port : asked_port;
}

bool route_address(const struct pel_hot *hot, unsigned instance, unsigned name, uint16_t families,
	uint16_t asked_port, struct pel_addr *ret)
{
	const struct pel_hot_instance *in;
	struct pel_addr addr = {0};

	if (instance >= hot->n_instances || instance >= PEL_MAP_INSTANCES)
		return false;
	in = &hot->instances[instance];
	if (in->flags & families & PEL_INST_HAS4) {
		addr.family = 4;
		__builtin_memcpy(addr.ip, in->ip4, sizeof(in->ip4));
	} else if (in->flags & families & PEL_INST_HAS6) {
		addr.family = 6;
		__builtin_memcpy(addr.ip, in->ip6, sizeof(in->ip6));
	} else {
		return false;
	}
	addr.port = port_for(hot, name, in, asked_port);
	*ret = addr;
	return true;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

uint64_t route_random_seed(uint64_t exec_entropy, uint64_t pid, uint64_t now_ns)
{
	return mix(mix(mix(exec_entropy + GOLDEN) + pid) + now_ns);
}

uint64_t route_random_next(_Atomic uint64_t *state)
{
	return mix(atomic_fetch_add_explicit(state, GOLDEN, memory_order_relaxed) + GOLDEN);
}
