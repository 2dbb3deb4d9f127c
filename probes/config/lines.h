/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines in the dialect of my.cnf, taken apart in place.
 *
 * `[section]`, `key`, `key = value`; '#' begins a comment anywhere outside quotes, ';' at the start
 * of a line; a value may stand in single or double quotes and knows \n \t \r \b \s \\ \' \"; '_'
 * and '-' are the same in keys.
 */
#ifndef CONFIG_LINES_H
#define CONFIG_LINES_H

enum config_line_kind { CONFIG_LINE_BLANK = 0, CONFIG_LINE_SECTION, CONFIG_LINE_PAIR };

struct config_line {
	enum config_line_kind kind;
	char *name;  /* of the section, or the key */
	char *value; /* NULL: a key alone */
};

/* 0, or -EINVAL and what was expected. */
int config_line_parse(char *line, struct config_line *ret, const char **ret_expected);

#endif
