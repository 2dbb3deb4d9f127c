/* SPDX-License-Identifier: Apache-2.0 */
/* The providers of AWS credentials: their order, what each asks, and what it makes of the answer.
 */
#include "http/aws/local.h"
#include "http/aws/providers.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct aws_question question;
static struct aws_creds creds;
static struct aws_visit visit;
static char token_path[64];

static int clear(void **state)
{
	static const char *const names[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE",
		"AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN",
		"AWS_ROLE_SESSION_NAME", "AWS_ENDPOINT_URL_STS",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
		"AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_DISABLED"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
	setenv("HOME", "/nonexistent", 1);
	visit = (struct aws_visit){.profile = "", .region = "us-east-1"};
	return 0;
}

static int write_token(void **state)
{
	int fd;

	clear(state);
	strcpy(token_path, "/tmp/pelorus-token-XXXXXX");
	fd = mkstemp(token_path);
	if (fd < 0 || write(fd, "to+ken\n", 7) != 7)
		return -1;
	return close(fd);
}

static int remove_token(void **state)
{
	return unlink(token_path);
}

static const struct aws_provider *provider(const char *name)
{
	for (unsigned i = 0; i < aws_n_providers; i++) {
		if (strcmp(aws_providers[i].name, name) == 0)
			return &aws_providers[i];
	}
	return NULL;
}

static enum aws_turn begin(const char *name)
{
	return provider(name)->begin(&visit, &question, &creds);
}

static enum aws_turn read_answer(const char *name, const char *body)
{
	return provider(name)->read(&visit, body, strlen(body), &question, &creds);
}

static void the_order_is_that_of_the_sdks(void **state)
{
	static const char *const order[] = {"environment", "profile", "web identity", "ECS",
		"EKS pod identity", "instance metadata"};

	assert_int_equal(aws_n_providers, 6);
	for (unsigned i = 0; i < 6; i++)
		assert_string_equal(aws_providers[i].name, order[i]);
}

static void without_configuration_only_the_machine_is_asked(void **state)
{
	for (unsigned i = 0; i + 1 < aws_n_providers; i++)
		assert_int_equal(begin(aws_providers[i].name), AWS_TURN_ABSENT);
	assert_int_equal(begin("instance metadata"), AWS_TURN_ASK);
	setenv("AWS_EC2_METADATA_DISABLED", "True", 1);
	assert_int_equal(begin("instance metadata"), AWS_TURN_ABSENT);
}

static void the_environment_needs_both_halves(void **state)
{
	setenv("AWS_ACCESS_KEY_ID", "A", 1);
	assert_int_equal(begin("environment"), AWS_TURN_ABSENT);
	setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
	assert_int_equal(begin("environment"), AWS_TURN_HAVE);
	assert_string_equal(creds.token, "");
	assert_int_equal(creds.expires_s, 0);
}

static void a_named_file_that_is_missing_is_a_failure(void **state)
{
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
	assert_int_equal(begin("profile"), AWS_TURN_FAILED);
}

static void web_identity_asks_sts(void **state)
{
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token_path, 1);
	assert_int_equal(begin("web identity"), AWS_TURN_ABSENT);
	setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r", 1);
	assert_int_equal(begin("web identity"), AWS_TURN_ASK);
	assert_string_equal(question.method, "POST");
	assert_string_equal(question.url, "https://sts.us-east-1.amazonaws.com/");
	assert_string_equal(question.body,
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
		"&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=pelorus"
		"&WebIdentityToken=to%2Bken");
	visit.region = "cn-north-1";
	assert_int_equal(begin("web identity"), AWS_TURN_ASK);
	assert_string_equal(question.url, "https://sts.cn-north-1.amazonaws.com.cn/");
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token", 1);
	assert_int_equal(begin("web identity"), AWS_TURN_FAILED);
}

static void containers_ask_their_fixed_address(void **state)
{
	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x", 1);
	assert_int_equal(begin("ECS"), AWS_TURN_ASK);
	assert_string_equal(question.url, "http://169.254.170.2/v2/credentials/x");
	assert_int_equal(question.n_headers, 0);
	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example/", 1);
	assert_int_equal(begin("ECS"), AWS_TURN_FAILED);
}

static void pods_show_their_token(void **state)
{
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials", 1);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token_path, 1);
	assert_int_equal(begin("EKS pod identity"), AWS_TURN_ASK);
	assert_string_equal(question.url, "http://169.254.170.23/v1/credentials");
	assert_string_equal(question.headers[0], "Authorization: to+ken");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent/token", 1);
	assert_int_equal(begin("EKS pod identity"), AWS_TURN_FAILED);
}

static void metadata_takes_three_questions(void **state)
{
	assert_int_equal(begin("instance metadata"), AWS_TURN_ASK);
	assert_string_equal(question.method, "PUT");
	assert_string_equal(question.url, "http://169.254.169.254/latest/api/token");
	assert_int_equal(read_answer("instance metadata", "the-token"), AWS_TURN_ASK);
	assert_string_equal(question.url,
		"http://169.254.169.254/latest/meta-data/iam/security-credentials/");
	assert_string_equal(question.headers[0], "X-aws-ec2-metadata-token: the-token");
	assert_int_equal(read_answer("instance metadata", "role\nother"), AWS_TURN_ASK);
	assert_string_equal(question.url,
		"http://169.254.169.254/latest/meta-data/iam/security-credentials/role");
	assert_int_equal(
		read_answer("instance metadata",
			"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"t\"}"),
		AWS_TURN_HAVE);
	assert_string_equal(creds.token, "t");
}

static void metadata_without_a_role_fails(void **state)
{
	assert_int_equal(begin("instance metadata"), AWS_TURN_ASK);
	assert_int_equal(read_answer("instance metadata", "the-token"), AWS_TURN_ASK);
	assert_int_equal(read_answer("instance metadata", ""), AWS_TURN_FAILED);
}

static char config_path[64];

static int write_config(void **state)
{
	static const char form[] =
		"[profile app]\nrole_arn = arn:app\nsource_profile = base\nexternal_id = x/y\n"
		"[profile base]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = s\n"
		"aws_session_token = tok\n"
		"[profile own]\nrole_arn = arn:own\nsource_profile = own\nrole_session_name = me\n"
		"aws_access_key_id = AKIDOWN\naws_secret_access_key = s\n"
		"[profile pod]\nrole_arn = arn:pod\nweb_identity_token_file = %s\n"
		"[profile chained]\nrole_arn = arn:x\nsource_profile = app\n"
		"[profile lost]\nrole_arn = arn:x\nsource_profile = nobody\n"
		"[profile other]\nrole_arn = arn:x\ncredential_source = Environment\n"
		"[profile run]\ncredential_process = give \"a key\"\n"
		"[profile sso]\nregion = eu-west-1\nsso_account_id = 1\n";
	int fd;

	write_token(state);
	strcpy(config_path, "/tmp/pelorus-config-XXXXXX");
	fd = mkstemp(config_path);
	if (fd < 0 || dprintf(fd, form, token_path) < 0)
		return -1;
	setenv("AWS_CONFIG_FILE", config_path, 1);
	return close(fd);
}

static int remove_config(void **state)
{
	return unlink(config_path) + remove_token(state);
}

static void a_role_is_asked_of_sts_with_the_sources_key(void **state)
{
	visit.profile = "app";
	assert_int_equal(begin("profile"), AWS_TURN_ASK);
	assert_string_equal(question.url, "https://sts.us-east-1.amazonaws.com/");
	assert_string_equal(question.body,
		"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aapp"
		"&RoleSessionName=pelorus&ExternalId=x%2Fy");
	assert_int_equal(question.n_headers, 4);
	assert_non_null(strstr(question.headers[2],
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
	assert_non_null(strstr(question.headers[2], "/us-east-1/sts/aws4_request"));
	assert_string_equal(question.headers[3], "X-Amz-Security-Token: tok");
	visit.profile = "own";
	assert_int_equal(begin("profile"), AWS_TURN_ASK);
	assert_int_equal(question.n_headers, 3);
	assert_non_null(strstr(question.headers[2], "Credential=AKIDOWN/"));
	assert_non_null(strstr(question.body, "&RoleSessionName=me"));
}

static void a_role_of_a_profile_may_be_a_web_identitys(void **state)
{
	visit.profile = "pod";
	assert_int_equal(begin("profile"), AWS_TURN_ASK);
	assert_int_equal(question.n_headers, 1);
	assert_string_equal(question.body,
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Apod"
		"&RoleSessionName=pelorus&WebIdentityToken=to%2Bken");
}

static void a_program_is_run_where_nobody_else_can_name_it(void **state)
{
	static const char key[] = "{\"Version\":1,\"AccessKeyId\":\"AKIDRUN\","
				  "\"SecretAccessKey\":\"s\",\"SessionToken\":\"tok\"}";

	visit.profile = "run";
	assert_int_equal(begin("profile"), AWS_TURN_RUN);
	assert_string_equal(question.body, "give \"a key\"");
	assert_int_equal(read_answer("profile", key), AWS_TURN_HAVE);
	assert_string_equal(creds.id, "AKIDRUN");
	assert_string_equal(creds.token, "tok");
	assert_int_equal(read_answer("profile", "no key"), AWS_TURN_FAILED);
	assert_int_equal(aws_local_file("run", &creds), -ENOTSUP);
	assert_int_equal(chmod(config_path, 0620), 0);
	assert_int_equal(begin("profile"), AWS_TURN_FAILED);
}

static void what_no_profile_can_give_is_a_failure(void **state)
{
	static const char *const names[] = {"chained", "lost", "other", "sso", "absent"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		visit.profile = names[i];
		assert_int_equal(begin("profile"), AWS_TURN_FAILED);
	}
}

static void a_profile_tells_the_region(void **state)
{
	char region[32];

	assert_int_equal(aws_local_region("sso", region, sizeof(region)), 0);
	assert_string_equal(region, "eu-west-1");
	assert_int_equal(aws_local_region("base", region, sizeof(region)), -ENOENT);
	setenv("AWS_PROFILE", "sso", 1);
	assert_int_equal(aws_local_region("", region, sizeof(region)), 0);
	assert_int_equal(aws_local_region("sso", region, 4), -ENOENT);
}

static void a_role_is_no_key_that_is_at_hand(void **state)
{
	assert_int_equal(aws_local_file("app", &creds), -ENOTSUP);
	assert_int_equal(aws_local_file("base", &creds), 0);
	assert_string_equal(creds.token, "tok");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_order_is_that_of_the_sdks, clear),
		cmocka_unit_test_setup(without_configuration_only_the_machine_is_asked, clear),
		cmocka_unit_test_setup(the_environment_needs_both_halves, clear),
		cmocka_unit_test_setup(a_named_file_that_is_missing_is_a_failure, clear),
		cmocka_unit_test_setup_teardown(web_identity_asks_sts, write_token, remove_token),
		cmocka_unit_test_setup(containers_ask_their_fixed_address, clear),
		cmocka_unit_test_setup_teardown(pods_show_their_token, write_token, remove_token),
		cmocka_unit_test_setup(metadata_takes_three_questions, clear),
		cmocka_unit_test_setup(metadata_without_a_role_fails, clear),
		cmocka_unit_test_setup_teardown(a_role_is_no_key_that_is_at_hand, write_config,
			remove_config),
		cmocka_unit_test_setup_teardown(a_program_is_run_where_nobody_else_can_name_it,
			write_config, remove_config),
		cmocka_unit_test_setup_teardown(a_profile_tells_the_region, write_config,
			remove_config),
		cmocka_unit_test_setup_teardown(what_no_profile_can_give_is_a_failure, write_config,
			remove_config),
		cmocka_unit_test_setup_teardown(a_role_of_a_profile_may_be_a_web_identitys,
			write_config, remove_config),
		cmocka_unit_test_setup_teardown(a_role_is_asked_of_sts_with_the_sources_key,
			write_config, remove_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
