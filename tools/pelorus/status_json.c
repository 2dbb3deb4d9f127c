/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to `status`. */
#include "status_json.h"

#include "commands.h"
#include "control_client.h"

#include <json-c/json.h>
#include <stdlib.h>

int status_json_ask(const char *command, struct json_object **ret)
{
	char *body;
	int status = control_client_run(command, "status\n", &body);

	if (status != STATUS_OK)
		return status;
	*ret = json_tokener_parse(body);
	free(body);
	return *ret ? STATUS_OK : command_fail(command, STATUS_FAILED, "the answer is no JSON");
}

struct json_object *status_json_at(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	(void)json_object_object_get_ex(object, key, &value);
	return value;
}

const char *status_json_text(struct json_object *object, const char *key)
{
	const char *text = json_object_get_string(status_json_at(object, key));

	return text && *text ? text : "-";
}

long long status_json_number(struct json_object *object, const char *key)
{
	return json_object_get_int64(status_json_at(object, key));
}
