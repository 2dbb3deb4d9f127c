/* SPDX-License-Identifier: Apache-2.0 */
/* The types of values in pelorus.conf: how each is read from text, and shown as text again. */
#include "keys.h"
#include "regions.h"

#include "base/listen.h"
#include "base/url.h"

#include "common/names.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool text_read(const struct config_key *key, const char *value, void *ret_field)
{
	size_t n = strlen(value);

	if (n == 0 || n >= key->size)
		return false;
	memset(ret_field, 0, key->size);
	memcpy(ret_field, value, n);
	return true;
}

static void text_show(const struct config_key *key, const void *field, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s", (const char *)field);
}

const struct config_type config_type_text = {text_read, text_show};

/* An empty password is one, too. */
static bool secret_read(const struct config_key *key, const char *value, void *ret_field)
{
	if (*value)
		return text_read(key, value, ret_field);
	memset(ret_field, 0, key->size);
	return true;
}

static void secret_show(const struct config_key *key, const void *field, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s", *(const char *)field ? "***" : "");
}

const struct config_type config_type_secret = {secret_read, secret_show};

static bool url_read(const struct config_key *key, const char *value, void *ret_field)
{
	struct url url;

	return url_parse(value, &url) == 0 && text_read(key, value, ret_field);
}

static bool source_url_read(const struct config_key *key, const char *value, void *ret_field)
{
	struct url_ensemble ensemble;

	return url_read(key, value, ret_field) ||
		(url_parse_ensemble(value, &ensemble) == 0 && text_read(key, value, ret_field));
}

const struct config_type config_type_source_url = {source_url_read, text_show};
const struct config_type config_type_url = {url_read, text_show};
const struct config_type config_type_secret_url = {url_read, secret_show};

static bool path_read(const struct config_key *key, const char *value, void *ret_field)
{
	return value[0] == '/' && text_read(key, value, ret_field);
}

const struct config_type config_type_path = {path_read, text_show};

/* Where the statements of a warm-up come from; "off" where another section's is not wanted. */
static bool warm_up_read(const struct config_key *key, const char *value, void *ret_field)
{
	struct url url;

	if (strcmp(value, "off") == 0) {
		memset(ret_field, 0, key->size);
		return true;
	}
	if (strcmp(value, "digest") != 0 && strncmp(value, "file:/", 6) != 0 &&
		url_parse(value, &url) < 0)
		return false;
	return text_read(key, value, ret_field);
}

static void warm_up_show(const struct config_key *key, const void *field, char *ret, size_t size)
{
	const char *value = field;

	(void)snprintf(ret, size, "%s", *value ? value : "off");
}

const struct config_type config_type_warm_up = {warm_up_read, warm_up_show};

static bool listen_read(const struct config_key *key, const char *value, void *ret_field)
{
	struct listen_address address;

	return listen_parse(value, &address) == 0 && text_read(key, value, ret_field);
}

const struct config_type config_type_listen = {listen_read, text_show};

static bool host_read(const struct config_key *key, const char *value, void *ret_field)
{
	char name[PEL_NAME_MAX];

	return pel_name_normalise(value, name) == 0 && text_read(key, name, ret_field);
}

const struct config_type config_type_host = {host_read, text_show};

static bool pattern_read(const struct config_key *key, const char *value, void *ret_field)
{
	const char *mark = strchr(value, '?');
	char name[PEL_NAME_MAX];

	if (!mark || strchr(mark + 1, '?') || pel_name_of_instance("a", NULL, value, name) < 0)
		return false;
	return text_read(key, value, ret_field);
}

const struct config_type config_type_pattern = {pattern_read, text_show};

static bool regions_read(const struct config_key *key, const char *value, void *ret_field)
{
	return config_regions_are_good(value) && text_read(key, value, ret_field);
}

const struct config_type config_type_regions = {regions_read, text_show};

static bool bool_read(const struct config_key *key, const char *value, void *ret_field)
{
	static const char *const words[][2] = {{"on", "off"}, {"1", "0"}, {"true", "false"},
		{"yes", "no"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		for (int off = 0; off < 2; off++) {
			if (strcasecmp(value, words[i][off]) != 0)
				continue;
			*(bool *)ret_field = !off;
			return true;
		}
	}
	return false;
}

static void bool_show(const struct config_key *key, const void *field, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s", *(const bool *)field ? "on" : "off");
}

const struct config_type config_type_bool = {bool_read, bool_show};

/* Digits alone, so that neither signs nor spaces slip in. */
static bool number_read(const char *value, size_t n, uint64_t *ret)
{
	uint64_t number = 0;

	if (n == 0 || n > 10)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (value[i] < '0' || value[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(value[i] - '0');
	}
	*ret = number;
	return true;
}

static bool key_number_read(const struct config_key *key, const char *value, void *ret_field)
{
	uint64_t number;

	if (!number_read(value, strlen(value), &number) || number < key->min || number > key->max)
		return false;
	if (key->size == sizeof(uint16_t))
		*(uint16_t *)ret_field = (uint16_t)number;
	else
		*(uint32_t *)ret_field = (uint32_t)number;
	return true;
}

static void key_number_show(const struct config_key *key, const void *field, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%u",
		key->size == sizeof(uint16_t) ? *(const uint16_t *)field
					      : *(const uint32_t *)field);
}

const struct config_type config_type_number = {key_number_read, key_number_show};

/* "1.5" of a unit of `unit_ms`; three digits behind the point at most. */
static bool quantity_read(const char *value, size_t n, uint64_t unit_ms, uint64_t *ret_ms)
{
	const char *point = memchr(value, '.', n);
	size_t whole = point ? (size_t)(point - value) : n;
	uint64_t number, part = 0, scale = 1;

	if (!number_read(value, whole, &number))
		return false;
	if (point) {
		size_t digits = n - whole - 1;

		if (digits > 3 || !number_read(point + 1, digits, &part))
			return false;
		while (digits--)
			scale *= 10;
		if (part * unit_ms % scale != 0)
			return false;
	}
	*ret_ms = number * unit_ms + part * unit_ms / scale;
	return true;
}

static bool duration_read(const struct config_key *key, const char *value, void *ret_field)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"m", 60000}, {"h", 3600000}};
	size_t n = strspn(value, "0123456789.");
	uint64_t ms = 0;
	bool known = key->min == 0 && (strcmp(value, "off") == 0 || strcmp(value, "0") == 0);

	for (size_t i = 0; !known && i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(value + n, units[i].unit) != 0)
			continue;
		if (!quantity_read(value, n, units[i].ms, &ms))
			return false;
		known = true;
	}
	if (!known || ms < key->min || ms > key->max)
		return false;
	*(uint32_t *)ret_field = (uint32_t)ms;
	return true;
}

static void duration_show(const struct config_key *key, const void *field, char *ret, size_t size)
{
	uint32_t ms = *(const uint32_t *)field;

	if (ms == 0)
		(void)snprintf(ret, size, "off");
	else if (ms % 1000)
		(void)snprintf(ret, size, "%ums", ms);
	else
		(void)snprintf(ret, size, "%us", ms / 1000);
}

const struct config_type config_type_duration = {duration_read, duration_show};

static bool word_read(const struct config_key *key, const char *value, void *ret_field)
{
	for (unsigned i = 0; key->words[i]; i++) {
		if (strcasecmp(value, key->words[i]) == 0) {
			*(unsigned *)ret_field = i;
			return true;
		}
	}
	return false;
}

static void word_show(const struct config_key *key, const void *field, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s", key->words[*(const unsigned *)field]);
}

const struct config_type config_type_word = {word_read, word_show};

/* Takes the next item of a list that commas or blanks separate; false at its end. */
static bool item_take(const char **at, char *ret, size_t size)
{
	size_t n;

	*at += strspn(*at, ", \t");
	n = strcspn(*at, ", \t");
	if (n == 0)
		return false;
	(void)snprintf(ret, size, "%.*s", (int)n, *at);
	*at += n;
	return true;
}

static bool member_read(char *item, struct config_member *ret)
{
	char *colon = strrchr(item, ':');
	uint64_t port = 0;

	if (colon) {
		if (!number_read(colon + 1, strlen(colon + 1), &port) || port < 1 || port > 65535)
			return false;
		*colon = '\0';
	}
	ret->port = (uint16_t)port;
	return pel_name_normalise(item, ret->host) == 0;
}

static bool members_read(const struct config_key *key, const char *value, void *ret_field)
{
	struct config_members *members = calloc(1, sizeof(*members));
	char item[PEL_NAME_MAX + 8];
	bool good = members != NULL;

	while (good && item_take(&value, item, sizeof(item))) {
		good = members->n < CONFIG_MEMBERS && member_read(item, &members->list[members->n]);
		if (good)
			members->n++;
	}
	good = good && members->n > 0;
	if (good)
		memcpy(ret_field, members, sizeof(*members));
	free(members);
	return good;
}

static void members_show(const struct config_key *key, const void *field, char *ret, size_t size)
{
	const struct config_members *members = field;
	size_t n = 0;

	*ret = '\0';
	for (unsigned i = 0; i < members->n && n < size; i++) {
		const struct config_member *m = &members->list[i];
		char port[8] = "";

		if (m->port)
			(void)snprintf(port, sizeof(port), ":%u", m->port);
		n += (size_t)snprintf(ret + n, size - n, "%s%s%s", i ? ", " : "", m->host, port);
	}
}

const struct config_type config_type_members = {members_read, members_show};

static bool net_read_one(char *item, struct config_net *ret)
{
	char *slash = strchr(item, '/');
	struct in6_addr a6;
	struct in_addr a4;
	uint64_t bits;

	if (!slash || !number_read(slash + 1, strlen(slash + 1), &bits))
		return false;
	*slash = '\0';
	if (inet_pton(AF_INET, item, &a4) == 1) {
		ret->v4 = ntohl(a4.s_addr);
		ret->v4_bits = (uint8_t)bits;
		return bits >= 8 && bits <= 30 && (ret->v4 & (UINT32_MAX >> bits)) == 0;
	}
	if (inet_pton(AF_INET6, item, &a6) != 1)
		return false;
	memcpy(ret->v6, &a6, sizeof(ret->v6));
	ret->v6_bits = (uint8_t)bits;
	return bits >= 16 && bits <= 64;
}

static bool net_read(const struct config_key *key, const char *value, void *ret_field)
{
	struct config_net net = *(const struct config_net *)ret_field;
	char item[64];
	bool any = false;

	while (item_take(&value, item, sizeof(item))) {
		if (!net_read_one(item, &net))
			return false;
		any = true;
	}
	if (any)
		*(struct config_net *)ret_field = net;
	return any;
}

static void net_show(const struct config_key *key, const void *field, char *ret, size_t size)
{
	const struct config_net *net = field;
	struct in_addr a4 = {.s_addr = htonl(net->v4)};
	char v4[INET_ADDRSTRLEN], v6[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET, &a4, v4, sizeof(v4));
	inet_ntop(AF_INET6, net->v6, v6, sizeof(v6));
	(void)snprintf(ret, size, "%s/%u, %s/%u", v4, net->v4_bits, v6, net->v6_bits);
}

const struct config_type config_type_net = {net_read, net_show};
