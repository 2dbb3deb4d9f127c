# SPDX-License-Identifier: Apache-2.0
"""Lookup and connect by name: with the library, and as programs do it, by DNS.

Method: in a network and mount namespace of its own, so that the machine's resolver is not touched,
a dnsmasq on loopback answers for the cluster's name (the fastest DNS there can be: no network, one
record).  test/bench/programs/named.c looks the name up and connects, N times; the median of both
together, without and with the preload.  It needs root, for the namespaces.
"""
import os
import shutil
import subprocess
import sys

import bench

from lib import environ, published
from lib.programs import guests

DNS = "127.0.0.1"


def measure(figures, folder, quick):
    what = "lookup and connect by name, share of the time with DNS"
    missing = [p for p in ("unshare", "ip", "dnsmasq") if not shutil.which(p)]
    if missing or os.getuid() != 0:
        figures.skip(what, f"no {missing[0]}" if missing else "needs root")
        return
    inside = subprocess.run(["unshare", "--net", "--mount", sys.executable, __file__, folder,
                             "300" if quick else "3000"], capture_output=True, text=True)
    if inside.returncode != 0:
        figures.skip(what, inside.stderr.strip()[-300:])
        return
    dns, library = (int(n) / 1000 for n in inside.stdout.split())
    figures.add("(lookup and connect by DNS)", dns, "us")
    figures.add("(lookup and connect with the library)", library, "us")
    figures.add(what, library / dns, "", 1)


def prepare(folder, name):
    """Loopback, the resolver's file and a name server; returns the server's process."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    path = os.path.join(folder, "resolv.conf")
    with open(path, "w") as out:
        out.write(f"nameserver {DNS}\n")
    subprocess.run(["mount", "--bind", path, "/etc/resolv.conf"], check=True)
    server = subprocess.Popen(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
                               "--no-hosts",
                               "--no-resolv", "--bind-interfaces", f"--listen-address={DNS}",
                               "--log-facility=-", "--user=root", "--local-ttl=5",
                               f"--address=/{name}/{DNS}"], stderr=subprocess.PIPE, text=True)
    # it says so on its first line, once it listens
    if "started" not in server.stderr.readline():
        raise RuntimeError("dnsmasq did not start")
    return server


def measure_inside(folder, n):
    program = bench.program("named")
    listener = guests.Listener()
    with published.Map(folder) as published_map:
        name = published_map.cluster(0, [("one", "127.0.0.1")], listener.port)
        server = prepare(folder, name)
        try:
            for env in (environ.plain(), bench.preloaded(folder, PELORUS_CLUSTER=name)):
                subprocess.run([program, "whole", name, str(listener.port), n], env=env, check=True)
        finally:
            server.terminate()
            server.wait(30)


if __name__ == "__main__":
    measure_inside(sys.argv[1], sys.argv[2])
