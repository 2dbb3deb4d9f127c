/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is there: one slot per client process, in a file that nobody maps: others may truncate it.
 *
 * A client writes all of its slot at once where `pid` is 0, and again when something has changed and
 * at its 30 s look at the heartbeat, if the slot still is its own.  The prober frees a slot when the
 * process is gone (pid and start time no longer match; a slot of another pid namespace by its own
 * `seen_ns`).  Clients trust nothing in it; the prober checks every bound.
 */
#ifndef PELORUS_SLOTS_H
#define PELORUS_SLOTS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define PEL_SLOTS_MAGIC UINT64_C(0x31544c53524c5050) /* "PPLRSLT1" */
#define PEL_SLOTS 4096
#define PEL_SLOT_NAMES 8

struct pel_slot {
	_Atomic int32_t pid; /* in the client's own pid namespace; 0: free */
	_Atomic uint32_t
		version;      /* of the library, major << 16 | minor << 8 | patch; 0: not filled */
	uint64_t start_ticks; /* field 22 of /proc/PID/stat; 0: could not be read */
	uint64_t pidns;       /* inode of the client's pid namespace */
	_Atomic uint64_t seen_ns;               /* when the client last looked at the heartbeat */
	_Atomic uint64_t names[PEL_SLOT_NAMES]; /* hashes of the names it follows; 0: none */
	_Atomic uint32_t tracked;               /* sockets tracked now */
	_Atomic uint32_t routed;                /* connects rewritten, since start */
	_Atomic uint32_t severed;
	_Atomic uint32_t refused;    /* connects refused for want of a writer */
	_Atomic uint32_t moved;      /* client ABI: failed over in place */
	_Atomic uint32_t retried;    /* client ABI: statements executed again */
	_Atomic uint32_t held;       /* connects that wait for a writer now */
	_Atomic uint32_t waited;     /* connects that have waited, since start */
	_Atomic uint32_t given_up;   /* of those, in vain */
	_Atomic uint32_t longest_ms; /* of their waits */
	char command[16];            /* as in /proc/PID/comm */
};

/* What would have been done by one name, where it is only observed: since start. */
struct pel_slot_seen {
	_Atomic uint32_t
		elsewhere; /* connects that had gone to another instance than DNS led them to */
	_Atomic uint32_t wrong;   /* ... of a writer's name */
	_Atomic uint32_t held;    /* connects that had waited for a writer */
	_Atomic uint32_t severed; /* connections that had been ended */
	_Atomic uint32_t moved;   /* client ABI: failures that had not been shown */
	uint32_t pad;
};

/* Why a connection was ended; pel_word_of_severed() has the words. */
enum pel_severed {
	PEL_SEVERED_UNREACHABLE = 0,
	PEL_SEVERED_SAYS_READER,
	PEL_SEVERED_NOT_WRITER,
	PEL_SEVERED_MADE_WRONG,
	PEL_SEVERED_GONE,
	PEL_SEVERED_DNS_MOVED,
	PEL_SEVERED_PROMOTED,
	PEL_SEVERED_REPLACED,
	PEL_SEVERED_DRILL,
};
#define PEL_SEVERED 9 /* reasons */

/* What later releases tell beside slot number i; only if pid and start are that slot's. */
struct pel_slot_more {
	uint64_t start_ticks;
	int32_t pid;
	uint32_t uid;
	uint8_t mode; /* enum pel_mode: of the process itself */
	uint8_t pad[7];
	struct pel_slot_seen seen[PEL_SLOT_NAMES]; /* as pel_slot.names */
	_Atomic uint32_t severed_by[PEL_SEVERED];  /* of pel_slot.severed, since start */
	uint8_t fill[4];
};

struct pel_slots {
	uint64_t magic;
	uint32_t count; /* PEL_SLOTS */
	uint32_t slot_size;
	uint32_t
		more_size; /* of one of `more`; 0: an earlier release's file, which ends before it */
	uint32_t pad;
	uint8_t fill[4096 - 24];
	struct pel_slot slots[PEL_SLOTS];
	struct pel_slot_more more[PEL_SLOTS];
};

_Static_assert(sizeof(struct pel_slot) == 152, "pel_slot");
_Static_assert(offsetof(struct pel_slot, names) == 32, "pel_slot.names");
_Static_assert(offsetof(struct pel_slot, tracked) == 96, "pel_slot.tracked");
_Static_assert(offsetof(struct pel_slot, given_up) == 100 + 7 * 4, "pel_slot.given_up");
_Static_assert(offsetof(struct pel_slot, command) == 136, "pel_slot.command");
_Static_assert(sizeof(struct pel_slot_more) == 256, "pel_slot_more");
_Static_assert(offsetof(struct pel_slots, slots) == 4096, "pel_slots.slots");

#endif
