#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""getaddrinfo_a(): the request stays the program's own.

What it has put into ar_name is there when the lookup is over, for it frees that; where the name
leads is left to DNS, or to us.
"""
import subprocess

from lib.programs import guests, loopback
from lib.published import Map
from lib.tap import done, ok

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
ONE, DNS = "127.0.77.1", "127.0.77.4"
TIMES = 3


def check(text, program, port):
    found = subprocess.run([program, WRITER, str(port), str(TIMES)], capture_output=True, text=True,
                           timeout=60)
    lines = [line.split() for line in found.stdout.splitlines()]
    ok(len(lines) == TIMES and all(line[0] == WRITER for line in lines),
       f"{text}: the request keeps its name", found.stdout)
    ok(found.returncode == 0, f"{text}: the program frees it, and ends well",
       f"{found.returncode} {found.stderr[-300:]}")
    ok(lines and all(line[1:] in ([ONE], [DNS]) for line in lines),
       f"{text}: it is connected to the writer, or where DNS leads", found.stdout)


def main():
    folder = loopback.enter(hosts={WRITER: DNS})
    servers = loopback.Servers(ONE, DNS)
    program = guests.host().build("lookup_async", folder)
    check("nothing is known", program, servers.port)
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER}")
        published.tell(f"instance 0 0 one {servers.port} {ONE}")
        published.tell("writer 0 0")
        check("a known topology", program, servers.port)
    done()


main()
