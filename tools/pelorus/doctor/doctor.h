/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `pelorus doctor` finds: one line for each thing that was looked at, and below what is not
 * well the sentence that mends it.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "elf_program.h"

#include <stdbool.h>
#include <stddef.h>

#define DOCTOR_NAMES 32
#define DOCTOR_TEXT 1024

struct doctor {
	unsigned failures, warnings;
	bool colors;
	struct json_object *findings;        /* NULL: they are printed at once */
	unsigned wait_ms;                    /* for a first topology */
	char **command;                      /* NULL: none was given */
	const char *names[DOCTOR_NAMES + 1]; /* clusters to look at, NULL at the end */
	unsigned n_names;
	char library[PATH_MAX]; /* empty: there is none */
	struct elf_program target;
};

enum finding { FINDING_WELL = 0, FINDING_NOTE, FINDING_FAILURE };

/* Prints a finding; `remedy` (NULL for what is well) goes below it. */
void doctor_tell(struct doctor *d, enum finding finding, const char *remedy, const char *format,
	...) __attribute__((format(printf, 4, 5)));

/* The parts, in the order in which one thing needs another. */
void doctor_look_library(struct doctor *d);
void doctor_look_target(struct doctor *d);
void doctor_look_configuration(struct doctor *d);
/* False if nothing can be learnt behind it. */
bool doctor_look_directory(struct doctor *d);
bool doctor_look_prober(struct doctor *d);
void doctor_look_clusters(struct doctor *d);

/* In the child of doctor_look_library(): which file getaddrinfo is from. */
int doctor_child(void);

#endif
