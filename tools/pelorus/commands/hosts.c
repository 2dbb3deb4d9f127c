/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorus hosts: lines of /etc/hosts that lead names to their virtual addresses, for programs whose
 * resolver is neither libc's nor asks DNS in a way that can be answered: static ones, above all.
 *
 * An address is a hash of its name in the block: that of the map, else that of the configuration
 * which a prober would be started with.
 */
#include "commands.h"

#include "config/config.h"
#include "map_view.h"

#include "common/names.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX (PEL_MAP_CLUSTERS * PEL_MAP_NAMES)

static const char help[] =
	"usage: pelorus hosts [NAME...]\n"
	"Prints the lines of /etc/hosts by which static programs find a followed name, under\n"
	"`pelorus run --trap`; without NAME those of all names that are followed here.\n"
	"They never change, and are for the trapped program's container alone: whoever is neither\n"
	"trapped nor preloaded finds nobody at these addresses.\n"
	"\n"
	"Ends with 0; 2 if NAME is no host name, 3 if NAME is missing and no daemon is at work, 4 if\n"
	"there is no name, or NAME is one that is never redirected.\n";

struct hosts {
	const char *command;
	bool has_map;
	struct map_view view;
	struct config_net net;
	unsigned n;
	char addresses[LINES_MAX][INET6_ADDRSTRLEN]; /* that were printed */
};

static int net_from_configuration(struct hosts *h)
{
	char path[CONFIG_PATH_MAX] = "";
	struct config_error error = {.text = ""};
	struct config *config;

	if (config_find(NULL, path) < 0)
		*path = '\0';
	if (config_load(path, &config, &error) < 0)
		return command_fail(h->command, STATUS_FAILED, "%s", error.text);
	h->net = config->virtual_net;
	config_free(config);
	return STATUS_OK;
}

static void net_from_map(struct hosts *h)
{
	const struct pel_map_header *map = &h->view.map->header;

	h->net = (struct config_net){.v4 = map->vnet4,
		.v4_bits = map->vnet4_bits,
		.v6_bits = map->vnet6_bits};
	memcpy(h->net.v6, map->vnet6, sizeof(h->net.v6));
}

/* Whether its instances are known, and have IPv6 alone. */
static bool is_v6_alone(const struct pel_hot *hot)
{
	uint16_t families = 0;

	for (unsigned i = 0; i < hot->n_instances; i++)
		families |= hot->instances[i].flags & (PEL_INST_HAS4 | PEL_INST_HAS6);
	return families == PEL_INST_HAS6;
}

static void address_make(const struct hosts *h, const char *name, bool v6,
	char ret[static INET6_ADDRSTRLEN])
{
	uint64_t hash = pel_name_hash(name);
	struct in_addr in = {htonl(pel_virtual4(hash, h->net.v4, h->net.v4_bits))};
	uint8_t in6[16];

	pel_virtual6(hash, h->net.v6, h->net.v6_bits, in6);
	(void)inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (void *)in6 : &in, ret, INET6_ADDRSTRLEN);
}

/* The second of two names with one address stays as it is, as in every program. */
static int line_print(struct hosts *h, const char *name, bool v6)
{
	char *address = h->addresses[h->n];

	if (h->n == LINES_MAX)
		return command_fail(h->command, STATUS_FAILED, "too many names");
	address_make(h, name, v6, address);
	for (unsigned i = 0; i < h->n; i++) {
		if (strcmp(h->addresses[i], address) == 0)
			return command_fail(h->command, STATUS_FAILED,
				"%s: another name has its address; it is not followed beside that",
				name);
	}
	h->n++;
	printf("%s %s\n", address, name);
	return STATUS_OK;
}

static int name_print(struct hosts *h, const char *word)
{
	char name[PEL_NAME_MAX];
	struct pel_ref ref;
	struct pel_hot hot;
	enum pel_kind kind;
	bool known;

	if (pel_name_normalise(word, name) < 0)
		return command_fail(h->command, STATUS_USAGE, "%s is no host name", word);
	kind = pel_name_kind(name);
	if (kind != PEL_KIND_OTHER && pel_kind_role(kind) == PEL_ROLE_UNKNOWN)
		return command_fail(h->command, STATUS_UNKNOWN,
			"%s is never redirected: it needs no line", name);
	known = h->has_map && map_view_hot(&h->view, name, &ref, &hot) == 0;
	if (!known && kind == PEL_KIND_OTHER)
		fprintf(stderr,
			"pelorus %s: %s is followed by nobody yet: name it to `pelorus run "
			"--cluster`\n",
			h->command, name);
	return line_print(h, name, known && is_v6_alone(&hot));
}

/* All that have a role. */
static int names_print(struct hosts *h)
{
	struct report *reports = calloc(PEL_MAP_CLUSTERS, sizeof(*reports));
	unsigned n = reports ? map_view_all(&h->view, reports) : 0;
	int status = STATUS_OK;

	for (unsigned i = 0; i < n && status == STATUS_OK; i++) {
		for (unsigned k = 0; k < reports[i].n_names && status == STATUS_OK; k++) {
			if (reports[i].roles[k] != PEL_ROLE_UNKNOWN)
				status = name_print(h, reports[i].names[k]);
		}
	}
	free(reports);
	if (status == STATUS_OK && h->n == 0)
		status = command_fail(h->command, STATUS_UNKNOWN, "no name is followed");
	return status;
}

static int all_print(struct hosts *h, int n, char **names)
{
	int r = map_view_open(&h->view), status = STATUS_OK;

	h->has_map = r == 0;
	if (h->has_map)
		net_from_map(h);
	else if (n == 0)
		return map_view_fail(h->command, r);
	else
		status = net_from_configuration(h);
	if (status == STATUS_OK && n == 0)
		status = names_print(h);
	for (int i = 0; i < n && status == STATUS_OK; i++)
		status = name_print(h, names[i]);
	if (h->has_map)
		map_view_close(&h->view);
	return status;
}

int cmd_hosts(int argc, char **argv)
{
	int status = command_parse(argc, argv, NULL, 0, LINES_MAX, help);
	struct hosts *h;

	if (status >= 0)
		return status;
	h = calloc(1, sizeof(*h));
	if (!h)
		return command_fail(argv[0], STATUS_FAILED, "out of memory");
	h->command = argv[0];
	status = all_print(h, argc - optind, argv + optind);
	free(h);
	return status;
}
