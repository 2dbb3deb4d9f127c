/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: parser and server of <pelorus/control.h>.
 *
 * The parser is pure.  The server accepts on a listening socket that the supervisor made, checks
 * who asks (SO_PEERCRED), how often, and whether that one may; only then a verb's function runs.
 * Whatever is malformed, oversized or foreign is refused, counted, and stops nothing.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <pelorus/control.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONTROL_FIELDS 24
#define CONTROL_CONNECTIONS 256

/* A request, parsed in place: the strings lie in the caller's buffer. */
struct control_request {
	const char *verb;
	unsigned n_fields;
	struct {
		const char *key;
		const char *value;
	} fields[CONTROL_FIELDS];
};

/*
 * Parses `size` bytes; buffer[size] must be writable, and the buffer is changed.  0; -EBADMSG with
 * a sentence in *ret_why.
 */
int control_parse(char *buffer, size_t size, struct control_request *ret, const char **ret_why);

/* The value of a key, or NULL. */
const char *control_get(const struct control_request *request, const char *key);

/*
 * What is to be answered: "ok" with the body that was added, or an error.  One that cannot be kept
 * for want of memory becomes an error when it is sent.
 */
struct control_reply;
void control_reply_add(struct control_reply *reply, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void control_reply_error(struct control_reply *reply, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Keeps the connection unanswered until control_wake(); then the verb's function runs again. */
void control_reply_wait(struct control_reply *reply);

struct control_peer {
	pid_t pid;
	uid_t uid;
	bool trusted; /* our own uid or root */
};

enum control_who {
	CONTROL_TRUSTED = 0, /* our own uid and root */
	CONTROL_ANYONE,      /* others too, at their lower rate, where the directory is shared */
};

struct control_verb {
	const char *name;
	enum control_who who;
	void (*run)(void *ctx, const struct control_request *request,
		const struct control_peer *peer, struct control_reply *reply);
};

struct control_counters {
	uint64_t accepted;
	uint64_t requests;
	uint64_t malformed;
	uint64_t oversized;
	uint64_t foreign; /* from another user, for what only we and root may ask */
	uint64_t limited; /* too many in too short a time */
};

struct control_options {
	int listen_fd;                    /* stays the caller's */
	bool shared;                      /* other users may ask for what anyone may */
	const struct control_verb *verbs; /* ends with a NULL name; must outlive the server */
	void *ctx;                        /* of the verbs */
};

struct control;
struct loop;

/* 0 or -errno. */
int control_new(struct loop *loop, const struct control_options *options, struct control **ret);
void control_free(struct control *control);

/* Runs again the requests that wait. */
void control_wake(struct control *control);

/* How many connections there are. */
unsigned control_connections(const struct control *control);

const struct control_counters *control_counters(const struct control *control);

#endif
