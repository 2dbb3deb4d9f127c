/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoint names: form, hash, virtual address.
 *
 * An Aurora endpoint is LABEL.[PREFIX-]ID.TAIL, where TAIL is region and service in one of two
 * orders under one of the partitions' suffixes.  The prefix of the second label tells the kind.
 */
#include "names.h"

#include <errno.h>
#include <string.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

int pel_name_normalise(const char *name, char ret[static PEL_NAME_MAX])
{
	size_t n = 0, label = 0;

	for (; name[n]; n++) {
		char c = lower(name[n]);

		if (n >= PEL_NAME_MAX - 1)
			return -EINVAL;
		if (c == '.' ? label == 0 : !is_name_char(c))
			return -EINVAL;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return -EINVAL;
		ret[n] = c;
	}
	if (n > 0 && ret[n - 1] == '.')
		n--;
	if (n == 0)
		return -EINVAL;
	ret[n] = '\0';
	return 0;
}

/* If *at begins with the label `word` and a dot or the end, moves *at behind it. */
static bool take_word(const char **at, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*at, word, n) != 0 || ((*at)[n] != '.' && (*at)[n] != '\0'))
		return false;
	*at += n + ((*at)[n] == '.');
	return true;
}

/* A region has a hyphen and ends with a digit: us-east-1, us-gov-west-1, us-isob-east-1. */
static bool take_region(const char **at)
{
	size_t n = strcspn(*at, ".");

	if (n < 4 || (*at)[n] != '.' || !memchr(*at, '-', n) || (*at)[n - 1] < '0' ||
		(*at)[n - 1] > '9')
		return false;
	*at += n + 1;
	return true;
}

static bool take_service(const char **at)
{
	return take_word(at, "rds") || take_word(at, "rds-fips");
}

static bool is_suffix(const char *at)
{
	static const char *const suffixes[] = {"amazonaws.com", "amazonaws.com.cn", "amazonaws.au",
		"amazonaws.eu", "amazonaws.uk", "c2s.ic.gov", "sc2s.sgov.gov", "csp.hci.ic.gov",
		"cloud.adc-e.uk"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		if (strcmp(at, suffixes[i]) == 0)
			return true;
	}
	return false;
}

/* REGION.rds.SUFFIX or rds.REGION.SUFFIX */
static bool is_tail(const char *at)
{
	if (take_service(&at))
		return take_region(&at) && is_suffix(at);
	return take_region(&at) && take_service(&at) && is_suffix(at);
}

/* The label up to its dot neither is empty nor begins or ends with a hyphen. */
static bool is_id(const char *label)
{
	size_t n = strcspn(label, ".");

	return n > 0 && label[0] != '-' && label[n - 1] != '-';
}

static bool has_prefix(const char *label, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(label, prefix, n) == 0 && is_id(label + n);
}

static const struct {
	const char *prefix;
	enum pel_kind kind;
} prefixes[] = {
	{"cluster-custom-", PEL_KIND_CUSTOM},
	{"cluster-ro-", PEL_KIND_READER},
	{"cluster-", PEL_KIND_WRITER},
	{"proxy-", PEL_KIND_PROXY},
	{"shardgrp-", PEL_KIND_SHARDS},
};

/* The second label of an endpoint, or NULL. */
static const char *second_label(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot && dot != name ? dot + 1 : NULL;
}

/* NAME.global-ID.global.rds.SUFFIX */
static bool is_global(const char *label)
{
	const char *tail = strchr(label, '.') + 1;

	return has_prefix(label, "global-") && take_word(&tail, "global") && take_service(&tail) &&
		is_suffix(tail);
}

enum pel_kind pel_name_kind(const char *name)
{
	const char *label = second_label(name);

	if (!label || !strchr(label, '.'))
		return PEL_KIND_OTHER;
	if (is_global(label))
		return PEL_KIND_GLOBAL;
	if (!is_tail(strchr(label, '.') + 1))
		return PEL_KIND_OTHER;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		if (has_prefix(label, prefixes[i].prefix))
			return prefixes[i].kind;
	}
	return is_id(label) ? PEL_KIND_INSTANCE : PEL_KIND_OTHER;
}

enum pel_role pel_kind_role(enum pel_kind kind)
{
	switch (kind) {
	case PEL_KIND_WRITER:
	case PEL_KIND_GLOBAL:
		return PEL_ROLE_WRITER;
	case PEL_KIND_READER:
		return PEL_ROLE_READER;
	case PEL_KIND_CUSTOM:
		return PEL_ROLE_CUSTOM;
	case PEL_KIND_OTHER:
	case PEL_KIND_INSTANCE:
	case PEL_KIND_PROXY:
	case PEL_KIND_SHARDS:
		break;
	}
	return PEL_ROLE_UNKNOWN;
}

const char *pel_name_instance_domain(const char *name)
{
	const char *label = second_label(name);

	switch (pel_name_kind(name)) {
	case PEL_KIND_INSTANCE:
		return label;
	case PEL_KIND_WRITER:
	case PEL_KIND_READER:
	case PEL_KIND_CUSTOM:
		for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
			if (has_prefix(label, prefixes[i].prefix))
				return label + strlen(prefixes[i].prefix);
		}
		return NULL;
	case PEL_KIND_OTHER:
	case PEL_KIND_GLOBAL:
	case PEL_KIND_PROXY:
	case PEL_KIND_SHARDS:
		break;
	}
	return NULL;
}

bool pel_name_is_label(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > 63 || text[0] == '-' || text[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = lower(text[i]);

		if (!is_name_char(c) || c == '_')
			return false;
	}
	return true;
}

int pel_name_of_instance(const char *id, const char *domain, const char *pattern,
	char ret[static PEL_NAME_MAX])
{
	const char *mark = pattern ? strchr(pattern, '?') : NULL;
	size_t before = mark ? (size_t)(mark - pattern) : 0;
	const char *rest = mark ? mark + 1 : domain;
	char text[PEL_NAME_MAX];
	size_t n = strlen(id);

	if (!pel_name_is_label(id) || !rest || (pattern && !mark))
		return -EINVAL;
	if (before + n + 1 + strlen(rest) >= sizeof(text))
		return -EINVAL;
	if (before)
		memcpy(text, pattern, before);
	memcpy(text + before, id, n);
	text[before + n] = '\0';
	if (!mark)
		strcat(text, ".");
	strcat(text, rest);
	return pel_name_normalise(text, ret);
}

uint64_t pel_name_hash(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	/* FNV's low bits are weak, and they become the virtual address. */
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	return h ? h : 1;
}

uint32_t pel_virtual4(uint64_t hash, uint32_t net, unsigned bits)
{
	uint32_t size = bits >= 30 ? 4 : UINT32_C(1) << (32 - (bits ? bits : 1));

	return net + 2 + (uint32_t)(hash % (size - 3));
}

void pel_virtual6(uint64_t hash, const uint8_t net6[static 16], unsigned bits,
	uint8_t ret[static 16])
{
	memcpy(ret, net6, 16);
	for (unsigned i = 0; i < 8 && 8 * (16 - i) > bits; i++)
		ret[15 - i] = (uint8_t)(hash >> (8 * i));
}

bool pel_is_virtual4(uint32_t addr, uint32_t net, unsigned bits)
{
	return bits > 0 && bits <= 30 && ((addr ^ net) >> (32 - bits)) == 0;
}

bool pel_is_virtual6(const uint8_t addr[static 16], const uint8_t net6[static 16], unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (bits == 0 || bits > 64 || memcmp(addr, net6, whole) != 0)
		return false;
	return rest == 0 || ((addr[whole] ^ net6[whole]) >> (8 - rest)) == 0;
}
