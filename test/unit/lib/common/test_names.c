/* SPDX-License-Identifier: Apache-2.0 */
/* Names of endpoints: kind by form in every partition, normal form, virtual addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "common/names.h"
#include "table.h"

#define W PEL_KIND_WRITER
#define R PEL_KIND_READER
#define C PEL_KIND_CUSTOM
#define G PEL_KIND_GLOBAL
#define N PEL_KIND_INSTANCE
#define P PEL_KIND_PROXY
#define S PEL_KIND_SHARDS
#define NONE PEL_KIND_OTHER

struct row {
	const char *name;
	enum pel_kind kind;
	const char *domain; /* of the instances, or NULL */
};

static const struct row rows[] = {
	/* the usual partition */
	{"shop.cluster-c1a2b3d4e5f6.us-east-1.rds.amazonaws.com", W,
		"c1a2b3d4e5f6.us-east-1.rds.amazonaws.com"},
	{"shop.cluster-ro-c1a2b3d4e5f6.us-east-1.rds.amazonaws.com", R,
		"c1a2b3d4e5f6.us-east-1.rds.amazonaws.com"},
	{"reports.cluster-custom-c1a2b3d4e5f6.us-east-1.rds.amazonaws.com", C,
		"c1a2b3d4e5f6.us-east-1.rds.amazonaws.com"},
	{"shop-1.c1a2b3d4e5f6.us-east-1.rds.amazonaws.com", N,
		"c1a2b3d4e5f6.us-east-1.rds.amazonaws.com"},
	{"pool.proxy-c1a2b3d4e5f6.us-east-1.rds.amazonaws.com", P, NULL},
	{"pool-ro.endpoint.proxy-c1a2b3d4e5f6.us-east-1.rds.amazonaws.com", NONE, NULL},
	{"vast.shardgrp-c1a2b3d4e5f6.us-east-1.rds.amazonaws.com", S, NULL},
	{"world.global-c1a2b3d4e5f6.global.rds.amazonaws.com", G, NULL},
	{"shop.cluster-abc.ap-southeast-4.rds.amazonaws.com", W,
		"abc.ap-southeast-4.rds.amazonaws.com"},
	{"shop.cluster-ro-abc.me-central-1.rds.amazonaws.com", R,
		"abc.me-central-1.rds.amazonaws.com"},
	{"shop.cluster-abc.il-central-1.rds.amazonaws.com", W,
		"abc.il-central-1.rds.amazonaws.com"},

	/* case and the trailing dot */
	{"SHOP.CLUSTER-ABC.US-EAST-1.RDS.AMAZONAWS.COM", W, "abc.us-east-1.rds.amazonaws.com"},
	{"Shop.Cluster-Ro-Abc.us-East-1.Rds.Amazonaws.Com.", R, "abc.us-east-1.rds.amazonaws.com"},
	{"shop.cluster-abc.us-east-1.rds.amazonaws.com.", W, "abc.us-east-1.rds.amazonaws.com"},
	{"shop-1.ABC.us-east-1.rds.amazonaws.com.", N, "abc.us-east-1.rds.amazonaws.com"},
	{"world.Global-abc.GLOBAL.rds.amazonaws.com.", G, NULL},

	/* FIPS */
	{"shop.cluster-abc.us-east-1.rds-fips.amazonaws.com", W,
		"abc.us-east-1.rds-fips.amazonaws.com"},
	{"shop.cluster-ro-abc.ca-central-1.rds-fips.amazonaws.com", R,
		"abc.ca-central-1.rds-fips.amazonaws.com"},
	{"shop.cluster-abc.rds-fips.us-gov-west-1.amazonaws.com", W,
		"abc.rds-fips.us-gov-west-1.amazonaws.com"},

	/* GovCloud: service before region */
	{"shop.cluster-abc.rds.us-gov-west-1.amazonaws.com", W,
		"abc.rds.us-gov-west-1.amazonaws.com"},
	{"shop.cluster-ro-abc.rds.us-gov-east-1.amazonaws.com", R,
		"abc.rds.us-gov-east-1.amazonaws.com"},
	{"mine.cluster-custom-abc.rds.us-gov-east-1.amazonaws.com", C,
		"abc.rds.us-gov-east-1.amazonaws.com"},
	{"shop-1.abc.rds.us-gov-east-1.amazonaws.com", N, "abc.rds.us-gov-east-1.amazonaws.com"},
	{"pool.proxy-abc.rds.us-gov-east-1.amazonaws.com", P, NULL},

	/* China: both orders */
	{"shop.cluster-abc.cn-north-1.rds.amazonaws.com.cn", W,
		"abc.cn-north-1.rds.amazonaws.com.cn"},
	{"shop.cluster-abc.rds.cn-north-1.amazonaws.com.cn", W,
		"abc.rds.cn-north-1.amazonaws.com.cn"},
	{"shop.cluster-ro-abc.rds.cn-northwest-1.amazonaws.com.cn", R,
		"abc.rds.cn-northwest-1.amazonaws.com.cn"},
	{"mine.cluster-custom-abc.rds.cn-northwest-1.amazonaws.com.cn", C,
		"abc.rds.cn-northwest-1.amazonaws.com.cn"},
	{"shop-1.abc.rds.cn-northwest-1.amazonaws.com.cn", N,
		"abc.rds.cn-northwest-1.amazonaws.com.cn"},
	{"pool.proxy-abc.rds.cn-northwest-1.amazonaws.com.cn", P, NULL},
	{"world.global-abc.global.rds.amazonaws.com.cn", G, NULL},

	/* isolated and sovereign partitions */
	{"shop.cluster-abc.rds.us-iso-east-1.c2s.ic.gov", W, "abc.rds.us-iso-east-1.c2s.ic.gov"},
	{"shop.cluster-ro-abc.rds.us-iso-west-1.c2s.ic.gov", R, "abc.rds.us-iso-west-1.c2s.ic.gov"},
	{"shop.cluster-abc.rds.us-isob-east-1.sc2s.sgov.gov", W,
		"abc.rds.us-isob-east-1.sc2s.sgov.gov"},
	{"shop-1.abc.rds.us-isob-east-1.sc2s.sgov.gov", N, "abc.rds.us-isob-east-1.sc2s.sgov.gov"},
	{"shop.cluster-abc.rds.us-isof-south-1.csp.hci.ic.gov", W,
		"abc.rds.us-isof-south-1.csp.hci.ic.gov"},
	{"shop.cluster-abc.rds.eu-isoe-west-1.cloud.adc-e.uk", W,
		"abc.rds.eu-isoe-west-1.cloud.adc-e.uk"},
	{"shop.cluster-abc.eusc-de-east-1.rds.amazonaws.eu", W,
		"abc.eusc-de-east-1.rds.amazonaws.eu"},
	{"shop.cluster-ro-abc.ap-southeast-2.rds.amazonaws.au", R,
		"abc.ap-southeast-2.rds.amazonaws.au"},
	{"shop.cluster-abc.eu-west-2.rds.amazonaws.uk", W, "abc.eu-west-2.rds.amazonaws.uk"},

	/* blue and green */
	{"shop-green-x1y2z3.cluster-abc.us-east-1.rds.amazonaws.com", W,
		"abc.us-east-1.rds.amazonaws.com"},
	{"shop-green-x1y2z3.cluster-ro-abc.us-east-1.rds.amazonaws.com", R,
		"abc.us-east-1.rds.amazonaws.com"},
	{"shop-1-green-x1y2z3.abc.us-east-1.rds.amazonaws.com", N,
		"abc.us-east-1.rds.amazonaws.com"},
	{"shop-old1.cluster-abc.us-east-1.rds.amazonaws.com", W, "abc.us-east-1.rds.amazonaws.com"},
	{"shop-1-old1.abc.us-east-1.rds.amazonaws.com", N, "abc.us-east-1.rds.amazonaws.com"},

	/* names that play with the form */
	{"cluster-abc.abc.us-east-1.rds.amazonaws.com", N, "abc.us-east-1.rds.amazonaws.com"},
	{"cluster-x.cluster-abc.us-east-1.rds.amazonaws.com", W, "abc.us-east-1.rds.amazonaws.com"},
	{"proxy-x.cluster-abc.us-east-1.rds.amazonaws.com", W, "abc.us-east-1.rds.amazonaws.com"},
	{"shop.cluster-r0-abc.us-east-1.rds.amazonaws.com", W,
		"r0-abc.us-east-1.rds.amazonaws.com"},
	{"shop.clusterabc.us-east-1.rds.amazonaws.com", N,
		"clusterabc.us-east-1.rds.amazonaws.com"},
	{"shop.cluster-.us-east-1.rds.amazonaws.com", NONE, NULL},
	{"shop.cluster-ro-.us-east-1.rds.amazonaws.com", NONE, NULL},
	{"shop.cluster-custom-.us-east-1.rds.amazonaws.com", NONE, NULL},
	{"shop.global-.global.rds.amazonaws.com", NONE, NULL},
	{"shop.global-abc.us-east-1.global.rds.amazonaws.com", NONE, NULL},
	{"a.b.cluster-abc.us-east-1.rds.amazonaws.com", NONE, NULL},
	{"cluster-abc.us-east-1.rds.amazonaws.com", NONE, NULL},
	{"rds.us-east-1.amazonaws.com", NONE, NULL},
	{"shop.cluster-abc.us-east-1.rds.amazonaws.com.evil.example", NONE, NULL},
	{"shop.cluster-abc.us-east-1.rds.amazonaws.comm", NONE, NULL},
	{"shop.cluster-abc.us-east-1.rds.xamazonaws.com", NONE, NULL},
	{"shop.cluster-abc.us-east-1.rdsx.amazonaws.com", NONE, NULL},
	{"shop.cluster-abc.useast1.rds.amazonaws.com", NONE, NULL},
	{"shop.cluster-abc.us-east.rds.amazonaws.com", NONE, NULL},
	{"shop.cluster-abc.rds.amazonaws.com", NONE, NULL},

	/* other services, own domains, addresses */
	{"docs.cluster-abc.us-east-1.docdb.amazonaws.com", NONE, NULL},
	{"graph.cluster-ro-abc.us-east-1.neptune.amazonaws.com", NONE, NULL},
	{"cache.abc.use1.cache.amazonaws.com", NONE, NULL},
	{"db.example.com", NONE, NULL},
	{"localhost", NONE, NULL},
	{"10.0.0.1", NONE, NULL},
	{"_mysql._tcp.example.com", NONE, NULL},
};

static void has_its_kind(void **state)
{
	const struct row *row = *state;
	char name[PEL_NAME_MAX];
	const char *domain;

	assert_int_equal(pel_name_normalise(row->name, name), 0);
	assert_int_equal(pel_name_kind(name), row->kind);
	domain = pel_name_instance_domain(name);
	if (!row->domain)
		assert_null(domain);
	else
		assert_string_equal(domain, row->domain);
}

static const char long_label[] =
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; /* 63 */

static void the_normal_form_is_lower_case_without_the_dot(void **state)
{
	static const struct {
		const char *name, *normal; /* NULL: not a host name */
	} forms[] = {
		{"DB.Example.COM.", "db.example.com"},
		{"a", "a"},
		{"a.", "a"},
		{"_x-1.y", "_x-1.y"},
		{"", NULL},
		{".", NULL},
		{"..", NULL},
		{"a..b", NULL},
		{".a", NULL},
		{"a..", NULL},
		{"a b", NULL},
		{"a/b", NULL},
		{"a\n", NULL},
		{"a:3306", NULL},
		{"::1", NULL},
		{"fe80::1%eth0", NULL},
		{"*.example.com", NULL},
		{"d\xc3\xb6.example", NULL},
	};
	char got[PEL_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		int r = pel_name_normalise(forms[i].name, got);

		assert_int_equal(r == 0, forms[i].normal != NULL);
		if (r == 0)
			assert_string_equal(got, forms[i].normal);
	}
}

static void a_label_has_at_most_63_characters(void **state)
{
	char got[PEL_NAME_MAX], name[80];

	(void)state;
	assert_int_equal(pel_name_normalise(long_label, got), 0);
	assert_true(pel_name_is_label(long_label));
	strcpy(name, long_label);
	strcat(name, "a");
	assert_true(pel_name_normalise(name, got) < 0);
	assert_false(pel_name_is_label(name));
}

static void a_name_has_at_most_255_characters(void **state)
{
	char got[PEL_NAME_MAX], name[300] = "";

	(void)state;
	for (int i = 0; i < 4; i++) {
		strcat(name, i ? "." : "");
		strcat(name, long_label);
	}
	assert_int_equal(strlen(name), 255);
	assert_int_equal(pel_name_normalise(name, got), 0);
	assert_string_equal(got, name);
	strcat(name, ".a");
	assert_true(pel_name_normalise(name, got) < 0);
}

static void an_instance_is_found_under_its_domain_or_pattern(void **state)
{
	static const struct {
		const char *id, *domain, *pattern, *host; /* NULL: refused */
	} hosts[] = {
		{"shop-1", "abc.us-east-1.rds.amazonaws.com", NULL,
			"shop-1.abc.us-east-1.rds.amazonaws.com"},
		{"Shop-1", "abc.example", NULL, "shop-1.abc.example"},
		{"shop-1", NULL, "?.db.example.com", "shop-1.db.example.com"},
		{"shop-1", "ignored", "db-?.example.com", "db-shop-1.example.com"},
		{"shop-1", NULL, NULL, NULL},
		{"shop-1", NULL, "db.example.com", NULL},
		{"evil.example", "abc.example", NULL, NULL},
		{"", "abc.example", NULL, NULL},
		{"-x", "abc.example", NULL, NULL},
		{"x-", "abc.example", NULL, NULL},
		{"a_b", "abc.example", NULL, NULL},
		{"a/b", "abc.example", NULL, NULL},
		{"10.0.0.1", "abc.example", NULL, NULL},
	};
	char got[PEL_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		int r = pel_name_of_instance(hosts[i].id, hosts[i].domain, hosts[i].pattern, got);

		assert_int_equal(r == 0, hosts[i].host != NULL);
		if (r == 0)
			assert_string_equal(got, hosts[i].host);
	}
}

/* These addresses are a contract with every program that has cached one: they may never change. */
static void a_virtual_address_is_the_same_for_ever(void **state)
{
	const uint8_t net6[16] = PEL_VNET6;
	const uint64_t hash = pel_name_hash("shop.cluster-abc.us-east-1.rds.amazonaws.com");
	const uint8_t want6[16] = PEL_VNET6;
	uint8_t got6[16];

	(void)state;
	assert_true(hash == UINT64_C(0x197c409d15620449));
	assert_int_equal(pel_virtual4(hash, PEL_VNET4, PEL_VNET4_BITS), 0xc6123a19);
	pel_virtual6(hash, net6, PEL_VNET6_BITS, got6);
	assert_memory_equal(got6, want6, 8);
	for (int i = 0; i < 8; i++)
		assert_int_equal(got6[15 - i], (uint8_t)(hash >> (8 * i)));
}

static void a_virtual_address_is_a_usable_one_of_its_block(void **state)
{
	static const uint64_t edges[] = {0, 1, 2, 65532, 65533, 65534, UINT64_MAX, UINT64_MAX - 1};
	static const unsigned bits[] = {8, 15, 16, 24, 29, 30};

	(void)state;
	for (size_t b = 0; b < sizeof(bits) / sizeof(*bits); b++) {
		uint32_t size = UINT32_C(1) << (32 - bits[b]);

		for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
			uint32_t a = pel_virtual4(edges[i], 0x0a000000, bits[b]);

			assert_true(pel_is_virtual4(a, 0x0a000000, bits[b]));
			assert_in_range(a - 0x0a000000, 2, size - 2);
		}
	}
}

static void what_is_outside_of_the_block_is_not_virtual(void **state)
{
	const uint8_t net6[16] = PEL_VNET6;
	uint8_t a[16] = PEL_VNET6;

	(void)state;
	assert_true(pel_is_virtual4(0xc6120001, PEL_VNET4, 16));
	assert_true(pel_is_virtual4(0xc612ffff, PEL_VNET4, 16));
	assert_false(pel_is_virtual4(0xc6130000, PEL_VNET4, 16));
	assert_false(pel_is_virtual4(0xc611ffff, PEL_VNET4, 16));
	assert_false(pel_is_virtual4(0xc6120001, PEL_VNET4, 0));
	assert_false(pel_is_virtual4(0xc6120001, PEL_VNET4, 33));
	assert_true(pel_is_virtual6(a, net6, 48));
	a[15] = 1;
	assert_true(pel_is_virtual6(a, net6, 48));
	a[5] = 1;
	assert_false(pel_is_virtual6(a, net6, 48));
	assert_true(pel_is_virtual6(a, net6, 47));
	assert_false(pel_is_virtual6(a, net6, 0));
	assert_false(pel_is_virtual6(a, net6, 65));
}

/* Names that differ in one character must not meet: 4,000 of them collide as chance has it. */
static void virtual_addresses_of_similar_names_spread(void **state)
{
	static uint8_t seen[65536];
	unsigned collisions = 0;
	char name[] = "shop-0000.cluster-abc.us-east-1.rds.amazonaws.com";

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		uint32_t a;

		for (unsigned d = 0, rest = i; d < 4; d++, rest /= 10)
			name[8 - d] = (char)('0' + rest % 10);
		a = pel_virtual4(pel_name_hash(name), PEL_VNET4, 16) & 0xffff;
		collisions += seen[a];
		seen[a] = 1;
	}
	/* 4000^2 / 2 / 65533 = 122 expected, standard deviation about 11 */
	assert_in_range(collisions, 60, 190);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(the_normal_form_is_lower_case_without_the_dot),
		cmocka_unit_test(a_label_has_at_most_63_characters),
		cmocka_unit_test(a_name_has_at_most_255_characters),
		cmocka_unit_test(an_instance_is_found_under_its_domain_or_pattern),
		cmocka_unit_test(a_virtual_address_is_the_same_for_ever),
		cmocka_unit_test(a_virtual_address_is_a_usable_one_of_its_block),
		cmocka_unit_test(what_is_outside_of_the_block_is_not_virtual),
		cmocka_unit_test(virtual_addresses_of_similar_names_spread),
	};

	return table_run("names", TABLE_OF(rows, has_its_kind, others), NULL, NULL);
}
