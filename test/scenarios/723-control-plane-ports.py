#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""An instance that listens at another port than its cluster: the control plane says which.  It is
asked ever more seldom while it says the same, and not anew for another comment in a file."""
import os
import time

from lib import tap
from lib.paths import BUILD
from lib.prober import Prober, cluster_section
from lib.servers import aws, fakes
from lib.servers.http_server import HttpServer

fakes.enter()

OTHER, WRONG = 3310, 3399
SPEED = 30  # of the clock


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


def reloaded(p, text):
    """Whether the control plane is asked again, of itself it is not for a long while."""
    asked = len(http.requests("/rds/"))
    p.configure(text)
    p.ask("reload")
    try:
        return http.request("/rds/", seconds=3, after=asked)
    except TimeoutError:
        return None


def rounds():
    return len([r for r in http.requests("/rds/") if "DescribeDBClusters&" in r["body"]])


def asked_seldom(cluster, variables):
    """Nobody logs in to its servers, so that it is the clock of the sources alone that is fast."""
    fast = [f"LD_PRELOAD={os.path.join(BUILD, 'test', 'lib', 'fast_clock.so')}",
            f"FAST_CLOCK={SPEED}", "FAST_CLOCK_AFTER=1"]
    before = rounds()
    with Prober(cluster, cluster_section(cluster, user=None, control_plane="on"),
                prefix=[*variables, *fast]):
        http.request("/rds/", after=len(http.requests("/rds/")))
        time.sleep(360 / SPEED)  # what is counted is a time
    tap.ok(3 <= rounds() - before <= 6, "while it says the same it is asked ever more seldom: up "
           "to six times in six minutes", rounds() - before)


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
        text = cluster_section(demo, control_plane="on")
        tap.ok(not reloaded(p, "# a line more\n" + text), "a reload with another comment does not "
               "ask it anew", http.requests("/rds/")[-1])
        tap.ok(reloaded(p, cluster_section(demo, control_plane="on", stall_time="7s")),
               "one that changes the cluster does")
    asked_seldom(demo, variables)
demo.close()
tap.done()
