#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A server that answers for the name and wants the password: it learns a scramble and nothing else,
whatever plugin it names, without TLS and over TLS that nobody vouches for."""
import tempfile

from lib import tap
from lib.prober import Prober, cluster_section
from lib.servers import fakes

PASSWORD = "not-for-everybody"
PLUGINS = ("caching_sha2_password", "sha256_password", "mysql_clear_password",
           "mysql_old_password", "dialog")


def rogue(text, number, plugin, tls):
    cluster = fakes.Cluster(dns, 1, number, f"rogue{number}")
    server = cluster.servers["demo-1"]
    server.plugin, server.full, server.tls = plugin, "sha2" in plugin, tls
    with Prober(cluster, cluster_section(cluster, password=PASSWORD)) as prober:
        prober.wait(lambda c: "code=login-unfit" in prober.log(), 15)
        said = b"".join(server.said)
        tap.ok(PASSWORD.encode() not in said, f"{plugin} {text}: no password", said)
        tap.ok(b"\x02" not in server.said, f"{plugin} {text}: no key of its own is asked for",
               server.said)
        tap.ok(prober.log().count("code=login-unfit") == 1, f"{plugin} {text}: one line says so",
               prober.log())
        tap.ok(prober.cluster().writer is None, f"{plugin} {text}: nobody is believed")
    cluster.close()


def remembered(number, tls):
    """The scramble alone is enough for a server that remembers the password's hash."""
    cluster = fakes.Cluster(dns, 1, number, f"rogue{number}")
    server = cluster.servers["demo-1"]
    server.plugin, server.fast, server.tls = "caching_sha2_password", True, tls
    with Prober(cluster, cluster_section(cluster, password=PASSWORD)) as prober:
        prober.wait_known("demo-1", 10)
        tap.ok(PASSWORD.encode() not in b"".join(server.said), "a scramble was enough")
    cluster.close()


fakes.enter()
dns = fakes.Dns()
with tempfile.TemporaryDirectory() as folder:
    unknown = fakes.certificate(folder, "rogue.example.com")
    for i, name in enumerate(PLUGINS):
        rogue("without TLS", 10 + i, name, None)
        rogue("over unverified TLS", 20 + i, name, unknown)
    remembered(30, None)
    remembered(31, unknown)
tap.done()
