/* SPDX-License-Identifier: Apache-2.0 */
/* What a fleet says to its store, etcd or Consul, and hears from it. */
#include "http/coordinator_parse.h"
#include "http/etcd.h"
#include "http/fleet/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_document_is_what_a_follower_can_read(void **state)
{
	static struct pel_hot hot = {.epoch = 7,
		.writer = 1,
		.n_instances = 3,
		.instances = {{.role = PEL_ROLE_READER, .health = PEL_HEALTH_OK, .port = 3306},
			{.role = PEL_ROLE_WRITER, .health = PEL_HEALTH_OK, .port = 3307},
			{.role = PEL_ROLE_READER,
				.health = PEL_HEALTH_UNREACHABLE,
				.port = 3306,
				.flags = PEL_INST_HAS4,
				.ip4 = {10, 0, 0, 3}}}};
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

static int lease_of(const struct fleet_store *store, unsigned status, const char *body,
	char lease[static FLEET_LEASE_MAX], unsigned *ttl_s)
{
	const struct http_answer answer = {.status = status, .body = body, .size = strlen(body)};

	return store->read_lease(&answer, lease, ttl_s);
}

#define UUID "7f5b7e3c-0d9e-4c6e-9a55-2f9ff5c1e0aa"

static void leases_are_read(void **state)
{
	static const struct {
		const struct fleet_store *store;
		unsigned status;
		const char *body, *lease;
		unsigned ttl_s;
		int result;
	} cases[] = {
		{&fleet_etcd, 200, "{\"header\":{},\"ID\":\"7587\",\"TTL\":\"5\"}", "7587", 5, 1},
		{&fleet_etcd, 200, "{\"result\":{\"ID\":\"7587\",\"TTL\":\"3\"}}\n", "7587", 3, 1},
		{&fleet_etcd, 200, "{\"result\":{\"ID\":\"7587\"}}"},
		{&fleet_etcd, 200, "{\"ID\":\"7587\",\"TTL\":\"0\"}"},
		{&fleet_etcd, 200, "{\"ID\":\"75\\\"87\",\"TTL\":\"5\"}"},
		{&fleet_etcd, 200, "{\"ID\":\"\",\"TTL\":\"5\"}"},
		{&fleet_etcd, 200,
			"{\"ID\":\"1234567890123456789012345678901234567890\",\"TTL\":\"5\"}"},
		{&fleet_etcd, 200, "{\"error\":\"etcdserver: requested lease not found\"}"},
		{&fleet_etcd, 200, ""},
		{&fleet_etcd, 404, "", .result = -EPROTO},
		{&fleet_etcd, 503, "", .result = -EPROTO},
		{&fleet_consul, 200, "{\"ID\":\"" UUID "\"}", UUID, UINT32_MAX, 1},
		{&fleet_consul, 200, "[{\"ID\":\"" UUID "\",\"TTL\":\"10s\"}]", UUID, UINT32_MAX,
			1},
		{&fleet_consul, 200, "{\"ID\":\"../../../../v1/agent/leave?a=b&c=d&e=f\"}"},
		{&fleet_consul, 200, "{\"ID\":\"" UUID UUID "\"}"},
		{&fleet_consul, 200, "[]"},
		{&fleet_consul, 200, "true"},
		{&fleet_consul, 404, "Session id 'x' not found"},
		{&fleet_consul, 500, "No cluster leader", .result = -EPROTO},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char lease[FLEET_LEASE_MAX];
		unsigned ttl_s;

		assert_int_equal(lease_of(cases[i].store, cases[i].status, cases[i].body, lease,
					 &ttl_s),
			cases[i].result);
		if (cases[i].result == 1) {
			assert_string_equal(lease, cases[i].lease);
			assert_int_equal(ttl_s, cases[i].ttl_s);
		}
	}
}

static void it_is_read_whether_the_key_is_ours(void **state)
{
	static const struct {
		const struct fleet_store *store;
		unsigned status;
		const char *body;
		int held;
	} cases[] = {
		{&fleet_etcd, 200, "{\"header\":{},\"succeeded\":true,\"responses\":[{}]}", 1},
		{&fleet_etcd, 200, "{\"header\":{}}", 0},
		{&fleet_etcd, 200, "", 0},
		{&fleet_etcd, 500, "", -EPROTO},
		{&fleet_consul, 200, "{\"Results\":[{\"KV\":{}}],\"Errors\":null}", 1},
		{&fleet_consul, 409, "{\"Results\":null,\"Errors\":[{\"OpIndex\":0}]}", 0},
		{&fleet_consul, 500, "No cluster leader", -EPROTO},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct http_answer answer = {.status = cases[i].status,
			.body = cases[i].body,
			.size = strlen(cases[i].body)};
		const struct http_answer none = {.error = -ETIMEDOUT, .body = ""};

		assert_int_equal(cases[i].store->read_held(&answer), cases[i].held);
		assert_int_equal(cases[i].store->read_held(&none), -EPROTO);
	}
}

static void the_urls_path_tells_the_kind_of_store(void **state)
{
	assert_ptr_equal(fleet_store_of("http://127.0.0.1:8500/v1/kv/fleet"), &fleet_consul);
	assert_ptr_equal(fleet_store_of("https://etcd:2379/fleet"), &fleet_etcd);
	assert_ptr_equal(fleet_store_of("https://etcd:2379/v1/kv"), &fleet_etcd);
	assert_ptr_equal(fleet_store_of("nonsense"), &fleet_etcd);
}

static void a_url_of_consul_tells_server_key_and_query(void **state)
{
	static const struct {
		const char *url, *server, *key, *query;
		int error;
	} cases[] = {
		{"http://127.0.0.1:8500/v1/kv/a/b", "http://127.0.0.1:8500", "a/b/x", ""},
		{"https://consul/v1/kv/f?dc=east&ns=a%20b", "https://consul", "f/x",
			"dc=east&ns=a%20b"},
		{"http://h/v1/kv/", .error = -EINVAL},
		{"http://h/v1/kv/?dc=east", .error = -EINVAL},
		{"http://h/v1/kv/a%20b", .error = -EINVAL},
		{"http://h/v2/kv/a", .error = -EINVAL},
		{"nonsense", .error = -EINVAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fleet_place place;

		assert_int_equal(fleet_consul.place(cases[i].url, "/x", &place), cases[i].error);
		if (cases[i].error)
			continue;
		assert_string_equal(place.server, cases[i].server);
		assert_string_equal(place.key, cases[i].key);
		assert_string_equal(place.query, cases[i].query);
	}
}

static void questions_to_consul_are_those_of_its_api(void **state)
{
	static const struct {
		enum fleet_what what;
		const char *query, *method, *url, *body;
	} cases[] = {
		{FLEET_LOOK, "", NULL, "http://c/v1/kv/k", NULL},
		{FLEET_LOOK, "dc=east", NULL, "http://c/v1/kv/k?dc=east", NULL},
		{FLEET_WATCH, "", NULL, "http://c/v1/kv/k?index=7&wait=3000ms", NULL},
		{FLEET_WATCH, "dc=east", NULL, "http://c/v1/kv/k?dc=east&index=7&wait=3000ms",
			NULL},
		{FLEET_GRANT, "", "PUT", "http://c/v1/session/create",
			"{\"Name\":\"pelorus\",\"Behavior\":\"delete\",\"LockDelay\":\"0s\","
			"\"TTL\":\"10s\"}"},
		{FLEET_RENEW, "", "PUT", "http://c/v1/session/renew/" UUID, ""},
		{FLEET_REVOKE, "dc=east", "PUT", "http://c/v1/session/destroy/" UUID "?dc=east",
			""},
		{FLEET_CLAIM, "", "PUT", "http://c/v1/txn",
			"[{\"KV\":{\"Verb\":\"check-not-exists\",\"Key\":\"k\"}},"
			"{\"KV\":{\"Verb\":\"lock\",\"Key\":\"k\",\"Session\":\"" UUID "\","
			"\"Flags\":9,\"Value\":\"dg==\"}}]"},
		{FLEET_CHECK, "", "PUT", "http://c/v1/txn",
			"[{\"KV\":{\"Verb\":\"check-session\",\"Key\":\"k\",\"Session\":\"" UUID
			"\"}},"
			"{\"KV\":{\"Verb\":\"lock\",\"Key\":\"k\",\"Session\":\"" UUID "\","
			"\"Flags\":9,\"Value\":\"dg==\"}}]"},
	};
	struct fleet_question q = {.document = "v",
		.lease = UUID,
		.index = 7,
		.beat = 9,
		.lease_ms = 3000};
	static struct fleet_request request;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fleet_place place = {.server = "http://c", .key = "k"};

		strcpy(place.query, cases[i].query);
		q.what = cases[i].what;
		assert_int_equal(fleet_consul.request(&place, &q, &request), 0);
		assert_string_equal(request.url, cases[i].url);
		assert_int_equal(request.has_body, cases[i].body != NULL);
		if (cases[i].body) {
			assert_string_equal(request.method, cases[i].method);
			assert_string_equal(request.body, cases[i].body);
		} else {
			assert_null(request.method);
		}
	}
}

static void a_session_lives_no_shorter_than_the_lease(void **state)
{
	const struct fleet_place place = {.server = "http://c", .key = "k"};
	const struct fleet_question q = {.what = FLEET_GRANT, .lease_ms = 12300};
	static struct fleet_request request;

	assert_int_equal(fleet_consul.request(&place, &q, &request), 0);
	assert_non_null(strstr(request.body, "\"TTL\":\"13s\""));
}

static void consul_tells_who_holds_the_key(void **state)
{
	struct coordinator_view view = {.n = 0};
	const char locked[] =
		"[{\"Value\":\"aDE6MQ==\",\"Session\":\"" UUID "\",\"ModifyIndex\":7}]";
	const char open[] = "[{\"Value\":\"aDI6MQ==\",\"ModifyIndex\":8}]";
	struct http_answer answer = {.status = 200,
		.index = 9,
		.body = locked,
		.size = strlen(locked)};
	uint64_t digest;

	assert_int_equal(fleet_consul.read(&answer, &view), COORDINATOR_OK);
	assert_true(view.leased);
	assert_string_equal(view.session, UUID);
	assert_int_equal(view.index, 9);
	digest = view.digest;
	answer.body = open;
	answer.size = strlen(open);
	assert_int_equal(fleet_consul.read(&answer, &view), COORDINATOR_OK);
	assert_false(view.leased);
	assert_string_equal(view.session, "");
	assert_true(view.digest != digest);
	answer = (struct http_answer){.status = 404, .index = 12, .body = ""};
	assert_int_equal(fleet_consul.read(&answer, &view), COORDINATOR_NOTHING);
	assert_int_equal(view.index, 12);
	answer = (struct http_answer){.status = 200, .index = 12, .body = "x", .size = 1};
	assert_int_equal(fleet_consul.read(&answer, &view), COORDINATOR_GARBAGE);
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
		cmocka_unit_test(it_is_read_whether_the_key_is_ours),
		cmocka_unit_test(the_urls_path_tells_the_kind_of_store),
		cmocka_unit_test(a_url_of_consul_tells_server_key_and_query),
		cmocka_unit_test(questions_to_consul_are_those_of_its_api),
		cmocka_unit_test(a_session_lives_no_shorter_than_the_lease),
		cmocka_unit_test(consul_tells_who_holds_the_key),
		cmocka_unit_test(a_url_tells_server_and_key),
		cmocka_unit_test(questions_are_those_of_the_gateway),
		cmocka_unit_test(progress_of_a_watch_is_no_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
