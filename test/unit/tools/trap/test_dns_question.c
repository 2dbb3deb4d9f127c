/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that are answered for a nameserver, and those that are its own. */
#include "dns_question.h"

#include "table.h"

#include <stdio.h>

#define HEAD(flags, n, more) "\x12\x34" flags "\0" n "\0\0\0\0\0" more
#define PLAIN HEAD("\1\0", "\1", "\0")
#define ASKED "\2DB\7example\0"
#define A "\0\1\0\1"
#define AAAA "\0\x1c\0\1"
#define EDNS "\0\0\x29\4\xd0\0\0\0\0\0\0"
#define SIGNED "\0\0\x29\4\xd0\0\0\x80\0\0\0"
#define TEXT(t) t, sizeof(t) - 1

static const struct row {
	const char *text;
	const char *bytes;
	size_t n;
	bool ours;
} rows[] = {
	{"a question for an address is read", TEXT(PLAIN ASKED A), true},
	{"by IPv6, too", TEXT(PLAIN ASKED AAAA), true},
	{"and one with EDNS", TEXT(HEAD("\1\0", "\1", "\1") ASKED A EDNS), true},
	{"one that wants signatures is not", TEXT(HEAD("\1\0", "\1", "\1") ASKED A SIGNED), false},
	{"an answer is not", TEXT(HEAD("\x81\0", "\1", "\0") ASKED A), false},
	{"another operation is not", TEXT(HEAD("\x29\0", "\1", "\0") ASKED A), false},
	{"two questions are not", TEXT(HEAD("\1\0", "\2", "\0") ASKED A ASKED A), false},
	{"another type is not", TEXT(PLAIN ASKED "\0\x10\0\1"), false},
	{"another class is not", TEXT(PLAIN ASKED "\0\1\0\3"), false},
	{"a name that no host can have is not", TEXT(PLAIN "\3a/b\0" A), false},
	{"a name that runs in a circle is not", TEXT(PLAIN "\xc0\x0c" A), false},
	{"half a question is not", TEXT(PLAIN ASKED "\0\1"), false},
	{"half a header is not", TEXT("\x12\x34\1\0\0"), false},
	{"bytes that belong to nothing are not", TEXT(PLAIN ASKED A "x"), false},
	{"a record that is missing is not", TEXT(HEAD("\1\0", "\1", "\1") ASKED A), false},
};

static void holds(void **state)
{
	const struct row *row = *state;
	struct dns_question q;

	assert_int_equal(dns_question_read((const uint8_t *)row->bytes, row->n, &q), row->ours);
	if (row->ours)
		assert_string_equal(q.name, "db.example");
}

static void check_answer(const char *asked, size_t n, const uint8_t *address, const char *wanted,
	size_t n_wanted)
{
	uint8_t got[DNS_ANSWER_MAX];
	struct dns_question q;

	assert_true(dns_question_read((const uint8_t *)asked, n, &q));
	assert_int_equal(dns_question_answer((const uint8_t *)asked, &q, address, got), n_wanted);
	assert_memory_equal(got, wanted, n_wanted);
}

static void an_answer_has_the_address(void **state)
{
	const uint8_t v4[] = {198, 18, 92, 24};

	check_answer(TEXT(HEAD("\1\0", "\1", "\1") ASKED A EDNS), v4,
		TEXT("\x12\x34\x81\x80\0\1\0\1\0\0\0\0" ASKED A
		     "\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc6\x12\x5c\x18"));
}

static void or_says_that_there_is_none(void **state)
{
	check_answer(TEXT(PLAIN ASKED AAAA), NULL,
		TEXT("\x12\x34\x81\x80\0\1\0\0\0\0\0\0" ASKED AAAA));
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(an_answer_has_the_address),
		cmocka_unit_test(or_says_that_there_is_none),
	};

	return table_run("dns_question", TABLE_OF(rows, holds, others), NULL, NULL);
}
