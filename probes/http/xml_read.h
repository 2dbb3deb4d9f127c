/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the XML of AWS's Query protocol: a walk over elements, DOCTYPE refused, all bounded. */
#ifndef XML_READ_H
#define XML_READ_H

#include <stddef.h>

#define XML_READ_MAX (4 * 1024 * 1024)
#define XML_PATH_MAX 512
#define XML_TEXT_MAX 8192
#define XML_DEPTH_MAX 16

struct xml_handler {
	/* An element begins; `path` is "/Root/.../Name".  May be NULL. */
	void (*open)(void *ctx, const char *path);
	/* It ends; `text` is what stood in it, trimmed, empty if it held elements. */
	void (*close)(void *ctx, const char *path, const char *text);
	void *ctx;
};

/* 0; -EPROTO: not well-formed, or with a DOCTYPE, or beyond a bound; -ENOMEM. */
int xml_read(const char *body, size_t n, const struct xml_handler *handler);

/* The part of `path` behind the last element called `name`, which may be ""; NULL if none is. */
const char *xml_path_under(const char *path, const char *name);

#endif
