/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus status: how the prober does, and who uses it. */
#include "commands.h"

#include "control_client.h"
#include "status_json.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] = "usage: pelorus status [--json]\n"
			   "Prints how the prober does, and who uses it.\n";

/* Nothing where nobody has ever waited. */
static void waits_print(const char *title, struct json_object *waits, const char *now)
{
	if (!status_json_number(waits, now) && !status_json_number(waits, "waited"))
		return;
	printf("%-14s %lld wait for a writer now, %lld in all, %lld in vain, %.1f s at most\n",
		title, status_json_number(waits, now), status_json_number(waits, "waited"),
		status_json_number(waits, "given_up"),
		(double)status_json_number(waits, "longest_ms") / 1000);
}

static void clusters_print(struct json_object *clusters)
{
	for (size_t i = 0; clusters && i < json_object_array_length(clusters); i++) {
		struct json_object *c = json_object_array_get_idx(clusters, i);
		struct json_object *instances = status_json_at(c, "instances");
		const char *mode = status_json_text(c, "mode");
		bool off = strcmp(mode, "off") == 0;

		printf("cluster        %s%s: %s, %zu instances, credentials %s\n",
			off                                    ? "DISABLED "
				: strcmp(mode, "observe") == 0 ? "OBSERVED "
							       : "",
			status_json_text(c, "key"), status_json_text(c, "state"),
			instances ? json_object_array_length(instances) : 0,
			status_json_text(c, "credentials"));
		waits_print("", status_json_at(c, "held"), "now");
	}
}

static void status_print(struct json_object *s)
{
	struct json_object *clients = status_json_at(s, "clients"),
			   *control = status_json_at(s, "control");

	if (json_object_get_boolean(status_json_at(s, "disabled")))
		puts("DISABLED: ALL NAMES GO WHERE DNS LEADS; `pelorus enable` ends that");
	printf("prober         %s, process %lld under %lld, up %lld s\n",
		status_json_text(s, "version"), status_json_number(s, "pid"),
		status_json_number(s, "supervisor"), status_json_number(s, "up_ms") / 1000);
	printf("directory      %s\n", status_json_text(s, "directory"));
	printf("configuration  %s\n", status_json_text(s, "configuration"));
	printf("processes      %lld, with %lld connections tracked\n",
		status_json_number(clients, "live"), status_json_number(clients, "tracked"));
	printf("connections    %lld routed, %lld severed, %lld refused\n",
		status_json_number(clients, "routed"), status_json_number(clients, "severed"),
		status_json_number(clients, "refused"));
	waits_print("connects", clients, "held");
	printf("requests       %lld, and %lld malformed, %lld foreign, %lld too many\n",
		status_json_number(control, "requests"),
		status_json_number(control, "malformed") + status_json_number(control, "oversized"),
		status_json_number(control, "foreign"), status_json_number(control, "limited"));
	clusters_print(status_json_at(s, "clusters"));
}

int cmd_status(int argc, char **argv)
{
	bool json = false;
	const struct command_option options[] = {{"json", .flag = &json}, {0}};
	int status = command_parse(argc, argv, options, 0, 0, help);
	struct json_object *object;
	char *body;

	if (status >= 0)
		return status;
	status = control_client_run(argv[0], "status\n", &body);
	if (status != STATUS_OK)
		return status;
	object = json ? NULL : json_tokener_parse(body);
	if (object)
		status_print(object);
	else
		fputs(body, stdout);
	json_object_put(object);
	free(body);
	return STATUS_OK;
}
