/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health: from samples to a verdict.
 *
 * Silence is measured from the last sign of life, but only while a question or a connection attempt
 * waits for an answer: who is not asked cannot be silent.  A question that is late begins a close
 * look, in which TCP_INFO is sampled and a second connection tried, so that the verdict has two
 * independent reasons: the peer's kernel acknowledges nothing, and it answers no SYN.  Distant
 * peers get the time of several round trips, for a lost segment costs at least that.
 *
 * Own trouble.  The verdict of silence is withheld while nobody at all has been heard since the
 * close look began; after HEALTH_HOLD_NS it counts all the same.  When somebody is heard again
 * after a second of general silence, all that silence was ours: it is measured anew from there, and
 * a SYN that was sent before is in its back-off and says nothing.
 */
#include "health.h"

#define LATE_RTTS 4   /* a question is late after so many usual round trips */
#define DETECT_RTTS 6 /* a far peer is not given up before so many */
#define SYN_RTTS 3
#define SYN_NS UINT64_C(500000000)     /* a SYN waits at least that long before it is silence */
#define REDIAL_NS UINT64_C(1000000000) /* between two second connections */
#define LOOK_FRESH_NS (2 * HEALTH_SAMPLE_NS)

void health_init(struct health *h, uint64_t now_ns)
{
	*h = (struct health){.state = PEL_HEALTH_UNKNOWN, .spoke_ns = now_ns, .acked_ns = now_ns};
}

static uint64_t max_ns(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t rtts_ns(const struct health *h, unsigned n)
{
	return (uint64_t)h->rtt_us * 1000 * n;
}

static void end_close_look(struct health *h)
{
	h->close_ns = 0;
	h->looked_ns = 0;
	h->looked_unacked = false;
}

void health_witnessed(struct health_witness *w, uint64_t now_ns)
{
	if (w->heard_ns && now_ns >= w->heard_ns + HEALTH_GAP_NS)
		w->resumed_ns = now_ns;
	w->heard_ns = max_ns(w->heard_ns, now_ns);
}

void health_asked(struct health *h, uint64_t now_ns)
{
	if (!h->asked_ns)
		h->asked_ns = now_ns;
}

/* One eighth of each new sample: a single late answer does not make lateness usual. */
static void take_rtt(struct health *h, uint32_t rtt_us)
{
	if (rtt_us == 0)
		return;
	if (h->skip_rtt)
		h->skip_rtt = false;
	else if (h->rtt_us == 0)
		h->rtt_us = rtt_us;
	else
		h->rtt_us = (uint32_t)(((uint64_t)h->rtt_us * 7 + rtt_us + 4) / 8);
}

void health_spoke(struct health *h, struct health_witness *w, uint32_t rtt_us, uint64_t now_ns)
{
	health_witnessed(w, now_ns);
	take_rtt(h, rtt_us);
	h->spoke_ns = h->acked_ns = now_ns;
	h->asked_ns = 0;
	h->dialled_ns = 0;
	h->lost = h->condemned = false;
	h->state = PEL_HEALTH_OK;
	end_close_look(h);
}

void health_dialled(struct health *h, uint64_t now_ns)
{
	h->dialling = true;
	if (!h->dialled_ns)
		h->dialled_ns = now_ns;
}

void health_accepted(struct health *h, struct health_witness *w, bool keep, uint64_t now_ns)
{
	health_witnessed(w, now_ns);
	h->acked_ns = now_ns;
	h->dialling = false;
	h->dialled_ns = 0;
	if (!keep) {
		h->redial_ns = now_ns + REDIAL_NS;
		return;
	}
	/* From now on the server owes its greeting. */
	h->connected = true;
	h->condemned = false;
	h->asked_ns = now_ns;
	h->looked_ns = 0;
	h->looked_unacked = false;
}

void health_refused(struct health *h, struct health_witness *w, uint64_t now_ns)
{
	health_witnessed(w, now_ns);
	h->acked_ns = now_ns;
	h->dialling = false;
	h->dialled_ns = 0;
	if (h->connected && !h->lost) { /* the one in use will say whether the server is gone */
		h->redial_ns = now_ns + REDIAL_NS;
		return;
	}
	h->asked_ns = 0;
	h->condemned = false;
	h->state = PEL_HEALTH_UNREACHABLE;
	end_close_look(h);
}

void health_undialled(struct health *h, uint64_t now_ns)
{
	h->dialling = false;
	h->redial_ns = now_ns + REDIAL_NS;
}

void health_closed(struct health *h, struct health_witness *w, bool by_peer, uint64_t now_ns)
{
	if (by_peer) {
		health_witnessed(w, now_ns);
		h->acked_ns = now_ns;
		h->lost = true;
	}
	h->connected = h->condemned = false;
	h->asked_ns = 0;
	h->looked_ns = 0;
	h->looked_unacked = false;
}

void health_looked(struct health *h, bool unacked, uint64_t ack_age_ns, uint64_t now_ns)
{
	h->looked_ns = now_ns;
	h->looked_unacked = unacked;
	if (now_ns > ack_age_ns)
		h->acked_ns = max_ns(h->acked_ns, now_ns - ack_age_ns);
}

void health_paused(struct health *h, uint64_t since_ns, uint64_t now_ns)
{
	uint64_t pause_ns = now_ns > since_ns ? now_ns - since_ns : 0;

	h->spoke_ns = min_ns(h->spoke_ns + pause_ns, now_ns);
	h->acked_ns = min_ns(h->acked_ns + pause_ns, now_ns);
	if (h->asked_ns) {
		h->asked_ns = min_ns(h->asked_ns + pause_ns, now_ns);
		h->skip_rtt = true;
	}
	if (h->dialled_ns)
		h->dialled_ns = min_ns(h->dialled_ns + pause_ns, now_ns);
	if (h->close_ns)
		h->close_ns = min_ns(h->close_ns + pause_ns, now_ns);
	h->looked_ns = 0;
}

void health_witness_paused(struct health_witness *w, uint64_t since_ns, uint64_t now_ns)
{
	if (now_ns <= since_ns || since_ns < w->paused_ns)
		return;
	w->paused_ns = now_ns;
	if (w->heard_ns)
		w->heard_ns = min_ns(w->heard_ns + (now_ns - since_ns), now_ns);
}

/* Since when anything waits for an answer; UINT64_MAX if nothing does. */
static uint64_t waiting_since(const struct health *h, const struct health_witness *w)
{
	uint64_t asked = h->asked_ns ? h->asked_ns : UINT64_MAX;
	uint64_t dialled = h->dialled_ns ? h->dialled_ns : UINT64_MAX;
	uint64_t since = min_ns(asked, dialled);

	return since == UINT64_MAX ? since : max_ns(since, w->resumed_ns);
}

static uint64_t detection_ns(const struct health *h, const struct health_config *c)
{
	return max_ns(c->detection_ns, rtts_ns(h, DETECT_RTTS));
}

/* The peer's kernel acknowledges nothing on the connection in use. */
static bool is_unacked(const struct health *h, uint64_t now_ns)
{
	if (!h->connected)
		return true;
	return h->looked_ns && now_ns <= h->looked_ns + LOOK_FRESH_NS && h->looked_unacked;
}

/* A SYN has waited for long enough to be silence. */
static bool is_syn_lost(const struct health *h, uint64_t now_ns)
{
	return h->dialled_ns && now_ns >= h->dialled_ns + max_ns(SYN_NS, rtts_ns(h, SYN_RTTS));
}

/* When silence since the last sign of life is long enough. */
static uint64_t verdict_ns(const struct health *h, const struct health_witness *w,
	const struct health_config *c, uint64_t last_ns)
{
	uint64_t asked_long = waiting_since(h, w) + detection_ns(h, c) / 3 * 2;

	return max_ns(max_ns(last_ns, w->resumed_ns) + detection_ns(h, c), asked_long);
}

/* Nobody has been heard since the close look began: perhaps it is us. */
static bool is_held_back(const struct health *h, const struct health_witness *w, uint64_t due_ns,
	uint64_t now_ns)
{
	return w->heard_ns <= h->close_ns && now_ns < due_ns + HEALTH_HOLD_NS;
}

static bool is_kernel_alive(const struct health *h, uint64_t now_ns)
{
	if (h->connected && h->looked_ns && now_ns <= h->looked_ns + LOOK_FRESH_NS &&
		!h->looked_unacked)
		return true;
	return h->acked_ns > h->close_ns;
}

static void decide(struct health *h, const struct health_witness *w, const struct health_config *c,
	uint64_t now_ns)
{
	uint64_t due = verdict_ns(h, w, c, h->acked_ns);

	if (now_ns >= due && is_unacked(h, now_ns) && is_syn_lost(h, now_ns) &&
		!is_held_back(h, w, due, now_ns))
		h->state = PEL_HEALTH_UNREACHABLE;
	else if (now_ns >= verdict_ns(h, w, c, h->spoke_ns) && is_kernel_alive(h, now_ns))
		h->state = now_ns >= h->spoke_ns + c->stall_ns ? PEL_HEALTH_UNREACHABLE
							       : PEL_HEALTH_STALLED;
	else if (h->state != PEL_HEALTH_STALLED)
		h->state = PEL_HEALTH_SUSPECT;
}

static unsigned wishes(const struct health *h, const struct health_config *c, uint64_t now_ns)
{
	unsigned want = HEALTH_WANT_WITNESS;

	if (h->state == PEL_HEALTH_UNREACHABLE)
		return h->condemned ? HEALTH_WANT_RENEW : 0;
	if (h->connected && (!h->looked_ns || now_ns >= h->looked_ns + HEALTH_SAMPLE_NS))
		want |= HEALTH_WANT_LOOK;
	if (h->connected && !h->dialling && now_ns >= h->redial_ns)
		want |= HEALTH_WANT_CONNECT;
	/* Its kernel answers a new connection, and not this one. */
	if (h->connected && h->looked_unacked && h->acked_ns > h->close_ns &&
		now_ns >= h->asked_ns + detection_ns(h, c))
		want |= HEALTH_WANT_RENEW;
	return want;
}

/* A SYN from before our own trouble is deep in its back-off: another has to say. */
static void forget_stuck_syn(struct health *h, const struct health_witness *w)
{
	if (!h->dialled_ns || h->dialled_ns >= w->resumed_ns)
		return;
	h->dialled_ns = 0;
	h->dialling = false;
	h->redial_ns = 0;
}

unsigned health_tick(struct health *h, const struct health_witness *w,
	const struct health_config *config, uint64_t now_ns, uint64_t *ret_deadline_ns)
{
	uint64_t since, late;

	forget_stuck_syn(h, w);
	since = waiting_since(h, w);
	*ret_deadline_ns = UINT64_MAX;
	if (since == UINT64_MAX)
		return 0;
	late = since + max_ns(HEALTH_LATE_NS, rtts_ns(h, LATE_RTTS));
	if (h->state != PEL_HEALTH_UNREACHABLE) {
		if (!h->close_ns && now_ns < late) {
			*ret_deadline_ns = late;
			return 0;
		}
		if (!h->close_ns)
			h->close_ns = now_ns;
		decide(h, w, config, now_ns);
		h->condemned = h->connected && h->state == PEL_HEALTH_UNREACHABLE;
	}
	if (h->state != PEL_HEALTH_UNREACHABLE)
		*ret_deadline_ns = now_ns + HEALTH_SAMPLE_NS;
	return wishes(h, config, now_ns);
}
