/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of DNS: where a virtual address is written, and what is left as it came. */
#include "rules/dns_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME "db.example"
#define ASKED "\2db\7example\0"
#define AT_NAME "\xc0\x0c" /* a pointer to the name of the question */
#define AT_EXAMPLE "\xc0\x0f"
#define AT_X "\1x" AT_EXAMPLE
#define TTL "\0\0\0\5"
#define A "\0\1\0\1"
#define AAAA "\0\x1c\0\1"
#define RR_A(owner, ip) owner A TTL "\0\4" ip
#define RR_AAAA(owner, ip) owner AAAA TTL "\0\x10" ip
#define RR_ALIAS(owner, target, size) owner "\0\5\0\1" TTL "\0" size target
#define RR_ALIAS0(owner, target, size) owner "\0\5\0\1\0\0\0\0\0" size target
#define RR_OPT(rcode, flags) "\0\0\x29\4\xd0" rcode "\0" flags "\0\0"
#define IP "\1\2\3\4"
#define IP6 "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
#define V4 "\xc6\x12\x5c\x18"
#define V6 "\x20\1\0\2\0\0\0\0\xaa\xbb\xcc\xdd\x11\x22\x33\x44"

struct bytes {
	const char *at;
	size_t n;
};
#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
/* Flags, then the counts of questions, answers, authorities and the rest. */
#define PLAIN(n) BYTES("\x81\x80\0\1\0" n "\0\0\0\0")
#define ASKED_A BYTES(ASKED A)
#define NONE                                                                                       \
	{                                                                                          \
		NULL, 0                                                                            \
	}

static const struct {
	const char *text;
	struct bytes head, question, records, wanted; /* wanted: the records; NONE: untouched */
} cases[] = {
	{"an address", PLAIN("\1"), ASKED_A, BYTES(RR_A(AT_NAME, IP)), BYTES(RR_A(AT_NAME, V4))},
	{"asked for in capitals", PLAIN("\1"), BYTES("\2dB\7eXAMPLE\0" A), BYTES(RR_A(AT_NAME, IP)),
		BYTES(RR_A(AT_NAME, V4))},
	{"two addresses", PLAIN("\2"), ASKED_A, BYTES(RR_A(AT_NAME, IP) RR_A(AT_NAME, "\1\2\3\5")),
		BYTES(RR_A(AT_NAME, V4) RR_A(AT_NAME, V4))},
	{"IPv6", PLAIN("\1"), BYTES(ASKED AAAA), BYTES(RR_AAAA(AT_NAME, IP6)),
		BYTES(RR_AAAA(AT_NAME, V6))},
	{"both in one answer", PLAIN("\2"), ASKED_A, BYTES(RR_AAAA(AT_NAME, IP6) RR_A(AT_NAME, IP)),
		BYTES(RR_AAAA(AT_NAME, V6) RR_A(AT_NAME, V4))},
	{"at the end of an alias", PLAIN("\2"), ASKED_A,
		BYTES(RR_ALIAS(AT_NAME, AT_X, "\4") RR_A(AT_X, IP)),
		BYTES(RR_ALIAS0(AT_NAME, AT_X, "\4") RR_A(AT_X, V4))},
	{"before its alias", PLAIN("\2"), ASKED_A,
		BYTES(RR_A(AT_X, IP) RR_ALIAS(AT_NAME, AT_X, "\4")),
		BYTES(RR_A(AT_X, V4) RR_ALIAS0(AT_NAME, AT_X, "\4"))},
	{"an extension without flags", BYTES("\x81\x80\0\1\0\1\0\0\0\1"), ASKED_A,
		BYTES(RR_A(AT_NAME, IP) RR_OPT("\0", "\0\0")),
		BYTES(RR_A(AT_NAME, V4) RR_OPT("\0", "\0\0"))},
	{"cut short by the server, but whole", BYTES("\x83\x80\0\1\0\1\0\0\0\0"), ASKED_A,
		BYTES(RR_A(AT_NAME, IP)), BYTES(RR_A(AT_NAME, V4))},
	{"a question", BYTES("\1\0\0\1\0\1\0\0\0\0"), ASKED_A, BYTES(RR_A(AT_NAME, IP)), NONE},
	{"an update", BYTES("\xa9\x80\0\1\0\1\0\0\0\0"), ASKED_A, BYTES(RR_A(AT_NAME, IP)), NONE},
	{"no such name", BYTES("\x81\x83\0\1\0\1\0\0\0\0"), ASKED_A, BYTES(RR_A(AT_NAME, IP)),
		NONE},
	{"no question", BYTES("\x81\x80\0\0\0\1\0\0\0\0"), BYTES(""),
		BYTES(RR_A("\2db\7example\0", IP)), NONE},
	{"two questions", BYTES("\x81\x80\0\2\0\1\0\0\0\0"), BYTES(ASKED A "\xc0\x0c" A),
		BYTES(RR_A(AT_NAME, IP)), NONE},
	{"another name", PLAIN("\1"), BYTES("\2dc\7example\0" A), BYTES(RR_A(AT_NAME, IP)), NONE},
	{"another class was asked for", PLAIN("\1"), BYTES(ASKED "\0\1\0\3"),
		BYTES(RR_A(AT_NAME, IP)), NONE},
	{"another type was asked for", PLAIN("\1"), BYTES(ASKED "\0\xff\0\1"),
		BYTES(RR_A(AT_NAME, IP)), NONE},
	{"an address of another class", PLAIN("\1"), ASKED_A,
		BYTES(AT_NAME "\0\1\0\3" TTL "\0\4" IP), NONE},
	{"an address of six bytes", PLAIN("\1"), ASKED_A, BYTES(AT_NAME A TTL "\0\6" IP "\5\6"),
		NONE},
	{"an address of somebody else", PLAIN("\1"), ASKED_A, BYTES(RR_A(AT_X, IP)), NONE},
	{"one of somebody else beside it", PLAIN("\2"), ASKED_A,
		BYTES(RR_A(AT_NAME, IP) RR_A(AT_X, IP)), NONE},
	{"an alias of itself", PLAIN("\2"), ASKED_A,
		BYTES(RR_ALIAS(AT_NAME, AT_NAME, "\2") RR_A(AT_NAME, IP)), NONE},
	{"an alias alone", PLAIN("\1"), ASKED_A, BYTES(RR_ALIAS(AT_NAME, AT_X, "\4")),
		BYTES(RR_ALIAS0(AT_NAME, AT_X, "\4"))},
	{"an alias of somebody else's", PLAIN("\1"), BYTES("\2dc\7example\0" A),
		BYTES(RR_ALIAS(AT_NAME, AT_X, "\4")), NONE},
	{"it was proved (AD)", BYTES("\x81\xa0\0\1\0\1\0\0\0\0"), ASKED_A, BYTES(RR_A(AT_NAME, IP)),
		NONE},
	{"proof was asked for (DO)", BYTES("\x81\x80\0\1\0\1\0\0\0\1"), ASKED_A,
		BYTES(RR_A(AT_NAME, IP) RR_OPT("\0", "\x80\0")), NONE},
	{"it is signed", PLAIN("\2"), ASKED_A,
		BYTES(RR_A(AT_NAME, IP) AT_NAME "\0\x2e\0\1" TTL "\0\1x"), NONE},
	{"the whole message is signed", BYTES("\x81\x80\0\1\0\1\0\0\0\1"), ASKED_A,
		BYTES(RR_A(AT_NAME, IP) "\0\0\xfa\0\xff\0\0\0\0\0\1x"), NONE},
	{"an error's upper part", BYTES("\x81\x80\0\1\0\1\0\0\0\1"), ASKED_A,
		BYTES(RR_A(AT_NAME, IP) RR_OPT("\1", "\0\0")), NONE},
	{"more records than there are", PLAIN("\2"), ASKED_A, BYTES(RR_A(AT_NAME, IP)), NONE},
	{"a byte too many", PLAIN("\1"), ASKED_A, BYTES(RR_A(AT_NAME, IP) "x"), NONE},
	{"a pointer to itself", PLAIN("\1"), ASKED_A, BYTES(RR_A("\xc0\x1c", IP)), NONE},
	{"a pointer forwards", PLAIN("\1"), ASKED_A, BYTES(RR_A("\xc0\x2c", IP)), NONE},
};

static unsigned times_asked;

static bool find(const char *name, struct dns_answer_addresses *ret, void *context)
{
	times_asked++;
	if (strcmp(name, context) != 0)
		return false;
	memcpy(ret->v4, V4, 4);
	memcpy(ret->v6, V6, 16);
	return true;
}

static size_t put(uint8_t *to, size_t at, struct bytes b)
{
	if (b.n > 0)
		memcpy(to + at, b.at, b.n);
	return at + b.n;
}

static size_t message(size_t i, struct bytes records, uint8_t *ret)
{
	static const struct bytes id = BYTES("\x12\x34");
	size_t n = put(ret, 0, id);

	n = put(ret, n, cases[i].head);
	n = put(ret, n, cases[i].question);
	return put(ret, n, records);
}

static void each_case(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t wanted[400];
		bool plain = cases[i].wanted.at != NULL;
		size_t n = message(i, plain ? cases[i].wanted : cases[i].records, wanted);
		uint8_t *got = malloc(n); /* so that a sanitizer sees its end */
		bool changed;

		assert_int_equal(message(i, cases[i].records, got), n);
		times_asked = 0;
		changed = dns_answer_rewrite(got, n, find, (void *)(uintptr_t)NAME);
		if (changed != plain || memcmp(got, wanted, n) != 0 || times_asked > 1)
			fail_msg("%s: %s", cases[i].text, changed ? "changed" : "left alone");
		free(got);
	}
}

static void every_shorter_one_is_left_alone(void **state)
{
	uint8_t whole[400];
	size_t n = message(0, cases[0].records, whole);

	for (size_t k = 0; k < n; k++) {
		uint8_t *got = malloc(k + 1);

		memcpy(got, whole, k);
		assert_false(dns_answer_rewrite(got, k, find, (void *)(uintptr_t)NAME));
		assert_memory_equal(got, whole, k);
		free(got);
	}
}

/* Several hundred records, of which each byte could be walked over many times. */
static void too_many_records_are_left_alone(void **state)
{
	static uint8_t got[8000], before[8000];
	size_t n = message(0, cases[0].records, got);

	for (int i = 1; i < 300; i++)
		n = put(got, n, cases[0].records);
	got[6] = 300 >> 8;
	got[7] = 300 & 255;
	memcpy(before, got, n);
	assert_false(dns_answer_rewrite(got, n, find, (void *)(uintptr_t)NAME));
	assert_memory_equal(got, before, n);
}

/* `count` messages, each behind its length. */
static size_t stream(unsigned count, bool changed, uint8_t *ret)
{
	size_t n = 0;

	for (unsigned i = 0; i < count; i++) {
		size_t size = message(i, changed ? cases[i].wanted : cases[i].records, ret + n + 2);

		ret[n] = (uint8_t)(size >> 8);
		ret[n + 1] = (uint8_t)size;
		n += 2 + size;
	}
	return n;
}

static void whole_messages_of_a_stream_are_changed(void **state)
{
	uint8_t got[1000], wanted[1000], before[1000];
	size_t n = stream(3, false, got);

	(void)stream(3, false, before);
	(void)stream(3, true, wanted);
	for (size_t k = 0; k < n; k++) {
		unsigned changed = dns_answer_rewrite_stream(got, k, find, (void *)(uintptr_t)NAME);
		bool whole = k == stream(1, false, before) || k == stream(2, false, before);

		(void)stream(3, false, before);
		if (changed != whole)
			fail_msg("%zu of %zu bytes", k, n);
		if (!whole)
			assert_memory_equal(got, before, n);
		(void)stream(3, false, got);
	}
	assert_true(dns_answer_rewrite_stream(got, n, find, (void *)(uintptr_t)NAME));
	assert_memory_equal(got, wanted, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case),
		cmocka_unit_test(every_shorter_one_is_left_alone),
		cmocka_unit_test(too_many_records_are_left_alone),
		cmocka_unit_test(whole_messages_of_a_stream_are_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
