/* SPDX-License-Identifier: Apache-2.0 */
/* A text that is drawn again and again, on the whole screen of a terminal or line after line. */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdio.h>

/*
 * Draws what `make` gives (to be freed; NULL: nothing), every `interval_ms` and when the terminal's
 * size changes, until q, Ctrl-C, SIGTERM or the terminal's end.  Where standard output is no
 * terminal, each text is printed after the last.  The exit status: 0, or 1 without memory.
 */
int screen_run(char *(*make)(void *context), void *context, unsigned interval_ms);

/* A bar that shows how far something is, "[####    ] 37/100", without a line feed. */
void bar_print(FILE *to, unsigned done, unsigned total);

#endif
