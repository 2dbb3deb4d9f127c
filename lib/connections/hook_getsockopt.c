/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getsockopt(), for the one question that a socket which was led elsewhere may answer wrongly; and whose
 * answer may have to wait, where the map's writer has just refused it.
 */
#include "hold.h"
#include "parked.h"
#include "base/quiet.h"
#include "base/real.h"

#include <errno.h>
#include <string.h>

int hook_getsockopt(int fd, int level, int name, void *value, socklen_t *len) __asm__("getsockopt")
	__attribute__((visibility("default")));

static bool says_refused(const void *value, socklen_t n)
{
	int error = 0;

	if (n >= sizeof(error))
		memcpy(&error, value, sizeof(error));
	return error == ECONNREFUSED;
}

static void go_on(int fd, void *value, const void *caller)
{
	struct quiet quiet = quiet_begin();
	int word = parked_word(caller);

	if (word != 0 && hold_refused(fd))
		memcpy(value, &word, sizeof(word));
	quiet_end(quiet);
}

int hook_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	const void *caller = __builtin_return_address(0);
	bool asks = name == SO_ERROR && level == SOL_SOCKET;
	int r;

	if (asks && parked_answers(fd))
		r = parked_error(fd, value, len, caller);
	else
		r = real_get()->getsockopt(fd, level, name, value, len);
	if (asks && r == 0 && says_refused(value, *len))
		go_on(fd, value, caller);
	return r;
}
