#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The pace of logins that fail belongs to the server where they do: one that denies does not keep
the others out, one at a new address is a new one, and none is asked more than six times a minute,
however many credentials there are.  What passes by itself, a login cut off in the middle or a
server that is full, is tried again soon, and then ever more seldom."""
import socket
import struct
import tempfile
import time

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.worlds import expect, most_in, note, side_by_side

LONG = 40  # seconds of a trouble that lasts
BACK = 3  # seconds until who is well again is logged in to


class Cut:
    """Stands in for a server's TLS: ends the connection where the handshake should be."""

    def __init__(self, by_reset):
        self.by_reset = by_reset

    def wrap_socket(self, connection, **_):
        connection.recv(4000)
        if self.by_reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        raise EOFError


class Closing(fakes.Server):
    """Ends each new connection as soon as it is there, while it is told to."""

    closes = False

    def _session(self, connection):
        if self.closes:
            self.refused += 1
        else:
            super()._session(connection)


class Cluster(fakes.Cluster):
    kind = Closing


def begin(count=3, **keys):
    with worlds.lock:
        begin.number += 1
        number = begin.number
    cluster = Cluster(dns, count, number, f"paced{number}")
    return cluster, Prober(cluster, cluster_section(cluster, **keys))


begin.number = 0


def is_back(prober, condition, text, seconds=BACK):
    try:
        start = time.monotonic()
        prober.view.wait(lambda _: condition(), seconds)
        note(f"{text}: after {time.monotonic() - start:.2f} s")
        expect(True, text)
    except TimeoutError:
        expect(False, text, f"not within {seconds} s\n{prober.log()[-800:]}")


def one_denies():
    cluster, prober = begin()
    with prober:
        prober.wait_settled(3)
        odd = cluster.servers["demo-2"]
        odd.users = set()
        odd.drop()
        prober.view.wait(lambda _: odd.refused, 15)
        for turn in range(3):
            before = {i: s.logins for i, s in cluster.servers.items()}
            for server in cluster.servers.values():
                server.drop()
            is_back(prober, lambda before=before: all(
                s.logins > before[i] for i, s in cluster.servers.items() if s is not odd),
                f"one server denies, loss {turn + 1}: the others are logged in to")
            prober.view.wait(lambda _, t=turn: odd.refused > t + 1, 45) if turn < 1 else None
        expect(prober.cluster().writer == "demo-1", "and the writer is known")
    cluster.close()


def cut_off(text, cut):
    with tempfile.TemporaryDirectory() as folder:
        tls = fakes.certificate(folder, "any.example.com")
        cluster, prober = begin()
        for server in cluster.servers.values():
            server.tls = tls
        with prober:
            prober.wait_settled(3)
            writer = cluster.servers["demo-1"]
            writer.tls, before = cut, len(writer.came)
            writer.drop()
            time.sleep(3)  # of a crash
            tries, logins = len(writer.came) - before, writer.logins
            expect(tries > 5, f"{text}: the login is tried again and again", tries)
            writer.tls = tls
            is_back(prober, lambda: writer.logins > logins, f"{text}: it is back at once")
        cluster.close()


def lasts(text, spoil, mend):
    cluster, prober = begin()
    with prober:
        prober.wait_settled(3)
        server = cluster.servers["demo-2"]
        spoil(server)
        start, logins = time.monotonic(), server.logins
        server.drop()
        time.sleep(LONG)  # what is counted is a time
        came = [t - start for t in server.came if t > start]
        early = len([t for t in came if t < 10])
        late = len([t for t in came if t > LONG - 15])
        note(f"{text}: {len(came)} tries in {LONG} s, {early} in the first 10 s, {late} in the "
             "last 15 s")
        expect(early > 4, f"{text}: tried often at first", early)
        expect(late <= 4, f"{text}: and ever more seldom", late)
        mend(server)
        is_back(prober, lambda: server.logins > logins, f"{text}: when it is over, it is back", 25)
    cluster.close()


def many_credentials():
    cluster, prober = begin(user=None)
    for server in cluster.servers.values():
        server.users = {"nobody"}
    with prober:
        for i in range(13):
            prober.ask("follow", name=cluster.writer_name, user=f"user{i}", password="x")
        start = time.monotonic()
        while time.monotonic() < start + 75:
            prober.ask("refresh", name=cluster.writer_name)
            prober.ask("hint", name=cluster.writer_name)
            time.sleep(0.5)
        for name, server in cluster.servers.items():
            note(f"13 credentials, all denied: {len(server.came)} logins at {name}")
            expect(most_in(server.came, 60) <= 6, f"13 credentials: {name}: 6 a minute",
                   [f"{t - start:.1f}" for t in server.came])
        expect(len(cluster.servers["demo-1"].came) > 3, "and the next ones get their turn",
               len(cluster.servers["demo-1"].came))
        expect(prober.log().count("code=access-denied") > 3, "each is told once", prober.log())
    cluster.close()


def new_address():
    cluster, prober = begin()
    with prober:
        prober.wait_settled(3)
        old = cluster.servers["demo-2"]
        old.users = set()
        old.drop()
        prober.view.wait(lambda _: old.refused > 1, 30)
        address = old.address.rsplit(".", 1)[0] + ".102"
        fresh = fakes.Server(address, "demo-2")
        fresh.table = cluster.rows
        dns.addresses[f"demo-2.{cluster.domain}"] = [address]
        is_back(prober, lambda: fresh.logins, "a server is replaced: the new one does not wait for "
                "what the old one had to", 12)
        fresh.close()
    cluster.close()


def set_to(field, value):
    return lambda server: setattr(server, field, value)


fakes.enter()
dns = worlds.Dns()
side_by_side(
    (many_credentials,),
    *((lasts, f"error {code} at the door", set_to("greeting_error", (code, "No")),
       set_to("greeting_error", None)) for code in (1040, 1226)),
    (lasts, "connections that end at once", set_to("closes", True), set_to("closes", False)),
    (one_denies,),
    (cut_off, "TLS cut off by an end", Cut(False)),
    (cut_off, "TLS cut off by a reset", Cut(True)),
    (new_address,),
    workers=8,
)
tap.done()
