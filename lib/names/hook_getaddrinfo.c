/* SPDX-License-Identifier: Apache-2.0 */
/* getaddrinfo and its asynchronous kin. */
#include "answer.h"
#include "base/real.h"

#include <errno.h>

__attribute__((visibility("default"))) int getaddrinfo(const char *restrict node,
	const char *restrict service, const struct addrinfo *restrict hints,
	struct addrinfo **restrict ret)
{
	int status;

	if (answer_addrinfo(node, service, hints, ret, &status))
		return status;
	return real_get()->getaddrinfo(node, service, hints, ret);
}

/* glibc's thread for these calls its own getaddrinfo, past any hook. */
__attribute__((visibility("default"))) int getaddrinfo_a(int mode, struct gaicb *list[restrict],
	int n, struct sigevent *restrict event)
{
	const struct real *real = real_get();

	if (!real->getaddrinfo_a) {
		errno = ENOSYS;
		return EAI_SYSTEM;
	}
	for (int i = 0; i < n; i++) {
		if (list[i])
			answer_request(list[i]);
	}
	return real->getaddrinfo_a(mode, list, n, event);
}
