/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets to listen at, by their words in the configuration. */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

static int parse_path(const char *path, struct listen_address *ret)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&ret->addr;

	if (path[0] != '/' || strlen(path) >= sizeof(un->sun_path))
		return -EINVAL;
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	ret->size = sizeof(*un);
	return 0;
}

static int parse_port(const char *word, in_port_t *ret)
{
	size_t n = strspn(word, "0123456789");
	unsigned long port = n > 0 && n < 6 ? strtoul(word, NULL, 10) : 0;

	if (word[n] || port < 1 || port > 65535)
		return -EINVAL;
	*ret = htons((in_port_t)port);
	return 0;
}

int listen_parse(const char *word, struct listen_address *ret)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)&ret->addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->addr;
	const char *colon = strrchr(word, ':');
	char host[INET6_ADDRSTRLEN + 2];
	size_t n;

	memset(ret, 0, sizeof(*ret));
	if (strncmp(word, "unix:", 5) == 0)
		return parse_path(word + 5, ret);
	n = colon ? (size_t)(colon - word) : 0;
	if (n == 0 || n >= sizeof(host))
		return -EINVAL;
	memcpy(host, word, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		ret->size = sizeof(*in4);
		return parse_port(colon + 1, &in4->sin_port);
	}
	if (host[0] != '[' || host[n - 1] != ']')
		return -EINVAL;
	host[n - 1] = '\0';
	if (inet_pton(AF_INET6, host + 1, &in6->sin6_addr) != 1)
		return -EINVAL;
	in6->sin6_family = AF_INET6;
	ret->size = sizeof(*in6);
	return parse_port(colon + 1, &in6->sin6_port);
}

/* Whether nobody listens at a socket's path any more; then it is deleted. */
static int path_clear(const struct listen_address *address)
{
	const char *path = ((const struct sockaddr_un *)&address->addr)->sun_path;
	struct stat st;
	int r, fd;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)&address->addr, address->size) < 0 &&
			errno == ECONNREFUSED
		? 0
		: -EADDRINUSE;
	(void)close(fd);
	if (r == 0 && unlink(path) < 0)
		r = -errno;
	return r;
}

/* Of the socket itself: in a folder that others write to there may be a link by now. */
static int path_open_to(const struct listen_address *address, mode_t mode)
{
	const char *path = ((const struct sockaddr_un *)&address->addr)->sun_path;

	return fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int listen_open(const struct listen_address *address, mode_t mode)
{
	bool is_path = address->addr.ss_family == AF_UNIX;
	int one = 1, r = is_path ? path_clear(address) : 0, fd;

	if (r < 0)
		return r;
	fd = socket(address->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&address->addr, address->size) < 0)
		r = -errno;
	if (r == 0 && is_path)
		r = path_open_to(address, mode);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}
