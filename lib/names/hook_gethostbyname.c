/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The old lookups: the real function makes the entry from the virtual address as text, and the name
 * that was asked for is put in its place.  Names of bindings are never freed, and neither libc
 * frees h_name apart from its buffer.
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
	char buf[64];
	const char *host_name, *text = answer_host(name, AF_INET, buf, &host_name);

	if (!text)
		return real_get()->gethostbyname(name);
	return named(real_get()->gethostbyname(text), host_name);
}

__attribute__((visibility("default"))) struct hostent *gethostbyname2(const char *name, int family)
{
	char buf[64];
	const char *host_name, *text = answer_host(name, family, buf, &host_name);

	if (!text)
		return real_get()->gethostbyname2(name, family);
	return named(real_get()->gethostbyname2(text, family), host_name);
}

__attribute__((visibility("default"))) int gethostbyname2_r(const char *restrict name, int family,
	struct hostent *restrict host, char *restrict space, size_t size,
	struct hostent **restrict ret, int *restrict ret_h_errno)
{
	char buf[64];
	const char *host_name, *text = answer_host(name, family, buf, &host_name);
	int r = real_get()->gethostbyname2_r(text ? text : name, family, host, space, size, ret,
		ret_h_errno);

	if (text && r == 0)
		(void)named(*ret, host_name);
	return r;
}

__attribute__((visibility("default"))) int gethostbyname_r(const char *restrict name,
	struct hostent *restrict host, char *restrict space, size_t size,
	struct hostent **restrict ret, int *restrict ret_h_errno)
{
	char buf[64];
	const char *host_name, *text = answer_host(name, AF_INET, buf, &host_name);
	int r = real_get()->gethostbyname_r(text ? text : name, host, space, size, ret,
		ret_h_errno);

	if (text && r == 0)
		(void)named(*ret, host_name);
	return r;
}
