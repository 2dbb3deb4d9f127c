/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a coordinator says of a cluster, and how long that counts.
 *
 * Whatever goes wrong, the last word stays for DEAD_NS: until then the listener is told of answers
 * that name somebody and of nothing else.  Trouble is said once, and waited out with growing
 * pauses.
 *
 * Where the configuration does not say whom it may name, that is whoever has a host in the domain
 * of the endpoint: logins go to those hosts, and what a coordinator says may be anybody's.
 */
#include "coordinator.h"

#include "logic/pace.h"

#define DEAD_NS (20 * LOOP_S) /* of no use for so long */

void coordinator_init(struct coordinator *c, const struct http_cluster *of)
{
	*c = (struct coordinator){.of = of,
		.trouble = {.log = of->log, .code = "coordinator-trouble", .cluster = of->key}};
	config_allowed_hosts(of->config, of->key, c->allowed);
}

static void tell(struct coordinator *c)
{
	c->of->core->named(c->of->core->ctx, c->of->key, &c->view);
}

const char *coordinator_take(struct coordinator *c, const char *body, size_t n)
{
	enum coordinator_verdict verdict =
		coordinator_parse(c->of->config->format, body, n, c->allowed, &c->view);

	if (verdict == COORDINATOR_NOTHING) {
		coordinator_names_nobody(c);
		return NULL;
	}
	if (verdict != COORDINATOR_OK)
		return coordinator_verdict_text(verdict);
	c->failing_ns = 0;
	trouble_end(&c->trouble);
	tell(c);
	return NULL;
}

void coordinator_names_nobody(struct coordinator *c)
{
	c->failing_ns = 0;
	trouble_say(&c->trouble, "the coordinator names nobody; what is known stays");
}

uint64_t coordinator_fail(struct coordinator *c, const char *why)
{
	uint64_t now = loop_now_ns(c->of->loop);

	trouble_say(&c->trouble, "the coordinator is of no use: %s; what is known stays", why);
	if (!c->failing_ns)
		c->failing_ns = now;
	if (now >= c->failing_ns + DEAD_NS) {
		c->view.n = 0;
		tell(c);
	}
	return pace_wait_ns(PACE_COORDINATOR, c->trouble.failures, now);
}
