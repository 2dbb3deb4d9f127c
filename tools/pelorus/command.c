/* SPDX-License-Identifier: Apache-2.0 */
/* What all subcommands do alike. */
#include "commands.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

int command_words(int argc, char **argv, int most, const char *help)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return STATUS_OK;
	}
	if (argc - 1 <= most && (argc < 2 || argv[1][0] != '-'))
		return -1;
	fputs(help, stderr);
	return STATUS_USAGE;
}
