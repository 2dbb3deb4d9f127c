/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over XML.
 *
 * No document of these interfaces has a DOCTYPE, and entities of one are the known way to make a
 * small document large: it ends the reading.
 */
#include "xml_read.h"

#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <string.h>

struct walk {
	XML_Parser parser;
	const struct xml_handler *handler;
	char path[XML_PATH_MAX];
	char text[XML_TEXT_MAX];
	size_t path_n, text_n;
	unsigned depth;
	bool refused;
};

static void refuse(struct walk *w)
{
	w->refused = true;
	XML_StopParser(w->parser, XML_FALSE);
}

static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
	const XML_Char *public, int has_subset)
{
	refuse(ctx);
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	struct walk *w = ctx;
	size_t n = strlen(name);

	if (w->refused)
		return;
	if (w->depth == XML_DEPTH_MAX || w->path_n + n + 2 > sizeof(w->path)) {
		refuse(w);
		return;
	}
	w->path[w->path_n++] = '/';
	memcpy(w->path + w->path_n, name, n + 1);
	w->path_n += n;
	w->depth++;
	w->text_n = 0;
	if (w->handler->open)
		w->handler->open(w->handler->ctx, w->path);
}

static void XMLCALL on_text(void *ctx, const XML_Char *text, int n)
{
	struct walk *w = ctx;

	if (w->refused)
		return;
	if (w->text_n + (size_t)n >= sizeof(w->text)) {
		refuse(w);
		return;
	}
	memcpy(w->text + w->text_n, text, (size_t)n);
	w->text_n += (size_t)n;
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
	static const char blank[] = " \t\r\n";
	struct walk *w = ctx;
	const char *text;

	if (w->refused)
		return;
	while (w->text_n > 0 && strchr(blank, w->text[w->text_n - 1]))
		w->text_n--;
	w->text[w->text_n] = '\0';
	text = w->text + strspn(w->text, blank);
	w->handler->close(w->handler->ctx, w->path, text);
	w->text_n = 0;
	w->path_n -= strlen(name) + 1;
	w->path[w->path_n] = '\0';
	w->depth--;
}

int xml_read(const char *body, size_t n, const struct xml_handler *handler)
{
	struct walk w = {.handler = handler};
	enum XML_Status status;

	if (n == 0 || n > XML_READ_MAX)
		return -EPROTO;
	w.parser = XML_ParserCreate(NULL);
	if (!w.parser)
		return -ENOMEM;
	XML_SetUserData(w.parser, &w);
	XML_SetStartDoctypeDeclHandler(w.parser, on_doctype);
	XML_SetElementHandler(w.parser, on_start, on_end);
	XML_SetCharacterDataHandler(w.parser, on_text);
	status = XML_Parse(w.parser, body, (int)n, XML_TRUE);
	XML_ParserFree(w.parser);
	explicit_bzero(w.text, sizeof(w.text));
	return status == XML_STATUS_OK && !w.refused ? 0 : -EPROTO;
}

const char *xml_path_under(const char *path, const char *name)
{
	size_t n = strlen(name);
	const char *found = NULL;

	for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
		if (strncmp(at + 1, name, n) != 0)
			continue;
		if (at[1 + n] == '/')
			found = at + 2 + n;
		else if (at[1 + n] == '\0')
			found = at + 1 + n;
	}
	return found;
}
