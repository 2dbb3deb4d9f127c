#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""TLS where servers offer it, and a server that falls silent in the handshake: nobody else
waits."""
import tempfile
import time

from lib import tap
from lib.prober import Prober, cluster_section
from lib.servers import fakes

REQUIRED = (3159, "Connections using insecure transport are prohibited while "
                  "--require_secure_transport=ON.")


def both(healthy, silent):
    """A configuration of both clusters."""
    return cluster_section(healthy) + "\n" + \
        cluster_section(silent).replace("[cluster lab]", "[cluster silent]")


fakes.enter()
dns = fakes.Dns()
with tempfile.TemporaryDirectory() as folder:
    healthy, silent = fakes.Cluster(dns, 3, 1, "healthy"), fakes.Cluster(dns, 1, 2, "silent")
    offered = fakes.certificate(folder, "demo.example.com")
    for server in healthy.servers.values():
        server.tls, server.insecure = offered, REQUIRED
    deaf = silent.servers["demo-1"]
    deaf.tls = "silent"
    with Prober(healthy, both(healthy, silent)) as prober:
        prober.wait(lambda c: deaf.refused > 0, 15)
        tap.ok(prober.wait_known("demo-1", 15),
               "servers that demand TLS are logged in to, without a word in the configuration")
        worst, beat, end = 0, prober.view.heartbeat_ns, time.monotonic() + 12
        while time.monotonic() < end:
            time.sleep(0.05)
            beat = prober.view.heartbeat_ns
            worst = max(worst, time.clock_gettime_ns(time.CLOCK_BOOTTIME) - beat)
        tap.ok(worst < 2.5e9, "the heartbeat goes on beside a handshake that does not end",
               f"{worst / 1e9:.2f} s")
        tap.ok("worker-hung" not in prober.log(), "and no worker is killed for it", prober.log())
        healthy.servers["demo-1"].read_only = True
        healthy.servers["demo-2"].read_only = False
        begin = time.monotonic()
        prober.wait_known("demo-2", 10)
        tap.ok(True, "a failover is followed meanwhile")
        tap.note(f"{1000 * (time.monotonic() - begin):.0f} ms, {deaf.refused} logins at the "
                 "silent one")
        tap.ok(prober.cluster().writer == "demo-2", "to the right one")
    healthy.close()
    silent.close()
tap.done()
