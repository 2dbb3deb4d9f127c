/* SPDX-License-Identifier: Apache-2.0 */
/* What pelorusd is told on its command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "base/log.h"
#include "config/config.h"

#define OPTIONS_FOLLOWS 16

struct options {
	const char *config_path;   /* NULL: by the search order */
	const char *runtime_dir;   /* NULL: $PELORUS_RUNTIME_DIR, or the rule */
	const char *log_file;      /* NULL: standard error with foreground, else in the directory */
	const char *defaults_file; /* my.cnf; NULL: libmariadb's usual ones */
	enum log_format log_format;
	bool has_log_format; /* else that of the configuration */
	enum log_level log_level;
	bool foreground;
	bool no_option_files;
	const char *follows[OPTIONS_FOLLOWS]; /* NAME or NAME:PORT */
	unsigned n_follows;
};

/* 0: run; 1: the answer was printed (--help, --version); -EINVAL: told on standard error. */
int options_parse(int argc, char **argv, struct options *ret);

enum log_format options_log_format(const struct options *o, const struct config *config);

#endif
