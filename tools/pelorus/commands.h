/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subcommands of pelorus: one table in main.c, one file each.
 *
 * A command gets its own name as argv[0] and what followed it.  It prints results to standard
 * output, sentences about trouble to standard error, and returns the exit status.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

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

/*
 * For commands without arguments or with one word: -1 to go on, or the exit status of --help and of
 * a mistake, `help` having been printed.
 */
int command_words(int argc, char **argv, int most, const char *help);

int cmd_admit(int argc, char **argv);
int cmd_auth_token(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_env(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_follow(int argc, char **argv);
int cmd_lab(int argc, char **argv);
int cmd_metrics(int argc, char **argv);
int cmd_refresh(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_resolve(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_topology(int argc, char **argv);
int cmd_version(int argc, char **argv);
int cmd_warm(int argc, char **argv);
int cmd_watch(int argc, char **argv);

#endif
