/* SPDX-License-Identifier: Apache-2.0 */
/* Members whose hosts servers tell, as those of a group do: whom they make, and whom they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "topology_words.h"

/* A member tells them on its own connection. */
static void tell_own(struct topology *t, char id, struct evidence_term term, const char *text)
{
	static struct evidence e;
	const char name[2] = {id, 0};

	e = (struct evidence){.has = EVIDENCE_HOSTS,
		.term = term,
		.sent_ns = now - MS,
		.received_ns = now,
		.from = addr_of((unsigned)(id - 'a' + 1))};
	e.n_hosts = hosts_of(text, e.hosts);
	(void)topology_feed(t, topology_find(t, name), &e);
}

/* All that are named are met, and say so. */
static void group(struct topology *t, const char *text, struct evidence_term term)
{
	(void)tell_at(t, (unsigned)(*text - 'a' + 1), term, 0, text);
	for (; *text; text += 2 + (text[2] == ' ')) {
		(void)resolve(t, *text);
		answer_in(t, *text, term, text[1] == 'W' ? PEL_ROLE_WRITER : PEL_ROLE_READER);
	}
}

/* A member tells on its own connection who replicates from it. */
static unsigned replicas(struct topology *t, char id, const char *text)
{
	static struct evidence e;
	const char name[2] = {id, 0};

	e = (struct evidence){.has = EVIDENCE_REPLICAS,
		.sent_ns = now - MS,
		.received_ns = now,
		.from = addr_of((unsigned)(id - 'a' + 1))};
	e.n_hosts = hosts_of(text, e.hosts);
	return topology_feed(t, topology_find(t, name), &e);
}

static void meet(struct topology *t, char id, enum pel_role role)
{
	(void)resolve(t, id);
	answer(t, id, role);
}

static void meet_with_replicas(struct topology *t)
{
	(void)topology_add_member(t, "a.example", 0, now);
	meet(t, 'a', PEL_ROLE_WRITER);
	(void)replicas(t, 'a', "bR cR");
	meet(t, 'b', PEL_ROLE_READER);
	meet(t, 'c', PEL_ROLE_READER);
}

/* a is configured and the writer, b and c are its replicas. */
static struct topology *with_replicas(void)
{
	struct topology *t = begin();

	meet_with_replicas(t);
	return t;
}

static const struct topology_member *find(const struct topology *t, char id)
{
	const char name[2] = {id, 0};

	return topology_member(t, topology_find(t, name));
}

static void lose(struct topology *t, char id)
{
	const char name[2] = {id, 0};

	(void)topology_feed_lost(t, topology_find(t, name), now);
	(void)topology_feed_health(t, topology_find(t, name), PEL_HEALTH_UNREACHABLE, 0, now);
}

static void lead(struct topology *t, unsigned at)
{
	const struct pel_addr addr = addr_of(at);
	const struct topology_dns dns = {.addrs = &addr, .n_addrs = 1, .ttl_ms = 5000};

	for (unsigned i = 0; i < TOPOLOGY_STEADY_ANSWERS; i++) {
		now += TOPOLOGY_STEADY_NS;
		(void)topology_feed_dns(t, 0, &dns, now);
	}
}

static void servers_tell_members(void **state)
{
	struct topology *t = begin();

	assert_true(tell(t, 0, 0, "aW bR") & TOPOLOGY_MEMBERS);
	assert_string_equal(t->members[topology_find(t, "b")].host, "b.example");
	(void)resolve(t, 'a');
	(void)resolve(t, 'b');
	(void)topology_set_why(t, PEL_WHY_NO_CREDENTIALS, now);
	assert_string_equal(writer(t), ""); /* its word is none of a coordinator */
	(void)topology_set_why(t, PEL_WHY_NONE, now);
	answer(t, 'b', PEL_ROLE_WRITER);
	assert_string_equal(writer(t), "b"); /* who it is says itself */
	tell_own(t, 'b', (struct evidence_term){0}, "bW cR");
	assert_non_null(find(t, 'c'));
	assert_null(find(t, 'a'));
}

/* One that is recovering, say: it may tell some time later, or another does. */
static void who_tells_nobody_is_met_again(void **state)
{
	const struct pel_addr addrs[] = {addr_of(8), addr_of(9)};
	struct topology_dns dns = {.addrs = &addrs[1], .n_addrs = 1, .ttl_ms = 5000};
	struct topology *t = begin();
	struct pel_addr addr;

	assert_true(topology_feed_dns(t, 0, &dns, now) & TOPOLOGY_SCOUT);
	(void)tell(t, 0, 0, "");
	assert_true(topology_scout_addr(t, &addr));
	assert_int_equal(addr.ip[3], 9);
	dns = (struct topology_dns){.addrs = addrs, .n_addrs = 2, .ttl_ms = 5000};
	(void)topology_feed_dns(t, 0, &dns, now);
	(void)tell(t, 0, 0, "");
	assert_true(topology_scout_addr(t, &addr));
	assert_int_equal(addr.ip[3], 8);
	(void)tell(t, 1, 0, "aW");
	assert_false(topology_scout_addr(t, &addr));
}

static void what_was_true_in_an_earlier_term_is_not_told(void **state)
{
	struct topology *t = begin();

	(void)tell(t, 5, 0, "aW bR");
	t->members[topology_find(t, "a")].live = true;
	t->members[topology_find(t, "a")].term = (struct evidence_term){1, 6};
	assert_int_equal(tell(t, 5, 0, "cW") & TOPOLOGY_MEMBERS, 0);
	assert_int_equal(topology_find(t, "c"), PEL_NONE);
	assert_true(tell(t, 6, 0, "aW cR") & TOPOLOGY_MEMBERS);
}

static void hosts_that_were_refused_are_told_once(void **state)
{
	struct topology *t = begin();

	assert_true(tell(t, 1, 1, "aW") & TOPOLOGY_ODD);
	assert_int_equal(tell(t, 1, 1, "aW") & TOPOLOGY_ODD, 0);
	assert_int_equal(tell(t, 1, 0, "aW") & TOPOLOGY_ODD, 0);
	assert_true(tell(t, 1, 1, "aW") & TOPOLOGY_ODD);
	assert_int_equal(tell(t, 1, 0, "aW") & TOPOLOGY_ODD, 0);
	assert_true(tell(t, 1, 2, "") & TOPOLOGY_ODD); /* all of them */
	assert_int_equal(tell(t, 1, 2, "") & TOPOLOGY_ODD, 0);
}

/* One was bootstrapped by mistake: each group has the other's members for none of its own. */
static void two_groups_unname_nobody(void **state)
{
	const struct evidence_term one = {1, 5}, two = {2, 1}, next = {2, 2};
	struct topology *t = begin();

	group(t, "aW bR cR", one);
	answer_in(t, 'c', two, PEL_ROLE_WRITER);
	tell_own(t, 'c', two, "cW");
	assert_int_equal(topology_admission(t, &t->members[topology_find(t, "b")]), PEL_ADMITTED);
	answer_in(t, 'c', two, PEL_ROLE_READER);
	tell_own(t, 'a', one, "aW bR");
	assert_true(t->members[topology_find(t, "c")].named);
	answer_in(t, 'a', next, PEL_ROLE_WRITER);
	answer_in(t, 'b', next, PEL_ROLE_READER);
	tell_own(t, 'a', next, "aW cR");
	assert_int_equal(topology_admission(t, &t->members[topology_find(t, "b")]), PEL_ADMIT_HELD);
}

/* The name is repointed, or DNS lies, and then does not: there is one group at any time. */
static void another_group_takes_the_place_of_the_first(void **state)
{
	const struct evidence_term one = {1, 5}, two = {2, 9};
	struct topology *t = begin();

	group(t, "aW bR", one);
	lead(t, 9);
	assert_true(tell_at(t, 9, two, 0, "cW") & TOPOLOGY_RELEARNT);
	group(t, "cW", two);
	assert_string_equal(writer(t), "c");
	assert_int_equal(topology_find(t, "a"), PEL_NONE);
	lead(t, 1);
	assert_true(tell_at(t, 1, one, 0, "aW bR") & TOPOLOGY_RELEARNT);
	group(t, "aW bR", one);
	assert_string_equal(writer(t), "a");
	assert_int_equal(topology_find(t, "c"), PEL_NONE);
	/* Where another name leads there, it says nothing of these. */
	t->names[0].bond = TOPOLOGY_BOND_NONE;
	assert_int_equal(tell_at(t, 9, two, 0, "cW") & (TOPOLOGY_RELEARNT | TOPOLOGY_MEMBERS), 0);
	assert_string_equal(writer(t), "a");
}

/* Whom the configuration names, and who is of the same cluster. */
static void who_tells_of_others_replaces_no_configured_member(void **state)
{
	const struct evidence_term one = {1, 5};
	struct topology *t = begin();

	(void)topology_add_member(t, "a.example", 0, now);
	group(t, "aW", one);
	lead(t, 9);
	assert_int_equal(tell_at(t, 9, one, 0, "cW") & (TOPOLOGY_RELEARNT | TOPOLOGY_MEMBERS), 0);
	assert_int_equal(tell_at(t, 9, one, 0, "aW cR") & TOPOLOGY_RELEARNT, 0);
	assert_int_not_equal(topology_find(t, "c"), PEL_NONE);
	assert_string_equal(writer(t), "a");
}

static void a_writer_finds_its_replicas(void **state)
{
	struct topology *t = with_replicas();

	assert_string_equal(writer(t), "a");
	assert_int_equal(find(t, 'b')->role, PEL_ROLE_READER);
	assert_int_equal(topology_admission(t, find(t, 'c')), PEL_ADMITTED);
	now += TOPOLOGY_FOUND_NS;
	assert_true(replicas(t, 'a', "bR cR dR") & TOPOLOGY_MEMBERS);
	meet(t, 'd', PEL_ROLE_READER);
	assert_int_equal(topology_admission(t, find(t, 'd')), PEL_ADMIT_NEW);
	assert_int_equal(replicas(t, 'b', "eR") & TOPOLOGY_MEMBERS, 0); /* it is not the writer */
	assert_null(find(t, 'e'));
}

/* As after another port was configured. */
static void all_that_is_forgotten_is_found_again_at_once(void **state)
{
	struct topology *t = with_replicas();

	(void)topology_reset(t, t->config.port, PEL_WHY_NONE, now);
	assert_null(find(t, 'b'));
	meet_with_replicas(t);
	assert_non_null(find(t, 'b'));
	assert_int_equal(topology_admission(t, find(t, 'b')), PEL_ADMITTED);
}

static void a_replica_that_is_gone_is_forgotten(void **state)
{
	struct topology *t = with_replicas();

	lose(t, 'b');
	assert_true(replicas(t, 'a', "cR") & TOPOLOGY_MEMBERS);
	assert_null(find(t, 'b'));
	(void)replicas(t, 'a', "bR"); /* it answers, and may be missing for a moment */
	assert_int_equal(topology_admission(t, find(t, 'c')), PEL_ADMIT_HELD);
	now += TOPOLOGY_ABSENT_NS + MS;
	(void)replicas(t, 'a', "bR");
	assert_null(find(t, 'c'));
	assert_non_null(find(t, 'a'));
}

/* A server that has just restarted has none yet. */
static void no_replica_at_all_is_gone_only_when_that_lasts(void **state)
{
	struct topology *t = with_replicas();

	lose(t, 'b');
	(void)replicas(t, 'a', "");
	assert_non_null(find(t, 'b'));
	assert_int_equal(topology_admission(t, find(t, 'c')), PEL_ADMITTED);
	now += TOPOLOGY_ABSENT_NS + MS;
	(void)replicas(t, 'a', "");
	assert_null(find(t, 'b'));
	assert_non_null(find(t, 'c'));
}

static void a_replica_that_takes_writes_claims_nothing_by_it(void **state)
{
	struct topology *t = with_replicas();

	now += TOPOLOGY_FOUND_NS;
	(void)replicas(t, 'a', "bR cR dR");
	meet(t, 'd', PEL_ROLE_WRITER);
	assert_string_equal(writer(t), "a");
	assert_false(topology_is_troubled(t));
	lose(t, 'a');
	now += TOPOLOGY_WAIT_NS;
	answer(t, 'd', PEL_ROLE_WRITER);
	assert_string_equal(writer(t), "");
	answer(t, 'b', PEL_ROLE_WRITER); /* who was a reader has been promoted */
	now += TOPOLOGY_WAIT_NS;
	(void)topology_tick(t, now);
	assert_string_equal(writer(t), "b");
	(void)replicas(t, 'b', "cR");
	assert_true(find(t, 'b')->named); /* it does not tell itself */
	lose(t, 'b');
	assert_non_null(find(t, 'b'));
}

/* As a pod that comes back elsewhere, and is the writer at once. */
static void a_replica_that_has_moved_is_promoted_all_the_same(void **state)
{
	struct topology *t = with_replicas();
	const struct pel_addr there = addr_of(7);
	const struct topology_dns dns = {.addrs = &there, .n_addrs = 1, .ttl_ms = 5000};
	const struct evidence e = {.has = EVIDENCE_IDENTITY | EVIDENCE_ROLE,
		.role = PEL_ROLE_WRITER,
		.sent_ns = now - MS,
		.received_ns = now,
		.uuid = "uuid-new",
		.from = there};

	lose(t, 'a');
	lose(t, 'b');
	(void)topology_feed_host(t, topology_find(t, "b"), &dns, now);
	(void)topology_feed_health(t, topology_find(t, "b"), PEL_HEALTH_OK, 0, now);
	(void)topology_feed(t, topology_find(t, "b"), &e);
	now += TOPOLOGY_WAIT_NS;
	(void)topology_tick(t, now);
	assert_string_equal(writer(t), "b");
}

/* Each of them is looked up, logged in to and told of. */
static void a_list_that_changes_all_the_time_makes_few_members(void **state)
{
	struct topology *t = with_replicas();
	unsigned made = 0;

	for (unsigned s = 0; s < 20; s++) {
		const char text[] = {'b', 'R', ' ', (char)('d' + s), 'R', '\0'};

		now += 1000 * MS;
		answer(t, 'a', PEL_ROLE_WRITER);
		(void)replicas(t, 'a', text);
		made += find(t, (char)('d' + s)) != NULL;
	}
	assert_in_range(made, 2, 3);
}

static void a_list_that_is_cut_unnames_nobody(void **state)
{
	static struct evidence e;
	struct topology *t = with_replicas();

	now += TOPOLOGY_FOUND_NS;
	e = (struct evidence){.has = EVIDENCE_REPLICAS,
		.received_ns = now,
		.from = addr_of(1),
		.is_cut = true,
		.n_refused = 9};
	e.n_hosts = hosts_of("dR", e.hosts);
	assert_true(topology_feed(t, topology_find(t, "a"), &e) & TOPOLOGY_ODD);
	assert_int_equal(topology_admission(t, find(t, 'b')), PEL_ADMITTED);
	assert_non_null(find(t, 'd'));
}

/* Where lists have neither terms nor times, a reader may have an old one. */
static void beside_a_writer_no_other_list_counts(void **state)
{
	const struct evidence_term none = {0};
	struct topology *t = begin();

	group(t, "aW bR cR", none);
	tell_own(t, 'b', none, "aW bR dR");
	assert_null(find(t, 'd'));
	assert_int_equal(topology_admission(t, find(t, 'c')), PEL_ADMITTED);
	lose(t, 'a');
	tell_own(t, 'b', none, "aW bR dR");
	assert_non_null(find(t, 'd')); /* it may be the next writer */
	assert_int_equal(topology_admission(t, find(t, 'c')), PEL_ADMITTED);
	answer(t, 'b', PEL_ROLE_WRITER);
	now += TOPOLOGY_WAIT_NS;
	(void)topology_tick(t, now);
	tell_own(t, 'b', none, "bW cR");
	assert_null(find(t, 'd'));
	assert_null(find(t, 'a'));
}

/* Nor that of one who is met where a name leads. */
static void beside_a_writer_nobody_is_unnamed_elsewhere(void **state)
{
	const struct evidence_term none = {0};
	struct topology *t = begin();

	group(t, "aW bR cR", none);
	(void)tell_at(t, 9, none, 0, "aW bR");
	assert_int_equal(topology_admission(t, find(t, 'c')), PEL_ADMITTED);
	lose(t, 'a');
	(void)tell_at(t, 9, none, 0, "aW bR");
	assert_int_equal(topology_admission(t, find(t, 'c')), PEL_ADMITTED);
}

/* As where a replica has its configuration, with its `report_host`. */
static void a_writer_is_no_replica_of_itself(void **state)
{
	struct topology *t = begin();

	(void)say(t, "aW");
	meet(t, 'a', PEL_ROLE_WRITER);
	(void)replicas(t, 'a', "aR bR");
	answer(t, 'a', PEL_ROLE_WRITER);
	assert_string_equal(writer(t), "a");
	assert_false(topology_is_troubled(t));
}

/* As where the writer is out of reach for good, and readers come and go. */
static void without_a_writer_who_is_long_gone_is_forgotten(void **state)
{
	const struct evidence_term none = {0};
	struct topology *t = begin();

	group(t, "aR bR cR", none);
	lose(t, 'c');
	tell_own(t, 'b', none, "aR bR");
	assert_non_null(find(t, 'c'));
	now += TOPOLOGY_ABSENT_NS + MS;
	answer(t, 'b', PEL_ROLE_READER);
	tell_own(t, 'b', none, "aR bR");
	assert_null(find(t, 'c'));
	assert_non_null(find(t, 'a'));
}

static void readers_of_other_regions_are_held(void **state)
{
	static struct evidence e;
	const struct evidence_term none = {0};
	struct topology *t = begin();

	group(t, "aW bR cR", none);
	e = (struct evidence){.has = EVIDENCE_HOSTS, .received_ns = now, .from = addr_of(1)};
	e.n_hosts = hosts_of("aW bR cR", e.hosts);
	e.hosts[0].away = e.hosts[2].away = true;
	(void)topology_feed(t, topology_find(t, "a"), &e);
	assert_int_equal(topology_admission(t, find(t, 'a')),
		PEL_ADMITTED); /* a writer is one anywhere */
	assert_int_equal(topology_admission(t, find(t, 'b')), PEL_ADMITTED);
	assert_int_equal(topology_admission(t, find(t, 'c')), PEL_ADMIT_HELD);
	lose(t, 'b'); /* then the writer serves reads */
	(void)topology_tick(t, now);
	assert_int_equal(topology_admission(t, find(t, 'c')), PEL_ADMIT_HELD);
	e.hosts[2].away = false;
	(void)topology_feed(t, topology_find(t, "a"), &e);
	assert_int_equal(topology_admission(t, find(t, 'c')), PEL_ADMITTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_tell_members),
		cmocka_unit_test(who_tells_nobody_is_met_again),
		cmocka_unit_test(what_was_true_in_an_earlier_term_is_not_told),
		cmocka_unit_test(hosts_that_were_refused_are_told_once),
		cmocka_unit_test(two_groups_unname_nobody),
		cmocka_unit_test(another_group_takes_the_place_of_the_first),
		cmocka_unit_test(who_tells_of_others_replaces_no_configured_member),
		cmocka_unit_test(a_writer_finds_its_replicas),
		cmocka_unit_test(all_that_is_forgotten_is_found_again_at_once),
		cmocka_unit_test(a_replica_that_is_gone_is_forgotten),
		cmocka_unit_test(no_replica_at_all_is_gone_only_when_that_lasts),
		cmocka_unit_test(a_replica_that_takes_writes_claims_nothing_by_it),
		cmocka_unit_test(a_replica_that_has_moved_is_promoted_all_the_same),
		cmocka_unit_test(a_list_that_changes_all_the_time_makes_few_members),
		cmocka_unit_test(a_list_that_is_cut_unnames_nobody),
		cmocka_unit_test(beside_a_writer_no_other_list_counts),
		cmocka_unit_test(beside_a_writer_nobody_is_unnamed_elsewhere),
		cmocka_unit_test(a_writer_is_no_replica_of_itself),
		cmocka_unit_test(without_a_writer_who_is_long_gone_is_forgotten),
		cmocka_unit_test(readers_of_other_regions_are_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
