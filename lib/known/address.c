/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static void from_in6(const struct sockaddr_in6 *in6, struct pel_addr *ret)
{
	*ret = (struct pel_addr){.family = 6, .port = ntohs(in6->sin6_port)};
	if (memcmp(&in6->sin6_addr, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		ret->family = 4;
		memcpy(ret->ip, in6->sin6_addr.s6_addr + 12, 4);
		return;
	}
	ret->scope = in6->sin6_scope_id;
	memcpy(ret->ip, &in6->sin6_addr, 16);
}

bool address_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct pel_addr *ret)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (!sa || len < sizeof(sa->sa_family))
		return false;
	if (sa->sa_family == AF_INET && len >= sizeof(in)) {
		memcpy(&in, sa, sizeof(in));
		*ret = (struct pel_addr){.family = 4, .port = ntohs(in.sin_port)};
		memcpy(ret->ip, &in.sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6 && len >= sizeof(in6)) {
		memcpy(&in6, sa, sizeof(in6));
		from_in6(&in6, ret);
		return true;
	}
	return false;
}

socklen_t address_to_sockaddr(const struct pel_addr *a, int family, struct sockaddr_storage *ret)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};

	if (family == AF_INET) {
		if (a->family != 4)
			return 0;
		memcpy(&in.sin_addr, a->ip, 4);
		memcpy(ret, &in, sizeof(in));
		return sizeof(in);
	}
	if (family != AF_INET6 || (a->family != 4 && a->family != 6))
		return 0;
	if (a->family == 4) {
		memcpy(in6.sin6_addr.s6_addr, mapped_prefix, sizeof(mapped_prefix));
		memcpy(in6.sin6_addr.s6_addr + 12, a->ip, 4);
	} else {
		memcpy(&in6.sin6_addr, a->ip, 16);
		in6.sin6_scope_id = a->scope;
	}
	memcpy(ret, &in6, sizeof(in6));
	return sizeof(in6);
}

void address_to_text(const struct pel_addr *a, bool mapped, char ret[static ADDRESS_TEXT])
{
	const char prefix[] = "::ffff:";

	ret[0] = '\0';
	if (a->family == 6) {
		(void)inet_ntop(AF_INET6, a->ip, ret, ADDRESS_TEXT);
		return;
	}
	if (mapped)
		strcpy(ret, prefix);
	(void)inet_ntop(AF_INET, a->ip, ret + strlen(ret), ADDRESS_TEXT - sizeof(prefix));
}
