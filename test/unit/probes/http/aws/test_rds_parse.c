/* SPDX-License-Identifier: Apache-2.0 */
/* What the RDS control plane says: pages, errors, custom endpoints. */
#include "http/aws/rds_parse.h"

#include "http/xml_read.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DOMAIN "abc.us-east-1.rds.amazonaws.com"
#define ENDPOINTS(inner)                                                                           \
	"<DescribeDBClusterEndpointsResponse "                                                     \
	"xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\">\n"                                    \
	"  <DescribeDBClusterEndpointsResult>" inner "</DescribeDBClusterEndpointsResult>\n"       \
	"  <ResponseMetadata><RequestId>x</RequestId></ResponseMetadata>\n"                        \
	"</DescribeDBClusterEndpointsResponse>\n"

static const char endpoints_page[] = ENDPOINTS(
	"<Marker>next+page==</Marker><DBClusterEndpoints>"
	"<DBClusterEndpointList><Endpoint>c.cluster-" DOMAIN "</Endpoint>"
	"<EndpointType>WRITER</EndpointType><Status>available</Status>"
	"<DBClusterIdentifier>c</DBClusterIdentifier></DBClusterEndpointList>"
	"<DBClusterEndpointList><DBClusterEndpointIdentifier>reports</DBClusterEndpointIdentifier>"
	"<DBClusterIdentifier>c</DBClusterIdentifier><Endpoint>Reports.cluster-custom-" DOMAIN
	"</Endpoint><Status>available</Status><EndpointType>CUSTOM</EndpointType>"
	"<CustomEndpointType>READER</CustomEndpointType>"
	"<StaticMembers><member>i1</member><member>i2</member></StaticMembers><ExcludedMembers/>"
	"</DBClusterEndpointList></DBClusterEndpoints>");

static const char cluster_page[] =
	"<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters><DBCluster>"
	"<DBClusterIdentifier>c</DBClusterIdentifier><Port>3307</Port>"
	"<DBClusterMembers><DBClusterMember><IsClusterWriter>true</IsClusterWriter>"
	"<DBInstanceIdentifier>i1</DBInstanceIdentifier></DBClusterMember>"
	"<DBClusterMember><IsClusterWriter>false</IsClusterWriter>"
	"<DBInstanceIdentifier>i2</DBInstanceIdentifier></DBClusterMember></DBClusterMembers>"
	"</DBCluster></DBClusters></DescribeDBClustersResult></DescribeDBClustersResponse>";

static const char instances_page[] =
	"<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance>"
	"<DBInstanceIdentifier>i1</DBInstanceIdentifier><AvailabilityZone>us-east-1a</"
	"AvailabilityZone>"
	"<Endpoint><Address>i1." DOMAIN "</Address><Port>3307</Port>"
	"<HostedZoneId>Z</HostedZoneId></Endpoint></DBInstance>"
	"<DBInstance><DBInstanceIdentifier>i3</DBInstanceIdentifier></DBInstance>"
	"</DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>";

static int parse(const char *body, struct rds_view *view, struct rds_page *page)
{
	return rds_parse(body, strlen(body), view, page);
}

static void endpoints_come_with_their_members_and_the_next_page(void **state)
{
	struct rds_view view = {0};
	struct rds_page page;

	assert_int_equal(parse(endpoints_page, &view, &page), 0);
	assert_string_equal(page.marker, "next+page==");
	assert_string_equal(page.error, "");
	assert_int_equal(view.n_endpoints, 2);
	assert_false(view.endpoints[0].custom);
	assert_true(view.endpoints[1].custom);
	assert_string_equal(view.endpoints[1].host, "reports.cluster-custom-" DOMAIN);
	assert_string_equal(view.endpoints[1].cluster, "c");
	assert_int_equal(view.endpoints[1].type, RDS_ENDPOINT_READER);
	assert_int_equal(view.endpoints[1].n_static, 2);
	assert_string_equal(view.endpoints[1].statics[1], "i2");
	assert_int_equal(view.endpoints[1].n_excluded, 0);
}

static void what_two_answers_say_of_a_member_comes_together(void **state)
{
	struct rds_view view = {0};
	struct rds_page page;

	assert_int_equal(parse(cluster_page, &view, &page), 0);
	assert_int_equal(parse(instances_page, &view, &page), 0);
	assert_string_equal(page.marker, "");
	assert_int_equal(view.port, 3307);
	assert_int_equal(view.n_members, 3);
	assert_string_equal(view.members[0].id, "i1");
	assert_true(view.members[0].writer);
	assert_string_equal(view.members[0].zone, "us-east-1a");
	assert_string_equal(view.members[0].host, "i1." DOMAIN);
	assert_int_equal(view.members[0].port, 3307);
	assert_false(view.members[1].writer);
	assert_string_equal(view.members[2].id, "i3");
}

static void an_error_response_tells_its_code(void **state)
{
	struct rds_view view = {0};
	struct rds_page page;

	assert_int_equal(parse("<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code>"
			       "<Message>Rate exceeded</Message></Error></ErrorResponse>",
				 &view, &page),
		0);
	assert_string_equal(page.error, "Throttling");
	assert_true(rds_is_throttling(page.error));
	assert_false(rds_is_throttling("AccessDenied"));
}

static void what_is_no_such_answer_changes_nothing(void **state)
{
	static const char *const cases[] = {
		"",
		"{}",
		"<a>",
		"<a></b>",
		"<!DOCTYPE a [<!ENTITY x \"yyyy\">]><a>&x;</a>",
		"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
		"<a>&undefined;</a>",
		ENDPOINTS("<DBClusterEndpoints><DBClusterEndpointList><Endpoint>a b</Endpoint>"
			  "</DBClusterEndpointList></DBClusterEndpoints>"),
		"<DBInstance><DBInstanceIdentifier>../x</DBInstanceIdentifier></DBInstance>",
		"<DBInstance><Endpoint><Port>x</Port></Endpoint></DBInstance>",
		"<DBInstance><AvailabilityZone>a-zone-with-far-too-long-a-name</AvailabilityZone>"
		"</DBInstance>",
		"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></"
		"a>"
		"</a></a></a></a></a></a></a></a>",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rds_view view = {.port = 77};
		struct rds_page page = {.marker = "kept"};

		if (parse(cases[i], &view, &page) != -EPROTO)
			fail_msg("taken: %s", cases[i]);
		assert_int_equal(view.port, 77);
		assert_int_equal(view.n_members + view.n_endpoints, 0);
		assert_string_equal(page.marker, "kept");
	}
}

static void more_than_fits_is_an_error(void **state)
{
	size_t size = 65536, n = 0;
	char *body = malloc(size);
	struct rds_view view = {0};
	struct rds_page page;

	assert_non_null(body);
	n += (size_t)snprintf(body + n, size - n, "<a>");
	for (int i = 0; i <= PEL_MAP_INSTANCES; i++)
		n += (size_t)snprintf(body + n, size - n,
			"<DBInstance><DBInstanceIdentifier>i%d</DBInstanceIdentifier></DBInstance>",
			i);
	snprintf(body + n, size - n, "</a>");
	assert_int_equal(parse(body, &view, &page), -ENOSPC);
	assert_int_equal(view.n_members, 0);
	free(body);
}

static void ten_megabytes_are_refused(void **state)
{
	size_t n = 10 * 1024 * 1024;
	struct rds_view view = {0};
	struct rds_page page;
	char *body = malloc(n);

	assert_non_null(body);
	memset(body, ' ', n);
	memcpy(body, "<a></a>", 7);
	assert_int_equal(rds_parse(body, n, &view, &page), -EPROTO);
	free(body);
}

static void a_custom_endpoint_leads_to_its_members_only(void **state)
{
	static const struct {
		enum rds_endpoint_type type;
		const char *listed, *excluded, *writer, *expected;
	} cases[] = {
		{RDS_ENDPOINT_ANY, "i1", NULL, "i1", "i1"},
		{RDS_ENDPOINT_ANY, NULL, NULL, "i1", "i1i2i3"},
		{RDS_ENDPOINT_ANY, NULL, "I2", "i1", "i1i3"},
		{RDS_ENDPOINT_READER, NULL, NULL, "i1", "i2i3"},
		{RDS_ENDPOINT_READER, NULL, "i2", "i1", "i3"},
		{RDS_ENDPOINT_READER, "i1", NULL, "i1", ""},
		{RDS_ENDPOINT_READER, "i1", NULL, "i2", "i1"},
		{RDS_ENDPOINT_READER, "i1", NULL, NULL, "i1"},
		{RDS_ENDPOINT_WRITER, NULL, NULL, "i1", "i1"},
		{RDS_ENDPOINT_WRITER, NULL, NULL, NULL, ""},
	};
	struct rds_view view = {.n_members = 3,
		.members = {{.id = "i1"}, {.id = "i2"}, {.id = "i3"}}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rds_endpoint e = {.type = cases[i].type};
		const char *ids[PEL_MAP_INSTANCES];
		char text[64] = "";
		unsigned n;

		if (cases[i].listed)
			strcpy(e.statics[e.n_static++], cases[i].listed);
		if (cases[i].excluded)
			strcpy(e.excluded[e.n_excluded++], cases[i].excluded);
		n = rds_endpoint_members(&view, &e, cases[i].writer, ids);
		for (unsigned k = 0; k < n; k++)
			strcat(text, ids[k]);
		assert_string_equal(text, cases[i].expected);
	}
}

static void paths_are_told_from_the_last_element_of_a_name(void **state)
{
	assert_string_equal(xml_path_under("/a/b/c/d", "b"), "c/d");
	assert_string_equal(xml_path_under("/a/b/b/c", "b"), "c");
	assert_string_equal(xml_path_under("/a/b", "b"), "");
	assert_null(xml_path_under("/a/bb/c", "b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_come_with_their_members_and_the_next_page),
		cmocka_unit_test(what_two_answers_say_of_a_member_comes_together),
		cmocka_unit_test(an_error_response_tells_its_code),
		cmocka_unit_test(what_is_no_such_answer_changes_nothing),
		cmocka_unit_test(more_than_fits_is_an_error),
		cmocka_unit_test(ten_megabytes_are_refused),
		cmocka_unit_test(a_custom_endpoint_leads_to_its_members_only),
		cmocka_unit_test(paths_are_told_from_the_last_element_of_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
