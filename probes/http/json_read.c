/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON that a stranger wrote. */
#include "json_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct json_object *json_read(const char *body, size_t n)
{
	struct json_tokener *tokener;
	struct json_object *value;

	if (n == 0 || n > JSON_READ_MAX)
		return NULL;
	tokener = json_tokener_new_ex(JSON_READ_DEPTH);
	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	value = json_tokener_parse_ex(tokener, body, (int)n);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(value);
		value = NULL;
	}
	for (size_t i = json_tokener_get_parse_end(tokener); value && i < n; i++) {
		if (!isspace((unsigned char)body[i])) {
			json_object_put(value);
			value = NULL;
		}
	}
	json_tokener_free(tokener);
	return value;
}

struct json_object *json_member(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_is_type(object, json_type_object) &&
			json_object_object_get_ex(object, key, &value)
		? value
		: NULL;
}

const char *json_string(struct json_object *object, const char *key)
{
	struct json_object *value = json_member(object, key);
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

bool json_number(struct json_object *object, const char *key, uint64_t *ret)
{
	const char *text = json_string(object, key);
	struct json_object *value = json_member(object, key);

	if (text) {
		char *end;

		errno = 0;
		*ret = strtoull(text, &end, 10);
		return isdigit((unsigned char)*text) && !*end && errno == 0;
	}
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return false;
	*ret = json_object_get_uint64(value);
	return true;
}

bool json_is_true(struct json_object *object, const char *key)
{
	struct json_object *value = json_member(object, key);

	return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

size_t json_length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

struct json_object *json_at(struct json_object *array, size_t i)
{
	return i < json_length(array) ? json_object_array_get_idx(array, i) : NULL;
}
