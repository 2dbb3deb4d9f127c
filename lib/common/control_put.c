/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the control socket, as they are written. */
#include <pelorus/control.h>

#include <errno.h>
#include <string.h>

int pel_control_put(char *buffer, size_t size, const char *key, const char *value)
{
	size_t start = strlen(buffer), n = start + strlen(key) + 1;

	if (n + 1 >= size)
		return -ENOSPC;
	strcat(buffer, key);
	strcat(buffer, "=");
	for (; *value && n + 5 < size; value++) {
		const char *escaped = *value == '%' ? "%25" : *value == '\n' ? "%0A" : NULL;

		if (escaped) {
			memcpy(buffer + n, escaped, 3);
			n += 3;
		} else {
			buffer[n++] = *value;
		}
	}
	if (*value || n + 1 >= size) {
		buffer[start] = '\0';
		return -ENOSPC;
	}
	buffer[n++] = '\n';
	buffer[n] = '\0';
	return 0;
}
