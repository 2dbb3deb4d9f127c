/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of a cluster as a connection of this process read them, for when no prober publishes
 * them: where to look for the writer once it is lost.
 */
#ifndef PELORUS_LIB_CLIENT_MEMBERS_H
#define PELORUS_LIB_CLIENT_MEMBERS_H

#include "common/rows.h"
#include "known/followed.h"

#include <stdbool.h>

/* Keeps what a table of the server's said. */
void members_learn(const struct followed *f, const struct pel_rows *rows);

bool members_are_known(const struct followed *f);

/*
 * Leads this thread's connections by the name to member number `turn`, counted round and round, until
 * plan_force() takes it back.  False, and then nothing is led anywhere, if it is not known or its host
 * cannot be resolved.
 */
bool members_try(const struct followed *f, unsigned turn);
bool members_try_id(const struct followed *f, const char *id);

#endif
