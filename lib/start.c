/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when the library is loaded: nothing that a program could notice. */
#include "base/env.h"
#include "names/lookup.h"
#include "base/process.h"
#include "base/real.h"
#include "base/say.h"

#include <errno.h>

__attribute__((constructor)) static void start(void)
{
	int saved = errno;

	(void)real_get();
	env_init();
	if (env_get()->active) {
		process_init();
		say_init();
		lookup_init();
	}
	errno = saved;
}
