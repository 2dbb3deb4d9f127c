/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for a look-up, and who shares one; dns_query is this file's, and says what it is told. */
#include "net/dns_query.h"

#include "common/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ANSWER_NS (50 * LOOP_MS)
#define ASKERS 20

struct dns_query {
	struct loop *loop;
	void (*done)(void *ctx, const struct resolve_answer *answer);
	void *ctx;
	struct loop_timer due;
};

static uint64_t now_ns;
static unsigned asked, open_queries;
static struct loop *loop;
static struct resolver *resolver;
static char hosts[] = "/tmp/test_resolve.XXXXXX";

static void answered(void *ctx)
{
	const struct resolve_answer answer = {.n_addrs = 1, .addrs = {{.family = 4}}};
	struct dns_query *q = ctx;

	q->done(q->ctx, &answer);
	free(q);
	open_queries--;
}

int dns_query_start(struct loop *l, const struct dns_conf *conf, const char *name,
	void (*done)(void *ctx, const struct resolve_answer *answer), void *ctx,
	struct dns_query **ret)
{
	if (strchr(name, ' '))
		return -ENOENT;
	*ret = calloc(1, sizeof(**ret));
	**ret = (struct dns_query){.loop = l, .done = done, .ctx = ctx};
	loop_timer_init(&(*ret)->due, answered, *ret);
	loop_timer_set_in(l, &(*ret)->due, ANSWER_NS);
	asked++;
	open_queries++;
	return 0;
}

void dns_query_cancel(struct dns_query *q)
{
	if (!q)
		return;
	loop_timer_stop(q->loop, &q->due);
	free(q);
	open_queries--;
}

struct asker {
	struct resolve_query *query;
	uint64_t told_ns;
	int status;
	struct asker *ends; /* once it is told */
	bool asks_again;
};

static struct asker askers[ASKERS];
static const char *again;

static void give_up(struct asker *a)
{
	resolve_cancel(a->query);
	a->query = NULL;
}

static void told(void *ctx, const struct resolve_answer *answer)
{
	struct asker *a = ctx;

	a->query = NULL;
	a->told_ns = now_ns;
	a->status = answer->status;
	if (a->ends)
		give_up(a->ends);
	if (a->asks_again)
		assert_int_equal(resolve_start(resolver, again, told, a, &a->query), 0);
	a->asks_again = false;
}

static void ask(unsigned i, const char *name)
{
	assert_int_equal(resolve_start(resolver, name, told, &askers[i], &askers[i].query), 0);
}

static void run_until(uint64_t until_ns)
{
	while (now_ns < until_ns)
		assert_true(loop_step(loop) >= 0);
}

static void tick(void *ctx)
{
	loop_timer_set_in(loop, ctx, 10 * LOOP_MS);
}

static uint64_t clock_now(void *ctx)
{
	return now_ns;
}

static void clock_idle(void *ctx, uint64_t until_ns)
{
	now_ns = until_ns;
}

static struct loop_timer ticks;

static int open_all(void **state)
{
	const struct loop_clock clock = {.now_ns = clock_now, .idle = clock_idle};
	const struct resolver_options options = {.resolv_conf = "/dev/null",
		.hosts = hosts,
		.vnet4 = PEL_VNET4,
		.vnet4_bits = PEL_VNET4_BITS,
		.vnet6 = PEL_VNET6,
		.vnet6_bits = PEL_VNET6_BITS};

	now_ns = 1000 * LOOP_S;
	asked = 0;
	memset(askers, 0, sizeof(askers));
	assert_int_equal(loop_new(&clock, &loop), 0);
	loop_timer_init(&ticks, tick, &ticks);
	tick(&ticks);
	return resolver_new(loop, &options, &resolver);
}

static int close_all(void **state)
{
	loop_timer_stop(loop, &ticks);
	for (unsigned i = 0; i < ASKERS; i++)
		give_up(&askers[i]);
	resolver_free(resolver);
	loop_free(loop);
	assert_int_equal(open_queries, 0);
	return 0;
}

static void what_needs_no_server_waits_for_nobody(void **state)
{
	static const char *const names[] = {"127.0.0.1", "::1", "of-hosts.example"};
	uint64_t from_ns = now_ns;

	for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++) {
		for (unsigned i = 0; i < ASKERS; i++)
			ask(i, names[k]);
		run_until(now_ns + 20 * LOOP_MS);
		for (unsigned i = 0; i < ASKERS; i++)
			assert_true(askers[i].told_ns && !askers[i].status);
	}
	assert_int_equal(asked, 0);
	assert_true(now_ns - from_ns < 200 * LOOP_MS);
}

/* The lines that `pelorus hosts` prints are for programs: they lead the prober nowhere. */
static void its_own_virtual_address_is_no_answer_of_hosts(void **state)
{
	ask(0, "virtual.example");
	ask(1, "neighbour.example");
	run_until(now_ns + 100 * LOOP_MS);
	assert_true(askers[0].told_ns && askers[1].told_ns);
	assert_int_equal(asked, 1);
}

static void one_query_answers_all_who_want_the_name(void **state)
{
	ask(0, "db.example");
	run_until(now_ns + 20 * LOOP_MS); /* it is under way */
	for (unsigned i = 1; i < ASKERS; i++)
		ask(i, "db.example");
	run_until(now_ns + 100 * LOOP_MS);
	for (unsigned i = 0; i < ASKERS; i++)
		assert_true(askers[i].told_ns);
	assert_int_equal(asked, 1);
}

static void who_asks_again_and_again_waits_for_the_pace(void **state)
{
	for (unsigned i = 0; i < 100; i++) {
		if (!askers[0].query)
			ask(0, "db.example");
		run_until(now_ns + 60 * LOOP_MS);
	}
	assert_in_range(asked, 9, 12); /* in a little over 6 s */
}

static void who_gives_up_takes_no_turn(void **state)
{
	for (unsigned i = 0; i < 50; i++) {
		ask(0, "db.example");
		give_up(&askers[0]);
	}
	ask(1, "db.example");
	run_until(now_ns + 100 * LOOP_MS);
	assert_true(askers[1].told_ns);
	assert_int_equal(asked, 1);
}

static void one_that_ends_leaves_the_others(void **state)
{
	for (unsigned i = 0; i < 3; i++)
		ask(i, "db.example");
	run_until(now_ns + 20 * LOOP_MS);
	give_up(&askers[0]);
	run_until(now_ns + 100 * LOOP_MS);
	assert_true(!askers[0].told_ns && askers[1].told_ns && askers[2].told_ns);
}

static void who_is_told_may_end_the_others_or_ask_again(void **state)
{
	again = "db.example";
	for (unsigned i = 0; i < 3; i++)
		ask(i, "db.example");
	askers[0].ends = &askers[1];
	askers[2].asks_again = true;
	run_until(now_ns + 100 * LOOP_MS);
	assert_true(askers[0].told_ns && !askers[1].told_ns && askers[2].told_ns);
	run_until(now_ns + 100 * LOOP_MS);
	assert_null(askers[2].query);
	assert_int_equal(asked, 2);
}

static void what_is_no_name_is_told_so(void **state)
{
	ask(0, "no name");
	run_until(now_ns + 20 * LOOP_MS);
	assert_int_equal(askers[0].status, -ENOENT);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)
	const struct CMUnitTest tests[] = {
		CASE(what_needs_no_server_waits_for_nobody),
		CASE(its_own_virtual_address_is_no_answer_of_hosts),
		CASE(one_query_answers_all_who_want_the_name),
		CASE(who_asks_again_and_again_waits_for_the_pace),
		CASE(who_gives_up_takes_no_turn),
		CASE(one_that_ends_leaves_the_others),
		CASE(who_is_told_may_end_the_others_or_ask_again),
		CASE(what_is_no_name_is_told_so),
	};
	uint64_t hash = pel_name_hash("virtual.example");
	struct in_addr v4 = {htonl(pel_virtual4(hash, PEL_VNET4, PEL_VNET4_BITS))};
	const uint8_t net6[16] = PEL_VNET6;
	uint8_t v6[16];
	char text6[INET6_ADDRSTRLEN];
	int fd = mkstemp(hosts), r;

	pel_virtual6(hash, net6, PEL_VNET6_BITS, v6);
	if (fd < 0 || !inet_ntop(AF_INET6, v6, text6, sizeof(text6)) ||
		dprintf(fd,
			"127.0.0.7 of-hosts.example\n%s virtual.example\n%s virtual.example\n"
			"%s neighbour.example\n",
			inet_ntoa(v4), text6, text6) < 0)
		return 1;
	(void)close(fd);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(hosts);
	return r;
}
