/* SPDX-License-Identifier: Apache-2.0 */
/* Findings, printed as they are found. */
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>

void doctor_tell(struct doctor *d, enum finding finding, const char *remedy, const char *format,
	...)
{
	static const struct {
		const char *word, *color;
	} styles[] = {{"ok", "\033[32m"}, {"note", "\033[33m"}, {"FAIL", "\033[31m"}};
	va_list args;

	d->failures += finding == FINDING_FAILURE;
	d->warnings += finding == FINDING_NOTE;
	printf("%s%-4s%s  ", d->colors ? styles[finding].color : "", styles[finding].word,
		d->colors ? "\033[0m" : "");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	if (remedy)
		printf("      -> %s\n", remedy);
	fflush(stdout);
}
