/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topologies in one line, for tables of cases.
 *
 * Words separated by blanks, one per instance: its role (W, R, or ? for unknown), then what is
 * special about it: u unreachable, s stalled, p suspect, x not routable, n new, h held, m warming,
 * l lagged, r says reader, w says writer, 6 only an IPv6 address, d both families.  Instance i has
 * the address 10.0.0.(i+1) (or fd00::(i+1)), port 3306 and the identity 100 + i.  The first W is
 * the writer; without one the cluster is writerless since TOPO_NOW.
 */
#ifndef PELORUS_TEST_TOPO_H
#define PELORUS_TEST_TOPO_H

#include <pelorus/map.h>

#include <string.h>

#define TOPO_NOW UINT64_C(1000000000000)
#define TOPO_UID UINT64_C(77)
#define SECONDS(n) ((n)*UINT64_C(1000000000))

static inline void topo_trait(struct pel_hot_instance *in, char trait)
{
	switch (trait) {
	case 'u':
		in->health = PEL_HEALTH_UNREACHABLE;
		break;
	case 's':
		in->health = PEL_HEALTH_STALLED;
		break;
	case 'p':
		in->health = PEL_HEALTH_SUSPECT;
		break;
	case 'x':
		in->flags &= (uint16_t)~PEL_INST_ROUTABLE;
		break;
	case 'n':
		in->admission = PEL_ADMIT_NEW;
		break;
	case 'h':
		in->admission = PEL_ADMIT_HELD;
		break;
	case 'm':
		in->admission = PEL_ADMIT_WARMING;
		break;
	case 'l':
		in->flags |= PEL_INST_LAGGED;
		break;
	case 'r':
		in->self_role = PEL_ROLE_READER;
		break;
	case 'w':
		in->self_role = PEL_ROLE_WRITER;
		break;
	case '6':
		in->flags = (uint16_t)((in->flags & ~PEL_INST_HAS4) | PEL_INST_HAS6);
		break;
	case 'd':
		in->flags |= PEL_INST_HAS6;
		break;
	}
}

static inline uint8_t topo_role(char letter)
{
	return letter == 'W' ? PEL_ROLE_WRITER : letter == 'R' ? PEL_ROLE_READER : PEL_ROLE_UNKNOWN;
}

static inline const char *topo_instance(struct pel_hot *hot, const char *at)
{
	uint8_t i = hot->n_instances++;
	struct pel_hot_instance *in = &hot->instances[i];

	in->role = in->self_role = topo_role(*at++);
	in->health = PEL_HEALTH_OK;
	in->flags = PEL_INST_ROUTABLE | PEL_INST_HAS4;
	in->port = 3306;
	memcpy(in->ip4, (uint8_t[]){10, 0, 0, (uint8_t)(i + 1)}, 4);
	in->ip6[0] = 0xfd;
	in->ip6[15] = (uint8_t)(i + 1);
	in->identity = 100u + i;
	in->evidence_ns = TOPO_NOW;
	for (; *at && *at != ' '; at++)
		topo_trait(in, *at);
	if (in->role == PEL_ROLE_WRITER && hot->writer == PEL_NONE)
		hot->writer = i;
	return at;
}

static inline struct pel_hot topo(const char *words)
{
	struct pel_hot hot = {.uid = TOPO_UID,
		.generation = 1,
		.port = 3306,
		.writer = PEL_NONE,
		.verified_ns = TOPO_NOW,
		.n_names = 3};

	hot.names[0].role = PEL_ROLE_WRITER;
	hot.names[1].role = PEL_ROLE_READER;
	hot.names[2].role = PEL_ROLE_CUSTOM;
	while (*words) {
		if (*words == ' ')
			words++;
		else
			words = topo_instance(&hot, words);
	}
	hot.state = hot.writer == PEL_NONE ? PEL_STATE_WRITERLESS : PEL_STATE_KNOWN;
	hot.writerless_ns = hot.writer == PEL_NONE ? TOPO_NOW : 0;
	return hot;
}

#endif
