/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What MySQL 9.7 and a plugin of the kind "audit" have in common.  No package of the distribution
 * has the server's headers; this is their binary interface, which the server looks at when it loads
 * a plugin: it refuses one of another version or size.
 */
#ifndef LAB_PLUGIN_MYSQL_H
#define LAB_PLUGIN_MYSQL_H

#include <stddef.h>

#define PLUGIN_INTERFACE 0x010b
#define PLUGIN_AUDIT 5
#define PLUGIN_PROPRIETARY 0
#define AUDIT_INTERFACE 0x0401
#define AUDIT_CLASSES 11
#define AUDIT_PARSE 2  /* a class */
#define BEFORE_PARSE 1 /* its events */
#define AFTER_PARSE 2
#define IS_REWRITTEN 1 /* their flags */
#define IS_PREPARED 2
#define VARIABLE_TEXT 0x5
#define VARIABLE_READONLY 0x0200
#define VARIABLE_MEMALLOC 0x8000

struct mysql_text {
	const char *text;
	size_t size;
};

struct mysql_parse_event {
	int event;
	int *flags;
	struct mysql_text query;
	struct mysql_text *rewritten; /* of memory that the server frees */
};

struct mysql_audit {
	int interface_version;
	void (*release)(void *thd);
	int (*notify)(void *thd, int class, const void *event);
	unsigned long events[AUDIT_CLASSES];
};

struct mysql_variable {
	int flags;
	const char *name, *comment;
	int (*check)(void *thd, struct mysql_variable *variable, void *save, void *value);
	void (*update)(void *thd, struct mysql_variable *variable, void *to, const void *save);
	char **value;
	const char *default_value;
};

struct mysql_plugin {
	int type;
	void *info;
	const char *name, *author, *description;
	int license;
	int (*init)(void *plugin);
	int (*check_uninstall)(void *plugin);
	int (*deinit)(void *plugin);
	unsigned version;
	void *status;
	struct mysql_variable **variables;
	void *reserved;
	unsigned long flags;
};

/* Services of the server: a pointer of this name is made to point to them when it loads the plugin. */
#define SERVICE_VERSION ((void *)0x0100)

struct mysql_memory {
	void *(*get)(unsigned key, size_t size, int flags);
};

struct mysql_parser {
	void *unused[5];
	int (*parse)(void *thd, struct mysql_text query, unsigned char is_prepared,
		int (*handler)(int error, const char *state, const char *message, void *arg),
		void *arg);
};

#endif
