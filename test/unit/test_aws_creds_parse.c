/* SPDX-License-Identifier: Apache-2.0 */
/* The forms in which AWS hands out credentials. */
#include "aws_creds_parse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define UNTIL 1767323045 /* 2026-01-02T03:04:05Z */
#define STS(inner)                                                                                 \
	"<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"  \
	"<AssumeRoleWithWebIdentityResult><Credentials>" inner                                     \
	"</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"

struct row {
	const char *body;
	int code;
	const char *id, *secret, *token;
	int64_t expires_s;
};

static void check(const struct row *row, int code, const struct aws_creds *creds)
{
	if (code != row->code)
		fail_msg("%s: %d", row->body, code);
	assert_string_equal(creds->id, code == 0 ? row->id : "untouched");
	if (code < 0)
		return;
	assert_string_equal(creds->secret, row->secret);
	assert_string_equal(creds->token, row->token);
	assert_int_equal(creds->expires_s, row->expires_s);
}

static void metadata_services_answer_in_json(void **state)
{
	static const struct row rows[] = {
		{"{\"Code\":\"Success\",\"LastUpdated\":\"2026-01-01T00:00:00Z\",\"Type\":\"AWS-"
		 "HMAC\","
		 "\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s/+k\",\"Token\":\"t==\","
		 "\"Expiration\":\"2026-01-02T03:04:05Z\"}",
			0, "ASIA1", "s/+k", "t==", UNTIL},
		{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\"}", 0, "A", "s", "", 0},
		{"{\"AccessKeyId\":\"A\"}", -EPROTO, NULL, NULL, NULL, 0},
		{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\\r\\nX-Evil: 1\"}", -EPROTO, NULL,
			NULL, NULL, 0},
		{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Expiration\":\"soon\"}",
			-EPROTO, NULL, NULL, NULL, 0},
		{"{\"Code\":\"AssumeRoleUnauthorizedAccess\"}", -EPROTO, NULL, NULL, NULL, 0},
		{"not json", -EPROTO, NULL, NULL, NULL, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct aws_creds creds = {.id = "untouched"};

		check(&rows[i], aws_creds_parse_json(rows[i].body, strlen(rows[i].body), &creds),
			&creds);
	}
}

static void sts_answers_in_xml(void **state)
{
	static const struct row rows[] = {
		{STS("<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
		     "<SessionToken>\n t \n</SessionToken><Expiration>2026-01-02T03:04:05.123Z"
		     "</Expiration>"),
			0, "ASIA1", "s", "t", UNTIL},
		{STS("<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"),
			-EPROTO, NULL, NULL, NULL, 0},
		{STS("<AccessKeyId>a b</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
		     "<SessionToken>t</SessionToken>"),
			-EPROTO, NULL, NULL, NULL, 0},
		{"<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>", -EPROTO,
			NULL, NULL, NULL, 0},
		{"<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
		 "<SessionToken>t</SessionToken></Credentials>",
			-EPROTO, NULL, NULL, NULL, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct aws_creds creds = {.id = "untouched"};

		check(&rows[i], aws_creds_parse_sts(rows[i].body, strlen(rows[i].body), &creds),
			&creds);
	}
}

static void a_file_holds_profiles(void **state)
{
	static const char file[] =
		"# comment\n; another\n"
		"[default]\naws_access_key_id = A1\naws_secret_access_key=s1=+/\r\nregion = x\n\n"
		"[ work ]\n  aws_access_key_id=A2  \naws_secret_access_key = s2\n"
		"aws_session_token = t2\n"
		"[half]\naws_access_key_id = A3\n"
		"[empty]\naws_access_key_id = \naws_secret_access_key = s\n"
		"[none]\nregion = y\n"
		"[last]\naws_access_key_id=A4\naws_secret_access_key=s4";
	static const struct {
		const char *profile;
		struct row row;
	} rows[] = {
		{"default", {"default", 0, "A1", "s1=+/", "", 0}},
		{"work", {"work", 0, "A2", "s2", "t2", 0}},
		{"last", {"last", 0, "A4", "s4", "", 0}},
		{"half", {"half", -EPROTO, NULL, NULL, NULL, 0}},
		{"empty", {"empty", -EPROTO, NULL, NULL, NULL, 0}},
		{"none", {"none", -ENOENT, NULL, NULL, NULL, 0}},
		{"absent", {"absent", -ENOENT, NULL, NULL, NULL, 0}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct aws_creds creds = {.id = "untouched"};

		check(&rows[i].row,
			aws_creds_parse_file(file, strlen(file), rows[i].profile, &creds), &creds);
	}
}

static void a_secret_is_json_within_json(void **state)
{
	static const struct {
		const char *body;
		int code;
	} rows[] = {
		{"{\"Name\":\"n\",\"SecretString\":\"{\\\"username\\\":\\\"u\\\",\\\"password\\\":"
		 "\\\"p \\u00e4\\\",\\\"port\\\":3306}\"}",
			0},
		{"{\"SecretString\":\"plain\"}", -EPROTO},
		{"{\"SecretString\":\"{\\\"username\\\":\\\"u\\\"}\"}", -EPROTO},
		{"{\"SecretString\":\"{\\\"username\\\":\\\"u\\\",\\\"password\\\":"
		 "\\\"01234567890123456789\\\"}\"}",
			-EPROTO},
		{"{\"SecretBinary\":\"AAAA\"}", -EPROTO},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char user[16], password[16];

		assert_int_equal(aws_secret_parse(rows[i].body, strlen(rows[i].body), user,
					 sizeof(user), password, sizeof(password)),
			rows[i].code);
		if (rows[i].code == 0) {
			assert_string_equal(user, "u");
			assert_string_equal(password, "p \xc3\xa4");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata_services_answer_in_json),
		cmocka_unit_test(sts_answers_in_xml),
		cmocka_unit_test(a_file_holds_profiles),
		cmocka_unit_test(a_secret_is_json_within_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
