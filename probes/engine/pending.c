/* SPDX-License-Identifier: Apache-2.0 */
/* Names of which nobody can say whose they are before DNS has told their aliases. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void pending_free(struct pending *p)
{
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
	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->pending[i] == p)
			e->pending[i] = NULL;
	}
	pending_free(p);
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
	struct pending *p, **place = NULL;
	int r;

	for (unsigned i = 0; i < PEL_MAP_CLUSTERS; i++) {
		if (e->pending[i] && strcmp(e->pending[i]->text, name) == 0) {
			pending_add_credential(e->pending[i], credential);
			if (port)
				e->pending[i]->port = port;
			return 0;
		}
		if (!e->pending[i] && !place)
			place = &e->pending[i];
	}
	p = place ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return -ENOSPC;
	p->engine = e;
	p->port = port;
	strcpy(p->text, name);
	pending_add_credential(p, credential);
	r = resolve_start(e->shared.resolver, name, pending_resolved, p, &p->query);
	if (r < 0) {
		pending_free(p);
		return r;
	}
	*place = p;
	return 0;
}
