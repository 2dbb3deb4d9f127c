/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON that a stranger wrote: bounded, strict, and without surprises in strings. */
#ifndef JSON_READ_H
#define JSON_READ_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_READ_MAX (1024 * 1024)
#define JSON_READ_DEPTH 16

/* One whole value, nothing but white space behind it; to be put.  NULL if it is none. */
struct json_object *json_read(const char *body, size_t n);

/* A member of an object, of any type; NULL if there is none, or `object` is no object. */
struct json_object *json_member(struct json_object *object, const char *key);

/* A string member without NUL inside, else NULL; lives as long as the object. */
const char *json_string(struct json_object *object, const char *key);

/* A number from 0 to UINT64_MAX, as a number or as the decimal string that protobuf makes of it. */
bool json_number(struct json_object *object, const char *key, uint64_t *ret);

bool json_is_true(struct json_object *object, const char *key);

/* The length of an array member; 0 if it is none.  The i-th of it, NULL beyond the end. */
size_t json_length(struct json_object *array);
struct json_object *json_at(struct json_object *array, size_t i);

#endif
