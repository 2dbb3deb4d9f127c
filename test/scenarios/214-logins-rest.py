#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A login that fails for a reason that does not pass by itself is not repeated at once: servers
count that, and refuse the whole host in the end."""
import tempfile
import time

from lib import tap
from lib.prober import Prober, cluster_section
from lib.servers import fakes

SECONDS = 35


def attempts(server):
    """Connections that were begun, and did not become logins."""
    return server.accepted - server.logins


def rests(text, number, prepare, **keys):
    cluster = fakes.Cluster(dns, 2, number, f"rest{number}")
    for server in cluster.servers.values():
        prepare(server)
    with Prober(cluster, cluster_section(cluster, **keys)):
        time.sleep(SECONDS)  # a rate can only be seen over a time
        most = max(attempts(s) for s in cluster.servers.values())
        tap.ok(most <= 6 * SECONDS / 60, f"{text}: at most six logins a minute, and falling", most)
        tap.note(f"{text}: {most} logins in {SECONDS} s")
    cluster.close()


def after_good_days(text, number, spoil):
    """Members that were known, and fit no more."""
    cluster = fakes.Cluster(dns, 2, number, f"rest{number}")
    with Prober(cluster, cluster_section(cluster)) as prober:
        prober.wait_settled(2)
        before = {}
        for name, server in cluster.servers.items():
            before[name] = attempts(server)
            spoil(server)
            server.drop()
        time.sleep(SECONDS)
        most = max(attempts(s) - before[n] for n, s in cluster.servers.items())
        tap.ok(most <= 8 * SECONDS / 60 + 1, f"{text}: they rest as well", most)
        tap.note(f"{text}: {most} logins in {SECONDS} s")
    cluster.close()


fakes.enter()
dns = fakes.Dns()
with tempfile.TemporaryDirectory() as folder:
    unknown = fakes.certificate(folder, "elsewhere.example.com")
    rests("a certificate of nobody's", 1, lambda s: setattr(s, "tls", unknown), ssl="on",
          ssl_verify_server_cert="on")
    rests("no TLS where it is required", 2, lambda s: None, ssl="on")
    rests("a plugin that is refused", 3, lambda s: setattr(s, "plugin", "dialog"))
    after_good_days("a plugin from now on", 4, lambda s: setattr(s, "plugin", "dialog"))
tap.done()
