/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subcommands of pelorus: one table in main.c, one file each.
 *
 * A command gets its own name as argv[0] and what followed it.  It prints results to standard
 * output, sentences about trouble to standard error, and returns the exit status.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <pelorus/map.h>

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NO_PROBER = 3,
	STATUS_UNKNOWN = 4, /* no such cluster, or its topology is not known */
	STATUS_CREDENTIALS = 5,
};

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

/* Prints "pelorus COMMAND: SENTENCE" to standard error; returns `status`. */
int command_fail(const char *command, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* An option that stores its word, or that it was there; the list ends with an empty one. */
struct command_option {
	const char *name;
	const char **word;
	bool *flag;
	char letter; /* may be 0 */
};

/*
 * Takes the options (NULL: none but --help) and between `least` and `most` words, which are at
 * argv[optind] then.  -1 to go on, or the exit status of --help and of a mistake, `help` having been
 * printed.
 */
int command_parse(int argc, char **argv, const struct command_option *options, int least, int most,
	const char *help);

/* The exit status of a mistake, `help` being printed. */
int command_usage(const char *help);

/* The exit status of an option or a word with a value that is none, which is named. */
int command_wrong(const char *command, const char *what, const char *value, const char *expected);

/* The number of a process; 0 if it is none. */
pid_t command_pid(const char *text);

/* "writer" or "reader"; false if it is neither. */
bool command_role(const char *word, enum pel_role *ret);

/*
 * The same text with nothing in it that a terminal obeys: servers, and whoever writes a slot, may say
 * anything.  Lines stay lines.
 */
char *command_plain(char *text);

/* How many letters must be changed, put in or left out to make the one word of the other. */
unsigned command_distance(const char *a, const char *b);

/*
 * A file that belongs to this command: the first FOLDER/`file` that may be accessed by `mode` (R_OK,
 * X_OK), each folder relative to that of the running command; `named`, if neither NULL nor empty,
 * alone instead.  An absolute path without symbolic links; 0, or -errno of the last one tried.
 */
int command_find_file(const char *file, const char *named, const char *const *folders,
	size_t n_folders, int mode, char ret[static PATH_MAX]);

int cmd_admit(int argc, char **argv);
int cmd_auth_token(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_drain(int argc, char **argv);
int cmd_drill(int argc, char **argv);
int cmd_env(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_follow(int argc, char **argv);
int cmd_hosts(int argc, char **argv);
int cmd_lab(int argc, char **argv);
int cmd_metrics(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_refresh(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_resolve(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_switch(int argc, char **argv);
int cmd_topology(int argc, char **argv);
int cmd_unfollow(int argc, char **argv);
int cmd_version(int argc, char **argv);
int cmd_warm(int argc, char **argv);
int cmd_watch(int argc, char **argv);

#endif
