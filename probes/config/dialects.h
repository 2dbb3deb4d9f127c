/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of dialects: `dialect = WORD` for each, and in logic/dialect/ a file WORD.c with a struct
 * dialect_WORD.  `auto` takes the first that knows a server for its own: the most special come first,
 * for every server has a read_only.
 */
#ifndef CONFIG_DIALECTS_H
#define CONFIG_DIALECTS_H

/* clang-format off */
#define CONFIG_DIALECTS(each) \
	each(aurora) \
	each(global) \
	each(group_replication) \
	each(galera) \
	each(multi_az) \
	each(read_only)
/* clang-format on */

#endif
