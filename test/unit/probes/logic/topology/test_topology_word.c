/* SPDX-License-Identifier: Apache-2.0 */
/* What a coordinator's word is worth: everything while nobody can be asked, nothing against a login. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "table.h"
#include "topology_words.h"

static void the_word_alone_is_followed_without_credentials(void **state)
{
	struct topology *t = begin();

	(void)say(t, "aW bR");
	(void)topology_set_why(t, PEL_WHY_NO_CREDENTIALS, now);
	assert_string_equal(writer(t), "");
	assert_true(resolve(t, 'b') & TOPOLOGY_EPOCH);
	assert_true(resolve(t, 'a') & TOPOLOGY_FIRST);
	assert_string_equal(writer(t), "a");
	assert_int_equal(t->members[topology_find(t, "b")].role, PEL_ROLE_READER);
	assert_true(t->members[topology_find(t, "b")].routable);
	assert_false(topology_is_troubled(t));
	assert_false(t->dns_only);
}

static void another_word_moves_the_writer_and_severs(void **state)
{
	struct topology *t = begin();

	(void)topology_set_why(t, PEL_WHY_NO_CREDENTIALS, now);
	(void)say(t, "aW bR");
	(void)resolve(t, 'a');
	(void)resolve(t, 'b');
	assert_int_equal(say(t, "bW aR") & TOPOLOGY_WAKES, TOPOLOGY_WAKES);
	assert_string_equal(writer(t), "b");
	assert_int_equal(t->members[topology_find(t, "a")].role, PEL_ROLE_READER);
	assert_int_equal(say(t, "bW aR") & (TOPOLOGY_WAKES | TOPOLOGY_EPOCH), 0);
}

static void who_is_named_no_more_is_forgotten(void **state)
{
	struct topology *t = begin();

	(void)topology_set_why(t, PEL_WHY_NO_CREDENTIALS, now);
	(void)say(t, "aW bR");
	(void)resolve(t, 'a');
	(void)resolve(t, 'b');
	assert_true(say(t, "aW cR") & TOPOLOGY_MEMBERS);
	assert_int_equal(topology_find(t, "b"), PEL_NONE);
	assert_false(t->members[topology_find(t, "c")].routable);
	assert_string_equal(writer(t), "a");
}

static void a_lie_is_not_followed_once_somebody_answers(void **state)
{
	struct topology *t = begin();

	(void)say(t, "bW aR");
	(void)resolve(t, 'a');
	(void)resolve(t, 'b');
	answer(t, 'a', PEL_ROLE_WRITER);
	answer(t, 'b', PEL_ROLE_READER);
	assert_string_equal(writer(t), "a");
	(void)say(t, "bW aR");
	assert_string_equal(writer(t), "a");
	assert_int_equal(t->members[topology_find(t, "b")].role, PEL_ROLE_READER);
}

static void a_named_primary_is_the_writer_when_it_says_so_itself(void **state)
{
	struct topology *t = begin();

	(void)say(t, "aW bR");
	(void)resolve(t, 'a');
	(void)resolve(t, 'b');
	assert_string_equal(writer(t), "");
	answer(t, 'a', PEL_ROLE_WRITER);
	assert_string_equal(writer(t), "a");
}

static void the_first_login_takes_back_what_was_only_a_word(void **state)
{
	struct topology *t = begin();

	(void)topology_set_why(t, PEL_WHY_NO_CREDENTIALS, now);
	(void)say(t, "bW aR");
	(void)resolve(t, 'a');
	(void)resolve(t, 'b');
	assert_string_equal(writer(t), "b");
	answer(t, 'a', PEL_ROLE_WRITER);
	assert_string_equal(writer(t), "a");
	assert_false(t->members[topology_find(t, "b")].routable);
}

static void refused_credentials_are_credentials(void **state)
{
	struct topology *t = begin();

	(void)say(t, "aW bR");
	(void)resolve(t, 'a');
	(void)topology_set_why(t, PEL_WHY_DENIED, now);
	assert_string_equal(writer(t), "");
	assert_false(t->members[topology_find(t, "a")].routable);
}

static void a_configured_member_keeps_its_place(void **state)
{
	struct topology *t = begin();

	assert_true(topology_add_member(t, "a.example", 0, now) >= 0);
	(void)say(t, "aW bR");
	assert_true(t->members[topology_find(t, "a")].named);
	(void)say(t, "bW");
	assert_int_not_equal(topology_find(t, "a"), PEL_NONE);
}

/* Which slot is whose does not hang on the order in which a coordinator names them. */
static void hosts_of_one_label_are_told_apart_by_host(void **state)
{
	struct topology *t = begin();
	struct topology_member was[2];

	(void)say(t, "aW AR");
	memcpy(was, t->members, sizeof(was));
	assert_string_equal(was[0].host, "a.example");
	assert_string_equal(was[1].host, "a.elsewhere");
	assert_string_equal(was[1].id, "m-a-elsewhere-3306");
	assert_int_equal(say(t, "AW aR") & TOPOLOGY_MEMBERS, 0);
	assert_string_equal(t->members[0].host, was[0].host);
	assert_string_equal(t->members[1].id, was[1].id);
	assert_int_equal(t->members[1].word_role, PEL_ROLE_WRITER);
	(void)say(t, "AW");
	assert_int_equal(topology_find(t, "a"), PEL_NONE);
	assert_int_not_equal(topology_find(t, was[1].id), PEL_NONE);
}

/* A former primary that is named no more while it claims: fenced off, and nobody feeds it. */
static void who_is_fenced_off_is_no_reader(void **state)
{
	struct topology *t = begin();

	(void)say(t, "aW bR cR");
	for (char id = 'a'; id <= 'c'; id++)
		(void)resolve(t, id);
	answer(t, 'a', PEL_ROLE_WRITER);
	answer(t, 'b', PEL_ROLE_READER);
	assert_string_equal(writer(t), "a");
	(void)say(t, "bW cR");
	assert_string_equal(writer(t), "a");
	(void)topology_feed_lost(t, topology_find(t, "a"), now);
	assert_string_equal(writer(t), "a");
	answer(t, 'a', PEL_ROLE_WRITER);
	answer(t, 'a', PEL_ROLE_READER);
	(void)topology_tick(t, now);
	assert_int_equal(topology_admission(t, &t->members[topology_find(t, "a")]), PEL_ADMIT_HELD);
	(void)topology_feed_lost(t, topology_find(t, "a"), now);
	(void)topology_tick(t, now);
	assert_int_equal(topology_find(t, "a"), PEL_NONE);
	answer(t, 'b', PEL_ROLE_WRITER);
	assert_string_equal(writer(t), "b");
}

/* Two hosts, a and b, that may be one server: what they tell, and how many are left. */
static const struct twins {
	const char *title, *uuid_a, *uuid_b;
	enum pel_role role_a, role_b;
	bool same_host;
	unsigned left;
} twins[] = {
	{"one uuid is one server", "u", "u", PEL_ROLE_WRITER, PEL_ROLE_WRITER, false, 1},
	{"... also as readers", "u", "u", PEL_ROLE_READER, PEL_ROLE_READER, false, 1},
	{"... but not where one says that it is the writer", "u", "u", PEL_ROLE_READER,
		PEL_ROLE_WRITER, false, 2},
	{"two uuids are two", "u", "v", PEL_ROLE_READER, PEL_ROLE_READER, false, 2},
	{"without a uuid addresses tell", "", "", PEL_ROLE_READER, PEL_ROLE_READER, false, 2},
	{"... one address is one server", "", "", PEL_ROLE_READER, PEL_ROLE_READER, true, 1},
	{"... whatever it said before", "u", "u", PEL_ROLE_READER, PEL_ROLE_WRITER, true, 1},
};

static void are_told_apart(void **state)
{
	const struct twins *row = *state;
	struct topology *t = begin();
	unsigned a, b;

	(void)say(t, "aR bR");
	(void)resolve(t, 'a');
	(void)resolve(t, 'b');
	a = topology_find(t, "a");
	b = topology_find(t, "b");
	answer_as(t, 'a', row->uuid_a, row->role_a);
	if (row->same_host)
		t->members[a].addr = addr_of(2);
	answer_as(t, 'b', row->uuid_b, row->role_b);
	assert_int_equal(2u - t->members[a].twin - t->members[b].twin, row->left);
	assert_string_equal(writer(t),
		row->left == 1 && row->role_a == PEL_ROLE_WRITER           ? "a"
			: row->role_b == PEL_ROLE_WRITER && row->left == 2 ? "b"
									   : "");
}

/* A virtual address comes to who was promoted, and is asked a moment later: nothing changes. */
static void the_writer_stands_for_its_addresses(void **state)
{
	struct topology *t = begin();

	(void)state;
	(void)say(t, "aR bR");
	(void)resolve(t, 'a');
	(void)resolve(t, 'b');
	answer_as(t, 'a', "u", PEL_ROLE_READER);
	answer_as(t, 'b', "u", PEL_ROLE_READER);
	now += 10 * MS;
	answer_as(t, 'b', "u", PEL_ROLE_WRITER);
	assert_string_equal(writer(t), "b");
	answer_as(t, 'a', "u", PEL_ROLE_WRITER);
	assert_string_equal(writer(t), "b");
}

/* One list without it severs nobody's reads: it gets no new ones, and goes when that lasts. */
static void a_reader_that_answers_outlives_a_partial_list(void **state)
{
	struct topology *t = begin();
	unsigned b;

	(void)state;
	(void)say(t, "aW bR");
	(void)resolve(t, 'a');
	(void)resolve(t, 'b');
	answer(t, 'a', PEL_ROLE_WRITER);
	answer(t, 'b', PEL_ROLE_READER);
	b = topology_find(t, "b");
	assert_int_equal(say(t, "aW") & (TOPOLOGY_SEVER | TOPOLOGY_MEMBERS), 0);
	assert_int_equal(topology_admission(t, &t->members[b]), PEL_ADMIT_HELD);
	(void)say(t, "aW bR");
	assert_int_equal(topology_admission(t, &t->members[b]), PEL_ADMITTED);
	(void)say(t, "aW");
	now += TOPOLOGY_ABSENT_NS - MS;
	(void)say(t, "aW");
	assert_int_equal(topology_find(t, "b"), b);
	now += 2 * MS;
	assert_true(say(t, "aW") & TOPOLOGY_SEVER);
	assert_int_equal(topology_find(t, "b"), PEL_NONE);
}

/* The coordinator is dead: nobody is forgotten, but where nobody can be asked DNS is followed. */
static void a_word_that_lapses_is_followed_no_more(void **state)
{
	const struct pel_addr addr = addr_of(9);
	const struct topology_dns dns = {.addrs = &addr, .n_addrs = 1, .ttl_ms = 5000};
	struct topology *t = begin();

	(void)topology_set_why(t, PEL_WHY_NO_CREDENTIALS, now);
	(void)topology_feed_dns(t, 0, &dns, now);
	(void)say(t, "aW bR");
	(void)resolve(t, 'a');
	(void)resolve(t, 'b');
	assert_string_equal(writer(t), "a");
	assert_true(say(t, "") & TOPOLOGY_SEVER);
	assert_int_equal(t->state, PEL_STATE_UNKNOWN);
	assert_true(t->dns_only);
	assert_int_not_equal(topology_find(t, "a"), PEL_NONE);
	assert_true(say(t, "aW bR") & TOPOLOGY_FIRST);
	assert_string_equal(writer(t), "a");
	answer(t, 'a', PEL_ROLE_WRITER);
	assert_int_equal(say(t, "") & (TOPOLOGY_WAKES | TOPOLOGY_EPOCH), 0);
	assert_string_equal(writer(t), "a");
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(the_word_alone_is_followed_without_credentials),
		cmocka_unit_test(another_word_moves_the_writer_and_severs),
		cmocka_unit_test(who_is_named_no_more_is_forgotten),
		cmocka_unit_test(a_lie_is_not_followed_once_somebody_answers),
		cmocka_unit_test(a_named_primary_is_the_writer_when_it_says_so_itself),
		cmocka_unit_test(the_first_login_takes_back_what_was_only_a_word),
		cmocka_unit_test(refused_credentials_are_credentials),
		cmocka_unit_test(a_configured_member_keeps_its_place),
		cmocka_unit_test(hosts_of_one_label_are_told_apart_by_host),
		cmocka_unit_test(who_is_fenced_off_is_no_reader),
		cmocka_unit_test(a_word_that_lapses_is_followed_no_more),
		cmocka_unit_test(the_writer_stands_for_its_addresses),
		cmocka_unit_test(a_reader_that_answers_outlives_a_partial_list),
	};

	return table_run("topology, the word", TABLE_OF(twins, are_told_apart, others), NULL, NULL);
}
