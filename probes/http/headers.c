/* SPDX-License-Identifier: Apache-2.0 */
/* Header lines of requests and answers. */
#include "headers.h"

#include "base/read_file.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int http_header_add(struct curl_slist **list, const char *line)
{
	const char *colon = strchr(line, ':');
	struct curl_slist *more;

	if (!colon || colon == line)
		return -EINVAL;
	for (const char *c = line; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f || (c < colon && *c == ' '))
			return -EINVAL;
	}
	more = curl_slist_append(*list, line);
	if (!more)
		return -ENOMEM;
	*list = more;
	return 0;
}

int http_headers_read(struct curl_slist **list, const char *path)
{
	char *rest, *line;
	struct file file;
	int r = file_read(path, HTTP_HEADERS_FILE_MAX, FILE_PRIVATE, &file);

	if (r < 0)
		return r;
	for (rest = file.text; r == 0 && (line = strsep(&rest, "\n"));) {
		size_t length = strlen(line);

		if (length && line[length - 1] == '\r')
			line[--length] = '\0';
		if (length && *line != '#')
			r = http_header_add(list, line);
	}
	file_free(&file);
	return r;
}

/* Where the named header's value begins; NULL if it is another header. */
static const char *value_of(const char *line, size_t *n, const char *name)
{
	size_t length = strlen(name);

	if (*n <= length || line[length] != ':' || strncasecmp(line, name, length) != 0)
		return NULL;
	line += length + 1;
	*n -= length + 1;
	while (*n > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		--*n;
	}
	return line;
}

bool http_header_text(const char *line, size_t n, const char *name, char *ret, size_t size)
{
	const char *value = value_of(line, &n, name);

	while (value && n > 0 && strchr(" \t\r\n", value[n - 1]))
		n--;
	if (!value || n >= size)
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)value[i] < ' ' || value[i] == 0x7f)
			return false;
	}
	memcpy(ret, value, n);
	ret[n] = '\0';
	return true;
}

bool http_header_number(const char *line, size_t n, const char *name, uint64_t *ret)
{
	char digits[21];
	size_t count = 0;

	line = value_of(line, &n, name);
	if (!line)
		return false;
	while (count < n && line[count] >= '0' && line[count] <= '9' &&
		count < sizeof(digits) - 1) {
		digits[count] = line[count];
		count++;
	}
	digits[count] = '\0';
	for (size_t i = count; i < n; i++) {
		if (!strchr(" \t\r\n", line[i]))
			return false;
	}
	errno = 0;
	*ret = strtoull(digits, NULL, 10);
	return count > 0 && errno == 0;
}
