/* SPDX-License-Identifier: Apache-2.0 */
/* Which credential is tried next, when, and which one never is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "mysql/credentials.h"

#include "common/errors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct credential make(enum credential_origin origin, const char *user)
{
	struct credential c;

	memset(&c, 0, sizeof(c));
	c.origin = origin;
	strcpy(c.user, user);
	strcpy(c.password, "secret");
	return c;
}

static int add(struct credentials *c, enum credential_origin origin, const char *user)
{
	struct credential one = make(origin, user);

	return credentials_add(c, &one);
}

/*
 * A story, step by step: a letter and a user.
 *   c, o, f  a credential of that origin comes: configured, option file, followed
 *   t  taken, must be that user's ("-": none may be taken)
 *   p, d, u  the login of that user ends: proven, denied, unanswered
 *   +  so many milliseconds pass
 */
static const struct {
	const char *sentence;
	const char *steps;
} stories[] = {
	{"nothing to take from an empty list", "t-"},
	{"configured before option file before followed only by order of arrival among untried",
		"f1 o2 t1 u1 c3 t3"},
	{"an untried one never replaces a good one", "f1 t1 p1 f2 t1 u1 t1"},
	{"the last proven one comes first", "f1 t1 p1 d1"},
	{"of two good ones the last proven", "f1 f2 t1 t1 t2 +1 p1 +1 p2 u1 t2 +1 p2 t2"},
	{"a configured one comes first, even before a proven one", "f1 t1 p1 c2 t2"},
	{"a refused configured one leaves the proven one at work", "c1 f2 t1 d1 t2 p2 t2"},
	{"a refused one rests for ten seconds", "f1 t1 d1 t- +9999 t- +1 t1"},
	{"again refused, it rests again", "f1 t1 d1 +10000 t1 d1 t- +9999 t- +1 t1"},
	{"after a refusal one login at a time", "f1 t1 d1 +10000 t1 t-"},
	{"untried, it serves two logins at once", "f1 t1 t1 t-"},
	{"and one more where these are not answered", "f1 t1 t1 +1999 t- +1 t1 t- +2000 t1 t-"},
	{"proven, it serves all", "f1 t1 p1 t1 t1 t1 t1 t1"},
	{"no answer says nothing about it", "f1 t1 u1 t1 u1 t1 p1"},
	{"a bad one beside a good one does no harm", "f1 f2 t1 d1 t2 p2 +10000 t2 t2"},
	{"a proven one that is refused makes room for the next", "f1 t1 p1 f2 t1 d1 t2 p2 t2"},
	{"a stale configured one is asked ever more rarely while another works",
		"c1 f2 t1 d1 t2 p2 +10000 t2 +0 u2 +300000 t2"},
	{"all refused: each is tried again", "f1 f2 t1 d1 t2 d2 t- +10000 t1 t2 t-"},
};

static void take(struct credentials *c, const char *sentence, const char *user, uint64_t now_ms,
	unsigned tickets[static 10])
{
	unsigned ticket;
	const struct credential *got = credentials_take(c, 0, false, now_ms, &ticket);

	if (strcmp(got ? got->user : "-", user) != 0)
		fail_msg("%s: took %s instead of %s", sentence, got ? got->user : "-", user);
	if (got)
		tickets[*user - '0'] = ticket;
}

static void story_play(const char *sentence, const char *steps)
{
	struct credentials *c = credentials_new();
	unsigned tickets[10] = {0};
	uint64_t now_ms = 1000;
	char *copy = strdup(steps), *save, *step;

	for (step = strtok_r(copy, " ", &save); step; step = strtok_r(NULL, " ", &save)) {
		unsigned ticket = tickets[(step[1] - '0') % 10u];

		switch (step[0]) {
		case 'c':
			(void)add(c, CREDENTIAL_CONFIGURED, step + 1);
			break;
		case 'o':
			(void)add(c, CREDENTIAL_OPTION_FILE, step + 1);
			break;
		case 'f':
			(void)add(c, CREDENTIAL_FOLLOWED, step + 1);
			break;
		case 't':
			take(c, sentence, step + 1, now_ms, tickets);
			break;
		case 'p':
			credentials_proven(c, ticket, now_ms);
			break;
		case 'd':
			credentials_denied(c, ticket, now_ms);
			break;
		case 'u':
			credentials_unanswered(c, ticket);
			break;
		case '+':
			now_ms += (uint64_t)atoi(step + 1);
			break;
		default:
			fail_msg("%s: step %s", sentence, step);
		}
	}
	free(copy);
	credentials_free(c);
}

static void stories_come_true(void **state)
{
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++)
		story_play(stories[i].sentence, stories[i].steps);
}

static void a_reason_is_said_once_until_it_is_let_in(void **state)
{
	struct credentials *c = credentials_new();
	unsigned ticket;

	add(c, CREDENTIAL_FOLLOWED, "a");
	assert_non_null(credentials_take(c, 0, false, 0, &ticket));
	assert_true(credentials_tell(c, ticket, 1045));
	assert_false(credentials_tell(c, ticket, 1045));
	assert_true(credentials_tell(c, ticket, 2026));
	credentials_proven(c, ticket, 0);
	assert_true(credentials_tell(c, ticket, 2026));
	credentials_free(c);
}

static void what_a_server_refused_is_left_out(void **state)
{
	struct credentials *c = credentials_new();
	unsigned first, second;

	add(c, CREDENTIAL_CONFIGURED, "a");
	add(c, CREDENTIAL_FOLLOWED, "b");
	assert_string_equal(credentials_take(c, 0, false, 0, &first)->user, "a");
	assert_string_equal(credentials_take(c, (uint16_t)(1u << first), false, 0, &second)->user,
		"b");
	assert_true(credentials_next_ms(c, (uint16_t)(1u << first), 7) == 7);
	assert_true(
		credentials_next_ms(c, (uint16_t)(1u << first | 1u << second), 7) == UINT64_MAX);
	credentials_free(c);
}

static void attempts_of_refused_ones_are_bounded(void **state)
{
	struct credentials *c = credentials_new();
	unsigned attempts = 0, ticket;

	add(c, CREDENTIAL_FOLLOWED, "a");
	for (uint64_t now_ms = 0; now_ms <= 60000; now_ms += 7) {
		if (credentials_take(c, 0, false, now_ms, &ticket)) {
			attempts++;
			credentials_denied(c, ticket, now_ms);
		}
	}
	assert_in_range(attempts, 6, 7);
	credentials_free(c);
}

static void what_is_known_is_not_added_twice(void **state)
{
	struct credentials *c = credentials_new();
	struct credential one = make(CREDENTIAL_FOLLOWED, "a"), strong = one;

	strong.tls.on = strong.tls.verify = true;
	assert_int_equal(credentials_add(c, &strong), 1);
	assert_int_equal(credentials_add(c, &strong), 0);
	assert_int_equal(credentials_add(c, &one), 0); /* weaker settings bring nothing */
	strcpy(one.password, "other");
	assert_int_equal(credentials_add(c, &one), 1);
	one.origin = CREDENTIAL_CONFIGURED;
	assert_int_equal(credentials_add(c, &one), 1);
	strcpy(one.user, "");
	assert_int_equal(credentials_add(c, &one), -EINVAL);
	credentials_free(c);
}

static void a_name_brings_what_was_given_for_it(void **state)
{
	struct credentials *from = credentials_new(), *to = credentials_new();
	const struct credential a = make(CREDENTIAL_FOLLOWED, "a"),
				b = make(CREDENTIAL_FOLLOWED, "b"),
				own = make(CREDENTIAL_CONFIGURED, "c");
	unsigned ticket;

	assert_int_equal(credentials_follow(from, &a, 1), 1);
	assert_int_equal(credentials_follow(from, &b, 2), 1);
	assert_int_equal(credentials_follow(from, &b, 3), 0);
	assert_int_equal(credentials_add(from, &own), 1);
	assert_int_equal(credentials_of_others(from, (const uint64_t[]){1, 4}, 2), 1u << 1);
	assert_int_equal(credentials_of_others(from, (const uint64_t[]){3}, 1), 1u << 0);
	assert_false(credentials_copy(to, from, 4));
	assert_true(credentials_copy(to, from, 3));
	assert_false(credentials_copy(to, from, 3));
	assert_string_equal(credentials_take(to, 0, false, 0, &ticket)->user, "b");
	assert_null(credentials_take(to, (uint16_t)(1u << ticket), false, 0, &ticket));
	credentials_free(from);
	credentials_free(to);
}

static void an_urgent_login_counts_from_now(void **state)
{
	struct credentials *c = credentials_new();
	unsigned ticket;

	add(c, CREDENTIAL_FOLLOWED, "a");
	assert_non_null(credentials_take(c, 0, false, 1000, &ticket));
	assert_non_null(credentials_take(c, 0, true, 1000, &ticket));
	assert_non_null(credentials_take(c, 0, true, 1000, &ticket)); /* whoever waits */
	assert_null(credentials_take(c, 0, false, 1000, &ticket));
	assert_non_null(credentials_take(c, 0, false, 3000, &ticket));
	credentials_free(c);
}

static void who_has_taken_a_place_is_told(void **state)
{
	struct credentials *c = credentials_new();
	unsigned ticket;

	add(c, CREDENTIAL_FOLLOWED, "a");
	assert_int_equal(credentials_take_changes(c), 1);
	add(c, CREDENTIAL_FOLLOWED, "a");
	assert_non_null(credentials_take(c, 0, false, 0, &ticket));
	credentials_proven(c, ticket, 0);
	assert_int_equal(credentials_take_changes(c), 0);
	credentials_remove_origin(c, CREDENTIAL_FOLLOWED);
	add(c, CREDENTIAL_FOLLOWED, "b");
	assert_int_equal(credentials_take_changes(c), 1);
	credentials_free(c);
}

static void a_full_list_keeps_the_good_ones(void **state)
{
	struct credentials *c = credentials_new();
	unsigned ticket;
	char user[8];

	for (int i = 0; i < CREDENTIALS_MAX; i++) {
		(void)sprintf(user, "u%d", i);
		assert_int_equal(add(c, CREDENTIAL_FOLLOWED, user), 1);
	}
	assert_int_equal(add(c, CREDENTIAL_FOLLOWED, "more"), -ENOSPC);
	assert_string_equal(credentials_take(c, 0, false, 0, &ticket)->user, "u0");
	credentials_denied(c, ticket, 0);
	assert_int_equal(add(c, CREDENTIAL_FOLLOWED, "more"), 1);
	assert_string_equal(credentials_take(c, 0, false, 99999, &ticket)->user, "u1");
	credentials_free(c);
}

static void a_reload_waits_for_logins_under_way(void **state)
{
	struct credentials *c = credentials_new();
	const struct credential *old;
	unsigned ticket, other;

	add(c, CREDENTIAL_CONFIGURED, "old");
	old = credentials_take(c, 0, false, 0, &ticket);
	credentials_remove_origin(c, CREDENTIAL_CONFIGURED);
	assert_int_equal(add(c, CREDENTIAL_CONFIGURED, "new"), 1);
	assert_string_equal(old->user, "old");
	assert_string_equal(credentials_take(c, 0, false, 0, &other)->user, "new");
	credentials_proven(c, ticket, 0);
	assert_int_equal(old->user[0], '\0'); /* wiped */
	assert_int_equal(credentials_verdict(c), CREDENTIALS_UNTRIED);
	credentials_free(c);
}

static void verdicts(void **state)
{
	struct credentials *c = credentials_new();
	unsigned ticket;

	assert_int_equal(credentials_verdict(c), CREDENTIALS_NONE);
	assert_true(credentials_next_ms(c, 0, 5) == UINT64_MAX);
	add(c, CREDENTIAL_FOLLOWED, "a");
	assert_int_equal(credentials_verdict(c), CREDENTIALS_UNTRIED);
	assert_true(credentials_next_ms(c, 0, 5) == 5);
	credentials_take(c, 0, false, 5, &ticket);
	credentials_denied(c, ticket, 5);
	assert_int_equal(credentials_verdict(c), CREDENTIALS_DENIED);
	assert_true(credentials_next_ms(c, 0, 6) == 5 + CREDENTIALS_REST_MS);
	credentials_take(c, 0, false, 99999, &ticket);
	credentials_proven(c, ticket, 99999);
	assert_int_equal(credentials_verdict(c), CREDENTIALS_GOOD);
	credentials_free(c);
}

static void the_useless_are_known_once_another_is_good(void **state)
{
	struct credentials *c = credentials_new();
	unsigned old, good;

	add(c, CREDENTIAL_FOLLOWED, "old");
	add(c, CREDENTIAL_FOLLOWED, "good");
	add(c, CREDENTIAL_FOLLOWED, "new");
	assert_non_null(credentials_take(c, 0, false, 0, &old));
	credentials_denied(c, old, 0);
	assert_false(credentials_is_useless(c, "old", "secret"));
	assert_non_null(credentials_take(c, 0, false, 0, &good));
	credentials_proven(c, good, 0);
	assert_true(credentials_is_useless(c, "old", "secret"));
	assert_false(credentials_is_useless(c, "good", "secret"));
	assert_true(credentials_is_useless(c, "good", "another"));
	assert_false(credentials_is_useless(c, "new", "secret"));
	credentials_free(c);
}

static void which_errors_are_refusals(void **state)
{
	static const unsigned yes[] = {1045, 1044, 1142, 1227, 1698, 2059, 3118};
	static const unsigned no[] = {0, 1040, 1129, 1203, 1290, 2002, 2003, 2006, 2013, 2026};

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_int_equal(pel_error_of(yes[i]), PEL_ERROR_DENIED);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_int_equal(pel_error_of(no[i]), PEL_ERROR_OTHER);
}

static void option_files_are_read_as_libmariadb_reads_them(void **state)
{
	static const char text[] = "[client]\nuser=alice\npassword=\"a#b\"\n[mysql]\nuser=eve\n"
				   "[pelorus]\nuser=bob\nssl-ca=/ca.pem\nhost=198.51.100.1\n";
	char path[] = "/tmp/test_credentials.XXXXXX";
	struct credential c;
	int fd = mkstemp(path);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_true(credential_of_option_files(path, &c));
	assert_string_equal(c.user, "bob");
	assert_string_equal(c.password, "a#b");
	assert_string_equal(c.tls.ca, "/ca.pem");
	assert_true(c.tls.on);
	assert_int_equal(c.origin, CREDENTIAL_OPTION_FILE);
	unlink(path);
	assert_false(credential_of_option_files("/dev/null", &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stories_come_true),
		cmocka_unit_test(a_reason_is_said_once_until_it_is_let_in),
		cmocka_unit_test(what_a_server_refused_is_left_out),
		cmocka_unit_test(attempts_of_refused_ones_are_bounded),
		cmocka_unit_test(what_is_known_is_not_added_twice),
		cmocka_unit_test(a_name_brings_what_was_given_for_it),
		cmocka_unit_test(an_urgent_login_counts_from_now),
		cmocka_unit_test(who_has_taken_a_place_is_told),
		cmocka_unit_test(a_full_list_keeps_the_good_ones),
		cmocka_unit_test(a_reload_waits_for_logins_under_way),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(the_useless_are_known_once_another_is_good),
		cmocka_unit_test(which_errors_are_refusals),
		cmocka_unit_test(option_files_are_read_as_libmariadb_reads_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
