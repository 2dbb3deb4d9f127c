/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to `status`, as the subcommands read it. */
#ifndef STATUS_JSON_H
#define STATUS_JSON_H

struct json_object;

/* Asks the prober; the exit status for `command`, and an object to be put back. */
int status_json_ask(const char *command, struct json_object **ret);

/* NULL, "-" and 0 where there is none. */
struct json_object *status_json_at(struct json_object *object, const char *key);
const char *status_json_text(struct json_object *object, const char *key);
long long status_json_number(struct json_object *object, const char *key);

#endif
