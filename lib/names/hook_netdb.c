/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The old lookups, and the way back from a virtual address to its name: the real function makes the
 * entry from the address as text, and the name is put in its place.  Names that are followed are never
 * freed, and neither libc frees h_name apart from its buffer.
 */
#include "answer.h"
#include "base/real.h"

#include <stdint.h>

static struct hostent *named(struct hostent *host, const char *name)
{
	if (host)
		host->h_name = (char *)(uintptr_t)name;
	return host;
}

__attribute__((visibility("default"))) struct hostent *gethostbyname(const char *name)
{
	struct answer_host a;
	struct hostent *found;

	if (!answer_host_begin(&a, name, AF_INET))
		return real_get()->gethostbyname(name);
	found = a.text ? NULL : real_get()->gethostbyname(name);
	if (!a.text && (!found || !answer_host_learn(&a, found)))
		return found;
	return named(real_get()->gethostbyname(a.text), a.name);
}

__attribute__((visibility("default"))) struct hostent *gethostbyname2(const char *name, int family)
{
	struct answer_host a;
	struct hostent *found;

	if (!answer_host_begin(&a, name, family))
		return real_get()->gethostbyname2(name, family);
	found = a.text ? NULL : real_get()->gethostbyname2(name, family);
	if (!a.text && (!found || !answer_host_learn(&a, found)))
		return found;
	return named(real_get()->gethostbyname2(a.text, family), a.name);
}

__attribute__((visibility("default"))) int gethostbyname2_r(const char *restrict name, int family,
	struct hostent *restrict host, char *restrict space, size_t size,
	struct hostent **restrict ret, int *restrict ret_h_errno)
{
	const struct real *real = real_get();
	struct answer_host a;
	bool ours = answer_host_begin(&a, name, family);
	int r = 0;

	if (!ours || !a.text)
		r = real->gethostbyname2_r(name, family, host, space, size, ret, ret_h_errno);
	if (!ours || (!a.text && (r != 0 || !*ret || !answer_host_learn(&a, *ret))))
		return r;
	r = real->gethostbyname2_r(a.text, family, host, space, size, ret, ret_h_errno);
	if (r == 0)
		(void)named(*ret, a.name);
	return r;
}

__attribute__((visibility("default"))) int gethostbyname_r(const char *restrict name,
	struct hostent *restrict host, char *restrict space, size_t size,
	struct hostent **restrict ret, int *restrict ret_h_errno)
{
	const struct real *real = real_get();
	struct answer_host a;
	bool ours = answer_host_begin(&a, name, AF_INET);
	int r = 0;

	if (!ours || !a.text)
		r = real->gethostbyname_r(name, host, space, size, ret, ret_h_errno);
	if (!ours || (!a.text && (r != 0 || !*ret || !answer_host_learn(&a, *ret))))
		return r;
	r = real->gethostbyname_r(a.text, host, space, size, ret, ret_h_errno);
	if (r == 0)
		(void)named(*ret, a.name);
	return r;
}

__attribute__((visibility("default"))) struct hostent *gethostbyaddr(const void *addr,
	socklen_t len, int family)
{
	char text[64];
	const char *name = answer_name_of(addr, len, family, text);

	if (!name)
		return real_get()->gethostbyaddr(addr, len, family);
	return named(real_get()->gethostbyname2(text, family), name);
}

__attribute__((visibility("default"))) int gethostbyaddr_r(const void *restrict addr, socklen_t len,
	int family, struct hostent *restrict host, char *restrict buf, size_t size,
	struct hostent **restrict ret, int *restrict ret_h_errno)
{
	char text[64];
	const char *name = answer_name_of(addr, len, family, text);
	int r;

	if (!name)
		return real_get()->gethostbyaddr_r(addr, len, family, host, buf, size, ret,
			ret_h_errno);
	r = real_get()->gethostbyname2_r(text, family, host, buf, size, ret, ret_h_errno);
	if (r == 0)
		(void)named(*ret, name);
	return r;
}

__attribute__((visibility("default"))) int getnameinfo(const struct sockaddr *restrict addr,
	socklen_t len, char *restrict host, socklen_t host_len, char *restrict service,
	socklen_t service_len, int flags)
{
	int status;

	if (answer_nameinfo(addr, len, host, host_len, service, service_len, flags, &status))
		return status;
	return real_get()->getnameinfo(addr, len, host, host_len, service, service_len, flags);
}
