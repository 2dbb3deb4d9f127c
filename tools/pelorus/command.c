/* SPDX-License-Identifier: Apache-2.0 */
/* What all subcommands do alike. */
#include "commands.h"

#include <stdarg.h>
#include <stdio.h>

int command_fail(const char *command, int status, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "pelorus %s: ", command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}
