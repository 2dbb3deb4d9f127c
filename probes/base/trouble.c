/* SPDX-License-Identifier: Apache-2.0 */
/* A source's trouble. */
#include "trouble.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void trouble_end(struct trouble *t)
{
	char code[64];

	t->failures = 0;
	if (!t->text[0])
		return;
	t->text[0] = '\0';
	(void)snprintf(code, sizeof(code), "%s-over", t->code);
	log_event(t->log, LOG_INFO, code, t->cluster, NULL, "it answers again");
}

void trouble_say(struct trouble *t, const char *format, ...)
{
	char text[sizeof(t->text)];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	t->failures++;
	if (strcmp(text, t->text) == 0)
		return;
	memcpy(t->text, text, sizeof(text));
	log_event(t->log, LOG_WARNING, t->code, t->cluster, NULL, "%s", text);
}

uint64_t jitter_ns(uint64_t seed, uint64_t most_ns)
{
	return (seed * UINT64_C(0x9e3779b97f4a7c15) >> 20) % most_ns;
}

uint64_t trouble_wait_ns(const struct trouble *t, uint64_t first_ns, uint64_t most_ns,
	uint64_t seed)
{
	uint64_t wait_ns = first_ns;

	for (unsigned i = 1; i < t->failures && wait_ns < most_ns; i++)
		wait_ns *= 2;
	if (wait_ns > most_ns)
		wait_ns = most_ns;
	return wait_ns - jitter_ns(seed ^ (uint64_t)t->failures << 32, wait_ns / 4 + 1);
}
