/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorusd's own getaddrinfo(): see the header.
 *
 * The answer is made by libc's getaddrinfo() from a numeric address, which does no I/O, so that
 * freeaddrinfo() needs no twin.
 */
#include "getaddrinfo.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct {
	const char *host;
	const struct pel_addr *addr;
} ready;

void getaddrinfo_prepare(const char *host, const struct pel_addr *addr)
{
	ready.host = host;
	ready.addr = addr;
}

#if PELORUS_STATIC
/* By ld's --wrap: in one static program two cannot have the same name. */
int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret);

#define getaddrinfo __wrap_getaddrinfo
#define real_getaddrinfo __real_getaddrinfo
#else
static int real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real ? real(node, service, hints, ret) : EAI_FAIL;
}
#endif

static int answer_numeric(const struct pel_addr *addr, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	struct addrinfo numeric = {0};
	char text[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
	size_t n;

	if (!inet_ntop(addr->family == 6 ? AF_INET6 : AF_INET, addr->ip, text, INET6_ADDRSTRLEN))
		return EAI_FAIL;
	n = strlen(text);
	if (addr->family == 6 && addr->scope)
		(void)snprintf(text + n, sizeof(text) - n, "%%%u", addr->scope);
	if (hints) {
		numeric.ai_socktype = hints->ai_socktype;
		numeric.ai_protocol = hints->ai_protocol;
	}
	numeric.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	return real_getaddrinfo(text, service, &numeric, ret);
}

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	if (!ready.host)
		return real_getaddrinfo(node, service, hints, ret);
	if (!node || strcmp(node, ready.host) != 0)
		return EAI_NONAME;
	return answer_numeric(ready.addr, service, hints, ret);
}
