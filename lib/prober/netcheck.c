/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/net/fib_trie shows every route and every local address as a dotted quad behind "-- ".  A
 * route that merely covers the block, as a default route does, has an address outside it.  The file
 * is read through a small window, and no further than a host with thousands of routes would allow.
 */
#include "netcheck.h"

#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define WINDOW 2048
#define READS_MAX 128

static bool parse_quad(const char *text, uint32_t *ret)
{
	uint32_t addr = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t part = 0;

		if (*text < '0' || *text > '9')
			return false;
		for (; *text >= '0' && *text <= '9' && part < 256; text++)
			part = part * 10 + (uint32_t)(*text - '0');
		if (part > 255 || (i < 3 && *text++ != '.'))
			return false;
		addr = addr << 8 | part;
	}
	*ret = addr;
	return true;
}

bool netcheck_line_takes(const char *line, uint32_t net4, unsigned bits, bool *inside)
{
	static const char *const refusing[] = {"UNREACHABLE", "PROHIBIT", "BLACKHOLE"};
	const char *mark = strstr(line, "-- ");
	bool takes = *inside && !mark && strchr(line, '/');
	uint32_t addr;

	if (mark)
		*inside = parse_quad(mark + 3, &addr) && pel_is_virtual4(addr, net4, bits);
	for (size_t i = 0; takes && i < sizeof(refusing) / sizeof(*refusing); i++)
		takes = !strstr(line, refusing[i]);
	return takes;
}

static bool has_line_in(char *text, size_t *size, uint32_t net4, unsigned bits, bool *inside)
{
	char *line = text, *end;

	text[*size] = '\0';
	for (; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (netcheck_line_takes(line, net4, bits, inside))
			return true;
	}
	*size = strlen(line);
	memmove(text, line, *size);
	return false;
}

bool netcheck_is_taken(uint32_t net4, unsigned bits)
{
	int saved = errno, fd = open("/proc/net/fib_trie", O_RDONLY | O_CLOEXEC);
	char text[WINDOW + 1];
	size_t size = 0;
	bool taken = false, inside = false;

	for (int i = 0; fd >= 0 && i < READS_MAX && !taken && size < WINDOW; i++) {
		ssize_t n = read(fd, text + size, WINDOW - size);

		if (n <= 0)
			break;
		size += (size_t)n;
		taken = has_line_in(text, &size, net4, bits, &inside);
	}
	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return taken;
}
