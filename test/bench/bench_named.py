# SPDX-License-Identifier: Apache-2.0
"""What a lookup and a connection by a followed name cost.

Instructions: test/bench/programs/named.c under callgrind, one lookup or one blocking connect
through the virtual address, beside the same with a plain address and without the preload.  Time:
connects through the name and to the bare address in turns within one process, medians of connect()
alone; both reach the same listener on loopback.
"""
import subprocess

import bench

from lib import environ, published
from lib.programs import guests


def measure(figures, folder, quick):
    n = 200 if quick else 2000
    program = bench.program("named")
    listener = guests.Listener()
    port = str(listener.port)
    with published.Map(folder) as published_map:
        name = published_map.cluster(0, [("one", "127.0.0.1"), ("two", "127.0.0.2")], listener.port)
        env = bench.preloaded(folder, PELORUS_CLUSTER=name)
        count(figures, program, name, port, env, n)
        took = subprocess.run([program, "time", name, port, str(5 * n)], env=env, check=True,
                              capture_output=True, text=True).stdout.split()
        named, bare = (int(t) for t in took)
        figures.add("connect() by name: more than to a bare address", (named - bare) / 1000, "us",
                    2)
        figures.add("(connect() to a bare address)", bare / 1000, "us")
    listener.close()


def count(figures, program, name, port, env, n):
    plain = environ.plain()
    bare = bench.instructions_each([program, "lookup", "127.0.0.1", port], plain, n)
    named = bench.instructions_each([program, "lookup", name, port], env, n)
    figures.add("getaddrinfo(cluster)", named, "instructions")
    figures.add("(getaddrinfo of a numeric address, without the library)", bare, "instructions")
    bare = bench.instructions_each([program, "connect", "127.0.0.1", port], plain, n)
    named = bench.instructions_each([program, "connect", name, port], env, n)
    figures.add("connect() by name: more than to a bare address", named - bare, "instructions")
