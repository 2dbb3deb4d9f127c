/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a custom endpoint leads to. */
#include "views.h"

#include <strings.h>

static bool is_listed(const char list[][PEL_ID_MAX], unsigned n, const char *id)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcasecmp(list[i], id) == 0)
			return true;
	}
	return false;
}

static bool leads_to(const struct rds_endpoint *e, const char *id, const char *writer)
{
	bool writes = writer && strcasecmp(id, writer) == 0;
	bool member = e->n_static > 0 ? is_listed(e->statics, e->n_static, id)
				      : !is_listed(e->excluded, e->n_excluded, id);

	if (e->type == RDS_ENDPOINT_READER)
		return member && !writes;
	return member && (e->type == RDS_ENDPOINT_ANY || writes);
}

unsigned rds_endpoint_members(const struct rds_view *view, const struct rds_endpoint *endpoint,
	const char *writer, const char *ret[static PEL_MAP_INSTANCES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < view->n_members; i++) {
		if (leads_to(endpoint, view->members[i].id, writer))
			ret[n++] = view->members[i].id;
	}
	return n;
}
