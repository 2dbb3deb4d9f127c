/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files behind the configuration: where it is looked for, who else may read it, and its lines.
 *
 * Lines in the dialect of my.cnf, taken apart in place.
 *
 * `[section]`, `key`, `key = value`; '#' begins a comment anywhere outside quotes, ';' at the start
 * of a line; a value may stand in single or double quotes and knows \n \t \r \b \s \\ \' \"; '_'
 * and '-' are the same in keys.
 */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include "config.h"

#include "base/read_file.h"

/* Text without a NUL; 0, or -errno and a sentence. */
int config_file_read(const char *path, struct file *ret, struct config_error *ret_error);

/* Refuses a file that holds a password and that others may read. */
int config_file_check(const struct file *file, const struct config *config,
	struct config_error *ret_error);

/* Reads the first line of each password-file into the cluster's password. */
int config_file_read_passwords(struct config *config, struct config_error *ret_error);

enum config_line_kind { CONFIG_LINE_BLANK = 0, CONFIG_LINE_SECTION, CONFIG_LINE_PAIR };

struct config_line {
	enum config_line_kind kind;
	char *name;  /* of the section, or the key */
	char *value; /* NULL: a key alone */
};

/* 0, or -EINVAL and what was expected. */
int config_line_parse(char *line, struct config_line *ret, const char **ret_expected);

#endif
