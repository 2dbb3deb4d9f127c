/* SPDX-License-Identifier: Apache-2.0 */
/* Names of which nobody can say whose they are before DNS has told their aliases. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void pending_end(struct pending *p)
{
	struct pending **at = &p->engine->pending;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	resolve_cancel(p->query);
	for (unsigned i = 0; i < p->n_credentials; i++) {
		explicit_bzero(p->credentials[i], sizeof(*p->credentials[i]));
		free(p->credentials[i]);
	}
	free(p);
}

static int pending_attach(struct pending *p, const char *key, enum pel_role role)
{
	int r = engine_attach(p->engine, p->text, key, role, p->port,
		p->n_credentials ? p->credentials[0] : NULL);

	for (unsigned i = 1; r == 0 && i < p->n_credentials; i++)
		r = engine_attach(p->engine, p->text, key, role, p->port, p->credentials[i]);
	return r;
}

static void pending_resolved(void *ctx, const struct resolve_answer *answer);

/* Asks for those whose turn it is. */
static int ask(struct engine *e)
{
	unsigned n = 0;
	int r = 0;

	for (const struct pending *p = e->pending; p; p = p->next)
		n += p->query != NULL;
	for (struct pending *p = e->pending; p && n < PENDING_AT_ONCE && r == 0; p = p->next) {
		if (p->query)
			continue;
		r = resolve_start(e->shared.resolver, p->text, pending_resolved, p, &p->query);
		n++;
	}
	return r;
}

/* An own name: its aliases tell whose it is. */
static void pending_resolved(void *ctx, const struct resolve_answer *answer)
{
	struct pending *p = ctx;
	struct engine *e = p->engine;
	char key[PEL_NAME_MAX];
	enum pel_role role = PEL_ROLE_WRITER;
	bool found = false;

	p->query = NULL;
	for (unsigned i = 0; i < answer->n_chain && !found; i++)
		found = name_key(answer->chain[i], key, &role) || role == PEL_ROLE_CUSTOM;
	if (!found) {
		strcpy(key, p->text);
		role = PEL_ROLE_WRITER;
	}
	if (pending_attach(p, key, role) < 0)
		log_say(e->shared.log, LOG_ERROR, "follow-failed", p->text, NULL,
			"no room for another cluster or name");
	pending_end(p);
	(void)ask(e);
}

static void pending_add_credential(struct pending *p, const struct credential *credential)
{
	struct credential *copy;

	if (!credential || p->n_credentials == PENDING_CREDENTIALS)
		return;
	for (unsigned i = 0; i < p->n_credentials; i++) {
		if (memcmp(p->credentials[i], credential, sizeof(*credential)) == 0)
			return;
	}
	copy = malloc(sizeof(*copy));
	if (!copy)
		return;
	*copy = *credential;
	p->credentials[p->n_credentials++] = copy;
}

int pending_start(struct engine *e, const char *name, uint16_t port,
	const struct credential *credential)
{
	struct pending *p, **last = &e->pending;
	unsigned n = 0;
	int r;

	for (; (p = *last); last = &p->next, n++) {
		if (strcmp(p->text, name) != 0)
			continue;
		pending_add_credential(p, credential);
		if (port)
			p->port = port;
		return 0;
	}
	p = n < PENDING_MAX ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return -ENOSPC;
	p->engine = e;
	p->port = port;
	strcpy(p->text, name);
	pending_add_credential(p, credential);
	*last = p;
	r = ask(e);
	if (r < 0)
		pending_end(p);
	return r;
}
