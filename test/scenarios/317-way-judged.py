#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Only a connect that had no way to an instance speaks against the way there, and no name of a
writer is led to what is known to be a reader."""
import errno
import socket
import threading
import time

from lib.programs import loopback
from lib.programs.loopback import dial, greeting
from lib.published import Map
from lib.tap import done, ok

DOMAIN = "test-region-1.rds.amazonaws.com"
WRITER = f"db.cluster-abc.{DOMAIN}"
FAR = f"far.cluster-abc.{DOMAIN}"
TWO_ADDRESSES = f"two.cluster-abc.{DOMAIN}"
ONE, TWO, NOBODY, NO_WAY = "127.0.77.1", "127.0.77.2", "127.0.77.5", "10.78.0.5"
JUDGED_S = 2.5  # what failed is judged by what the prober hears within this time


def who_answers(name, port, **options):
    try:
        with dial(name, port, **options) as sock:
            return greeting(sock)
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))


def who_answers_for_a_while(name, port):
    until, found = time.monotonic() + JUDGED_S, set()
    while time.monotonic() < until:
        found.add(who_answers(name, port))
        time.sleep(0.1)
    return found


def hear(published, ended):
    """The prober goes on hearing from the writer."""
    while not ended.wait(0.1):
        published.tell("heard 0 0")


def attempt_at_closed_ports(host):
    with socket.socket() as probe:
        probe.bind((ONE, 0))
        closed = probe.getsockname()[1]
    for blocks in (False, True):
        with socket.socket() as sock:
            sock.setblocking(blocks)
            sock.connect_ex((host, closed))
            time.sleep(0.05)


def check_left_alone(published, port):
    host, ended = socket.gethostbyname(WRITER), threading.Event()
    for _ in range(12):
        with socket.socket() as sock:
            sock.settimeout(5)
            sock.connect((host, port))
        time.sleep(0.02)
    teller = threading.Thread(target=hear, args=(published, ended))
    teller.start()
    found = who_answers_for_a_while(WRITER, port)
    ok(found == {ONE}, "connects that are closed at once say nothing of the way there", found)
    attempt_at_closed_ports(host)
    found = who_answers_for_a_while(WRITER, port)
    ok(found == {ONE}, "a refusal at a port that is not the cluster's says nothing, either", found)
    ended.set()
    teller.join()


def check_no_reader(port):
    """The writer has no way from here, and DNS still leads to what has become a reader."""
    found = [who_answers(FAR, port) for _ in range(3)]
    ok(TWO not in found, "a writer's name does not lead to a known reader for want of a way", found)


def check_turns(published, port):
    host = socket.gethostbyname(TWO_ADDRESSES)
    # Newer than what this process has seen, so that it counts.
    published.tell(f"name 2 writer {TWO_ADDRESSES} {NOBODY} {TWO}")
    published.tell("writer 2 unknown 2")
    found = []
    for _ in range(6):
        with socket.socket() as sock:
            sock.setblocking(False)
            sock.connect_ex((host, port))
            try:
                found.append(greeting(sock))
            except OSError:
                found.append(None)
    ok(TWO in found[:2] and TWO in found[2:4], "where DNS leads to a dead address and a living "
       "one, a program that does not block comes to the other next", found)
    found = [who_answers(host, port, timeout=None) for _ in range(6)]
    ok(set(found) == {TWO}, "... and one that blocks at once", found)


def main():
    folder = loopback.enter(hosts={WRITER: TWO, FAR: TWO, TWO_ADDRESSES: NOBODY},
                            PELORUS_LOG="/dev/null")
    port = loopback.Servers(ONE, TWO).port
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER} {TWO}")
        published.tell(f"name 1 writer {FAR} {TWO}")
        for cluster, writer in ((0, ONE), (1, NO_WAY)):
            published.tell(f"instance {cluster} 0 w{cluster} {port} {writer}")
            published.tell(f"instance {cluster} 1 r{cluster} {port} {TWO}")
            published.tell(f"writer {cluster} 0")
        check_left_alone(published, port)
        check_no_reader(port)
        check_turns(published, port)
    done()


main()
