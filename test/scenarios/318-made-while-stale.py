#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A map whose prober is silent judges nothing, and what was connected meanwhile is judged when it
beats again; a map from before a reboot, whose beat lies ahead, is no map."""
import mmap
import os
import select
import socket
import struct
import subprocess
import time

from lib.programs import loopback
from lib.programs.loopback import greeting
from lib.published import Map
from lib.tap import done, ok
from lib.waiting import wait_for

DOMAIN = "test-region-1.rds.amazonaws.com"
WRITER = f"db.cluster-abc.{DOMAIN}"
ONE, TWO = "127.0.77.1", "127.0.77.2"
BEAT_AT = 72  # heartbeat_ns in the map's header
DIAL = ("import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10); "
        "print(s.recv(99).decode().strip())")


def connect(host, port):
    sock = socket.create_connection((host, port), 10)
    return sock, greeting(sock)


def reaches(host, port, who):
    sock, found = connect(host, port)
    sock.close()
    return found == who


def check_judged(published, port):
    host = socket.gethostbyname(WRITER)
    first, who = connect(host, port)
    ok(who == ONE, "the writer's name leads to the writer")
    published.tell("beat off")
    wait_for(lambda: reaches(host, port, TWO), 20)
    made, who = connect(host, port)
    published.tell("beat on")
    ended = select.select([made], [], [], 40)[0]
    ok(who == TWO and ended, "made while the prober was silent, on what it knows for a reader: "
       "ended when it beats again, though nothing else has changed", who)
    ok(not select.select([first], [], [], 0.2)[0], "... and the writer's own connection stays")


def beat_ahead(folder):
    """What a power cut leaves, seen after the reboot: the clock has begun anew."""
    beat = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + 864000 * 10**9
    with open(os.path.join(folder, "run", "topology.map"), "r+b") as f, \
            mmap.mmap(f.fileno(), 0) as whole:
        whole[BEAT_AT:BEAT_AT + 8] = struct.pack("<Q", beat)


def main():
    folder = loopback.enter(hosts={WRITER: TWO})
    port = loopback.Servers(ONE, TWO).port
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER} {TWO}")
        for i, address in enumerate((ONE, TWO)):
            published.tell(f"instance 0 {i} i{i} {port} {address}")
        published.tell("writer 0 0")
        check_judged(published, port)
        published.tell("beat off")
    beat_ahead(folder)
    found = subprocess.run(["/usr/bin/python3", "-c", DIAL, WRITER, str(port)],
                           capture_output=True, text=True)
    ok(found.stdout.strip() == TWO, "a beat that lies ahead is none: where DNS leads",
       found.stdout + found.stderr[-300:])
    done()


main()
