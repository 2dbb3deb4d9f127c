/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "lookup.h"
#include "base/real.h"
#include "known/address.h"
#include "rules/dns_answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* A service given as a number; 0 if it is none or a name. */
static uint16_t port_of(const char *service)
{
	unsigned port = 0;

	for (; service && *service >= '0' && *service <= '9' && port <= 65535; service++)
		port = port * 10 + (unsigned)(*service - '0');
	return !service || *service || port > 65535 ? 0 : (uint16_t)port;
}

static unsigned collect(const struct addrinfo *list, struct pel_addr addrs[PEL_MAP_ADDRS])
{
	unsigned n = 0;

	for (; list && n < PEL_MAP_ADDRS; list = list->ai_next) {
		struct pel_addr a;
		bool known = !address_from_sockaddr(list->ai_addr, list->ai_addrlen, &a);

		a.port = 0;
		for (unsigned i = 0; i < n && !known; i++)
			known = memcmp(&addrs[i], &a, sizeof(a)) == 0;
		if (!known)
			addrs[n++] = a;
	}
	return n;
}

/*
 * The answer to a lookup of the address as text names that text.  On glibc a name belongs to the
 * list and is freed with it; musl keeps it in one piece with the list and never frees it apart.
 */
static void rename_answer(struct addrinfo *list, const char *name)
{
	char *copy;

	if (!list->ai_canonname)
		return;
	if (!real_get()->is_glibc) {
		list->ai_canonname = (char *)(uintptr_t)name;
		return;
	}
	copy = strdup(name);
	if (!copy)
		return;
	free(list->ai_canonname);
	list->ai_canonname = copy;
}

static bool make(const struct lookup *l, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret, int *ret_status)
{
	struct addrinfo ours = hints ? *hints : (struct addrinfo){.ai_family = AF_UNSPEC};
	char buf[64];
	const char *text;

	if (!hints)
		ours.ai_flags = AI_V4MAPPED;
	text = lookup_answer(l, ours.ai_family, ours.ai_flags & AI_V4MAPPED, buf);
	if (!text)
		return false;
	ours.ai_flags = (ours.ai_flags | AI_NUMERICHOST) & ~AI_ADDRCONFIG;
	*ret_status = real_get()->getaddrinfo(text, service, &ours, ret);
	if (*ret_status == 0)
		rename_answer(*ret, l->followed->name);
	return true;
}

/* DNS is asked as it would be without us, and the virtual address takes the place of its answer. */
static bool learn(struct lookup *l, const char *node, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret, int *ret_status)
{
	struct pel_addr addrs[PEL_MAP_ADDRS];
	struct addrinfo *real = NULL, *ours;
	int status;

	*ret_status = real_get()->getaddrinfo(node, service, hints, &real);
	*ret = real;
	if (*ret_status != 0)
		return true;
	lookup_learn(l, addrs, collect(real, addrs));
	if (!make(l, service, hints, &ours, &status) || status != 0)
		return true;
	real_get()->freeaddrinfo(real);
	*ret = ours;
	return true;
}

bool answer_addrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret, int *ret_status)
{
	struct lookup l;
	int saved = errno;

	if (!node || (hints && (hints->ai_flags & AI_NUMERICHOST)) ||
		!lookup_begin(node, port_of(service), &l))
		return false;
	errno = saved;
	if (l.known && make(&l, service, hints, ret, ret_status))
		return true;
	return learn(&l, node, service, hints, ret, ret_status);
}

bool answer_host_begin(struct answer_host *a, const char *name, int family)
{
	if ((family != AF_INET && family != AF_INET6) || !lookup_begin(name, 0, &a->lookup))
		return false;
	a->name = a->lookup.followed->name;
	a->text = a->lookup.known ? lookup_answer(&a->lookup, family, false, a->buf) : NULL;
	return a->text || !a->lookup.known;
}

bool answer_host_learn(struct answer_host *a, const struct hostent *found)
{
	struct pel_addr addrs[PEL_MAP_ADDRS] = {0};
	size_t size = found->h_addrtype == AF_INET ? 4 : 16;
	unsigned n = 0;

	for (; n < PEL_MAP_ADDRS && found->h_addr_list[n]; n++) {
		addrs[n].family = size == 4 ? 4 : 6;
		memcpy(addrs[n].ip, found->h_addr_list[n], size);
	}
	lookup_learn(&a->lookup, addrs, n);
	a->text = lookup_answer(&a->lookup, found->h_addrtype, false, a->buf);
	return a->text;
}

bool answer_nameinfo(const struct sockaddr *addr, socklen_t len, char *host, socklen_t host_len,
	char *service, socklen_t service_len, int flags, int *ret_status)
{
	struct pel_addr a;
	const char *name;

	if (!host || host_len == 0 || (flags & NI_NUMERICHOST) ||
		!address_from_sockaddr(addr, len, &a))
		return false;
	name = lookup_name_of(&a);
	if (!name)
		return false;
	*ret_status = 0;
	if (service && service_len > 0)
		*ret_status =
			real_get()->getnameinfo(addr, len, NULL, 0, service, service_len, flags);
	if (*ret_status == 0 && strlen(name) >= host_len)
		*ret_status = EAI_OVERFLOW;
	if (*ret_status == 0)
		strcpy(host, name);
	return true;
}

static bool is_connected_to_dns(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	struct pel_addr a;

	return getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
		address_from_sockaddr((const struct sockaddr *)&peer, len, &a) && a.port == 53;
}

static bool find_virtual(const char *name, struct dns_answer_addresses *ret, void *context)
{
	const bool *vouched = context;
	const struct followed *f = lookup_received(name, *vouched);
	uint32_t v4;

	if (!f)
		return false;
	v4 = htonl(f->virtual4);
	memcpy(ret->v4, &v4, sizeof(v4));
	memcpy(ret->v6, f->virtual6, sizeof(ret->v6));
	return true;
}

void answer_received(int fd, void *bytes, size_t n, bool from_dns)
{
	int saved = errno;
	bool connected = is_connected_to_dns(fd);

	if ((from_dns || connected) && !dns_answer_rewrite(bytes, n, find_virtual, &connected) &&
		!from_dns)
		(void)dns_answer_rewrite_stream(bytes, n, find_virtual, &connected);
	errno = saved;
}

const char *answer_name_of(const void *addr, socklen_t len, int family, char ret_text[static 64])
{
	const char *name;
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct pel_addr a;

	if (family == AF_INET && len == sizeof(in.sin_addr)) {
		memcpy(&in.sin_addr, addr, len);
		if (!address_from_sockaddr((const struct sockaddr *)&in, sizeof(in), &a))
			return NULL;
	} else if (family == AF_INET6 && len == sizeof(in6.sin6_addr)) {
		memcpy(&in6.sin6_addr, addr, len);
		if (!address_from_sockaddr((const struct sockaddr *)&in6, sizeof(in6), &a))
			return NULL;
	} else {
		return NULL;
	}
	name = lookup_name_of(&a);
	return name && inet_ntop(family, addr, ret_text, 64) ? name : NULL;
}
