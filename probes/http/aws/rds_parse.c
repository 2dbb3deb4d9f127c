/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the RDS control plane says.
 *
 * One table says which element goes into which field of which record.  A record is begun when its
 * element opens.  Element names of the three answers do not clash, so one reader serves all.
 */
#include "rds_parse.h"

#include "base/url.h"
#include "http/xml_read.h"

#include "common/names.h"
#include "common/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct reading {
	struct rds_view view;
	struct rds_page page;
	struct rds_member member; /* being read; merged by id when it ends */
	bool too_many;
	bool bad;
};

static void copy(struct reading *r, char *field, size_t size, const char *text)
{
	if (!text_copy(field, size, text))
		r->bad = true;
}

static void copy_host(struct reading *r, char field[static PEL_NAME_MAX], const char *text)
{
	if (pel_name_normalise(text, field) < 0)
		r->bad = true;
}

static void copy_id(struct reading *r, char field[static PEL_ID_MAX], const char *text)
{
	if (!pel_name_is_label(text))
		r->bad = true;
	else
		copy(r, field, PEL_ID_MAX, text);
}

static void copy_listed(struct reading *r, char list[][PEL_ID_MAX], unsigned *n, const char *text)
{
	if (*n == RDS_LISTED)
		r->too_many = true;
	else
		copy_id(r, list[(*n)++], text);
}

static enum rds_endpoint_type type_of(const char *word)
{
	return strcasecmp(word, "READER") == 0    ? RDS_ENDPOINT_READER
		: strcasecmp(word, "WRITER") == 0 ? RDS_ENDPOINT_WRITER
						  : RDS_ENDPOINT_ANY;
}

static void take_endpoint(struct reading *r, const char *name, const char *text)
{
	struct rds_endpoint *e;

	if (r->view.n_endpoints == 0 || r->too_many)
		return;
	e = &r->view.endpoints[r->view.n_endpoints - 1];
	if (strcmp(name, "Endpoint") == 0)
		copy_host(r, e->host, text);
	else if (strcmp(name, "DBClusterIdentifier") == 0)
		copy_id(r, e->cluster, text);
	else if (strcmp(name, "Status") == 0)
		copy(r, e->status, sizeof(e->status), text);
	else if (strcmp(name, "EndpointType") == 0)
		e->custom = strcasecmp(text, "CUSTOM") == 0;
	else if (strcmp(name, "CustomEndpointType") == 0)
		e->type = type_of(text);
	else if (strcmp(name, "StaticMembers/member") == 0)
		copy_listed(r, e->statics, &e->n_static, text);
	else if (strcmp(name, "ExcludedMembers/member") == 0)
		copy_listed(r, e->excluded, &e->n_excluded, text);
}

/* What DescribeDBClusters and DescribeDBInstances say of one member comes together by its id. */
static void end_member(struct reading *r)
{
	struct rds_member *m = NULL;

	for (unsigned i = 0; i < r->view.n_members && !m; i++) {
		if (strcasecmp(r->view.members[i].id, r->member.id) == 0)
			m = &r->view.members[i];
	}
	if (!r->member.id[0])
		return;
	if (!m && r->view.n_members == PEL_MAP_INSTANCES) {
		r->too_many = true;
		return;
	}
	if (!m) {
		r->view.members[r->view.n_members++] = r->member;
		return;
	}
	m->writer |= r->member.writer;
	if (r->member.zone[0])
		memcpy(m->zone, r->member.zone, sizeof(m->zone));
	if (r->member.port)
		m->port = r->member.port;
	if (r->member.host[0])
		memcpy(m->host, r->member.host, sizeof(m->host));
}

static void take_member(struct reading *r, const char *name, const char *text)
{
	struct rds_member *m = &r->member;

	if (strcmp(name, "DBInstanceIdentifier") == 0)
		copy_id(r, m->id, text);
	else if (strcmp(name, "IsClusterWriter") == 0)
		m->writer = strcmp(text, "true") == 0;
	else if (strcmp(name, "AvailabilityZone") == 0)
		copy(r, m->zone, sizeof(m->zone), text);
	else if (strcmp(name, "Endpoint/Address") == 0)
		copy_host(r, m->host, text);
	else if (strcmp(name, "Endpoint/Port") == 0)
		r->bad |= url_parse_port(text, &m->port) < 0;
	else if (*name == '\0')
		end_member(r);
}

static void on_open(void *ctx, const char *path)
{
	struct reading *r = ctx;
	const char *end = strrchr(path, '/') + 1;

	if (strcmp(end, "DBClusterMember") == 0 || strcmp(end, "DBInstance") == 0)
		r->member = (struct rds_member){0};
	if (strcmp(end, "DBClusterEndpointList") != 0)
		return;
	if (r->view.n_endpoints == RDS_ENDPOINTS)
		r->too_many = true;
	else
		r->view.endpoints[r->view.n_endpoints++] = (struct rds_endpoint){0};
}

static void on_close(void *ctx, const char *path, const char *text)
{
	struct reading *r = ctx;
	const char *name = xml_path_under(path, "DBClusterEndpointList");

	if (name) {
		take_endpoint(r, name, text);
		return;
	}
	name = xml_path_under(path, "DBClusterMember");
	if (!name)
		name = xml_path_under(path, "DBInstance");
	if (name) {
		take_member(r, name, text);
		return;
	}
	name = xml_path_under(path, "DBCluster");
	if (name && strcmp(name, "Port") == 0)
		r->bad |= url_parse_port(text, &r->view.port) < 0;
	else if (xml_path_under(path, "Marker"))
		copy(r, r->page.marker, sizeof(r->page.marker), text);
	else if ((name = xml_path_under(path, "Error")) && strcmp(name, "Code") == 0)
		copy(r, r->page.error, sizeof(r->page.error), text);
}

int rds_parse(const char *body, size_t n, struct rds_view *view, struct rds_page *ret)
{
	struct reading *r = calloc(1, sizeof(*r));
	int code;

	if (!r)
		return -ENOMEM;
	r->view = *view;
	code = xml_read(body, n,
		&(struct xml_handler){.open = on_open, .close = on_close, .ctx = r});
	if (code == 0 && r->bad)
		code = -EPROTO;
	if (code == 0 && r->too_many)
		code = -ENOSPC;
	if (code == 0) {
		*view = r->view;
		*ret = r->page;
	}
	free(r);
	return code;
}

bool rds_is_throttling(const char *code)
{
	static const char *const codes[] = {"Throttling", "ThrottlingException",
		"RequestLimitExceeded", "RequestThrottled", "TooManyRequestsException"};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		if (strcmp(code, codes[i]) == 0)
			return true;
	}
	return false;
}
