/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what comes over UDP: replies of DNS servers, and of whoever pretends to be one. */
#include "net/dns_packet.h"

#include "common/names.h"

#include <stdlib.h>
#include <string.h>

#define NAME "db.example"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char question[] = "\0\1\2db\7example\0\0\1\0\1";
	char name[PEL_NAME_MAX];
	uint8_t packet[4096];
	struct dns_reply reply;

	/* The header's counts and flags are the input's; identity and question are right. */
	if (size < 8 || size + sizeof(question) > sizeof(packet))
		return 0;
	memcpy(packet, "\x12\x34", 2);
	memcpy(packet + 2, data, 2);
	memcpy(packet + 4, question, 2);
	memcpy(packet + 6, data + 2, 6);
	memcpy(packet + 12, question + 2, sizeof(question) - 3);
	memcpy(packet + 12 + sizeof(question) - 3, data + 8, size - 8);
	if (dns_reply_read(packet, size + sizeof(question) + 1, NAME, DNS_A, 0x1234, &reply) < 0)
		return 0;
	check(reply.n_addrs <= DNS_ADDRS && reply.n_chain <= DNS_CHAIN);
	for (unsigned i = 0; i < reply.n_chain; i++)
		check(pel_name_normalise(reply.chain[i], name) == 0 &&
			!strcmp(name, reply.chain[i]));
	for (unsigned i = 0; i < reply.n_addrs; i++)
		check(reply.addrs[i].family == 4);
	return 0;
}
