/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of the control socket, on a struct worker. */
#ifndef VERBS_H
#define VERBS_H

#include "control/control.h"

extern const struct control_verb worker_verbs[];

#endif
