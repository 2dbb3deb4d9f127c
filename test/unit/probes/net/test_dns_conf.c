/* SPDX-License-Identifier: Apache-2.0 */
/* resolv.conf and hosts, as texts. */
#include "net/dns_conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void servers_and_search_are_read(void **state)
{
	struct dns_conf c;

	dns_conf_parse(
		"# a comment\nnameserver 10.0.0.2\n nameserver\t2001:db8::1 ; another\n"
		"nameserver nonsense\nsearch a.example  B.example.\noptions timeout:1 ndots:5\n"
		"nameserver 10.0.0.3\nnameserver 10.0.0.4",
		&c);
	assert_int_equal(c.n_servers, 3);
	assert_int_equal(c.servers[0].family, 4);
	assert_int_equal(c.servers[0].port, 53);
	assert_int_equal(c.servers[1].family, 6);
	assert_int_equal(c.n_search, 2);
	assert_string_equal(c.search[1], "b.example");
	assert_int_equal(c.ndots, 5);
}

static void without_a_server_it_is_the_host_itself(void **state)
{
	struct dns_conf c;

	dns_conf_parse("", &c);
	assert_int_equal(c.n_servers, 1);
	assert_int_equal(c.servers[0].ip[0], 127);
	assert_int_equal(c.ndots, 1);
}

static void candidates_come_in_the_order_of_libc(void **state)
{
	static const struct {
		unsigned ndots;
		const char *name;
		const char *want[4];
	} cases[] = {
		{1, "db", {"db.x", "db.y", "db", NULL}},
		{1, "db.example", {"db.example", "db.example.x", "db.example.y", NULL}},
		{5, "db.example", {"db.example.x", "db.example.y", "db.example", NULL}},
	};
	char got[PEL_NAME_MAX];
	struct dns_conf c;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		dns_conf_parse("search x y\n", &c);
		c.ndots = cases[i].ndots;
		for (unsigned k = 0; cases[i].want[k]; k++) {
			assert_true(dns_conf_candidate(&c, cases[i].name, k, got));
			assert_string_equal(got, cases[i].want[k]);
		}
		assert_false(dns_conf_candidate(&c, cases[i].name, 3, got));
	}
}

static void a_candidate_that_would_be_too_long_is_left_out(void **state)
{
	char name[PEL_NAME_MAX], got[PEL_NAME_MAX];
	struct dns_conf c;

	dns_conf_parse("search example.org\n", &c);
	memset(name, 'a', 250);
	name[250] = '\0';
	assert_true(dns_conf_candidate(&c, name, 0, got));
	assert_string_equal(got, name);
	assert_false(dns_conf_candidate(&c, name, 1, got));
}

static void hosts_are_found_by_any_of_their_names(void **state)
{
	static const char text[] = "127.0.0.1 localhost\n"
				   "10.0.0.1\tdb.example DB1 # first\n"
				   "2001:db8::7 db.example\n"
				   "nonsense db.example\n"
				   "#10.0.0.9 db1\n";
	struct pel_addr addrs[4];

	assert_int_equal(dns_hosts_find(text, "db.example", 4, addrs), 2);
	assert_int_equal(addrs[0].family, 4);
	assert_int_equal(addrs[1].family, 6);
	assert_int_equal(dns_hosts_find(text, "db.example", 1, addrs), 1);
	assert_int_equal(dns_hosts_find(text, "db1", 4, addrs), 1);
	assert_int_equal(dns_hosts_find(text, "first", 4, addrs), 0);
}

static void numeric_addresses_are_told_from_names(void **state)
{
	static const struct {
		const char *text;
		int family;
	} cases[] = {
		{"10.0.0.1", 4},
		{"::1", 6},
		{"fe80::1%7", 6},
		{"10.0.0", 0},
		{"db", 0},
		{"", 0},
		{"1.2.3.4.5", 0},
		{"::g", 0},
		{"1::2::3", 0},
	};
	struct pel_addr addr;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool found = dns_addr_parse(cases[i].text, &addr);

		assert_int_equal(found ? addr.family : 0, cases[i].family);
	}
	assert_true(dns_addr_parse("fe80::1%7", &addr));
	assert_int_equal(addr.scope, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_and_search_are_read),
		cmocka_unit_test(without_a_server_it_is_the_host_itself),
		cmocka_unit_test(candidates_come_in_the_order_of_libc),
		cmocka_unit_test(a_candidate_that_would_be_too_long_is_left_out),
		cmocka_unit_test(hosts_are_found_by_any_of_their_names),
		cmocka_unit_test(numeric_addresses_are_told_from_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
