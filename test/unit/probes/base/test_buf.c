/* SPDX-License-Identifier: Apache-2.0 */
/* Building text: bounds and encodings. */
#include "base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_does_not_fit_is_left_out_whole(void **state)
{
	char buffer[8];
	struct buf buf;

	buf_init(&buf, buffer, sizeof(buffer));
	buf_add(&buf, "abc");
	buf_addf(&buf, "%d", 1234);
	assert_int_equal(buf_error(&buf), 0);
	assert_string_equal(buffer, "abc1234");
	buf_add(&buf, "x");
	assert_int_equal(buf_error(&buf), -ENOBUFS);
	buf_addf(&buf, "%s", "");
	assert_string_equal(buffer, "abc1234");
	buf_init(&buf, buffer, sizeof(buffer));
	buf_addf(&buf, "%s", "12345678");
	assert_int_equal(buf_error(&buf), -ENOBUFS);
	assert_string_equal(buffer, "");
}

static void percent_encoding_keeps_unreserved_characters(void **state)
{
	static const struct {
		const char *word, *keep, *expected;
	} cases[] = {
		{"aZ09-._~", "", "aZ09-._~"},
		{"a b/c?d=e&f+g", "", "a%20b%2Fc%3Fd%3De%26f%2Bg"},
		{"/a b/", "/", "/a%20b/"},
		{"\xe1\x88\xb4", "", "%E1%88%B4"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char buffer[64];
		struct buf buf;

		buf_init(&buf, buffer, sizeof(buffer));
		buf_add_percent(&buf, cases[i].word, cases[i].keep);
		assert_string_equal(buffer, cases[i].expected);
	}
}

static void json_strings_are_always_valid(void **state)
{
	static const struct {
		const char *word, *expected;
	} cases[] = {
		{"plain", "\"plain\""},
		{"a\"b\\c", "\"a\\\"b\\\\c\""},
		{"\n\x01", "\"\\u000a\\u0001\""},
		{"\xc3\xa4", "\"\xc3\xa4\""},
		{"\xe2\x82\xac", "\"\xe2\x82\xac\""},
		{"\xf0\x9f\x90\xac", "\"\xf0\x9f\x90\xac\""},
		{"\xff", "\"\\ufffd\""},
		{"\xc3", "\"\\ufffd\""},
		{"\xe2\x82", "\"\\ufffd\\ufffd\""},
		{"\xc0\xaf", "\"\\ufffd\\ufffd\""},
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
		{"\xf0\x9f\x90", "\"\\ufffd\\ufffd\\ufffd\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char buffer[64];
		struct buf buf;

		buf_init(&buf, buffer, sizeof(buffer));
		buf_add_json(&buf, cases[i].word);
		assert_string_equal(buffer, cases[i].expected);
	}
}

static void base64_goes_there_and_back(void **state)
{
	static const char *const cases[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"}, {"\xff\xfe\xfd", "//79"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char encoded[32], decoded[32];
		struct buf buf;
		size_t n = strlen(cases[i][0]);

		buf_init(&buf, encoded, sizeof(encoded));
		buf_add_base64(&buf, cases[i][0], n);
		assert_string_equal(encoded, cases[i][1]);
		assert_int_equal(base64_parse(encoded, decoded, sizeof(decoded)), n);
		assert_memory_equal(decoded, cases[i][0], n);
	}
}

static void base64_that_is_none_is_refused(void **state)
{
	static const char *const cases[] = {"Zg=", "Z===", "Zg==Zg==", "Z g=", "Zm8\n",
		"====", "Zm=v"};
	char decoded[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(base64_parse(cases[i], decoded, sizeof(decoded)), -EINVAL);
	assert_int_equal(base64_parse("Zm9v", decoded, 2), -ENOBUFS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(percent_encoding_keeps_unreserved_characters),
		cmocka_unit_test(json_strings_are_always_valid),
		cmocka_unit_test(base64_goes_there_and_back),
		cmocka_unit_test(base64_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
