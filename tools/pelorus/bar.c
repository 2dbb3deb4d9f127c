/* SPDX-License-Identifier: Apache-2.0 */
/* A bar that shows how far something is. */
#include "bar.h"

#define BAR_WIDTH 40

void bar_print(FILE *to, unsigned done, unsigned total)
{
	unsigned full = done >= total ? BAR_WIDTH : BAR_WIDTH * done / total;

	fprintf(to, "[%.*s%*s] %u/%u", (int)full, "########################################",
		(int)(BAR_WIDTH - full), "", done, total);
}
