/* SPDX-License-Identifier: Apache-2.0 */
/* pelorus status: how the prober does, and who uses it. */
#include "commands.h"

#include "control_client.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: pelorus status [--json]\n"
	"Prints how the prober does, and who uses it.\n";

static struct json_object *at(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	(void)json_object_object_get_ex(object, key, &value);
	return value;
}

static const char *text_at(struct json_object *object, const char *key)
{
	const char *text = json_object_get_string(at(object, key));

	return text && *text ? text : "-";
}

static long long number_at(struct json_object *object, const char *key)
{
	return json_object_get_int64(at(object, key));
}

static void clusters_print(struct json_object *clusters)
{
	for (size_t i = 0; clusters && i < json_object_array_length(clusters); i++) {
		struct json_object *c = json_object_array_get_idx(clusters, i);
		struct json_object *instances = at(c, "instances");

		printf("cluster        %s: %s, %zu instances, credentials %s\n", text_at(c, "key"),
			text_at(c, "state"), instances ? json_object_array_length(instances) : 0,
			text_at(c, "credentials"));
	}
}

static void status_print(struct json_object *s)
{
	struct json_object *clients = at(s, "clients"), *control = at(s, "control");

	printf("prober         %s, process %lld under %lld, up %lld s\n", text_at(s, "version"),
		number_at(s, "pid"), number_at(s, "supervisor"), number_at(s, "up_ms") / 1000);
	printf("directory      %s\n", text_at(s, "directory"));
	printf("configuration  %s\n", text_at(s, "configuration"));
	printf("processes      %lld, with %lld connections tracked\n", number_at(clients, "live"),
		number_at(clients, "tracked"));
	printf("connections    %lld routed, %lld severed, %lld refused\n",
		number_at(clients, "routed"), number_at(clients, "severed"),
		number_at(clients, "refused"));
	printf("requests       %lld, and %lld malformed, %lld foreign, %lld too many\n",
		number_at(control, "requests"),
		number_at(control, "malformed") + number_at(control, "oversized"),
		number_at(control, "foreign"), number_at(control, "limited"));
	clusters_print(at(s, "clusters"));
}

int cmd_status(int argc, char **argv)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	struct json_object *object;
	char *body;
	int status;

	if (argc > 1 && !json) {
		bool asked = strcmp(argv[1], "--help") == 0;

		fputs(help, asked ? stdout : stderr);
		return asked ? STATUS_OK : STATUS_USAGE;
	}
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
