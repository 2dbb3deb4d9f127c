/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages: what is written, what is read, what is not believed. */
#include "net/dns_packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID 0x1234
#define NAME "db.example"
#define ASKED "\2db\7example\0"
#define AT_NAME "\xc0\x0c" /* a pointer to the name of the question */
#define RR(owner, type, ttl, size, data) owner "\0" type "\0\1" ttl "\0" size data
#define TTL5 "\0\0\0\5"
#define TTL60 "\0\0\0\x3c"

struct packet {
	uint8_t bytes[600];
	size_t size;
};

static void add(struct packet *p, const void *bytes, size_t size)
{
	assert_true(p->size + size <= sizeof(p->bytes));
	memcpy(p->bytes + p->size, bytes, size);
	p->size += size;
}

/* A reply to A? of NAME with `count` records. */
static struct packet reply(unsigned flags, unsigned count, const char *records, size_t size)
{
	const uint8_t head[12] = {ID >> 8, ID & 255, (uint8_t)(flags >> 8), (uint8_t)flags, 0, 1,
		(uint8_t)(count >> 8), (uint8_t)count};
	struct packet p = {.size = 0};

	add(&p, head, sizeof(head));
	add(&p, ASKED "\0\1\0\1", sizeof(ASKED) - 1 + 4);
	add(&p, records, size);
	return p;
}

#define CASE(text, flags, count, records, want, addrs, chain, ttl)                                 \
	{                                                                                          \
		text, flags, count, records, sizeof(records) - 1, want, addrs, chain, ttl          \
	}

static const struct {
	const char *text;
	unsigned flags, count;
	const char *records;
	size_t size;
	int want;
	unsigned n_addrs, n_chain;
	uint32_t ttl_s;
} cases[] = {
	CASE("one address", 0x8180, 1, RR(AT_NAME, "\1", TTL5, "\4", "\1\2\3\4"), 0, 1, 0, 5),
	CASE("two addresses, the shorter life counts", 0x8180, 2,
		RR(AT_NAME, "\1", TTL60, "\4", "\1\2\3\4")
			RR(AT_NAME, "\1", TTL5, "\4", "\1\2\3\5"),
		0, 2, 0, 5),
	CASE("an alias and its address", 0x8180, 2,
		RR(AT_NAME, "\5", TTL5, "\4", "\1x\xc0\x0f")
			RR("\1x\xc0\x0f", "\1", TTL60, "\4", "\1\2\3\4"),
		0, 1, 1, 5),
	CASE("the address before its alias", 0x8180, 2,
		RR("\1x\xc0\x0f", "\1", TTL60, "\4", "\1\2\3\4")
			RR(AT_NAME, "\5", TTL5, "\4", "\1x\xc0\x0f"),
		0, 1, 1, 5),
	CASE("an alias alone", 0x8180, 1, RR(AT_NAME, "\5", TTL5, "\4", "\1x\xc0\x0f"), 0, 0, 1, 5),
	CASE("an alias of itself", 0x8180, 1, RR(AT_NAME, "\5", TTL5, "\2", AT_NAME), -EBADMSG, 0,
		0, 0),
	CASE("an address of somebody else", 0x8180, 1,
		RR("\1x\xc0\x0f", "\1", TTL5, "\4", "\1\2\3\4"), 0, 0, 0, UINT32_MAX),
	CASE("an address of six bytes", 0x8180, 1, RR(AT_NAME, "\1", TTL5, "\6", "\1\2\3\4\5\6"), 0,
		0, 0, UINT32_MAX),
	CASE("another class", 0x8180, 1, AT_NAME "\0\1\0\3" TTL5 "\0\4\1\2\3\4", 0, 0, 0,
		UINT32_MAX),
	CASE("a negative lifetime", 0x8180, 1,
		RR(AT_NAME, "\1", "\xff\xff\xff\xff", "\4", "\1\2\3\4"), 0, 1, 0, 0),
	CASE("no such name", 0x8183, 0, "", 0, 0, 0, UINT32_MAX),
	CASE("cut off", 0x8380, 1, "", 0, 0, 0, UINT32_MAX),
	CASE("a question, not an answer", 0x0100, 0, "", -EBADMSG, 0, 0, 0),
	CASE("fewer records than it says", 0x8180, 2, RR(AT_NAME, "\1", TTL5, "\4", "\1\2\3\4"),
		-EBADMSG, 0, 0, 0),
	CASE("an owner that no host can have, beside the right one", 0x8180, 2,
		RR("\2a*\0", "\1", TTL5, "\4", "\1\2\3\4")
			RR(AT_NAME, "\1", TTL5, "\4", "\1\2\3\4"),
		0, 1, 0, 5),
	CASE("data beyond the end", 0x8180, 1, RR(AT_NAME, "\1", TTL5, "\4", "\1\2"), -EBADMSG, 0,
		0, 0),
	CASE("a pointer to itself", 0x8180, 1, RR("\xc0\x1c", "\1", TTL5, "\4", "\1\2\3\4"),
		-EBADMSG, 0, 0, 0),
	CASE("a pointer forwards", 0x8180, 1, RR("\xc0\x30", "\1", TTL5, "\4", "\1\2\3\4"),
		-EBADMSG, 0, 0, 0),
	CASE("a label beyond the end", 0x8180, 1, "\x3fx", -EBADMSG, 0, 0, 0),
	CASE("a label of a reserved kind", 0x8180, 1, RR("\x80x", "\1", TTL5, "\4", "\1\2\3\4"),
		-EBADMSG, 0, 0, 0),
	CASE("a label with a dot", 0x8180, 1, RR("\3a.b\xc0\x0f", "\1", TTL5, "\4", "\1\2\3\4"),
		-EBADMSG, 0, 0, 0),
};

static void replies_are_read_as_the_table_says(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct packet p =
			reply(cases[i].flags, cases[i].count, cases[i].records, cases[i].size);
		struct dns_reply got = {0};
		int r = dns_reply_read(p.bytes, p.size, NAME, DNS_A, ID, &got);

		if (r != cases[i].want)
			fail_msg("%s: %d", cases[i].text, r);
		if (r == 0 &&
			(got.n_addrs != cases[i].n_addrs || got.n_chain != cases[i].n_chain ||
				got.ttl_s != cases[i].ttl_s))
			fail_msg("%s: %u addresses, %u aliases, %u s", cases[i].text, got.n_addrs,
				got.n_chain, got.ttl_s);
	}
}

static void what_answers_another_question_is_ignored(void **state)
{
	struct packet p = reply(0x8180, 0, "", 0);
	struct dns_reply got;

	assert_int_equal(dns_reply_read(p.bytes, p.size, NAME, DNS_A, ID, &got), 0);
	assert_int_equal(dns_reply_read(p.bytes, p.size, NAME, DNS_A, ID + 1, &got), -EBADMSG);
	assert_int_equal(dns_reply_read(p.bytes, p.size, NAME, DNS_AAAA, ID, &got), -EBADMSG);
	assert_int_equal(dns_reply_read(p.bytes, p.size, "dc.example", DNS_A, ID, &got), -EBADMSG);
}

static void flags_are_told(void **state)
{
	struct packet cut = reply(0x8380, 0, "", 0), none = reply(0x8183, 0, "", 0);
	struct dns_reply got;

	assert_int_equal(dns_reply_read(cut.bytes, cut.size, NAME, DNS_A, ID, &got), 0);
	assert_true(got.truncated);
	assert_int_equal(dns_reply_read(none.bytes, none.size, NAME, DNS_A, ID, &got), 0);
	assert_int_equal(got.rcode, 3);
}

static void a_question_is_what_an_answer_repeats(void **state)
{
	uint8_t question[DNS_QUESTION_MAX];
	struct dns_reply got;
	int n = dns_question_write("demo.cluster-abc.us-east-1.rds.amazonaws.com", DNS_AAAA, 7,
		question);

	assert_true(n > 0);
	question[2] |= 0x80;
	assert_int_equal(dns_reply_read(question, (size_t)n,
				 "demo.cluster-abc.us-east-1.rds.amazonaws.com", DNS_AAAA, 7, &got),
		0);
}

static void bad_names_make_no_question(void **state)
{
	static const char *const names[] = {"a..b", ".a",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b"};
	uint8_t question[DNS_QUESTION_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(dns_question_write(names[i], DNS_A, 1, question), -EINVAL);
}

/* Every cut and every changed byte of good replies: the answer may be anything but a crash. */
static void damaged_replies_do_no_harm(void **state)
{
	struct dns_reply got;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct packet p =
			reply(cases[i].flags, cases[i].count, cases[i].records, cases[i].size);

		for (size_t n = 0; n < p.size; n++) {
			uint8_t *exact = malloc(n ? n : 1);

			memcpy(exact, p.bytes, n);
			(void)dns_reply_read(exact, n, NAME, DNS_A, ID, &got);
			free(exact);
		}
		for (size_t n = 12; n < p.size; n++) {
			for (unsigned flip = 1; flip < 256; flip <<= 1) {
				struct packet bad = p;

				bad.bytes[n] ^= (uint8_t)flip;
				if (dns_reply_read(bad.bytes, bad.size, NAME, DNS_A, ID, &got) == 0)
					assert_true(got.n_addrs <= DNS_ADDRS &&
						got.n_chain <= DNS_CHAIN);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_read_as_the_table_says),
		cmocka_unit_test(what_answers_another_question_is_ignored),
		cmocka_unit_test(flags_are_told),
		cmocka_unit_test(a_question_is_what_an_answer_repeats),
		cmocka_unit_test(bad_names_make_no_question),
		cmocka_unit_test(damaged_replies_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
