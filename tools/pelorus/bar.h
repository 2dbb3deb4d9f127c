/* SPDX-License-Identifier: Apache-2.0 */
/* A bar that shows how far something is. */
#ifndef BAR_H
#define BAR_H

#include <stdio.h>

/* "[####    ] 37/100", without a line feed. */
void bar_print(FILE *to, unsigned done, unsigned total);

#endif
