/* SPDX-License-Identifier: Apache-2.0 */
/* getsockopt(), for the one question that a socket which was led elsewhere may answer wrongly. */
#include "parked.h"
#include "base/real.h"

int hook_getsockopt(int fd, int level, int name, void *value, socklen_t *len) __asm__("getsockopt")
	__attribute__((visibility("default")));

int hook_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	if (name != SO_ERROR || level != SOL_SOCKET || !parked_answers(fd))
		return real_get()->getsockopt(fd, level, name, value, len);
	return parked_error(fd, value, len, __builtin_return_address(0));
}
