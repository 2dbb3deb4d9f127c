#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""An instance that listens at another port than its cluster: the control plane says which."""


from lib import tap
from lib.prober import Prober, cluster_section
from lib.servers import aws, fakes
from lib.servers.http_server import HttpServer

fakes.enter()

OTHER, WRONG = 3310, 3399


def serve(server, cluster):
    """The truth of demo-3, and a lie about demo-2, which answers where it is."""
    ports = {"demo-1": fakes.PORT, "demo-2": WRONG, "demo-3": OTHER}
    server.answer("/rds/", aws.endpoints("demo"), contains="DescribeDBClusterEndpoints")
    server.answer("/rds/", aws.cluster("demo", "demo-1", ports), contains="DescribeDBClusters&")
    server.answer("/rds/", aws.instances(
        {i: "us-east-1a" for i in ports},
        {i: (f"{i}.{cluster.domain}", port) for i, port in ports.items()}),
        contains="DescribeDBInstances")


def routable(c):
    return sorted(i for i, instance in c.instances.items() if instance.routable)


dns = fakes.Dns()
demo = fakes.Cluster(dns, 3, ports={"demo-3": OTHER})
with HttpServer() as http:
    with Prober(demo, cluster_section(demo)) as p:
        c = p.wait(lambda c: c.state == "known" and len(routable(c)) == 2 and c)
        tap.ok(c and routable(c) == ["demo-1", "demo-2"],
               "without the control plane who listens elsewhere is not reached", c)
    variables = ["env", f"AWS_ENDPOINT_URL_RDS={http.url}/rds/", f"AWS_ACCESS_KEY_ID={aws.ID}",
                 f"AWS_SECRET_ACCESS_KEY={aws.SECRET}"]
    serve(http, demo)
    with Prober(demo, cluster_section(demo, control_plane="on"), prefix=variables) as p:
        c = p.wait(lambda c: c.state == "known" and len(routable(c)) == 3 and c, 30)
        tap.ok(c and c.instances["demo-3"].port == OTHER, "with it, it is, at its own port",
               c and c.instances)
        tap.ok(c and c.instances["demo-2"].port == fakes.PORT and c.writer == "demo-1",
               "and who answers where it is stays there, whatever the control plane says",
               c and c.instances)
demo.close()
tap.done()
