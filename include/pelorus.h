/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pelorus: where a database cluster's instances are, for programs that want to know.
 *
 * A program that links libpelorus (pkg-config pelorus) follows its clusters without any preload:
 * connections by an endpoint's name go to the right instance, and handles of libmariadb or
 * libmysqlclient fail over in place.  None of the functions below is needed for that; they tell what
 * Pelorus knows.  Link pelorus before the client library:
 *
 *   cc app.c $(pkg-config --cflags --libs pelorus libmariadb)
 *
 * The ABI: what was once declared here stays.  Functions, values of an enum (let your switches have a
 * default) and members at the end of a struct are added, and nothing else; what cannot be kept moves
 * the SONAME, libpelorus.so.0.  So a program runs with a later library without being built anew, and
 * with an earlier one as far as that has what it calls.
 *
 * What is known comes from the prober, pelorusd, one per user and host, which is started when a name
 * is first asked for.  All functions may be called from any thread; none changes errno.  They return
 * 0 or more, or a negative errno.  Without a prober (PELORUS_PROBER=off, PELORUS_DISABLED=1) they
 * say -ENODATA.
 */
#ifndef PELORUS_H
#define PELORUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "MAJOR.MINOR.PATCH" of the library that was loaded. */
const char *pelorus_version(void);

enum pelorus_role {
	PELORUS_UNKNOWN = 0,
	PELORUS_READER = 1,
	PELORUS_WRITER = 2,
	PELORUS_CUSTOM = 3, /* endpoints only */
};

enum pelorus_state {
	PELORUS_STATE_UNKNOWN = 1,    /* connections go where DNS leads */
	PELORUS_STATE_KNOWN = 2,      /* the writer is confirmed, or there are readers alone */
	PELORUS_STATE_WRITERLESS = 3, /* between two writers */
};

enum pelorus_health {
	PELORUS_HEALTH_UNKNOWN = 0,
	PELORUS_HEALTH_OK = 1,
	PELORUS_HEALTH_SUSPECT = 2, /* late, and looked at closely */
	PELORUS_HEALTH_STALLED = 3, /* its host answers, its server does not */
	PELORUS_HEALTH_UNREACHABLE = 4,
};

#define PELORUS_LAG_UNKNOWN UINT32_MAX

/*
 * One instance, as text; what is not known is "" or 0.  `size` says how much of it there is: whoever
 * provides the struct sets it to sizeof(struct pelorus_instance) before the call, and finds in it how
 * much the library has filled, which is less if that is an earlier one.  The rest is then zero.
 */
struct pelorus_instance {
	size_t size;
	char id[64];
	char host[256];
	char address[64]; /* IPv4 or IPv6 */
	unsigned port;
	enum pelorus_role role;
	enum pelorus_health health;
	uint32_t lag_ms; /* or PELORUS_LAG_UNKNOWN */
	uint32_t round_trip_us;
};

/*
 * The topology behind an endpoint's name, copied out: it does not change any more.  The endpoint is
 * followed from now on if it was not.  -ENODATA while nothing is known of it, -EINVAL for what is no
 * host name, -ENOMEM.  Ends with pelorus_topology_free(), which takes NULL.
 */
struct pelorus_topology;
int pelorus_topology_get(const char *endpoint, struct pelorus_topology **ret);
void pelorus_topology_free(struct pelorus_topology *topology);

enum pelorus_state pelorus_topology_state(const struct pelorus_topology *topology);

/* A number that moves with every change that a user would call one; never 0. */
uint64_t pelorus_topology_epoch(const struct pelorus_topology *topology);

unsigned pelorus_topology_count(const struct pelorus_topology *topology);

/* The instance; it lives as long as the topology.  NULL for a number that is too high. */
const struct pelorus_instance *pelorus_topology_instance(const struct pelorus_topology *topology,
	unsigned number);

/*
 * Waits until the epoch of the endpoint's topology is another than `epoch` (0: until there is one)
 * and is known: 0, or -ETIMEDOUT after `timeout_ms`.
 */
int pelorus_wait(const char *endpoint, uint64_t epoch, unsigned timeout_ms);

/*
 * Which instance a connection by the endpoint's name would go to at this moment: of the role that
 * the name has (PELORUS_UNKNOWN), or of another.  -ENODATA if that is not known, -EAGAIN between two
 * writers, -EINVAL if ret->size is not set.
 */
int pelorus_resolve(const char *endpoint, enum pelorus_role role, struct pelorus_instance *ret);

/*
 * The instance that a connection of libmariadb or libmysqlclient is on: `mysql` is a MYSQL* that was
 * connected by an endpoint's name.  -ENOENT if it is not followed, -ENODATA if its instance is not
 * known, -EINVAL if ret->size is not set.
 */
int pelorus_connection(const void *mysql, struct pelorus_instance *ret);

/*
 * Why this process last left something to DNS: "CODE: sentence", cut to `size`, as it was said in the log.
 * -ENODATA if it never did.
 */
int pelorus_reason(char *ret, size_t size);

#ifdef __cplusplus
}
#endif

#endif
