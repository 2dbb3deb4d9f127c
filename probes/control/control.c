/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the control socket, parsed in place.  Pure. */
#include "control.h"

#include <errno.h>
#include <string.h>

static bool is_word(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz-");

	return n > 0 && text[n] == '\0';
}

/* Undoes %25 and %0A in place; every other use of '%' is an error, %00 too: no value has a NUL. */
static bool unescape(char *value)
{
	char *to = value;

	for (const char *at = value; *at; at++) {
		if (*at != '%') {
			*to++ = *at;
			continue;
		}
		if (strncmp(at, "%25", 3) != 0 && strncmp(at, "%0A", 3) != 0)
			return false;
		*to++ = at[1] == '2' ? '%' : '\n';
		at += 2;
	}
	*to = '\0';
	return true;
}

static const char *field_parse(char *line, struct control_request *ret)
{
	char *equals = strchr(line, '=');

	if (!equals)
		return "expected key=value";
	*equals = '\0';
	if (!is_word(line))
		return "expected a key of lower-case letters and hyphens";
	if (ret->n_fields == CONTROL_FIELDS)
		return "expected no more than 24 fields";
	if (control_get(ret, line))
		return "expected each key once";
	if (!unescape(equals + 1))
		return "expected % as %25 and a line feed as %0A";
	ret->fields[ret->n_fields].key = line;
	ret->fields[ret->n_fields++].value = equals + 1;
	return NULL;
}

int control_parse(char *buffer, size_t size, struct control_request *ret, const char **ret_why)
{
	struct control_request request = {.verb = buffer};
	char *line, *next;

	buffer[size] = '\0';
	*ret_why = "expected text without NUL";
	if (size == 0 || memchr(buffer, '\0', size))
		return -EBADMSG;
	next = strchr(buffer, '\n');
	if (next)
		*next++ = '\0';
	*ret_why = "expected a verb of lower-case letters on the first line";
	if (!is_word(buffer))
		return -EBADMSG;
	for (line = next; line && *line; line = next) {
		const char *why;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		why = field_parse(line, &request);
		if (why) {
			*ret_why = why;
			return -EBADMSG;
		}
	}
	*ret = request;
	return 0;
}

const char *control_get(const struct control_request *request, const char *key)
{
	for (unsigned i = 0; i < request->n_fields; i++) {
		if (strcmp(request->fields[i].key, key) == 0)
			return request->fields[i].value;
	}
	return NULL;
}
