/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every code that the library's lines have: what it says, and what pelorus-codes(7), which is made of
 * this table, says of it beyond that; the latter is no part of the library.
 */
#ifndef PELORUS_LIB_BASE_CODES_H
#define PELORUS_LIB_BASE_CODES_H

/* clang-format off */
#define SAY_CODES(CODE) \
	CODE(SAY_COLLISION, "L01", \
		"another name has this name's virtual address; left to DNS", \
		"Two names have the same virtual address; the second is left to DNS.") \
	CODE(SAY_TOO_MANY_NAMES, "L02", \
		"more names than one process may follow; left to DNS", \
		"The process looks up more names than it can follow (64); the rest is left to " \
		"DNS.") \
	CODE(SAY_BLOCK_TAKEN, "L03", \
		"the virtual addresses are in use on this host; switched off", \
		"198.18.0.0/16 is in use on this host; Pelorus stays off. `virtual-net` sets " \
		"another block.") \
	CODE(SAY_NO_PROBER, "L04", \
		"no prober runs and none can be started; names lead to DNS", \
		"No daemon runs, and none can be started; names lead where DNS leads.") \
	CODE(SAY_PROBER_FAILED, "L05", \
		"the prober did not start; names lead to DNS for now", \
		"The daemon did not start; names lead where DNS leads, and it is tried again.") \
	CODE(SAY_NO_DIRECTORY, "L06", \
		"the runtime directory cannot be used; names lead to DNS", \
		"The runtime directory cannot be used.") \
	CODE(SAY_UNTRUSTED_DIRECTORY, "L07", \
		"the runtime directory is not ours, or others may write to it; not used", \
		"The runtime directory is not trusted: its owner is another user, or others " \
		"may write to it.") \
	CODE(SAY_NETNS, "L08", \
		"the prober lives in another network namespace; not believed", \
		"The daemon is in another network namespace; it is not believed.") \
	CODE(SAY_UNREACHABLE_FROM_HERE, "L09", \
		"the prober reaches the instance, this process does not; its names lead to DNS", \
		"The daemon reaches the instance, this process does not.") \
	CODE(SAY_NO_WATCHER, "L10", \
		"no thread could be started; stale connections stay", \
		"No thread could be started; connections that have become wrong stay open.") \
	CODE(SAY_TOO_MANY_SOCKETS, "L11", \
		"a descriptor beyond those watched; it is not severed", \
		"A descriptor is beyond those that are watched; it is not closed at a " \
		"failover.") \
	CODE(SAY_NOT_A_MAP, "L12", \
		"the prober's map cannot be read; names lead to DNS", \
		"The daemon's map cannot be read; it may be of another release.") \
	CODE(SAY_INHERITS_ORPHANS, "L13", \
		"no prober runs, and a new one would become a child of this process, which is " \
		"PID 1 or a subreaper: start pelorusd beside it; names lead to DNS", \
		"No daemon runs, and one that the library started would become a child of this " \
		"process, which is process 1 or a subreaper: start `pelorusd` beside it.") \
	CODE(SAY_LONG_ENVIRONMENT, "L14", \
		"the environment is too long to be kept; a daemon that is started lacks some " \
		"of it", \
		"The environment holds more than 8 KiB of what configures a daemon or logs in " \
		"(a very long `PATH`, mostly); credentials are kept first, a daemon that the " \
		"library starts lacks the rest.") \
	CODE(SAY_CLIENT_WARNS, "L20", \
		"this client library warns on stderr of what failing over in place needs; off " \
		"for it", \
		"This client library would warn on standard error; its handles are not failed " \
		"over in place.") \
	CODE(SAY_NO_TOKEN, "L21", \
		"no RDS token for this login, or no TLS to demand of this client library; the " \
		"program's own password is used", \
		"There is no RDS token for a login, or no TLS; the program's own password is " \
		"used.") \
	CODE(SAY_ONLY_READERS, "L22", \
		"this writer's name leads to a reader, and no writer is to be found; the " \
		"connect fails", \
		"A writer's name leads to a reader, and no writer could be found within 3 s; " \
		"`mysql_real_connect` fails.")
/* clang-format on */

#endif
