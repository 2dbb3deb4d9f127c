/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which names are followed, and for how long nobody has wanted them.
 *
 * A name is wanted while a slot holds its hash; one that was named on the command line is wanted for
 * ever.  Pure: time is given by the caller.
 */
#ifndef FOLLOWS_H
#define FOLLOWS_H

#include <stdbool.h>
#include <stdint.h>

#define FOLLOWS_UNWANTED_NS UINT64_C(600000000000)

struct follows;

struct follows *follows_new(void);
void follows_free(struct follows *follows);

/* Notes a name in normal form.  0 or -ENOSPC. */
int follows_add(struct follows *follows, const char *name, bool permanent, uint64_t now_ns);

/* A client's slot holds this hash.  False if no followed name has it. */
bool follows_want(struct follows *follows, uint64_t hash, uint64_t now_ns);

/* Forgets that name, if it is there. */
void follows_drop(struct follows *follows, const char *name);

/* Forgets one name that nobody has wanted for so long, and tells which; NULL if there is none. */
const char *follows_expire(struct follows *follows, uint64_t now_ns);

bool follows_any_permanent(const struct follows *follows);

#endif
