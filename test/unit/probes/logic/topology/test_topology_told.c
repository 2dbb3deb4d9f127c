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
	assert_true(tell(t, 0, 0, "bW cR") & TOPOLOGY_MEMBERS);
	assert_int_equal(topology_find(t, "a"), PEL_NONE);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
