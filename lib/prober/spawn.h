/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a prober, as nobody's child.
 *
 * Of all processes that miss one, the holder of the start lock starts it; the others find the lock
 * taken, or the start recorded, and wait on the map.  A start is recorded before it is made, with
 * the time of the next: 1 s later, then 2, 4 and so on up to 60 s, until one has published a map.
 */
#ifndef PELORUS_LIB_PROBER_SPAWN_H
#define PELORUS_LIB_PROBER_SPAWN_H

#include <stdbool.h>
#include <stdint.h>

/* The record of starts, as it stands in the file: "COUNT NEXT_NS\n". */
struct spawn_record {
	uint64_t count;
	uint64_t next_ns;
};

/* Pure: parses and writes that line.  A torn or foreign text is a record of no start. */
struct spawn_record spawn_parse(const char *text);
unsigned spawn_print(const struct spawn_record *r, char ret[static 48]);

/*
 * Pure: whether a start is due, and then the record to write.  `proven_ns` is when a prober last
 * published a map, 0 if never.
 */
bool spawn_is_due(const struct spawn_record *r, uint64_t proven_ns, uint64_t now_ns,
	struct spawn_record *ret);

/* Beginnings of the variables that configure a prober, for environ_keep(). */
extern const char spawn_variables[];

/* Pure: true if KEY=VALUE goes into its environment: what configures it, but no credentials. */
bool spawn_passes_on(const char *line);

/*
 * Starts a prober if none lives, unless it would become this process's child.  True if one may be
 * expected soon: it was started here, or by somebody else within the last second.
 */
bool spawn_prober(uint64_t now_ns);

/* True if it is certain that no start of ours brings one, now that it was tried. */
bool spawn_is_hopeless(void);

#endif
