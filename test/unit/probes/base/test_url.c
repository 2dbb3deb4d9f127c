/* SPDX-License-Identifier: Apache-2.0 */
/* URLs and HOST:PORT: what is read, what is refused, what may be asked. */
#include "base/url.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void urls_are_taken_apart(void **state)
{
	static const struct {
		const char *text, *host, *authority, *path;
		unsigned port;
		bool tls;
	} cases[] = {
		{"http://localhost", "localhost", "localhost", "/", 80, false},
		{"https://Coord.Example.COM/a/b?c=d", "coord.example.com", "coord.example.com",
			"/a/b?c=d", 443, true},
		{"https://h:8443?x", "h", "h:8443", "/?x", 8443, true},
		{"http://127.0.0.1:80/", "127.0.0.1", "127.0.0.1", "/", 80, false},
		{"http://[::1]:2379/v3", "::1", "[::1]:2379", "/v3", 2379, false},
		{"https://[fd00:ec2::254]", "fd00:ec2::254", "[fd00:ec2::254]", "/", 443, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct url url;

		assert_int_equal(url_parse(cases[i].text, &url), 0);
		assert_string_equal(url.host, cases[i].host);
		assert_string_equal(url.authority, cases[i].authority);
		assert_string_equal(url.path, cases[i].path);
		assert_int_equal(url.port, cases[i].port);
		assert_int_equal(url.tls, cases[i].tls);
	}
}

static void urls_that_are_none_are_refused(void **state)
{
	static const char *const cases[] = {"", "http://", "ftp://h/", "HTTP://h/", "http:///path",
		"http://user@h/", "http://user:secret@h/", "http://h:0/", "http://h:65536/",
		"http://h:80x/", "http://h/a b", "http://h/\r\nX: y", "http://h/#f", "http://::1/",
		"http://[::1", "http://[h]/", "http://h\\@evil/", "//h/", "http://a..b/"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct url url;

		if (url_parse(cases[i], &url) != -EINVAL)
			fail_msg("taken: %s", cases[i]);
	}
}

static void ensembles_are_taken_apart(void **state)
{
	static const char text[] = "zookeeper://ZK1.example.com,zk2:2182,[::1]:2183/shop/db";
	static const char least[] = "zookeeper://127.0.0.1/a";
	struct url_ensemble e;

	assert_int_equal(url_parse_ensemble(text, &e), 0);
	assert_int_equal(e.n, 3);
	assert_string_equal(e.list[0].host, "zk1.example.com");
	assert_int_equal(e.list[0].port, 2181);
	assert_string_equal(e.list[1].host, "zk2");
	assert_int_equal(e.list[1].port, 2182);
	assert_string_equal(e.list[2].host, "::1");
	assert_int_equal(e.list[2].port, 2183);
	assert_string_equal(e.path, "/shop/db");
	assert_int_equal(url_parse_ensemble(least, &e), 0);
	assert_int_equal(e.n, 1);
	assert_string_equal(e.path, "/a");
}

static void ensembles_that_are_none_are_refused(void **state)
{
	static const char *const cases[] = {"zookeeper://", "zookeeper://h", "zookeeper:///a",
		"zookeeper://h/", "zookeeper://h//a", "zookeeper://h/a/", "zookeeper://h/./a",
		"zookeeper://h/a/..", "zookeeper://h,/a", "zookeeper://,h/a", "zookeeper://h,,i/a",
		"zookeeper://h:0/a", "zookeeper://::1/a", "zookeeper://h/a b", "zookeeper://u@h/a",
		"zookeeper://a,b,c,d,e,f,g,h,i,j/n", "http://h/a", "h/a", ""};
	struct url_ensemble e = {.n = 99};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (url_parse_ensemble(cases[i], &e) != -EINVAL)
			fail_msg("taken: %s", cases[i]);
	}
	assert_int_equal(e.n, 99);
}

static void a_url_fits_whole_or_not_at_all(void **state)
{
	char text[2 * URL_MAX] = "http://h/", without_slash[2 * URL_MAX] = "http://h?";
	struct url url;

	memset(text + strlen(text), 'x', URL_MAX - 2);
	memset(without_slash + strlen(without_slash), 'x', URL_MAX - 3);
	assert_int_equal(url_parse(text, &url), 0);
	assert_int_equal(strlen(url.path), URL_MAX - 1);
	assert_int_equal(url_parse(without_slash, &url), 0);
	assert_int_equal(strlen(url.path), URL_MAX - 1);
	strcat(text, "x");
	strcat(without_slash, "x");
	assert_int_equal(url_parse(text, &url), -EINVAL);
	assert_int_equal(url_parse(without_slash, &url), -EINVAL);
}

static void plain_http_goes_only_to_near_addresses(void **state)
{
	static const struct {
		const char *text;
		bool near;
	} cases[] = {
		{"http://localhost/", true},
		{"http://127.9.9.9/", true},
		{"http://[::1]/", true},
		{"http://169.254.169.254/", true},
		{"http://169.254.170.23/", true},
		{"http://[fd00:ec2::23]/", true},
		{"http://[fd00:0ec2::0254]/", true},
		{"http://10.0.0.1/", false},
		{"http://169.253.1.1/", false},
		{"http://[fe80::1]/", false},
		{"http://localhost.example.com/", false},
		{"http://coordinator/", false},
		{"https://10.0.0.1/", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct url url;

		assert_int_equal(url_parse(cases[i].text, &url), 0);
		assert_int_equal(url_is_allowed(&url, false), cases[i].near);
		assert_true(url_is_allowed(&url, true));
	}
}

static void hosts_come_with_or_without_port(void **state)
{
	static const struct {
		const char *text, *host;
		int port;
	} cases[] = {
		{"127.0.0.1:6379", "127.0.0.1", 6379},
		{"DB-1.example.com", "db-1.example.com", 0},
		{"[::1]:3306", "::1", 3306},
		{"::1", "::1", 0},
		{"[2001:db8::1]", "2001:db8::1", 0},
		{"", NULL, 0},
		{":3306", NULL, 0},
		{"h:", NULL, 0},
		{"h:-1", NULL, 0},
		{"h:99999", NULL, 0},
		{"h:1:2", NULL, 0},
		{"[::1]x", NULL, 0},
		{"h/x", NULL, 0},
		{"a b", NULL, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char host[PEL_NAME_MAX];
		uint16_t port = 0;
		int r = url_parse_host(cases[i].text, host, &port);

		if (r != (cases[i].host ? 0 : -EINVAL))
			fail_msg("%s: %d", cases[i].text, r);
		if (r == 0) {
			assert_string_equal(host, cases[i].host);
			assert_int_equal(port, cases[i].port);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_taken_apart),
		cmocka_unit_test(urls_that_are_none_are_refused),
		cmocka_unit_test(ensembles_are_taken_apart),
		cmocka_unit_test(ensembles_that_are_none_are_refused),
		cmocka_unit_test(a_url_fits_whole_or_not_at_all),
		cmocka_unit_test(plain_http_goes_only_to_near_addresses),
		cmocka_unit_test(hosts_come_with_or_without_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
