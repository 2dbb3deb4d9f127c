/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map: what one prober knows, published to every process of the host.
 *
 * A regular file `topology.map` of fixed size in the runtime directory, mapped read-only by its
 * readers for as long as they live, and updated in place by the one prober that holds the
 * directory's lock.  It is never truncated.  All numbers are in the host's byte order: the file
 * never leaves the machine.  All times are CLOCK_BOOTTIME in nanoseconds.
 *
 * Layout: one header, one index from name to cluster, PEL_MAP_CLUSTERS cluster records.  The index
 * and each cluster record are guarded by a sequence word of their own (odd while being written), so
 * that a change in one cluster disturbs the readers of no other.  Everything under a sequence word
 * is copied out in relaxed 64-bit loads, and only then looked at: struct sizes are multiples of 8.
 *
 * A cluster record starts with what routing needs (struct pel_hot); names as text, ids and uuids,
 * which only tools read, follow it (struct pel_cold).
 *
 * This is format 1, that of release 0.1.  Within it nothing moves: what is new takes the place of what
 * is called pad or fill, which reads as zero where a prober does not know it, and stays unread where a
 * library does not.  Another format has another name of file, and is published beside this one for as
 * long as the major version is the same.
 */
#ifndef PELORUS_MAP_H
#define PELORUS_MAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEL_MAP_FILE "topology.map"
#define PEL_MAP_MAGIC UINT64_C(0x31504d5355524c50) /* "PLRUSMP1", little-endian */
#define PEL_MAP_VERSION 1u
#define PEL_MAP_CLUSTERS 64
#define PEL_MAP_INSTANCES 32
#define PEL_MAP_NAMES 16
#define PEL_MAP_ADDRS 8
#define PEL_MAP_INDEX 2048 /* twice the names that fit, a power of two */
#define PEL_NAME_MAX 256   /* a host name with its NUL */
#define PEL_ID_MAX 64      /* one DNS label with its NUL */
#define PEL_NONE 0xff      /* "no instance" where an instance is named by its index */
#define PEL_LAG_UNKNOWN UINT32_MAX
#define PEL_HOLD_MAX_NS UINT64_C(600000000000)
#define PEL_HOLD_OF(ns) ((uint16_t)((ns) / UINT64_C(100000000) + 1)) /* 0: not said */
#define PEL_DRILL_NOBODY (-1) /* with drill_of: who does not know of that is not meant */
#define PEL_DRILL_OF(hot, i)                                                                       \
	(((hot)->instances[i].identity ^ (hot)->uid * UINT64_C(0x9e3779b97f4a7c15)) | 1)
#define PEL_HEARTBEAT_STALE_NS UINT64_C(5000000000)
#define PEL_HEARTBEAT_AHEAD_NS UINT64_C(1000000000)

/* struct pel_hot.state */
enum pel_state {
	PEL_STATE_FREE = 0,       /* the record is not in use */
	PEL_STATE_UNKNOWN = 1,    /* followed, topology not known: connections go where DNS leads */
	PEL_STATE_KNOWN = 2,      /* writer confirmed; or readers alone, and no writer is awaited */
	PEL_STATE_WRITERLESS = 3, /* between two writers: readers are known, there is no writer */
};

/* struct pel_hot.why: why the topology is unknown */
enum pel_why {
	PEL_WHY_NONE = 0,
	PEL_WHY_STARTING = 1,       /* no answer yet */
	PEL_WHY_NO_CREDENTIALS = 2, /* nothing to log in with: DNS alone */
	PEL_WHY_DENIED = 3,         /* every credential was refused */
	PEL_WHY_NO_ANSWER = 4,      /* nobody can be reached, or nobody answers */
	PEL_WHY_NOT_A_CLUSTER = 5,  /* the server has no topology to tell */
	PEL_WHY_NO_WRITER = 6,      /* none for longer than connects wait, or 30 s */
	PEL_WHY_DISPUTED = 7,       /* two say that they are the writer */
	PEL_WHY_UNROUTABLE = 8,     /* members cannot be reached directly from here */
	PEL_WHY_IDLE = 9,           /* no program uses it, so that it is not asked */
	PEL_WHY_UNFIT = 10,         /* no login meets our conditions: a certificate, a plugin */
};

/* role of an instance, what an instance says of itself, and the intent behind a name */
enum pel_role {
	PEL_ROLE_UNKNOWN = 0,
	PEL_ROLE_READER = 1,
	PEL_ROLE_WRITER = 2,
	PEL_ROLE_CUSTOM = 3, /* names only: the members in pel_hot_name.members */
};

enum pel_health {
	PEL_HEALTH_UNKNOWN = 0,
	PEL_HEALTH_OK = 1,
	PEL_HEALTH_SUSPECT = 2,     /* late, looked at closely; nothing follows from it */
	PEL_HEALTH_STALLED = 3,     /* its kernel answers, its server does not: no new readers */
	PEL_HEALTH_UNREACHABLE = 4, /* tracked sockets to it are severed */
};

enum pel_admission {
	PEL_ADMITTED = 0,
	PEL_ADMIT_NEW = 1,
	PEL_ADMIT_WARMING = 2,
	PEL_ADMIT_HELD = 3,
};

/* pel_hot_instance.flags */
#define PEL_INST_ROUTABLE 0x0001u /* the prober itself logged in at this address from here */
#define PEL_INST_LAGGED 0x0002u /* above max-lag, with hysteresis; or its replication has stopped */
#define PEL_INST_HAS4 0x0004u
#define PEL_INST_HAS6 0x0008u
#define PEL_INST_BY_HAND 0x0010u   /* held by hand, until it is admitted by hand */
#define PEL_INST_UNWARMED 0x0020u  /* held because its warm-up came to nothing */
#define PEL_INST_ELSEWHERE 0x0040u /* another prober warms it: how far it is, is not known here */

/* struct pel_hot.selector, .fallback */
enum pel_selector {
	PEL_SELECT_RANDOM = 0,
	PEL_SELECT_ROUND_ROBIN = 1,
	PEL_SELECT_LEAST_LAG = 2,  /* the better of two random ones by lag */
	PEL_SELECT_LEAST_RTT = 3,  /* ... by round trip */
	PEL_SELECT_LEAST_LOAD = 4, /* ... by CPU and lag */
};
enum pel_fallback { PEL_FALLBACK_READER = 0, PEL_FALLBACK_WRITER = 1, PEL_FALLBACK_REFUSE = 2 };

/* Whether names lead where the topology says, or where DNS does, as without us. */
enum pel_mode {
	PEL_MODE_ACTIVE = 0,
	PEL_MODE_OBSERVE = 1, /* where DNS leads; what would have been done is counted */
	PEL_MODE_OFF = 2,     /* where DNS leads, and nothing is done */
};

/* One address; family is 0 (none), 4 or 6, never AF_*. */
struct pel_addr {
	uint8_t family;
	uint8_t pad;
	uint16_t port;  /* host order; 0: not stated */
	uint32_t scope; /* IPv6 scope id */
	uint8_t ip[16]; /* IPv4 in the first four */
};

struct pel_hot_instance {
	uint8_t role;      /* enum pel_role: in the verified topology */
	uint8_t self_role; /* enum pel_role: what it last said of itself */
	uint8_t health;    /* enum pel_health */
	uint8_t admission; /* enum pel_admission */
	uint16_t flags;    /* PEL_INST_* */
	uint16_t port;     /* host order */
	uint8_t ip4[4];
	uint32_t lag_ms; /* PEL_LAG_UNKNOWN if not known */
	uint8_t ip6[16];
	uint64_t identity; /* hash of id, address and server uuid: changes when any of them does */
	uint64_t evidence_ns; /* when it last proved anything */
	uint32_t rtt_us;
	uint16_t cpu_permille;
	uint16_t warm_done;
	uint16_t warm_total;
	uint16_t pad[3];
};

/* A name that leads to the cluster. */
struct pel_hot_name {
	uint64_t hash; /* pel_name_hash() of the normal form */
	uint8_t role;  /* enum pel_role: the intent */
	uint8_t n_addrs;
	uint16_t port;                        /* 0: the cluster's */
	uint32_t members;                     /* custom names: bit i is instance i */
	uint64_t dns_ns;                      /* when the addresses were last seen in DNS */
	struct pel_addr addrs[PEL_MAP_ADDRS]; /* what DNS last gave for the name */
};

/* What routing and severing need, copied out in one go. */
struct pel_hot {
	uint64_t uid;           /* this use of the record; never repeats, 0 is none */
	uint64_t generation;    /* moves when a socket may have to be severed */
	uint64_t epoch;         /* moves with every change that a user would call one */
	uint64_t writerless_ns; /* since when there is no writer; 0: there is one, or never was */
	uint64_t verified_ns;   /* when the writer last confirmed itself */
	uint8_t state;          /* enum pel_state */
	uint8_t why;            /* enum pel_why */
	uint8_t selector;       /* enum pel_selector */
	uint8_t fallback;       /* enum pel_fallback */
	uint8_t writer;         /* index, or PEL_NONE */
	uint8_t n_instances;
	uint8_t n_names;
	uint8_t dns_only;    /* 1: no credentials; addresses in names[] are all there is */
	uint32_t max_lag_ms; /* 0: off */
	uint16_t port;       /* the cluster's */
	uint16_t hold;       /* how long connects wait for a writer: PEL_HOLD_OF() */
	struct pel_hot_instance instances[PEL_MAP_INSTANCES];
	struct pel_hot_name names[PEL_MAP_NAMES];
};

struct pel_cold_instance {
	char id[PEL_ID_MAX];
	char uuid[40];
	char host[PEL_NAME_MAX];
	char zone[24];
};

struct pel_cold {
	char names[PEL_MAP_NAMES][PEL_NAME_MAX];
	struct pel_cold_instance instances[PEL_MAP_INSTANCES];
};

struct pel_map_cluster {
	_Atomic uint32_t seq; /* odd while being written */
	uint32_t pad;
	struct pel_hot hot;
	struct pel_cold cold;
};

struct pel_map_entry {
	uint64_t hash; /* 0: free; else linear probing, hash & (PEL_MAP_INDEX - 1) onwards */
	uint16_t cluster;
	uint16_t name;
	uint32_t pad;
};

struct pel_map_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size;
	uint64_t file_size;
	uint64_t netns;    /* inode of the prober's network namespace */
	uint64_t start_ns; /* when this prober started */
	int32_t pid;       /* of the prober's worker, in its own pid namespace */
	uint32_t vnet4;    /* virtual block: network, host order */
	uint8_t vnet4_bits;
	uint8_t vnet6_bits;
	uint8_t pad[6];
	uint8_t vnet6[16];
	_Atomic uint64_t heartbeat_ns; /* older than PEL_HEARTBEAT_STALE_NS: topology unknown */
	_Atomic uint32_t wake;  /* futex: a socket may have to be severed, or a writer appeared */
	_Atomic uint32_t first; /* futex: a first topology, or a verdict that there is none */
	_Atomic uint32_t index_seq; /* odd while the index is being written */
	uint16_t park4;             /* a port that never answers, on 127.0.0.1; 0: there is none */
	uint16_t park6;             /* the same on ::1 */
	_Atomic uint32_t crowd; /* sockets of this host that are tracked or held, as last counted */
	_Atomic uint8_t mode;   /* enum pel_mode: of all names */
	_Atomic uint8_t modes[PEL_MAP_CLUSTERS]; /* of each record's names; the higher holds */
	uint8_t pad2[3];
	int32_t drill_pid;      /* of whom `drill` is meant; 0: of all */
	_Atomic uint32_t drill; /* moves: idle connections are to be ended, once */
	/* Those to this instance alone, of readers: PEL_DRILL_OF(); 0: all. */
	_Atomic uint64_t drill_of;
	uint8_t fill[4096 - 184];
};

struct pel_map {
	struct pel_map_header header;
	struct pel_map_entry index[PEL_MAP_INDEX];
	struct pel_map_cluster clusters[PEL_MAP_CLUSTERS];
};

#define PEL_AT(type, field, offset)                                                                \
	_Static_assert(offsetof(struct type, field) == (offset), #type "." #field)
PEL_AT(pel_hot_instance, ip4, 8);
PEL_AT(pel_hot_instance, lag_ms, 12);
PEL_AT(pel_hot_instance, ip6, 16);
PEL_AT(pel_hot_instance, identity, 32);
PEL_AT(pel_hot_instance, evidence_ns, 40);
PEL_AT(pel_hot_instance, rtt_us, 48);
PEL_AT(pel_hot_instance, cpu_permille, 52);
PEL_AT(pel_hot_instance, warm_done, 54);
PEL_AT(pel_hot_instance, warm_total, 56);
PEL_AT(pel_hot_name, role, 8);
PEL_AT(pel_hot_name, port, 10);
PEL_AT(pel_hot_name, members, 12);
PEL_AT(pel_hot_name, dns_ns, 16);
PEL_AT(pel_hot_name, addrs, 24);
PEL_AT(pel_hot, state, 40);
PEL_AT(pel_hot, writer, 44);
PEL_AT(pel_hot, max_lag_ms, 48);
PEL_AT(pel_hot, port, 52);
PEL_AT(pel_hot, hold, 54);
PEL_AT(pel_hot, instances, 56);
PEL_AT(pel_hot, names, 56 + 32 * 64);
PEL_AT(pel_cold_instance, uuid, 64);
PEL_AT(pel_cold_instance, host, 104);
PEL_AT(pel_cold_instance, zone, 360);
PEL_AT(pel_map_cluster, hot, 8);
PEL_AT(pel_map_header, netns, 24);
PEL_AT(pel_map_header, pid, 40);
PEL_AT(pel_map_header, vnet4, 44);
PEL_AT(pel_map_header, vnet6, 56);
PEL_AT(pel_map_header, heartbeat_ns, 72);
PEL_AT(pel_map_header, wake, 80);
PEL_AT(pel_map_header, first, 84);
PEL_AT(pel_map_header, index_seq, 88);
PEL_AT(pel_map_header, park4, 92);
PEL_AT(pel_map_header, crowd, 96);
PEL_AT(pel_map_header, mode, 100);
PEL_AT(pel_map_header, drill_pid, 168);
PEL_AT(pel_map_header, drill, 172);
PEL_AT(pel_map_header, drill_of, 176);
PEL_AT(pel_map, index, 4096);
PEL_AT(pel_map, clusters, 4096 + 16 * PEL_MAP_INDEX);
#undef PEL_AT
_Static_assert(sizeof(struct pel_addr) == 24, "pel_addr");
_Static_assert(sizeof(struct pel_hot_instance) == 64, "pel_hot_instance");
_Static_assert(sizeof(struct pel_hot_name) == 216, "pel_hot_name");
_Static_assert(sizeof(struct pel_hot) % 8 == 0, "pel_hot");
_Static_assert(sizeof(struct pel_cold) % 8 == 0, "pel_cold");
_Static_assert(sizeof(struct pel_map_header) == 4096, "pel_map_header");
_Static_assert(sizeof(struct pel_map_entry) == 16, "pel_map_entry");

/*
 * The reader.  Thread-safe, allocates nothing, holds no descriptor.  Nothing that it reads is
 * believed before its bounds are checked; whatever looks odd is -EAGAIN (torn, try later) or
 * -EPROTO (not a map), and the caller goes on as if there were none.
 */

/* Where a name stands in the map; meaningful only as long as uid still is the record's. */
struct pel_ref {
	uint64_t uid;
	uint16_t cluster;
	uint16_t name;
};

/* Maps `topology.map` of the directory; the mapping stays for ever.  0 or -errno. */
int pel_map_attach(int dirfd, const struct pel_map **ret);

/* Unmaps; for tools and tests only: in a host process another thread may still be reading. */
void pel_map_detach(const struct pel_map *map);

/* True if the prober was alive within PEL_HEARTBEAT_STALE_NS of now. */
bool pel_map_is_fresh(const struct pel_map *map, uint64_t now_ns);

/* Finds the record of a name (normal form and its hash).  0, -ENOENT, -EAGAIN. */
int pel_map_find(const struct pel_map *map, const char *name, uint64_t hash, struct pel_ref *ret);

/*
 * The one name with a hash of which `is_it` is true, as far as the index has it, and nothing else is
 * looked at.  0; -ENOENT if there is none, or several; -EAGAIN.  Its hash is to be compared.
 */
typedef bool pel_map_hash(const void *context, uint64_t hash);
int pel_map_find_hash(const struct pel_map *map, pel_map_hash *is_it, const void *context,
	char ret_name[static PEL_NAME_MAX]);

/* Copies out what routing needs of cluster number `cluster`.  0, -ENOENT (free), -EAGAIN, -EPROTO. */
int pel_map_read_hot(const struct pel_map *map, unsigned cluster, struct pel_hot *ret);

/* Copies out hot and cold parts as one consistent view; every string is terminated. */
int pel_map_read_all(const struct pel_map *map, unsigned cluster, struct pel_hot *ret_hot,
	struct pel_cold *ret_cold);

/*
 * Where names lead, for those of record number `cluster`; out of range: for all names.  It holds also
 * while the prober is silent.
 */
enum pel_mode pel_map_mode(const struct pel_map *map, unsigned cluster);

/* The generation of one cluster without copying it, for a quick look; 0 if being written. */
uint64_t pel_map_generation(const struct pel_map *map, unsigned cluster);

#endif
