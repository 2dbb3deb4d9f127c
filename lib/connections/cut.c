/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shutdown(SHUT_RDWR) makes the next read return 0 and the next write fail with EPIPE, which pools
 * understand.  It also raises SIGPIPE, and a process that left that at its default would die of it:
 * there connect(AF_UNSPEC) resets the connection instead, so that the next operation fails with
 * ECONNRESET.  (Only the next: a second write raises SIGPIPE all the same.)  Some kernels answer
 * EBUSY to it while a thread is blocked in the socket; then shutdown it is.
 *
 * The descriptor is duplicated before its cookie is compared: what was compared is what is cut,
 * whatever the host closes and opens meanwhile.  The duplicate's number is 3 at least, for a host
 * may just have closed 0, 1 or 2 to open something else there.
 */
#include "cut.h"

#include "base/real.h"
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static bool sigpipe_kills(void)
{
	struct sigaction sa;

	return sigaction(SIGPIPE, NULL, &sa) == 0 && !(sa.sa_flags & SA_SIGINFO) &&
		sa.sa_handler == SIG_DFL;
}

bool cut_for_retry(int fd)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	return real_get()->connect(fd, &none, sizeof(none)) == 0;
}

static void cut(int fd)
{
	if (sigpipe_kills() && cut_for_retry(fd))
		return;
	(void)shutdown(fd, SHUT_RDWR);
}

int cut_socket(int fd, uint64_t cookie)
{
	int saved = errno, own = fcntl(fd, F_DUPFD_CLOEXEC, 3), r = -ESTALE;

	if (own < 0 && errno != EMFILE) {
		errno = saved;
		return -ESTALE;
	}
	if (track_cookie(own < 0 ? fd : own) == cookie) {
		cut(own < 0 ? fd : own);
		r = 0;
	}
	if (own >= 0)
		(void)close(own);
	errno = saved;
	return r;
}
