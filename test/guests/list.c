/* SPDX-License-Identifier: Apache-2.0 */
/* A guest as small as ls: prints what a folder holds, sorted, and ends with 3 if it cannot. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct dirent **names;
	int n = argc == 2 ? scandir(argv[1], &names, NULL, alphasort) : -1;

	if (n < 0) {
		fprintf(stderr, "list: %s\n", strerror(argc == 2 ? errno : EINVAL));
		return 3;
	}
	for (int i = 0; i < n; i++) {
		puts(names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return 0;
}
