/* SPDX-License-Identifier: Apache-2.0 */
/* Header lines of requests and answers. */
#ifndef HTTP_HEADERS_H
#define HTTP_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEADERS_FILE_MAX 16384

struct curl_slist;

/* Adds "Name: value".  0; -EINVAL: a control character, or no name; -ENOMEM. */
int http_header_add(struct curl_slist **list, const char *line);

/*
 * Adds the lines of a file; blank ones and those that begin with '#' are passed over.  It may hold
 * secrets: a file that others may read is refused with -EACCES.  Else 0 or -errno.
 */
int http_headers_read(struct curl_slist **list, const char *path);

/* Whether this line of an answer is the named header with a decimal number as its value. */
bool http_header_number(const char *line, size_t n, const char *name, uint64_t *ret);

/* Whether it is the named header, with a value of printable characters that fits. */
bool http_header_text(const char *line, size_t n, const char *name, char *ret, size_t size);

#endif
