/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dialects have in common: server variables as name and value, and a role as one cell.
 */
#ifndef PROBES_DIALECT_VARIABLES_H
#define PROBES_DIALECT_VARIABLES_H

#include "logic/evidence.h"

struct dialect_variables {
	char aurora_server_id[PEL_ID_MAX]; /* normal form; empty: none, or not one DNS label */
	char uuid[EVIDENCE_UUID_MAX];      /* server_uuid; empty: none */
	bool is_group;                     /* it has the name of a replication group */
	bool is_galera, is_provided;       /* it replicates as Galera does, by a library */
	bool is_rds, is_reported; /* it lives where RDS has its servers; has a report_host */
	char group_role[3], group_view[48]; /* as told, where they are; see dialect_take_group() */
	enum pel_role innodb_read_only;
	enum pel_role read_only;
};

/*
 * The greeting of every dialect.  SHOW leaves out a variable that a server does not have instead of
 * failing.  MariaDB (the lab) has no uuid: its server_uid is a hash of port and network card.
 */
#define DIALECT_VARIABLES                                                                          \
	"SHOW GLOBAL VARIABLES WHERE Variable_name IN ('aurora_server_id', 'innodb_read_only',"    \
	" 'read_only', 'server_uuid', 'group_replication_group_name',"                             \
	" 'wsrep_on', 'wsrep_provider', 'report_host', 'basedir')"

/* Reads rows of (name, value).  0, -EPROTO: other columns, -ENODATA: no row. */
int dialect_read_variables(const struct pel_cells *cells, struct dialect_variables *ret);

/* The server's own role as @@read_only tells it, be it a number or a word, where it tells any. */
void dialect_take_role(const char *read_only, struct evidence *evidence);

/* A greeting's uuid, no id, and the role of one of its variables, where there is that. */
void dialect_take_identity(const struct dialect_variables *v, enum pel_role role,
	struct evidence *evidence);

/* The greeting of servers that are known by read_only alone.  0, -ENODATA. */
int dialect_read_plain(const struct dialect_variables *v, struct evidence *evidence);

/* So many units of so many microseconds, rounded down; PEL_LAG_UNKNOWN for what is no number. */
uint32_t dialect_lag_ms(const char *text, unsigned unit_us);

/* Reads one row of one cell as the server's own role.  0, -EPROTO, -ENODATA. */
int dialect_read_role(const struct pel_cells *cells, struct evidence *evidence);

/* The place of a column, whose name has been another once; -1 if there is none. */
int dialect_find_column(const struct pel_cells *cells, const char *name, const char *old_name);

/*
 * One more host, unless it is empty; what is no host or no port is counted as refused, and so is what
 * there is no room for, which a writer takes from a reader.  No port: 0.  NULL: it was not taken.
 */
struct evidence_host *dialect_take_host(struct evidence *evidence, const char *host,
	const char *port, enum pel_role role);

/*
 * What a member of a group says of itself: a digit, and the group's formation as "ERA:COUNT", two
 * numbers; "" and NULL are none.  0: the writer, 1: a reader, 2: a reader that only ages, 3: one of many
 * that may be written to, 4: one of these that only ages, 5: it refuses everybody; six more: its group is
 * about to change.  0, -ENODATA.
 */
int dialect_take_group(const char *role, const char *view, struct evidence *evidence);

/* Reads SHOW REPLICA STATUS, or SLAVE, as the server's own lag.  0, -EPROTO. */
int dialect_read_lag(const struct pel_cells *cells, struct evidence *evidence);

#endif
