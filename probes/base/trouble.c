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
