/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the judgement of statements: no byte outside the text is read, and what is harmless has one
 * of the five verbs, and nothing in it that could be a call, a variable or a second statement, or
 * is not dirty.
 */
#include "common/sql_plain.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_settings(const char *text, size_t n, unsigned flags)
{
	struct pel_sql_setting setting;
	size_t at = 0, before = 0;

	while (pel_sql_next_setting(text, n, flags, &at, &setting)) {
		check(at > before && at <= n && setting.name);
		check(setting.value.at >= text + before &&
			setting.value.at + setting.value.n <= text + at);
		before = at;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct pel_sql_span name;

	for (unsigned flags = 0; flags < 4; flags++) {
		enum pel_sql_class class = pel_sql_classify(text, size, flags);

		if (class == PEL_SQL_SET)
			check_settings(text, size, flags);
		check((class == PEL_SQL_USE) == pel_sql_used_database(text, size, &name));
	}
	if (pel_sql_is_harmless(text, size)) {
		enum pel_sql_class class = pel_sql_classify(text, size, 0);

		check(strchr("sSiIuUdDrR", text[0]) != NULL);
		check(class == PEL_SQL_DIRTY || class == PEL_SQL_READ || class == PEL_SQL_WRITE ||
			class == PEL_SQL_PEEK);
		check(class != PEL_SQL_DIRTY ||
			(!memchr(text, '(', size) && !memchr(text, '@', size) &&
				!memchr(text, ';', size)));
	}
	return 0;
}
