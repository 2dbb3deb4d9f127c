/* SPDX-License-Identifier: Apache-2.0 */
/* The files behind the configuration: where it is looked for, and who else may read it. */
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

#endif
