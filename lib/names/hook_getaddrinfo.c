/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getaddrinfo.  Its asynchronous kin is left alone: glibc's thread for it calls past any hook, and the
 * request is the program's own.
 */
#include "answer.h"
#include "lookup.h"
#include "base/real.h"

__attribute__((visibility("default"))) int getaddrinfo(const char *restrict node,
	const char *restrict service, const struct addrinfo *restrict hints,
	struct addrinfo **restrict ret)
{
	int status;

	if (answer_addrinfo(node, service, hints, ret, &status))
		return status;
	status = real_get()->getaddrinfo(node, service, hints, ret);
	if (status == 0 && node)
		lookup_heed(node, *ret);
	return status;
}
