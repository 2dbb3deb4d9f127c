/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker in Prometheus's text format, in parts of a hundred lines or so: a part is a family's
 * lines of one cluster.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdio.h>

extern const unsigned metrics_parts;

/* Writes part `from`, from 0, of a struct worker; the number of the next, 0 behind the last. */
unsigned metrics_put(void *worker, unsigned from, FILE *out);

#endif
