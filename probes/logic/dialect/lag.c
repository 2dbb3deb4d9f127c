/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A replica's own lag, as SHOW REPLICA STATUS tells it, while its replication runs: else it is unknown.
 * One whose replication was stopped says so beside it.  The columns have had two names and the
 * statement two wordings, so none is known by its place.
 */
#include "variables.h"

#include <errno.h>
#include <strings.h>

/* One that is looking for its source ("Connecting") has not stopped. */
static bool says_no(const char *const *row, int column)
{
	return column >= 0 && row[column] && strcasecmp(row[column], "No") == 0;
}

/* A row for each source: the worst counts, and PEL_LAG_UNKNOWN is the worst of all. */
int dialect_read_lag(const struct pel_cells *cells, struct evidence *e)
{
	int lag = dialect_find_column(cells, "Seconds_Behind_Source", "Seconds_Behind_Master");
	int hears = dialect_find_column(cells, "Replica_IO_Running", "Slave_IO_Running");
	int applies = dialect_find_column(cells, "Replica_SQL_Running", "Slave_SQL_Running");
	const char *const *row;
	bool any = false;

	if (lag < 0)
		return -EPROTO;
	e->lag_ms = 0;
	e->stopped = false;
	while ((row = cells->next(cells->context))) {
		uint32_t lag_ms = dialect_lag_ms(row[lag], 1000000);

		e->lag_ms = lag_ms > e->lag_ms ? lag_ms : e->lag_ms;
		e->stopped |= says_no(row, hears) || says_no(row, applies);
		any = true;
	}
	if (!any)
		e->lag_ms = PEL_LAG_UNKNOWN;
	e->has = EVIDENCE_LAG | EVIDENCE_STOPPED;
	return 0;
}
