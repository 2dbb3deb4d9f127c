/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures against published vectors: the AWS Signature Version 4 test suite (those that
 * normalise no path) for requests, and two RDS tokens.
 */
#include "http/aws/sign.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SUITE_TIME 1440938160 /* 2015-08-30T12:36:00Z */
#define TOKEN_TIME 1767323045 /* 2026-01-02T03:04:05Z */
#define UNRESERVED "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define FORM_TYPE "application/x-www-form-urlencoded"
#define FORM_HASH "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"

static const struct aws_key example_key = {.id = "AKIDEXAMPLE",
	.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};

struct suite_case {
	const char *name;
	const char *method;
	const char *path;
	struct aws_pair query[3];
	struct aws_pair headers[5];
	const char *body;
	const char *token;
	const char *in_headers;
	const char *in_query;
};

static const struct suite_case suite[] = {
	{.name = "get-vanilla",
		.method = "GET",
		.path = "/",
		.in_headers = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
		.in_query = "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d"},
	{.name = "get-utf8",
		.method = "GET",
		.path = "/\xe1\x88\xb4",
		.in_headers = "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
		.in_query = "10eae3f14a260bd3911cc6d008d3c576d143b05b62f09782a7a4b37f52178e44"},
	{.name = "get-vanilla-query-order-encoded",
		.method = "GET",
		.path = "/",
		.query = {{"Param-3", "Value3"}, {"Param", "Value2"}, {"\xe1\x88\xb4", "Value1"}},
		.in_headers = "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
		.in_query = "c5f1848ceec943ac2ca68ee720460c23aaae30a2300586597ada94c4a65e4787"},
	{.name = "get-vanilla-utf8-query",
		.method = "GET",
		.path = "/",
		.query = {{"\xe1\x88\xb4", "bar"}},
		.in_headers = "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
		.in_query = "0bdd809b1519ac4f0c1dc3540e2cc46bd0c7f778eda408b2ebf3b913d21ff600"},
	{.name = "get-unreserved",
		.method = "GET",
		.path = "/" UNRESERVED,
		.in_headers = "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
		.in_query = "95968482db1b9e0fadef6efc1bd24689f77c77d9ef56919c96a28cc92e0d6005"},
	{.name = "get-vanilla-query-unreserved",
		.method = "GET",
		.path = "/",
		.query = {{UNRESERVED, UNRESERVED}},
		.in_headers = "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
		.in_query = "8e76a88a7433637b12778d5592799b29ad21ecd6cf6325051c21d86f0acda2bf"},
	{.name = "get-space-unnormalized",
		.method = "GET",
		.path = "/example space/",
		.in_headers = "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
		.in_query = "7a1f416954786484c9824d93c1f26ef64acb9b1b6c9154d08c9f07d0e394abf6"},
	{.name = "get-header-key-duplicate",
		.method = "GET",
		.path = "/",
		.headers = {{"My-Header1", "value2"}, {"My-Header1", "value2"},
			{"My-Header1", "value1"}},
		.in_headers = "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
		.in_query = "3349ee0b81b4b589da0ff28a395c3591e04de515651dd74f298fa992d1507a97"},
	{.name = "get-header-value-multiline",
		.method = "GET",
		.path = "/",
		.headers = {{"My-Header1", "value1\n  value2\n     value3"}},
		.in_headers = "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd",
		.in_query = "e6f5def831211aca02987a44b96826706278c7bc078112ae0263659c5b2f2d56"},
	{.name = "get-header-value-trim",
		.method = "GET",
		.path = "/",
		.headers = {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
		.in_headers = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
		.in_query = "e7bb0fd515e125e1aec2ecc4c0c17484fb06f6846b927c35e46005dd3df3acd4"},
	{.name = "get-vanilla-with-session-token",
		.method = "GET",
		.path = "/",
		.token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
		.in_headers = "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
		.in_query = "7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c"},
	{.name = "post-vanilla",
		.method = "POST",
		.path = "/",
		.in_headers = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
		.in_query = "2ce6e6d2e0cf2f9d1b55fafec88cd20574c31dc2e7631979f71ba2310083e95b"},
	{.name = "post-x-www-form-urlencoded",
		.method = "POST",
		.path = "/",
		.headers = {{"Content-Type", FORM_TYPE}, {"Content-Length", "13"},
			{"X-Amz-Content-Sha256", FORM_HASH}},
		.body = "Param1=value1",
		.in_headers = "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
};

static size_t count(const struct aws_pair *pairs, size_t most)
{
	size_t n = 0;

	while (n < most && pairs[n].name)
		n++;
	return n;
}

static struct aws_request request_of(const struct suite_case *c)
{
	return (struct aws_request){.method = c->method,
		.host = "example.amazonaws.com",
		.path = c->path,
		.query = c->query,
		.n_query = count(c->query, 3),
		.headers = c->headers,
		.n_headers = count(c->headers, 5),
		.body = c->body,
		.body_size = c->body ? strlen(c->body) : 0,
		.region = "us-east-1",
		.service = "service"};
}

static void headers_are_signed_as_the_test_suite_says(void **state)
{
	for (size_t i = 0; i < sizeof(suite) / sizeof(*suite); i++) {
		struct aws_request request = request_of(&suite[i]);
		struct aws_key key = example_key;
		char date[AWS_DATE_SIZE], value[512];

		key.token = suite[i].token;
		assert_int_equal(aws_sign(&request, &key, SUITE_TIME, date, value, sizeof(value)),
			0);
		assert_string_equal(date, "20150830T123600Z");
		assert_non_null(strstr(value, "Signature="));
		if (strcmp(strstr(value, "Signature=") + 10, suite[i].in_headers) != 0)
			fail_msg("%s: %s", suite[i].name, value);
	}
}

static void urls_are_presigned_as_the_test_suite_says(void **state)
{
	for (size_t i = 0; i < sizeof(suite) / sizeof(*suite); i++) {
		struct aws_request request = request_of(&suite[i]);
		struct aws_key key = example_key;
		char url[1024];

		if (!suite[i].in_query)
			continue;
		key.token = suite[i].token;
		assert_int_equal(aws_presign(&request, &key, SUITE_TIME, 3600, url, sizeof(url)),
			0);
		if (strcmp(strstr(url, "&X-Amz-Signature=") + 17, suite[i].in_query) != 0)
			fail_msg("%s: %s", suite[i].name, url);
	}
}

static void the_authorization_header_has_its_known_form(void **state)
{
	struct aws_request request = request_of(&suite[0]);
	char date[AWS_DATE_SIZE], value[512];

	assert_int_equal(aws_sign(&request, &example_key, SUITE_TIME, date, value, sizeof(value)),
		0);
	assert_string_equal(value,
		"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
		"SignedHeaders=host;x-amz-date, Signature="
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

static void rds_tokens_are_the_known_ones(void **state)
{
	static const char host[] = "mycluster.cluster-abc123.us-east-1.rds.amazonaws.com";
	struct aws_key key = example_key;
	char token[AWS_TOKEN_MAX];

	assert_int_equal(aws_rds_token(&key, "us-east-1", host, 3306, "app_user", TOKEN_TIME, token,
				 sizeof(token)),
		0);
	assert_int_equal(strlen(token), 350);
	assert_non_null(strstr(token,
		"&X-Amz-Signature="
		"1a11d43a99386d676174757a913ffc14a444689f793bddcdd86f69dbff3232a1"));
	assert_int_equal(strncmp(token, host, sizeof(host) - 1), 0);
	key.token = "IQoJb3JpZ2luX2VjE//+abc==";
	assert_int_equal(aws_rds_token(&key, "us-east-1", host, 3306, "app_user", TOKEN_TIME, token,
				 sizeof(token)),
		0);
	assert_int_equal(strlen(token), 407);
	assert_non_null(strstr(token,
		"&X-Amz-Signature="
		"f8b1ae74660f24f41e6b7c7d50235722a898158756657b542a46444e2004d601"));
}

static void what_does_not_fit_is_an_error(void **state)
{
	char secret[400], token[5 * AWS_TOKEN_MAX], small[64], large[8 * AWS_TOKEN_MAX];
	struct aws_pair many[AWS_SIGN_PAIRS + 1];
	struct aws_request request = request_of(&suite[0]);
	struct aws_key key = example_key;
	char date[AWS_DATE_SIZE];

	assert_int_equal(aws_sign(&request, &key, SUITE_TIME, date, small, sizeof(small)),
		-ENOBUFS);
	assert_int_equal(aws_presign(&request, &key, SUITE_TIME, 1, small, sizeof(small)),
		-ENOBUFS);
	memset(secret, 'x', sizeof(secret) - 1);
	secret[sizeof(secret) - 1] = '\0';
	key.secret = secret;
	assert_int_equal(aws_sign(&request, &key, SUITE_TIME, date, large, sizeof(large)),
		-ENOBUFS);
	key = example_key;
	memset(token, 'x', sizeof(token) - 1);
	token[sizeof(token) - 1] = '\0';
	key.token = token;
	assert_int_equal(aws_sign(&request, &key, SUITE_TIME, date, large, sizeof(large)),
		-ENOBUFS);
	for (size_t i = 0; i < AWS_SIGN_PAIRS + 1; i++)
		many[i] = (struct aws_pair){"a", "b"};
	request.query = many;
	request.n_query = AWS_SIGN_PAIRS + 1;
	assert_int_equal(aws_sign(&request, &example_key, SUITE_TIME, date, large, sizeof(large)),
		-EINVAL);
}

static void a_region_is_told_by_the_name(void **state)
{
	static const struct {
		const char *host, *region;
	} cases[] = {
		{"a.cluster-abc.us-east-1.rds.amazonaws.com", "us-east-1"},
		{"A.cluster-ro-abc.EU-central-1.rds.amazonaws.com.", "eu-central-1"},
		{"a.abc.rds.cn-north-1.amazonaws.com.cn", "cn-north-1"},
		{"a.cluster-abc.rds.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
		{"a.global-abc.global.rds.amazonaws.com", NULL},
		{"db-host-1.us-east-1.example.com", NULL},
		{"localhost", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char region[32];
		int r = aws_region_of_host(cases[i].host, region, sizeof(region));

		assert_int_equal(r, cases[i].region ? 0 : -ENOENT);
		if (r == 0)
			assert_string_equal(region, cases[i].region);
	}
}

static void a_partition_has_a_domain_of_its_own(void **state)
{
	static const struct {
		const char *region, *domain;
	} cases[] = {
		{"us-east-1", "amazonaws.com"},
		{"us-gov-west-1", "amazonaws.com"},
		{"cn-north-1", "amazonaws.com.cn"},
		{"eusc-de-east-1", "amazonaws.eu"},
		{"us-iso-east-1", "c2s.ic.gov"},
		{"us-isob-east-1", "sc2s.sgov.gov"},
		{"us-isof-south-1", "csp.hci.ic.gov"},
		{"eu-isoe-west-1", "cloud.adc-e.uk"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(aws_domain_of(cases[i].region), cases[i].domain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_signed_as_the_test_suite_says),
		cmocka_unit_test(urls_are_presigned_as_the_test_suite_says),
		cmocka_unit_test(the_authorization_header_has_its_known_form),
		cmocka_unit_test(rds_tokens_are_the_known_ones),
		cmocka_unit_test(what_does_not_fit_is_an_error),
		cmocka_unit_test(a_region_is_told_by_the_name),
		cmocka_unit_test(a_partition_has_a_domain_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
