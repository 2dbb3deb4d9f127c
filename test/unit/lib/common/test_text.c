/* SPDX-License-Identifier: Apache-2.0 */
/* Texts in fixed room, and the words of a map. */
#include "common/text.h"
#include "common/words.h"

#include <pelorus/map.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void what_has_no_room_is_not_copied(void **state)
{
	char to[4] = "old";

	(void)state;
	assert_false(text_copy(to, sizeof(to), "four"));
	assert_false(text_copy(to, sizeof(to), NULL));
	assert_string_equal(to, "old");
	assert_true(text_copy(to, sizeof(to), "new"));
	assert_string_equal(to, "new");
	assert_true(text_copy_n(to, sizeof(to), "newer", 2));
	assert_string_equal(to, "ne");
}

static void what_is_appended_ends_with_the_room(void **state)
{
	char to[8] = "";

	(void)state;
	text_append(to, sizeof(to), "abc");
	text_append(to, sizeof(to), "defgh");
	assert_string_equal(to, "abcdefg");
	text_append(to, sizeof(to), "x");
	assert_string_equal(to, "abcdefg");
}

static void numbers_are_decimal(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = {{0, "0"}, {7, "7"}, {10, "10"}, {65535, "65535"},
		{UINT64_MAX, "18446744073709551615"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char to[24] = "";

		text_append_number(to, sizeof(to), rows[i].n);
		assert_string_equal(to, rows[i].text);
	}
}

static void every_value_of_a_map_has_a_word(void **state)
{
	static const struct {
		const char *(*word)(unsigned value);
		unsigned last;
		const char *text;
	} rows[] = {
		{pel_word_of_state, PEL_STATE_WRITERLESS, "writerless"},
		{pel_word_of_why, PEL_WHY_UNFIT, "login-unfit"},
		{pel_word_of_role, PEL_ROLE_CUSTOM, "custom"},
		{pel_word_of_health, PEL_HEALTH_UNREACHABLE, "unreachable"},
		{pel_word_of_admission, PEL_ADMIT_HELD, "held"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (unsigned value = 0; value <= rows[i].last; value++)
			assert_non_null(rows[i].word(value));
		assert_string_equal(rows[i].word(rows[i].last), rows[i].text);
		assert_string_equal(rows[i].word(rows[i].last + 1), "?");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_no_room_is_not_copied),
		cmocka_unit_test(what_is_appended_ends_with_the_room),
		cmocka_unit_test(numbers_are_decimal),
		cmocka_unit_test(every_value_of_a_map_has_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
