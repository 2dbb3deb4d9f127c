/* SPDX-License-Identifier: Apache-2.0 */
/* The client's end of the control socket (<pelorus/control.h>), for all subcommands. */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <pelorus/control.h>
#include "common/rundir.h"

#include <stdbool.h>

#define CONTROL_CLIENT_S 15 /* for an answer: a worker that hangs is ended before */

/* Where the prober of this user is: $PELORUS_RUNTIME_DIR or the rule.  0 or -errno. */
int control_client_directory(struct pel_rundir *ret);

/*
 * Connects.  A descriptor, which waits for no answer longer than some seconds; -ENOENT or -ECONNREFUSED
 * if there is no prober; -errno.
 */
int control_client_open(void);

struct control_answer {
	bool ok;
	char *text; /* ok: the body; else "CODE SENTENCE"; to be freed */
};

/* Puts one request and waits for the whole answer.  0, -ETIMEDOUT or -errno. */
int control_client_ask(int fd, const char *request, struct control_answer *ret);

/*
 * Asks without a word on standard error, and waits for so long; 0: for any time.  The body, to be freed;
 * NULL: there is none.
 */
char *control_client_text(const char *request, unsigned seconds);

/*
 * Asks, tells on standard error what went wrong, and gives the body (to be freed) if `ret_body` is
 * not NULL.  The exit status for `command`.
 */
int control_client_run(const char *command, const char *request, char **ret_body);

/* The same of a verb, which is the command's own name, and a cluster's name (NULL: none). */
int control_client_name(const char *verb, const char *name, char **ret_body);

#endif
