/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every code that the daemon's lines have, in the order of pelorus-codes(7), which is made of this
 * table.
 *
 * EVENT: `pelorus events` shows it, too.  LINE: the log alone has it.  A code stays the same for
 * ever; CODE-over, the end of a trouble, has no row of its own.  The sentences are no part of any
 * program.
 */
#ifndef CODES_H
#define CODES_H

/* clang-format off */
#define CODES_SAID(EVENT, LINE) \
	EVENT("writer-changed", "This instance has said that it is writable; writers' names lead " \
		"to it.") \
	EVENT("writer-lost", "There is no writer; connects wait for one, for as long as `hold` " \
		"says.") \
	EVENT("disabled", "Somebody had a cluster's names, or all, go where DNS leads; `enabled` " \
		"ends that.") \
	EVENT("drill", "Somebody has idle connections ended, once.") \
	EVENT("drain", "Somebody has a reader's idle connections ended, once, and new ones kept " \
		"from it, until it is admitted by hand.") \
	EVENT("connects-waited", "The writer is there; so many connects of so many programs " \
		"waited for it at once, and so long.") \
	EVENT("blue-green", "A blue/green deployment is there, its switchover begins, is in " \
		"progress, rolled back, done, over.") \
	EVENT("blue-green-unseen", "The user may not read `mysql.rds_topology`: a switchover " \
		"would be followed by DNS alone; the line says what mends it.") \
	EVENT("readers-alone", "All instances are readers, as in a secondary region; the " \
		"writer's name goes where DNS leads.") \
	EVENT("topology-unknown", "Names go where DNS leads. Why: `starting`, `no-credentials`, " \
		"`denied`, `login-unfit`, `no-answer`, `not-a-cluster`, `no-writer` (for longer " \
		"than `hold`), `disputed` (two say that they are the writer), `unroutable` " \
		"(instances cannot be reached directly), `idle` (nobody uses it).") \
	EVENT("name-left", "DNS leads the name to another cluster: it is with that one now, or, " \
		"as a warning, alone, where no login has succeeded.") \
	EVENT("clusters-merged", "Another name leads to the same cluster: they are one now.") \
	EVENT("clusters-apart", "Another name leads to the same cluster: they remain two, for " \
		"want of room.") \
	EVENT("instance-joined", "The cluster has one more.") \
	EVENT("instance-left", "The cluster has one less.") \
	EVENT("instance-health", "It is `ok`, `stalled`, or `unreachable`: then connections to " \
		"it are closed.") \
	EVENT("instance-lag", "It lags more than `max-lag`, or no more; it has no new " \
		"connections meanwhile.") \
	EVENT("instance-new", "It is new: readers' names do not lead to it yet.") \
	EVENT("instance-warming", "It is warmed up: readers' names do not lead to it yet.") \
	EVENT("instance-held", "Readers' names do not lead to it: it is held by hand, its " \
		"warm-up came to nothing, it lags, or it is of another region than home.") \
	EVENT("instance-admitted", "Readers' names lead to it.") \
	EVENT("warm-up-started", "It executes the reads of its warm-up.") \
	EVENT("warmed", "All reads of its warm-up are done.") \
	EVENT("warm-up-ended", "Its warm-up ended early.") \
	EVENT("warm-up-failed", "Its warm-up came to nothing, and is tried again.") \
	EVENT("warm-up-refused", "Some statements of the warm-up are no plain reads, and were " \
		"not run.") \
	EVENT("warm-up-timed-out", "`warm-up-timeout` is over: it is held, or admitted cold.") \
	EVENT("warm-up-no-samples", "The servers keep no samples of statements, so their history " \
		"is taken.") \
	EVENT("severed", "So many connections of so many processes were closed, for they had " \
		"become wrong.") \
	EVENT("access-denied", "A login was refused; the line says what mends it.") \
	EVENT("endpoint-elsewhere", "The cluster's own endpoint leads to a server that nobody " \
		"can log in to, while members answer: they are followed.") \
	EVENT("stranger-denied", "A name of the cluster leads to a server that is no known " \
		"member of it, and refuses the login; it says nothing of the password.") \
	EVENT("login-unfit", "The server is not one to log in to: its certificate, version of " \
		"TLS or plugin; the line says what mends it.") \
	EVENT("question-refused", "The login was taken, the question for the topology was not: " \
		"privileges.") \
	EVENT("lag-unknown", "`max-lag` plays no part, for the user may not ask for the lag.") \
	EVENT("replicas-unknown", "Members are those of the configuration alone, for the user " \
		"may not ask the writer for its replicas; the line says what mends it.") \
	EVENT("table-lies", "The topology table names another writer than the one that confirms " \
		"itself; it is not believed.") \
	EVENT("table-odd", "Rows of the table were refused, for their names or times make no " \
		"sense; or servers name members outside `allowed-hosts`.") \
	EVENT("coordinator-trouble", "A coordinator is of no use; what is known stays.") \
	EVENT("control-plane-trouble", "RDS is of no use; what is known stays.") \
	EVENT("aws-credentials-failing", "There are no AWS credentials.") \
	EVENT("secret-failing", "The secret cannot be read.") \
	EVENT("fleet-lead", "This host tells for the fleet.") \
	EVENT("fleet-follow", "Another host tells for the fleet.") \
	EVENT("fleet-lead-lost", "This host no longer tells for the fleet.") \
	EVENT("fleet-leader-silent", "Another host that told for the fleet is silent.") \
	EVENT("fleet-trouble", "The fleet cannot be reached, and this host goes on alone.") \
	EVENT("notice-trouble", "A notice could not be delivered, and is tried again.") \
	LINE("notice-dropped", "A notice was given up, or had no place among those that wait.") \
	EVENT("metrics-trouble", "Nobody can be answered at `metrics-listen`; it is tried again.") \
	EVENT("http-missing", "Nothing that speaks HTTP works, for `pelorus-http.so` cannot be " \
		"loaded.") \
	EVENT("zookeeper-missing", "No ZooKeeper is asked, for `pelorus-zookeeper.so` cannot be " \
		"loaded.") \
	EVENT("source-failed", "A source cannot be started.") \
	LINE("follow-failed", "There is no room for another cluster or name; it is left to DNS.") \
	EVENT("map-replaced", "The map was deleted or replaced, and is made anew.") \
	LINE("map-lost", "The map is gone, and cannot be made anew.") \
	LINE("directory-lost", "The runtime directory was deleted or replaced, and is made anew; " \
		"or another daemon is at work there.") \
	LINE("virtual-net-kept", "A reload found another `virtual-net`; it is taken up when the " \
		"daemon starts anew, for programs have addresses of the old one.") \
	EVENT("worker-died", "The process that works ended, and was replaced.") \
	EVENT("worker-hung", "The process that works hung, and was replaced.") \
	EVENT("supervisor-died", "The process that watches ended, and was replaced.") \
	LINE("worker-failed", "The process that works could not be started.") \
	LINE("configuration-loaded", "A configuration is in force.") \
	LINE("configuration-refused", "A configuration is broken, and the old one stays.") \
	LINE("started", "The daemon began.") \
	LINE("stopped", "The daemon ended.") \
	LINE("told-to-stop", "Somebody told the daemon to end.") \
	LINE("idle", "Nobody has needed the daemon for `idle-exit`.") \
	LINE("start-failed", "The daemon could not start.")
/* clang-format on */

#endif
