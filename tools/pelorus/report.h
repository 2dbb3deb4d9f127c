/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told about one cluster, whatever it was learnt from (the map, or a server that was asked)
 * and however it is printed.
 */
#ifndef REPORT_H
#define REPORT_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdio.h>

struct report_instance {
	char id[PEL_ID_MAX];
	char host[PEL_NAME_MAX];
	char address[64]; /* with its port; empty if not known */
	char zone[24];
	char uuid[40];
	enum pel_role role;
	enum pel_health health;
	enum pel_admission admission;
	bool routable;
	bool lagged;
	bool by_hand;          /* held by hand */
	bool unwarmed;         /* held because its warm-up came to nothing */
	bool elsewhere;        /* warmed by another prober */
	uint32_t lag_ms;       /* PEL_LAG_UNKNOWN */
	uint16_t cpu_permille; /* UINT16_MAX: not known */
	uint32_t rtt_us;       /* 0: not known */
	int64_t age_ms;        /* of the evidence; -1: there is none */
	unsigned warm_done, warm_total;
};

struct report {
	char name[PEL_NAME_MAX]; /* that it was asked for by, or its first */
	char names[PEL_MAP_NAMES][PEL_NAME_MAX];
	enum pel_role roles[PEL_MAP_NAMES];
	unsigned n_names;
	enum pel_state state;
	enum pel_why why;
	bool dns_only;
	char source[PEL_NAME_MAX + 32]; /* empty: the map; else the server that was asked */
	uint64_t generation, epoch;
	int64_t verified_ms;   /* ago; -1: never */
	int64_t writerless_ms; /* for so long; -1: there is a writer, or never was */
	int writer;            /* index, or -1 */
	unsigned n_instances;
	struct report_instance instances[PEL_MAP_INSTANCES];
};

enum report_format {
	REPORT_TABLE = 0,
	REPORT_TREE,
	REPORT_TSV,
	REPORT_JSON,
};

/* By its name on the command line; false if it is none. */
bool report_format_parse(const char *word, enum report_format *ret);

/* From a record of the map; `name` NULL: its first. */
void report_from_map(const struct pel_hot *hot, const struct pel_cold *cold, const char *name,
	uint64_t now_ns, struct report *ret);

/* The sentence that stands above the table; without a line feed. */
void report_sentence(const struct report *report, char *ret, size_t size);

/* The exit status: 0 if the topology is known. */
int report_status(const struct report *report);

/* Prints reports; JSON is an array, or a single object with `single`.  0 or -errno. */
int report_print(const struct report *reports, unsigned n, enum report_format format, bool single,
	FILE *to);

#endif
