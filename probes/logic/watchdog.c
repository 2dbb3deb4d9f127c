/* SPDX-License-Identifier: Apache-2.0 */
/* Silence, measured in the caller's own time. */
#include "watchdog.h"

void watchdog_start(struct watchdog *w, int64_t now_ms)
{
	w->heard_ms = w->looked_ms = now_ms;
}

void watchdog_heard(struct watchdog *w, int64_t now_ms)
{
	w->heard_ms = now_ms;
}

bool watchdog_look(struct watchdog *w, int64_t now_ms)
{
	int64_t apart_ms = now_ms - w->looked_ms;

	if (apart_ms > WATCHDOG_LATE_MS)
		w->heard_ms += apart_ms;
	if (w->heard_ms > now_ms)
		w->heard_ms = now_ms;
	w->looked_ms = now_ms;
	return now_ms - w->heard_ms >= WATCHDOG_LIMIT_MS;
}

int64_t watchdog_deadline(const struct watchdog *w)
{
	return w->looked_ms + WATCHDOG_LOOK_MS;
}
