/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober's two processes hold the listening socket both, so only the death of both makes the
 * kernel refuse a connection; one that is stopped, or has too many waiting, does not.
 */
#include "control.h"

#include "common/rundir.h"
#include "base/real.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int control_open(const char *directory)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int r, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	strcpy(sun.sun_path, directory);
	strcat(sun.sun_path, "/" PEL_RUN_CONTROL);
	if (real_get()->connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

bool control_is_deserted(const char *directory)
{
	int fd = control_open(directory);

	if (fd >= 0)
		(void)close(fd);
	return fd == -ECONNREFUSED;
}
