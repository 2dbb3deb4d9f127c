/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the readers of XML: the RDS control plane's pages and STS.  No DOCTYPE is ever taken. */
#include "http/aws/creds_parse.h"
#include "http/aws/rds_parse.h"

#include "common/names.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_view(const struct rds_view *view)
{
	const char *ids[PEL_MAP_INSTANCES];

	check(view->n_members <= PEL_MAP_INSTANCES && view->n_endpoints <= RDS_ENDPOINTS);
	for (unsigned i = 0; i < view->n_members; i++)
		check(pel_name_is_label(view->members[i].id));
	for (unsigned i = 0; i < view->n_endpoints; i++) {
		const struct rds_endpoint *e = &view->endpoints[i];
		char name[PEL_NAME_MAX];

		check(e->n_static <= RDS_LISTED && e->n_excluded <= RDS_LISTED);
		check(!e->host[0] || (pel_name_normalise(e->host, name) == 0));
		check(rds_endpoint_members(view, e, view->n_members ? view->members[0].id : NULL,
			      ids) <= view->n_members);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rds_view view;
	struct aws_creds creds;
	struct rds_page page;

	memset(&view, 0, sizeof(view));
	if (rds_parse((const char *)data, size, &view, &page) == 0)
		check_view(&view);
	if (aws_creds_parse_sts((const char *)data, size, &creds) == 0)
		check(creds.id[0] && creds.secret[0] && creds.token[0]);
	return 0;
}
