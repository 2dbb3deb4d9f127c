/* SPDX-License-Identifier: Apache-2.0 */
/* An instance that is named on the command line, looked up in the map. */
#include "instance_ref.h"

#include "commands.h"
#include "map_view.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *find_in(const struct report *r, const char *instance)
{
	for (unsigned i = 0; i < r->n_instances; i++) {
		const struct report_instance *in = &r->instances[i];

		if (strcasecmp(in->id, instance) == 0 || strcasecmp(in->host, instance) == 0)
			return in->id;
	}
	return NULL;
}

/* How many clusters have it; the last of them is the result. */
static unsigned find(const struct report *reports, unsigned n, const char *instance,
	const char **ret_name, const char **ret_id)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++) {
		const char *id = find_in(&reports[i], instance);

		if (!id)
			continue;
		*ret_name = reports[i].name;
		*ret_id = id;
		found++;
	}
	return found;
}

static int request_put(const char *command, const char *verb, const struct report *reports,
	unsigned n, const char *instance, char request[static PEL_CONTROL_MAX])
{
	const char *name = "", *id = "";
	unsigned found = find(reports, n, instance, &name, &id);

	if (found == 0)
		return command_fail(command, STATUS_UNKNOWN, "no cluster has an instance %s",
			instance);
	if (found > 1)
		return command_fail(command, STATUS_USAGE,
			"several clusters have an instance %s: name one with --cluster", instance);
	(void)snprintf(request, PEL_CONTROL_MAX, "%s\n", verb);
	if (pel_control_put(request, PEL_CONTROL_MAX, "name", name) < 0 ||
		pel_control_put(request, PEL_CONTROL_MAX, "id", id) < 0)
		return command_fail(command, STATUS_USAGE, "the name is too long");
	return STATUS_OK;
}

int instance_ref_request(const char *command, const char *verb, const char *cluster,
	const char *instance, char request[static PEL_CONTROL_MAX])
{
	struct report *reports = calloc(PEL_MAP_CLUSTERS, sizeof(*reports));
	struct map_view view;
	unsigned n;
	int status;

	if (!reports || map_view_open(&view) < 0) {
		free(reports);
		return command_fail(command, STATUS_NO_PROBER, "no prober is at work");
	}
	n = cluster ? map_view_find(&view, cluster, reports) == 0 : map_view_all(&view, reports);
	status = request_put(command, verb, reports, n, instance, request);
	map_view_close(&view);
	free(reports);
	return status;
}
