/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus-trap: what `pelorus run --trap` becomes.
 *
 *   pelorus-trap [--require] [--preload LIST] -- COMMAND [ARGUMENT...]
 *
 * LIST is the program's LD_PRELOAD, which is not to be ours.
 */
#include "filter.h"
#include "keeper.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_switched_off(void)
{
	const char *word = getenv("PELORUS_DISABLED");

	return word && *word && strcmp(word, "0") != 0;
}

/* Where we were started without them no file of ours is to be one; the program has none, too. */
static void fill_standard_files(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		(void)close(fd);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"preload", required_argument, NULL, 'p'},
		{"require", no_argument, NULL, 'r'},
		{0},
	};
	const char *preload = NULL, *why;
	bool require = false;
	int c;

	fill_standard_files();
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 'p')
			preload = optarg;
		else if (c == 'r')
			require = true;
		else
			return KEEPER_FAILED;
	}
	if (!argv[optind]) {
		fputs("pelorus-trap: it is started by pelorus run --trap\n", stderr);
		return KEEPER_FAILED;
	}
	if (is_switched_off())
		return keeper_execute(argv + optind, preload);
	why = filter_hindrance();
	if (!why)
		return keeper_run(argv + optind, preload, require);
	fprintf(stderr, "pelorus: run: --trap cannot work: %s%s\n", why,
		require ? "" : "; it runs as without");
	return require ? KEEPER_FAILED : keeper_execute(argv + optind, preload);
}
