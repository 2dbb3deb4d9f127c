/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getsockopt(), for the one question that a socket which was led elsewhere may answer wrongly; and whose
 * answer may have to wait, where the map's writer has just refused it.
 */
#include "hold.h"
#include "parked.h"
#include "base/real.h"

int hook_getsockopt(int fd, int level, int name, void *value, socklen_t *len) __asm__("getsockopt")
	__attribute__((visibility("default")));

int hook_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	const void *caller = __builtin_return_address(0);
	bool asks = name == SO_ERROR && level == SOL_SOCKET;
	int r;

	if (asks && parked_answers(fd))
		r = parked_error(fd, value, len, caller);
	else
		r = real_get()->getsockopt(fd, level, name, value, len);
	if (asks && r == 0)
		hold_answered(fd, value, *len, caller);
	return r;
}
