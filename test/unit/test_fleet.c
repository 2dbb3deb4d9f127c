/* SPDX-License-Identifier: Apache-2.0 */
/* What a fleet says to etcd and hears from it, and the bodies of its questions. */
#include "coordinator_parse.h"
#include "etcd.h"
#include "fleet_etcd.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_document_is_what_a_follower_can_read(void **state)
{
	static struct pel_hot hot = {.epoch = 7, .writer = 1, .n_instances = 3,
		.instances = {{.role = PEL_ROLE_READER, .health = PEL_HEALTH_OK, .port = 3306},
			{.role = PEL_ROLE_WRITER, .health = PEL_HEALTH_OK, .port = 3307},
			{.role = PEL_ROLE_READER, .health = PEL_HEALTH_UNREACHABLE, .port = 3306,
				.flags = PEL_INST_HAS4, .ip4 = {10, 0, 0, 3}}}};
	static struct pel_cold cold = {.instances = {{.id = "a", .host = "a.example"},
					       {.id = "b", .host = "b.example"}, {.id = "c"}}};
	struct coordinator_view view;
	char text[2048];

	assert_int_equal(fleet_document(&hot, &cold, text, sizeof(text)), 0);
	assert_int_equal(coordinator_parse(COORDINATOR_DOCUMENT, text, strlen(text), NULL, &view),
		COORDINATOR_OK);
	assert_int_equal(view.n, 3);
	assert_string_equal(view.hosts[0].host, "b.example");
	assert_int_equal(view.hosts[0].port, 3307);
	assert_int_equal(view.hosts[0].role, PEL_ROLE_WRITER);
	assert_string_equal(view.hosts[2].host, "10.0.0.3");
	assert_non_null(strstr(text, "{\"id\":\"c\",\"health\":\"unreachable\"}"));
	assert_int_equal(fleet_document(&hot, &cold, text, 64), -ENOBUFS);
}

static void leases_are_read(void **state)
{
	static const struct {
		const char *body, *lease;
		unsigned ttl_s;
	} cases[] = {
		{"{\"header\":{},\"ID\":\"7587\",\"TTL\":\"5\"}", "7587", 5},
		{"{\"result\":{\"header\":{},\"ID\":\"7587\",\"TTL\":\"3\"}}\n", "7587", 3},
		{"{\"result\":{\"ID\":\"7587\"}}", NULL, 0},
		{"{\"ID\":\"7587\",\"TTL\":\"0\"}", NULL, 0},
		{"{\"ID\":\"75\\\"87\",\"TTL\":\"5\"}", NULL, 0},
		{"{\"ID\":\"\",\"TTL\":\"5\"}", NULL, 0},
		{"{\"ID\":\"123456789012345678901234567890\",\"TTL\":\"5\"}", NULL, 0},
		{"{\"error\":\"etcdserver: requested lease not found\"}", NULL, 0},
		{"", NULL, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char lease[FLEET_LEASE_MAX];
		unsigned ttl_s;
		bool good = fleet_read_lease(cases[i].body, strlen(cases[i].body), lease, &ttl_s);

		assert_int_equal(good, cases[i].lease != NULL);
		if (good) {
			assert_string_equal(lease, cases[i].lease);
			assert_int_equal(ttl_s, cases[i].ttl_s);
		}
	}
}

static void success_is_read(void **state)
{
	static const char yes[] = "{\"header\":{},\"succeeded\":true,\"responses\":[{}]}";

	assert_true(fleet_read_success(yes, strlen(yes)));
	assert_false(fleet_read_success("{\"header\":{}}", 13));
	assert_false(fleet_read_success("", 0));
}

static void a_url_tells_server_and_key(void **state)
{
	static const struct {
		const char *url, *suffix, *server, *key;
	} cases[] = {
		{"http://127.0.0.1:2379/a/b", "", "http://127.0.0.1:2379", "a/b"},
		{"https://etcd//service/x", "/y", "https://etcd", "/service/x/y"},
		{"http://h/", "", NULL, NULL},
		{"http://h/a?b", "", NULL, NULL},
		{"nonsense", "", NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct etcd_key key;
		int r = etcd_key_parse(cases[i].url, cases[i].suffix, &key);

		assert_int_equal(r, cases[i].server ? 0 : -EINVAL);
		if (r == 0) {
			assert_string_equal(key.server, cases[i].server);
			assert_string_equal(key.key, cases[i].key);
		}
	}
}

static void questions_are_those_of_the_gateway(void **state)
{
	const struct etcd_key key = {.key = "k"};
	char body[512];

	assert_int_equal(etcd_range_body(&key, body, sizeof(body)), 0);
	assert_string_equal(body, "{\"key\":\"aw==\"}");
	assert_int_equal(etcd_watch_body(&key, 8, body, sizeof(body)), 0);
	assert_string_equal(body,
		"{\"create_request\":{\"key\":\"aw==\",\"start_revision\":\"8\"}}");
	assert_int_equal(etcd_claim_body(&key, "v", "77", body, sizeof(body)), 0);
	assert_string_equal(body,
		"{\"compare\":[{\"key\":\"aw==\",\"target\":\"CREATE\",\"result\":\"EQUAL\","
		"\"create_revision\":\"0\"}],\"success\":[{\"request_put\":{\"key\":\"aw==\","
		"\"value\":\"dg==\",\"lease\":\"77\"}}]}");
	assert_int_equal(etcd_check_body(&key, "77", body, sizeof(body)), 0);
	assert_string_equal(body,
		"{\"compare\":[{\"key\":\"aw==\",\"target\":\"LEASE\",\"result\":\"EQUAL\","
		"\"lease\":\"77\"}],\"success\":[]}");
	assert_int_equal(etcd_update_body(&key, "v", "77", body, 40), -ENOBUFS);
}

static void progress_of_a_watch_is_no_news(void **state)
{
	assert_false(etcd_is_news("{\"result\":{\"header\":{},\"created\":true}}"));
	assert_true(etcd_is_news("{\"result\":{\"header\":{},\"events\":[{}]}}"));
	assert_true(etcd_is_news("{\"result\":{\"canceled\":true}}"));
	assert_true(etcd_is_news("{\"error\":{}}"));
	assert_true(etcd_is_news("<html>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_is_what_a_follower_can_read),
		cmocka_unit_test(leases_are_read),
		cmocka_unit_test(success_is_read),
		cmocka_unit_test(a_url_tells_server_and_key),
		cmocka_unit_test(questions_are_those_of_the_gateway),
		cmocka_unit_test(progress_of_a_watch_is_no_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
