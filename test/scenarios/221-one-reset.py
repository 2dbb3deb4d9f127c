#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A second connection that is refused or reset while the first one works says that there is no room
for a second one: a balancer's limit, a full accept queue with tcp_abort_on_overflow.  Nobody is
unreachable for that, and no program's connection is closed.  Only together with the first does it
count."""
import socket
import struct
import time

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.waiting import within
from lib.worlds import expect, side_by_side

SECONDS = 6
LATE = 0.6  # of every answer: a look of its own is begun after 0.25


class Full(fakes.Server):
    """While `full` it ends new connections: with a reset before a word, after its greeting, or by
    closing its listener."""

    full = None
    turned_away = 0

    def _session(self, connection):
        if self.full == "reset":
            self.turned_away += 1
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self.full == "cut":
            self.turned_away += 1
            self._send(connection, 0, b"\x0a5.5.5-10.6.0-fake\0")
        else:
            super()._session(connection)

    def refuse(self):
        """From now on nobody listens; who is in stays in."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Cluster(fakes.Cluster):
    kind = Full


def begin(number):
    cluster = Cluster(dns, 3, number, f"full{number}")
    prober = Prober(cluster, cluster_section(cluster))
    return cluster, prober


def works_on(text, number, fill):
    """Every server is slow, and takes nobody else in."""
    cluster, prober = begin(number)
    with prober:
        prober.wait_settled(3)
        wake, bad = prober.view.wake, set()
        for server in cluster.servers.values():
            server.delay_s = LATE
            fill(server)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            bad |= {(i.id, i.health) for i in prober.cluster().instances.values()
                    if i.health == "unreachable"}
            time.sleep(0.02)
        turned = sum(s.turned_away for s in cluster.servers.values())
        worlds.note(f"{text}: {turned} connections were turned away")
        expect(not bad, f"{text}: nobody is unreachable", bad)
        expect(prober.view.wake == wake, f"{text}: nobody is woken", prober.view.wake - wake)
        expect(prober.cluster().writer == "demo-1", f"{text}: the writer stays")
    cluster.close()


def both():
    """Together with the first it counts, and at once."""
    cluster, prober = begin(9)
    with prober:
        prober.wait_settled(3)
        cluster.servers["demo-1"].close()
        start = time.monotonic()
        prober.wait(lambda c: c.instances["demo-1"].health == "unreachable", 5)
        took = time.monotonic() - start
        worlds.note(f"both connections refused: unreachable after {1000 * took:.0f} ms")
        expect(within(took, 1), "a server that is gone is noticed at once", took)
    cluster.close()


fakes.enter()
dns = worlds.Dns()
side_by_side((works_on, "reset", 1, lambda s: setattr(s, "full", "reset")),
             (works_on, "cut off in the greeting", 2, lambda s: setattr(s, "full", "cut")),
             (works_on, "refused", 3, lambda s: s.refuse()), (both,))
tap.done()
