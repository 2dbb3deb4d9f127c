/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, to and from the kernel's form, and which of them are virtual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "known/address.h"
#include "known/block.h"

static socklen_t make_sockaddr(const char *text, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (void *)ret;
	struct sockaddr_in6 *in6 = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		return sizeof(*in);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
	in6->sin6_family = AF_INET6;
	return sizeof(*in6);
}

static const struct {
	const char *address;
	bool is_virtual;
} looks[] = {
	{"198.18.0.0", true},
	{"198.18.0.1", true},
	{"198.18.255.255", true},
	{"198.19.0.0", false},
	{"198.17.255.255", false},
	{"127.0.0.1", false},
	{"0.0.0.0", false},
	{"255.255.255.255", false},
	{"::ffff:198.18.7.9", true},
	{"::ffff:198.19.0.1", false},
	{"::ffff:127.0.0.1", false},
	{"::198.18.7.9", false},
	{"::fffe:198.18.7.9", false},
	{"1::ffff:198.18.7.9", false},
	{"::1", false},
	{"::", false},
	{"2001:2::", true},
	{"2001:2::1", true},
	{"2001:2:0:ffff:ffff:ffff:ffff:ffff", true},
	{"2001:2:1::", false},
	{"2001:1:ffff::", false},
	{"2001:db8::1", false},
	{"fe80::1", false},
};

static void an_address_is_told_by_its_leading_bits(void **state)
{
	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		struct sockaddr_storage ss;
		socklen_t n = make_sockaddr(looks[i].address, &ss);
		struct pel_addr a;

		if (block_has_sockaddr((void *)&ss, n) != looks[i].is_virtual)
			fail_msg("%s", looks[i].address);
		assert_true(address_from_sockaddr((void *)&ss, n, &a));
		assert_int_equal(block_has(&a), looks[i].is_virtual);
	}
}

static void what_is_no_whole_address_is_not_virtual(void **state)
{
	struct sockaddr_storage ss;
	socklen_t n = make_sockaddr("198.18.0.1", &ss);

	assert_false(block_has_sockaddr(NULL, n));
	assert_false(block_has_sockaddr((void *)&ss, 0));
	assert_false(block_has_sockaddr((void *)&ss, n - 1));
	ss.ss_family = AF_UNIX;
	assert_false(block_has_sockaddr((void *)&ss, n));
	n = make_sockaddr("2001:2::1", &ss);
	assert_false(block_has_sockaddr((void *)&ss, n - 1));
	assert_false(block_has_sockaddr((void *)&ss, sizeof(struct sockaddr_in)));
}

static void addresses_go_both_ways(void **state)
{
	static const struct {
		const char *text;
		int family, as;     /* of the text, and of the result */
		const char *result; /* NULL: there is none */
	} rows[] = {
		{"10.0.0.1", AF_INET, AF_INET, "10.0.0.1"},
		{"10.0.0.1", AF_INET, AF_INET6, "::ffff:10.0.0.1"},
		{"::ffff:10.0.0.1", AF_INET6, AF_INET6, "::ffff:10.0.0.1"},
		{"::ffff:10.0.0.1", AF_INET6, AF_INET, "10.0.0.1"},
		{"fd00::1", AF_INET6, AF_INET6, "fd00::1"},
		{"fd00::1", AF_INET6, AF_INET, NULL},
		{"::1", AF_INET6, AF_INET6, "::1"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(3306)};
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(3306)};
		bool is4 = rows[i].family == AF_INET;
		const struct sockaddr *from = is4 ? (const void *)&in : (const void *)&in6;
		struct sockaddr_storage to;
		struct pel_addr a;
		char text[64] = "";
		socklen_t n;

		assert_int_equal(inet_pton(rows[i].family, rows[i].text,
					 is4 ? (void *)&in.sin_addr : (void *)&in6.sin6_addr),
			1);
		assert_true(address_from_sockaddr(from, is4 ? sizeof(in) : sizeof(in6), &a));
		assert_int_equal(a.port, 3306);
		n = address_to_sockaddr(&a, rows[i].as, &to);
		assert_int_equal(n != 0, rows[i].result != NULL);
		if (n == 0)
			continue;
		if (rows[i].as == AF_INET)
			inet_ntop(AF_INET, &((struct sockaddr_in *)&to)->sin_addr, text, 64);
		else
			inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&to)->sin6_addr, text, 64);
		assert_string_equal(text, rows[i].result);
	}
}

static void short_and_strange_addresses_are_none(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr un = {.sa_family = AF_UNIX};
	struct pel_addr a;

	assert_false(address_from_sockaddr((const struct sockaddr *)&in, 4, &a));
	assert_false(address_from_sockaddr((const struct sockaddr *)&in, 0, &a));
	assert_false(address_from_sockaddr(NULL, 16, &a));
	assert_false(address_from_sockaddr(&un, sizeof(un), &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_told_by_its_leading_bits),
		cmocka_unit_test(what_is_no_whole_address_is_not_virtual),
		cmocka_unit_test(addresses_go_both_ways),
		cmocka_unit_test(short_and_strange_addresses_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
