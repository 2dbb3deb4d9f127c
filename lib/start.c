/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when the library is loaded: nothing that a program could notice. */
#include "base/env.h"
#include "base/environ.h"
#include "base/process.h"
#include "base/real.h"
#include "base/say.h"
#include "prober/envcreds.h"
#include "prober/spawn.h"
#include "names/lookup.h"

#include <errno.h>

/* They lie in this process's memory anyway; nothing looks at them before a cluster is followed. */
static void keep_environment(void)
{
	if (env_get()->secure)
		return;
	/* What logs in comes first: there may be no room for all. */
	environ_keep_own(envcreds_variables);
	environ_keep_own(spawn_variables);
}

__attribute__((constructor)) static void start(void)
{
	int saved = errno;

	(void)real_get();
	env_init();
	if (env_get()->active) {
		process_init();
		say_init();
		lookup_init();
		keep_environment();
	}
	errno = saved;
}
