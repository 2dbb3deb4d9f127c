#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Every HTTP source hangs: the SQL path does not notice.

Two probers see the same failovers, one without any HTTP source.  With PELORUS_LONG, on a machine at
rest, the other publishes them as soon; PELORUS_ROUNDS sets their number.
"""
import os

from lib import tap
from lib.lab import Lab
from lib.prober import Prober, Watch, cluster_section
from lib.servers.http_server import HttpServer
from lib.trials.publishing import quantile

LONG = bool(os.environ.get("PELORUS_LONG"))
ROUNDS = int(os.environ.get("PELORUS_ROUNDS", "5" if LONG else "2"))
RATIO = 1.1
PATHS = ("/doc", "/hook", "/rds/", "/v3/kv/range", "/latest/api/token", "/secrets/")


def hanging(lab, server):
    """A configuration in which everything that can speak HTTP does."""
    for path in PATHS:
        server.answer(path, behaviour="hang")
    config = f"[pelorus]\nnotify = {server.url}/hook\n" + cluster_section(
        lab, source="http", dialect="aurora", url=f"{server.url}/doc",
        publish=f"{server.url}/fleet",
        control_plane="on")
    command = ["env", "HOME=/nonexistent", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y",
               f"AWS_ENDPOINT_URL_RDS={server.url}/rds/"]
    return Prober(lab, config, prefix=command)


def one_round(lab, probers, watches):
    """Milliseconds from the failure, and from the new writer's first write, to each map."""
    events = lab.failover("crash")
    writable, failure = events["writable"], events["failure"]
    moments = [w.wait_first(failure["boot_ns"], lambda c: c.state == "known" and
                            c.writer == writable["id"], 60) for w in watches]
    tap.ok(all(moments), "both publish the new writer", moments)
    for p in probers:
        p.wait_settled(3, 60)
    return [((m - failure["boot_ns"]) / 1e6, (m - writable["boot_ns"]) / 1e6) for m in moments]


with Lab(instances=3) as lab_, HttpServer(lab_) as server_, \
        Prober(lab_) as plain, hanging(lab_, server_) as hung:
    both = (plain, hung)
    tap.ok(all(p.wait_settled(3) for p in both), "both know the topology")
    for path in ("/doc", "/hook", "/rds/", "/v3/kv/range"):
        tap.ok(server_.request(path), f"{path} has been asked, and hangs")
    watching = [Watch(p) for p in both]
    figures = [one_round(lab_, both, watching) for _ in range(ROUNDS)]
    for w in watching:
        w.end()
if LONG:
    medians = [[quantile([f[i][k] for f in figures], 0.5) for k in (0, 1)] for i in (0, 1)]
    tap.note(f"from the failure: {medians[0][0]:.1f} ms without HTTP, {medians[1][0]:.1f} ms with; "
             f"from writable: {medians[0][1]:.1f} ms and {medians[1][1]:.1f} ms; {ROUNDS} rounds")
    ratio = medians[1][0] / medians[0][0]
    tap.ok(ratio <= RATIO, f"failures are published as soon as without: ratio at most {RATIO}",
           f"{ratio:.2f} {figures}")
    tap.ok(medians[1][1] <= medians[0][1] + 20, "and so are new writers", figures)
tap.done()
