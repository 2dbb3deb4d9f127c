/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `follow` requests, from clients and from what the supervisor kept of an earlier worker: read,
 * handed to the engine, and kept in turn.
 */
#include "worker_internal.h"

#include "channel.h"
#include "base/secret.h"

#include "common/names.h"
#include "common/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Who asks to follow, and what of it counts. */
struct follower {
	bool foreign;    /* neither our own user nor root */
	bool credential; /* its credential is taken */
	bool port;       /* its port is */
};

/*
 * What is kept is told to the next worker as ours.  What counts for nothing is dropped before that;
 * of another user no more is left than the name, and a port where there was none.
 */
static bool is_kept(const char *key, const struct follower *from)
{
	if (strcmp(key, "name") == 0 || strcmp(key, "pid") == 0 || strcmp(key, "foreign") == 0)
		return false;
	if (strcmp(key, "port") == 0)
		return from->port;
	if (strcmp(key, "permanent") == 0)
		return !from->foreign;
	return from->credential;
}

static void keep_request(struct worker *w, const struct control_request *request, const char *name,
	const struct follower *from)
{
	char *text = secret_alloc(PEL_CONTROL_MAX);
	int r = 0;

	/* One for each name, of whoever it is: others cannot fill the room. */
	if (!text || (from->foreign && keep_has(w->o->keep, name))) {
		secret_free(text, PEL_CONTROL_MAX);
		return;
	}
	strcpy(text, "follow\n");
	r = pel_control_put(text, PEL_CONTROL_MAX, "name", name);
	for (unsigned i = 0; i < request->n_fields && r == 0; i++) {
		if (is_kept(request->fields[i].key, from))
			r = pel_control_put(text, PEL_CONTROL_MAX, request->fields[i].key,
				request->fields[i].value);
	}
	if (r == 0 && from->foreign)
		r = pel_control_put(text, PEL_CONTROL_MAX, "foreign", "1");
	if (r == 0 && keep_add(w->o->keep, text, strlen(text)) == 1)
		(void)channel_send(w->o->channel, text, strlen(text));
	secret_free(text, PEL_CONTROL_MAX);
}

void worker_keep_bare(struct worker *w, const struct control_request *request)
{
	const struct follower bare = {.port = true};
	const char *name = control_get(request, "name");

	if (name)
		keep_request(w, request, name, &bare);
}

static bool is_on(const char *value)
{
	return value && strcmp(value, "1") == 0;
}

/* 1: there is one, 0: there is none, -EINVAL: a field is too long. */
static int credential_read(const struct control_request *request, struct credential *ret)
{
	const char *user = control_get(request, "user");

	memset(ret, 0, sizeof(*ret));
	if (!user || !*user)
		return 0;
	ret->origin = CREDENTIAL_FOLLOWED;
	ret->tls.on = is_on(control_get(request, "ssl"));
	ret->tls.verify = is_on(control_get(request, "ssl-verify"));
	if (!text_copy_any(ret->user, sizeof(ret->user), user) ||
		!text_copy_any(ret->password, sizeof(ret->password),
			control_get(request, "password")) ||
		!text_copy_any(ret->tls.ca, sizeof(ret->tls.ca), control_get(request, "ssl-ca")))
		return -EINVAL;
	ret->tls.on = ret->tls.on || ret->tls.verify || *ret->tls.ca;
	return 1;
}

static int port_read(const struct control_request *request, uint16_t *ret)
{
	const char *text = control_get(request, "port");
	char *end;
	unsigned long port = text ? strtoul(text, &end, 10) : 0;

	if (text && (*end || end == text || port > 65535))
		return -EINVAL;
	*ret = (uint16_t)port;
	return 0;
}

int worker_follow(struct worker *w, const struct control_request *request,
	const struct control_peer *peer, bool *ret_credential)
{
	const char *given = control_get(request, "name");
	struct credential *credential = secret_alloc(sizeof(*credential));
	struct follower from = {.foreign = !peer->trusted || is_on(control_get(request, "foreign")),
		.credential = peer->trusted && !w->o->station->system};
	char name[PEL_NAME_MAX];
	uint16_t port;
	int r = credential ? port_read(request, &port) : -ENOMEM;

	if (r == 0)
		r = given ? pel_name_normalise(given, name) : -EINVAL;
	if (r == 0)
		r = credential_read(request, credential);
	if (r >= 0) {
		*ret_credential = r == 1 && from.credential;
		from.port = !from.foreign || !engine_has_port(w->engine, name);
		if (!from.port)
			port = 0;
		r = engine_follow(w->engine, name, port, *ret_credential ? credential : NULL);
	}
	secret_free(credential, sizeof(*credential));
	if (r < 0)
		return r;
	(void)follows_add(w->follows, name,
		!from.foreign && is_on(control_get(request, "permanent")), loop_now_ns(w->loop));
	keep_request(w, request, name, &from);
	return 0;
}

void worker_want(struct worker *w, const char *name)
{
	const struct control_request none = {.n_fields = 0};
	const struct follower own = {.credential = false};

	if (engine_follow(w->engine, name, 0, NULL) < 0)
		return;
	(void)follows_add(w->follows, name, false, loop_now_ns(w->loop));
	keep_request(w, &none, name, &own);
}

/* What the supervisor kept, until it says that this was all; blocking, before the loop runs. */
int worker_replay(struct worker *w)
{
	const struct control_peer own = {.trusted = true};
	char *message = secret_alloc(PEL_CONTROL_MAX + 1);
	struct control_request request;
	const char *why;
	ssize_t n;
	bool credential;

	if (!message)
		return -ENOMEM;
	while ((n = channel_receive(w->o->channel, message)) > 0) {
		if (strcmp(message, "replayed") == 0)
			break;
		if (control_parse(message, (size_t)n, &request, &why) == 0 &&
			strcmp(request.verb, "follow") == 0)
			(void)worker_follow(w, &request, &own, &credential);
	}
	secret_free(message, PEL_CONTROL_MAX + 1);
	return n > 0 ? 0 : -EPIPE;
}
