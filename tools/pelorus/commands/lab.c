/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus lab: becomes the lab's own command, which has its own help and exit status. */
#include "commands.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Installed, and in a build folder, where the lab stays with the sources. */
static const char *const folders[] = {PELORUS_BINDIR_TO_LIBEXECDIR "/pelorus/lab",
	PELORUS_BUILD_TO_LAB};

int cmd_lab(int argc, char **argv)
{
	char path[PATH_MAX];
	int r;

	if (!PELORUS_LAB)
		return command_fail(argv[0], STATUS_FAILED,
			"there is none: this build was made with -Dlab=false");
	r = command_find_file("lab", NULL, folders, sizeof(folders) / sizeof(*folders), X_OK, path);
	if (r < 0)
		return command_fail(argv[0], STATUS_FAILED, "the lab is not installed: %s",
			strerror(-r));
	argv[0] = path;
	(void)execv(path, argv);
	return command_fail("lab", STATUS_FAILED, "%s: %s", path, strerror(errno));
}
