/* SPDX-License-Identifier: Apache-2.0 */
/* A table whose rows, each with its title first, are cases of their own, and other cases beside it. */
#ifndef TABLE_H
#define TABLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct table {
	const char *rows;
	size_t n_rows, row_size;
	CMUnitTestFunction holds; /* its state is the row */
	const struct CMUnitTest *others;
	size_t n_others;
};

#define TABLE_ARRAY(array) (const void *)(array), sizeof(array) / sizeof(*(array))
#define TABLE_OF(rows, holds, others)                                                              \
	(&(struct table){TABLE_ARRAY(rows), sizeof(*(rows)), holds, TABLE_ARRAY(others)})

/* As cmocka_run_group_tests_name() does; the rows come first. */
static inline int table_run(const char *name, const struct table *table, CMFixtureFunction begin,
	CMFixtureFunction end)
{
	struct CMUnitTest tests[table->n_rows + table->n_others];

	for (size_t i = 0; i < table->n_rows; i++) {
		const char *row = table->rows + i * table->row_size;

		tests[i] = (struct CMUnitTest){.test_func = table->holds,
			.initial_state = (void *)(uintptr_t)row};
		memcpy(&tests[i].name, row, sizeof(tests[i].name));
	}
	memcpy(tests + table->n_rows, table->others, table->n_others * sizeof(*tests));
	return cmocka_run_group_tests_name(name, tests, begin, end);
}

#endif
