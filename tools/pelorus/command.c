/* SPDX-License-Identifier: Apache-2.0 */
/* What all subcommands do alike. */
#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORD_MAX 32
#define OPTIONS_MAX 8 /* of one command */
#define LETTERS_MAX (2 * OPTIONS_MAX + 2)
#define FIRST 256 /* what getopt_long() gives for the first, behind all letters */

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

int command_usage(const char *help)
{
	fputs(help, stderr);
	return STATUS_USAGE;
}

int command_wrong(const char *command, const char *what, const char *value, const char *expected)
{
	return command_fail(command, STATUS_USAGE, "%s: expected %s, not %s", what, expected,
		*value ? value : "nothing");
}

pid_t command_pid(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	return *end || number <= 0 || number > INT32_MAX ? 0 : (pid_t)number;
}

/* What getopt_long() wants of it; an option's value is its index. */
static void options_convert(const struct command_option *options,
	struct option ret[static OPTIONS_MAX + 2], char ret_letters[static LETTERS_MAX])
{
	int n = 0;

	for (; options && options[n].name && n < OPTIONS_MAX; n++) {
		ret[n] = (struct option){options[n].name,
			options[n].word ? required_argument : no_argument, NULL, FIRST + n};
		if (options[n].letter)
			*ret_letters++ = options[n].letter;
		if (options[n].letter && options[n].word)
			*ret_letters++ = ':';
	}
	*ret_letters++ = 'h';
	ret[n] = (struct option){"help", no_argument, NULL, FIRST + n};
	ret[n + 1] = (struct option){0};
	*ret_letters = '\0';
}

/* The index of what getopt_long() gave, a letter's too: of the last, empty one for help; -1: a mistake. */
static int option_index(const struct command_option *options, int given)
{
	int i = 0;

	if (given >= FIRST)
		return given - FIRST;
	while (options && options[i].name && (!options[i].letter || options[i].letter != given))
		i++;
	return (options && options[i].name) || given == 'h' ? i : -1;
}

int command_parse(int argc, char **argv, const struct command_option *options, int least, int most,
	const char *help)
{
	struct option list[OPTIONS_MAX + 2];
	char letters[LETTERS_MAX];
	int given;

	options_convert(options, list, letters);
	while ((given = getopt_long(argc, argv, letters, list, NULL)) != -1) {
		int i = option_index(options, given);

		if (i < 0)
			return command_usage(help);
		if (!options || !options[i].name) {
			fputs(help, stdout);
			return STATUS_OK;
		}
		if (options[i].word)
			*options[i].word = optarg;
		else
			*options[i].flag = true;
	}
	return argc - optind < least || argc - optind > most ? command_usage(help) : -1;
}

bool command_role(const char *word, enum pel_role *ret)
{
	*ret = strcmp(word, "writer") == 0 ? PEL_ROLE_WRITER : PEL_ROLE_READER;
	return *ret == PEL_ROLE_WRITER || strcmp(word, "reader") == 0;
}

static int try_file(const char *path, int mode, char ret[static PATH_MAX])
{
	char real[PATH_MAX];

	if (!realpath(path, real) || access(real, mode) < 0)
		return -errno;
	strcpy(ret, real);
	return 0;
}

int command_find_file(const char *file, const char *named, const char *const *folders,
	size_t n_folders, int mode, char ret[static PATH_MAX])
{
	char self[PATH_MAX], path[2 * PATH_MAX];
	ssize_t n;
	int r = -ENOENT;

	if (named && *named)
		return try_file(named, mode, ret);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return -errno;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < n_folders && r < 0; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/%s", self, folders[i], file);
		r = try_file(path, mode, ret);
	}
	return r;
}

char *command_plain(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if ((*c < ' ' && *c != '\n') || *c == 0x7f)
			*c = '?';
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = '?';
	}
	return text;
}

unsigned command_distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	size_t n = strlen(b);

	if (n > WORD_MAX)
		return UINT_MAX;
	for (size_t i = 0; i <= n; i++)
		row[i] = (unsigned)i;
	for (; *a; a++) {
		unsigned corner = row[0]++;

		for (size_t i = 0; i < n; i++) {
			unsigned change = corner + (*a != b[i]), least = row[i] + 1;

			corner = row[i + 1];
			least = corner + 1 < least ? corner + 1 : least;
			row[i + 1] = change < least ? change : least;
		}
	}
	return row[n];
}
