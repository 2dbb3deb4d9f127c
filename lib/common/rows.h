/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of information_schema.replica_host_status: the question, and the one reader of answers.
 *
 * The prober asks over its non-blocking connections and the client ABI over the application's own:
 * both hand the result here as cells of text.  Nothing in a row is believed before it is checked.
 * Ages are differences that the server itself computed, against its own clock in the same statement
 * and then against the newest row of the same answer: no clock of ours is compared with theirs.
 */
#ifndef PELORUS_LIB_COMMON_ROWS_H
#define PELORUS_LIB_COMMON_ROWS_H

#include <pelorus/map.h>

#include <stdbool.h>
#include <stdint.h>

/* Own role and whole table in one; an empty table still gives one row, which tells the role. */
#define PEL_ROWS_QUERY                                                                             \
	"SELECT @@innodb_read_only, r.server_id, r.session_id = 'MASTER_SESSION_ID', r.cpu,"       \
	" r.replica_lag_in_milliseconds,"                                                          \
	" TIMESTAMPDIFF(MICROSECOND, r.last_update_timestamp, NOW(6)),"                            \
	" TIMESTAMPDIFF(MICROSECOND, r.last_update_timestamp, UTC_TIMESTAMP(6))"                   \
	" FROM (SELECT 1 AS one) AS me"                                                            \
	" LEFT JOIN information_schema.replica_host_status AS r ON TRUE"

#define PEL_ROWS_COLUMNS 7u
#define PEL_ROWS_STALE_US INT64_C(180000000)  /* older rows are of instances that are gone */
#define PEL_ROWS_LAG_GONE_MS UINT32_C(900000) /* so are rows with this lag */
#define PEL_AGE_UNKNOWN INT64_MAX
#define PEL_CPU_UNKNOWN UINT16_MAX

/*
 * A result as text.  next() returns the cells of the next row (NUL-terminated, NULL for SQL NULL;
 * MYSQL_ROW is one) or NULL at the end; the cells need to live until the next call only.  name()
 * tells a column's; NULL where columns are known by their place.
 */
struct pel_cells {
	const char *const *(*next)(void *context);
	const char *(*name)(void *context, unsigned column);
	void *context;
	unsigned n_columns;
};

struct pel_row {
	char id[PEL_ID_MAX];   /* lower case, one DNS label */
	bool is_master;        /* its session id says so; more than one row may */
	uint16_t cpu_permille; /* PEL_CPU_UNKNOWN if not told */
	uint32_t lag_ms;       /* PEL_LAG_UNKNOWN if not told */
	int64_t age_us; /* behind the newest row of the answer; PEL_AGE_UNKNOWN: no usable time */
};

/* What one answer says after validation. */
struct pel_rows {
	enum pel_role role; /* of the server that answered; PEL_ROLE_UNKNOWN if it did not tell */
	uint8_t n;
	uint8_t master;     /* index of the newest MASTER row, or PEL_NONE */
	uint16_t n_seen;    /* rows of the answer, saturating */
	uint16_t n_stale;   /* dropped for their age or lag */
	uint16_t n_refused; /* dropped because their id is not one DNS label, or twice there */
	uint16_t n_surplus; /* dropped because there were more than PEL_MAP_INSTANCES */
	uint16_t n_garbage; /* kept or dropped, but with no usable time */
	int64_t newest_us;  /* age of the newest row when the server answered; PEL_AGE_UNKNOWN */
	struct pel_row rows[PEL_MAP_INSTANCES];
};

/*
 * Reads an answer to PEL_ROWS_QUERY.  0, or -ENODATA if no believable row was left (the table is
 * "unknown", not empty; the role may be told all the same), or -EPROTO if this is not an answer to
 * that question.  *ret is filled in the first two cases.
 */
int pel_rows_read(const struct pel_cells *cells, struct pel_rows *ret);

/* "1"/"ON" is a reader, "0"/"OFF" the writer, everything else (NULL too) unknown. */
enum pel_role pel_rows_role(const char *read_only);

/*
 * The role of a server of which it is not known what kind of cluster it is of: Aurora tells it by
 * innodb_read_only, plain replication by read_only.  Who says by any of them that it is a reader
 * takes no writes.
 */
#define PEL_ROLE_COLUMNS "@@innodb_read_only, @@read_only"
enum pel_role pel_rows_role_of(const char *innodb_read_only, const char *read_only);

#endif
