/* SPDX-License-Identifier: Apache-2.0 */
/* net/dns_query.h over the names of the world. */
#include "sim.h"

#include "net/dns_query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define QUICK_NS (2 * LOOP_MS)
#define HALF_NS (300 * LOOP_MS) /* one of A and AAAA is never answered */
#define SLOW_NS (2 * LOOP_S)
#define SILENT_NS (4 * LOOP_S) /* the resolver's own patience */

struct dns_query {
	struct loop *loop;
	struct name *name;
	void (*done)(void *ctx, const struct resolve_answer *answer);
	void *ctx;
	struct loop_timer due;
};

struct name *name_add(const char *text, unsigned fleet)
{
	struct name *n;

	for (unsigned i = 0; i < sim->n_names; i++) {
		if (strcmp(sim->names[i].text, text) == 0)
			return &sim->names[i];
	}
	if (sim->n_names == SIM_NAMES)
		abort();
	n = &sim->names[sim->n_names++];
	strcpy(n->text, text);
	n->fleet = fleet;
	return n;
}

static const struct server *any_server(const struct name *n)
{
	const struct fleet *f = &sim->fleets[(n->fleet + sim_random(n->any_of)) % sim->n_fleets];

	return &f->servers[sim_random(f->n)];
}

static const struct server *led_to(const struct name *n)
{
	const struct fleet *f = &sim->fleets[n->fleet];
	unsigned at = sim_random(f->n);

	if (n->any_of)
		return any_server(n);
	if (!n->any_reader)
		return n->leads;
	for (unsigned i = 0; i < f->n; i++, at = (at + 1) % f->n) {
		if (&f->servers[at] != f->writer)
			return &f->servers[at];
	}
	return f->writer;
}

static void put_answer(const struct name *n, struct resolve_answer *a)
{
	const struct name *to = n->alias;
	const struct server *s;

	a->heard = n->dns != DNS_SILENT;
	if (n->dns == DNS_NONE || n->dns == DNS_FAILS || n->dns == DNS_SILENT) {
		a->status = n->dns == DNS_NONE ? -ENOENT : n->dns == DNS_FAILS ? -EIO : -ETIMEDOUT;
		return;
	}
	if (to && n->any_of)
		to = sim->fleets[any_server(n)->fleet].writer_name;
	for (; to && a->n_chain < DNS_CHAIN; n = to, to = n->alias)
		strcpy(a->chain[a->n_chain++], to->text);
	s = led_to(n);
	if (!s) {
		a->status = -ENOENT;
		return;
	}
	a->n_addrs = 1;
	a->addrs[0].family = 4;
	memcpy(a->addrs[0].ip, s->ip, sizeof(s->ip));
	a->ttl_ms = 5000;
}

static void query_free(struct dns_query *q)
{
	sim->open--;
	free(q);
}

static void answered(void *ctx)
{
	struct dns_query *q = ctx;
	static struct resolve_answer answer;

	answer = (struct resolve_answer){0};
	put_answer(q->name, &answer);
	q->done(q->ctx, &answer);
	query_free(q);
}

int dns_query_start(struct loop *loop, const struct dns_conf *conf, const char *name,
	void (*done)(void *ctx, const struct resolve_answer *answer), void *ctx,
	struct dns_query **ret)
{
	static const uint64_t takes_ns[] = {[DNS_OK] = QUICK_NS,
		[DNS_NONE] = QUICK_NS,
		[DNS_FAILS] = QUICK_NS,
		[DNS_SILENT] = SILENT_NS,
		[DNS_SLOW] = SLOW_NS,
		[DNS_HALF] = HALF_NS};
	struct dns_query *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->loop = loop;
	q->name = name_add(name, 0);
	q->done = done;
	q->ctx = ctx;
	watch_dns(q->name);
	loop_timer_init(&q->due, answered, q);
	loop_timer_set_in(loop, &q->due, takes_ns[q->name->dns]);
	sim->open++;
	*ret = q;
	return 0;
}

void dns_query_cancel(struct dns_query *q)
{
	if (!q)
		return;
	loop_timer_stop(q->loop, &q->due);
	query_free(q);
}
