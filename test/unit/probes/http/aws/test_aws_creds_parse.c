/* SPDX-License-Identifier: Apache-2.0 */
/* The forms in which AWS hands out credentials. */
#include "http/aws/profile.h"

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
		struct aws_profile profile = {.creds = {.id = "untouched"}};
		int r = aws_profile_parse(file, strlen(file), AWS_FILE_CREDENTIALS, rows[i].profile,
			&profile);

		/* Of one without a key, that of another file stays. */
		if (strcmp(rows[i].profile, "none") == 0)
			assert_string_equal(profile.creds.id, "untouched");
		else
			check(&rows[i].row, r, &profile.creds);
	}
}

static void a_config_file_names_its_sections_otherwise(void **state)
{
	static const char file[] =
		"[default]\nregion = d\n[profile work]\nregion = w\nrole_arn = arn:r\n"
		"source_profile = base\nexternal_id=x/y\nrole_session_name = me\n"
		"s3 =\n  region = nested\n\tsource_profile = nested\n"
		"[base]\naws_access_key_id = A\naws_secret_access_key = s\n"
		"[profile  pods ]\nrole_arn=arn:p\nweb_identity_token_file = /run/token\n"
		"[profile]\nregion = none\n[sso-session work]\nregion = other\n"
		"[profile odd]\nrole_arn = with blank\n";
	static const struct {
		const char *name;
		int code;
		const char *region, *role, *source, *token_file;
	} rows[] = {
		{"default", 0, "d", "", "", ""},
		{"work", 0, "w", "arn:r", "base", ""},
		{"pods", 0, "", "arn:p", "", "/run/token"},
		{"base", -ENOENT, "", "", "", ""},
		{"profile", -ENOENT, "", "", "", ""},
		{"", -ENOENT, "", "", "", ""},
		{"odd", -EPROTO, "", "", "", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct aws_profile profile = {.region = ""};

		assert_int_equal(aws_profile_parse(file, strlen(file), AWS_FILE_CONFIG,
					 rows[i].name, &profile),
			rows[i].code);
		assert_string_equal(profile.region, rows[i].region);
		assert_string_equal(profile.role, rows[i].role);
		assert_string_equal(profile.source, rows[i].source);
		assert_string_equal(profile.token_file, rows[i].token_file);
	}
}

static void the_credentials_file_outranks_the_config_file(void **state)
{
	static const char config[] = "[default]\nregion = r\naws_access_key_id = A\n"
				     "aws_secret_access_key = s\naws_session_token = t\n";
	static const char credentials[] =
		"[default]\naws_access_key_id = B\naws_secret_access_key = u\n";
	struct aws_profile profile = {.region = ""};

	assert_int_equal(aws_profile_parse(config, strlen(config), AWS_FILE_CONFIG, "default",
				 &profile),
		0);
	assert_string_equal(profile.creds.token, "t");
	assert_int_equal(aws_profile_parse(credentials, strlen(credentials), AWS_FILE_CREDENTIALS,
				 "default", &profile),
		0);
	assert_string_equal(profile.creds.id, "B");
	assert_string_equal(profile.creds.secret, "u");
	assert_string_equal(profile.creds.token, "");
	assert_string_equal(profile.region, "r");
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
		cmocka_unit_test(a_config_file_names_its_sections_otherwise),
		cmocka_unit_test(the_credentials_file_outranks_the_config_file),
		cmocka_unit_test(a_secret_is_json_within_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
