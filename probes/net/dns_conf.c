/* SPDX-License-Identifier: Apache-2.0 */
/* resolv.conf and hosts, from text. */
#include "dns_conf.h"

#include "common/names.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DNS_PORT 53
#define BLANKS " \t\r"

bool dns_addr_parse(const char *text, struct pel_addr *ret)
{
	struct pel_addr addr = {.family = 4};
	char host[INET6_ADDRSTRLEN];
	size_t n = strcspn(text, "%");

	if (n >= sizeof(host))
		return false;
	if (inet_pton(AF_INET, text, addr.ip) == 1) {
		*ret = addr;
		return true;
	}
	memcpy(host, text, n);
	host[n] = '\0';
	addr.family = 6;
	if (inet_pton(AF_INET6, host, addr.ip) != 1)
		return false;
	if (text[n] == '%') {
		addr.scope = if_nametoindex(text + n + 1);
		if (addr.scope == 0)
			addr.scope = (uint32_t)strtoul(text + n + 1, NULL, 10);
	}
	*ret = addr;
	return true;
}

/* Copies the next line without its comment; false at the end. */
static bool line_next(const char **at, char *ret, size_t size)
{
	size_t n = strcspn(*at, "\n"), kept;

	if (**at == '\0')
		return false;
	kept = n < size - 1 ? n : size - 1;
	memcpy(ret, *at, kept);
	ret[kept] = '\0';
	ret[strcspn(ret, "#;")] = '\0';
	*at += n + ((*at)[n] == '\n');
	return true;
}

static void server_add(struct dns_conf *conf, const char *word)
{
	struct pel_addr *server = &conf->servers[conf->n_servers];

	if (conf->n_servers == DNS_SERVERS || !word || !dns_addr_parse(word, server))
		return;
	server->port = DNS_PORT;
	conf->n_servers++;
}

static void search_set(struct dns_conf *conf, char **rest)
{
	char *word;

	conf->n_search = 0;
	while ((word = strtok_r(NULL, BLANKS, rest)) && conf->n_search < DNS_SEARCH) {
		if (pel_name_normalise(word, conf->search[conf->n_search]) == 0)
			conf->n_search++;
	}
}

void dns_conf_parse(const char *text, struct dns_conf *ret)
{
	char line[1024], *word, *rest;

	*ret = (struct dns_conf){.ndots = 1};
	while (line_next(&text, line, sizeof(line))) {
		word = strtok_r(line, BLANKS, &rest);
		if (!word)
			continue;
		if (strcmp(word, "nameserver") == 0)
			server_add(ret, strtok_r(NULL, BLANKS, &rest));
		else if (strcmp(word, "search") == 0 || strcmp(word, "domain") == 0)
			search_set(ret, &rest);
		else if (strcmp(word, "options") == 0)
			while ((word = strtok_r(NULL, BLANKS, &rest)))
				(void)sscanf(word, "ndots:%2u", &ret->ndots);
	}
	if (ret->n_servers == 0)
		server_add(ret, "127.0.0.1");
}

unsigned dns_hosts_find(const char *text, const char *name, unsigned max, struct pel_addr *ret)
{
	char line[1024], host[PEL_NAME_MAX], *word, *rest;
	unsigned n = 0;

	while (n < max && line_next(&text, line, sizeof(line))) {
		word = strtok_r(line, BLANKS, &rest);
		if (!word || !dns_addr_parse(word, &ret[n]))
			continue;
		while ((word = strtok_r(NULL, BLANKS, &rest))) {
			if (pel_name_normalise(word, host) < 0 || strcmp(host, name) != 0)
				continue;
			n++;
			break;
		}
	}
	return n;
}

static unsigned dots_in(const char *name)
{
	unsigned n = 0;

	for (; *name; name++)
		n += *name == '.';
	return n;
}

bool dns_conf_candidate(const struct dns_conf *conf, const char *name, unsigned i,
	char ret[static PEL_NAME_MAX])
{
	bool bare_first = dots_in(name) >= conf->ndots;
	unsigned bare = bare_first ? 0 : conf->n_search, n = 0;

	for (unsigned k = 0; k <= conf->n_search; k++) {
		const char *domain = k == bare ? "" : conf->search[bare_first ? k - 1 : k];

		if (strlen(name) + 1 + strlen(domain) >= PEL_NAME_MAX || n++ < i)
			continue;
		strcpy(ret, name);
		if (k != bare)
			strcat(strcat(ret, "."), domain);
		return true;
	}
	return false;
}
