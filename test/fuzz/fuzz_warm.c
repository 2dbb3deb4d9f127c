/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the splitter of warm-ups: whatever the text, only plain reads are taken, no more than the
 * limit, and each is a piece of the text.
 */
#include "warm/list.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_split(const char *text, size_t n, bool lines)
{
	struct pel_sql_span s;
	size_t at = 0, before = 0;

	while (warm_split(text, n, lines, &at, &s)) {
		check(s.n > 0 && s.at >= text + before && s.at + s.n <= text + at && at <= n);
		before = at;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1);
	struct warm_list list;

	memcpy(text, data, size);
	check_split(text, size, false);
	check_split(text, size, true);
	warm_list_init(&list, 8);
	check(warm_list_parse(&list, text, size) == 0 && list.n <= 8);
	for (unsigned i = 0; i < list.n; i++) {
		const struct warm_statement *s = &list.statements[i];

		check(memmem(text, size, s->text, s->n) && s->text[s->n] == '\0');
		check(pel_sql_classify(s->text, s->n, PEL_SQL_ESCAPES | PEL_SQL_ASCII) ==
			PEL_SQL_READ);
		check(s->database <= list.n_databases);
	}
	warm_list_deinit(&list);
	free(text);
	return 0;
}
