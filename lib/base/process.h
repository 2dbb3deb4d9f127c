/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What belongs to one process and must not be inherited by a forked child.
 *
 * All of it lies in one page that the kernel empties at fork (MADV_WIPEONFORK), so that a child
 * starts with no watcher, no slot and no wait in progress, without any code having run at fork.
 * Where the kernel cannot do that, the child handler of pthread_atfork empties it.  Otherwise a fork
 * waits only for a descriptor that is ours for a moment.
 */
#ifndef PELORUS_LIB_BASE_PROCESS_H
#define PELORUS_LIB_BASE_PROCESS_H

#include <pelorus/slots.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct process {
	_Atomic int32_t pid;           /* whose page this is; 0: nobody's yet */
	_Atomic uint32_t watcher;      /* enum watcher_state */
	_Atomic uint32_t kick;         /* futex: the watcher has something to look at */
	_Atomic uint32_t waited_first; /* the one wait for a first topology is over */
	_Atomic uint32_t slot;         /* our slot in clients.slots, plus one */
	_Atomic uint32_t user_known;   /* the map was looked for as this euid */
	_Atomic uint32_t making;       /* somebody adds a followed name, with signals blocked */
	_Atomic uint32_t looking;      /* a thread looks for the map, or has jumped out of that */
	_Atomic uint64_t random;       /* state of route_random_next() */
	_Atomic uint64_t attach_ns;    /* when the map may be looked for again */
	_Atomic uint64_t slot_ns;      /* when a slot may be looked for again */
	_Atomic uint64_t told_ns;      /* when own_slot was last written to the file */
	_Atomic uint64_t tell_ns;      /* when it is to be written again; 0: not at all */
	_Atomic uint32_t untold;       /* own_slot has counted since */
	struct pel_slot own_slot;      /* what is to stand in our slot */
	struct pel_slot_more own_more; /* ... and beside it */
	_Atomic uint64_t spawn_ns;     /* when a prober may be started again */
	_Atomic uint64_t asked_ns;     /* when a connect last asked for one */
	_Atomic uint32_t hopeless;     /* the last try to start one says that none is coming */
	_Atomic uint32_t release; /* futex: threads that wait for a writer have one to look for */
	_Atomic uint32_t waiting; /* of them, how many have looked since they were last woken */
	_Atomic uint32_t waited;  /* ... and how many had at that time */
	_Atomic uint32_t parked;  /* sockets that were parked and not yet all seen to be gone */
};

enum process_kind {
	PROCESS_OURS = 0, /* this process's own state */
	PROCESS_BORROWED, /* a vfork child in its parent's memory: must change nothing */
};

/* Makes the page; once, in the constructor. */
void process_init(void);

/* Never NULL. */
struct process *process_get(void);

/* Whose state it is; a forked child takes possession of its emptied page here.  One system call. */
enum process_kind process_check(void);

/* Around what no child may inherit, a moment long: no fork() of this process begins in between. */
void process_guard_begin(void);
void process_guard_end(void);

/* Makes the thread that sleeps on `kick` look now, if this process has one. */
void process_kick(void);

/* Random bits that differ between processes that start at the same instant. */
uint64_t process_random(void);

#endif
