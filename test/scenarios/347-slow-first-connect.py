#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A first connect that takes its time is left alone: nobody has shown that there is no way.

The writer's accept queue is full, as at a cold start or just behind a failover; the kernel's second
and third attempt come after 1 and 3 s. A program that does not block is connected when the queue
has room again, as it is by the address itself.
"""
import errno
import os
import select
import socket
import time

from lib.programs import loopback
from lib.published import Map
from lib.tap import done, note, ok

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
ONE = "127.0.77.1"
FULL_S, LIMIT_S = 2.5, 20


def begin(host, port):
    sock = socket.socket()
    sock.setblocking(False)
    code = sock.connect_ex((host, port))
    if code not in (0, errno.EINPROGRESS):
        raise OSError(code, os.strerror(code))
    return sock


def fill(port):
    """Connections until one has to wait, and nobody accepts them."""
    held = []
    while True:
        held.append(begin(ONE, port))
        if not select.select([], [held[-1]], [], 0.2)[1]:
            return held


def outcomes(socks, listener):
    """When each was writable, and its error, from the moment that all had begun."""
    start, found, drained = time.monotonic(), {}, False
    while len(found) < len(socks) and time.monotonic() - start < LIMIT_S:
        _, ready, _ = select.select([], [s for s in socks if s not in found], [], 0.05)
        for sock in ready:
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            found[sock] = (time.monotonic() - start, errno.errorcode.get(error, ""))
        if not drained and time.monotonic() - start > FULL_S:
            listener.listen(64)
            listener.settimeout(0.1)
            drain(listener)
            drained = True
    return [found.get(sock, (LIMIT_S, "silence")) for sock in socks]


def drain(listener):
    try:
        while True:
            drain.kept.append(listener.accept()[0])
    except TimeoutError:
        pass


drain.kept = []


def main():
    folder = loopback.enter(hosts={WRITER: ONE})
    listener = socket.create_server((ONE, 0), backlog=0)
    port = listener.getsockname()[1]
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER}")
        published.tell(f"instance 0 0 one {port} {ONE}")
        published.tell("writer 0 0")
        held = fill(port)
        led, plain = begin(WRITER, port), begin(ONE, port)
        (led_s, led_error), (plain_s, plain_error) = outcomes([led, plain], listener)
        note(f"by the name {led_s:.2f} s {led_error or 'connected'}, by the address {plain_s:.2f} "
             f"s {plain_error or 'connected'}; {len(held)} in the queue")
        ok(plain_s > FULL_S and not plain_error, "by the address: connected when there is room",
           plain_error)
        ok(led_s > FULL_S and not led_error, "by the writer's name: connected, too, and not reset",
           f"{led_error} after {led_s:.2f} s")
    done()


main()
