/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health of one instance: samples in, verdict out.  Pure: times are CLOCK_BOOTTIME ns of the
 * caller.
 *
 * The caller keeps one struct health per instance and one struct health_witness for all clusters of
 * the prober.  It reports what happens, calls health_tick() at the deadline that the last call of
 * it returned and after each report, and does what HEALTH_WANT_* asks: each wish is repeated until
 * it is met by a report.  A second connection that is asked for while another attempt is under way
 * takes its place: that one's SYN is from before a trouble of our own.
 *
 * Two questions are kept apart.  Does the peer's kernel live (acknowledged bytes, SYN-ACK)?  Does
 * its server live (any MySQL packet, errors too)?  Silence of both is unreachable, of the second
 * alone stalled.
 */
#ifndef PROBES_HEALTH_H
#define PROBES_HEALTH_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

#define HEALTH_LATE_NS UINT64_C(250000000)   /* a probe this late begins a close look */
#define HEALTH_HOLD_NS UINT64_C(5000000000)  /* own trouble holds verdicts back this long */
#define HEALTH_SAMPLE_NS UINT64_C(100000000) /* between two looks at TCP_INFO */
#define HEALTH_GAP_NS UINT64_C(1000000000)   /* silence of all this long was our own trouble */

#define HEALTH_WANT_LOOK 0x1u    /* read TCP_INFO of the connection: health_looked() */
#define HEALTH_WANT_CONNECT 0x2u /* make one second connection, log in: health_dialled() */
#define HEALTH_WANT_WITNESS 0x4u /* ask the DNS server anything: health_witnessed() */
#define HEALTH_WANT_RENEW 0x8u   /* the connection in use is dead: close it, make another */

struct health_config {
	uint64_t detection_ns; /* failure-detection-time, 1.5 s */
	uint64_t stall_ns;     /* stall-time, 30 s */
};

/* Of the whole prober, zero at first: has anyone been heard? */
struct health_witness {
	uint64_t heard_ns;   /* last packet from anyone: server, DNS, RST, SYN-ACK */
	uint64_t resumed_ns; /* when anyone was heard again after a second of silence of all */
	uint64_t paused_ns;  /* end of the last pause that was taken into account */
};

struct health {
	uint8_t state;       /* enum pel_health */
	bool connected;      /* there is an established connection to ask on */
	bool dialling;       /* a connection attempt is under way */
	bool looked_unacked; /* the last look saw bytes that the peer has not acknowledged */
	bool lost;           /* the peer ended the one before, and has said no word since */
	bool condemned;      /* the connection in use is from before the verdict */
	bool skip_rtt;       /* the next round trip was measured across a pause */
	uint32_t rtt_us;     /* usual round trip; 0: none yet */
	uint64_t spoke_ns;   /* last MySQL packet: the server lives */
	uint64_t acked_ns;   /* last sign of the peer's kernel */
	uint64_t asked_ns;   /* oldest question without answer; 0: none */
	uint64_t dialled_ns; /* first SYN without answer; 0: none */
	uint64_t redial_ns;  /* no second connection before this */
	uint64_t looked_ns;  /* last look at TCP_INFO of this close look; 0: none */
	uint64_t close_ns;   /* since when the close look lasts; 0: none */
};

void health_init(struct health *h, uint64_t now_ns);

/* A question went out on the connection. */
void health_asked(struct health *h, uint64_t now_ns);

/* Any MySQL packet came, errors 1040, 1129, 1203 too; rtt_us 0 if it answers no timed question. */
void health_spoke(struct health *h, struct health_witness *w, uint32_t rtt_us, uint64_t now_ns);

/* A SYN was sent, as part of a login or of the close look. */
void health_dialled(struct health *h, uint64_t now_ns);

/* SYN-ACK: TCP is up; `keep`: this is from now on the connection that questions use. */
void health_accepted(struct health *h, struct health_witness *w, bool keep, uint64_t now_ns);

/*
 * An attempt was refused, or reset before the greeting: an answer, which counts at once.  Beside a
 * connection in use it is a sign of life of the kernel alone: a limit on the way refuses, too.  So it
 * is where a connection was accepted first, unless it was to replace one that the peer has ended: a
 * server that dies does both.
 */
void health_refused(struct health *h, struct health_witness *w, uint64_t now_ns);

/* An attempt ended without an answer of the peer: ETIMEDOUT, EHOSTUNREACH, or given up by us. */
void health_undialled(struct health *h, uint64_t now_ns);

/* The connection in use ended: reset or closed by the peer (`by_peer`), or by ourselves. */
void health_closed(struct health *h, struct health_witness *w, bool by_peer, uint64_t now_ns);

/*
 * TCP_INFO of the connection in use: unacknowledged bytes (tcpi_unacked or tcpi_notsent_bytes), and
 * how long ago the last acknowledgement came (tcpi_last_ack_recv).
 */
void health_looked(struct health *h, bool unacked, uint64_t ack_age_ns, uint64_t now_ns);

/* Anyone else answered anything: DNS, a coordinator. */
void health_witnessed(struct health_witness *w, uint64_t now_ns);

/* The loop was late (SIGSTOP, freezer, VM pause): silence since `since_ns` says nothing. */
void health_paused(struct health *h, uint64_t since_ns, uint64_t now_ns);

/* The same for the witness; told again of the same pause it changes nothing. */
void health_witness_paused(struct health_witness *w, uint64_t since_ns, uint64_t now_ns);

/*
 * Decides.  Returns HEALTH_WANT_*; *ret_deadline_ns is when to call again at the latest
 * (UINT64_MAX: only after the next report).  The verdict is in h->state.
 */
unsigned health_tick(struct health *h, const struct health_witness *w,
	const struct health_config *config, uint64_t now_ns, uint64_t *ret_deadline_ns);

#endif
