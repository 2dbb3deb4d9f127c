/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeper and worker share: memory that outlives a worker, so that its successor finds
 * everything.
 *
 * One worker at a time writes it.  What is half written when a worker dies is a free place:
 * `cookie` and `id` are set last and taken back first.
 */
#ifndef PELORUS_TRAP_TRAP_H
#define PELORUS_TRAP_TRAP_H

#include "known/block.h"
#include "rules/sever.h"

#include <pelorus/map.h>

#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TRAP_CALLS 4096    /* those that wait; whoever comes then is refused */
#define TRAP_NAMES 64      /* FOLLOWED_MAX */
#define TRAP_DATAGRAMS 256 /* sockets of the program that ask us instead of a nameserver, */
#define TRAP_STREAMS 64    /* and those that do by TCP; others ask it by themselves */
#define TRAP_SOCKETS 8192  /* a power of two; more than that at a time are not closed */
#define TRAP_LATE_NS UINT64_C(100000000)

/* A socket that was led.  It is known by its cookie: a number may be another's by now. */
struct trap_socket {
	_Atomic uint64_t cookie; /* 0: a free place */
	int32_t owner;           /* see task_take_of() */
	int32_t fd;
	struct sever_socket socket;
	uint64_t made_ns;
	uint64_t since_ns; /* of one that is parked: as for a call */
	uint64_t until_ns;
	uint64_t due_ns;
	uint64_t looked_ns; /* when it was last seen that it is there */
	uint32_t name;      /* index in `names` */
	uint32_t patience;  /* TCP_SYNCNT, as it was before it was parked */
	uint16_t port;      /* that its connect() asked for */
	uint16_t families;  /* ... that it can use */
	uint16_t family;    /* ... of whose shape its addresses are */
	uint8_t parked;     /* it connects to a port that never answers */
	uint8_t refused;    /* once, where the map had its instance */
};

/* A call of the program that has no answer yet: taken, and perhaps held until there is a writer. */
struct trap_call {
	struct seccomp_notif notif; /* id 0: a free place */
	uint32_t tries;             /* workers that have begun with it */
	uint32_t held;              /* it waits for a writer */
	uint64_t unblocked;         /* its socket is set not to block, for a moment, by us */
	uint64_t end_ns;            /* the socket's own limit; UINT64_MAX: none */
	struct trap_socket
		socket; /* its cookie, once that is known; all of it, of one that is held */
};

/* The nameserver that a socket of the program was to be connected with, which asks us instead. */
struct trap_server {
	struct pel_addr addr;
	struct pel_addr from; /* that socket's own; port 0: a free place */
	uint64_t cookie;      /* of that socket */
	int32_t owner;
	int32_t fd;
	uint32_t stream;
};

struct trap {
	int listener;
	int answers;        /* UDP socket that Go's questions come to, or -1 */
	int answers_stream; /* ... by TCP */
	uint16_t answers_port;
	uint16_t answers_stream_port;
	const char *program;
	struct block block;     /* as the worker last knew it */
	_Atomic uint64_t taken; /* calls that any worker has taken */
	_Atomic uint64_t
		busy_ns; /* since when the worker is at work, CLOCK_MONOTONIC; 0: it sleeps */
	_Atomic uint64_t
		first_until_ns; /* so long a prober's first word is awaited; 0: nobody did */
	_Atomic uint32_t n_names;
	uint32_t n_sockets;
	uint32_t sweep_at; /* so many sockets, and the dead ones are looked for */
	uint32_t next_server;
	char names[TRAP_NAMES][PEL_NAME_MAX];
	uint32_t calls_from; /* at the last look all places below were taken, */
	uint32_t calls_end;  /* and none is from here on */
	struct trap_server servers[TRAP_DATAGRAMS + TRAP_STREAMS];
	struct trap_call calls[TRAP_CALLS];
	uint64_t used[TRAP_SOCKETS / 64]; /* bit i: sockets[i] is in use */
	struct trap_socket sockets[TRAP_SOCKETS];
};

/* Where a worker dies in a build for tests. */
#ifdef PELORUS_TRAP_FAULTS
void trap_fault(unsigned place);
#else
static inline void trap_fault(unsigned place)
{
}
#endif

#endif
