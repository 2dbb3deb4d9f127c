#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The ports that never answer: whoever connects there stays in silence, and is never accepted; they
outlive each of the daemon's processes, and with the last one the kernel refuses."""
import errno
import os
import select
import signal
import socket
import time

from lib import tap
from lib.prober import Prober
from lib.servers import fakes
from lib.waiting import alive, wait_for

MANY, SILENT_S = 200, 3
LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def counter(file, name):
    """Of this network namespace."""
    with open(f"/proc/net/{file}") as f:
        lines = f.read().splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        found = dict(zip(names.split(), values.split()))
        if name in found:
            return int(found[name])
    raise KeyError(name)


def begin(family, host, port):
    s = socket.socket(family)
    s.setblocking(False)
    tried = s.connect_ex((host, port))
    if tried != errno.EINPROGRESS:
        raise OSError(tried, f"connect to {host}:{port}")
    return s


def crowd(parks, n):
    places = [(*place, port) for place, port in zip(LOOPBACK, parks) if port]
    return [begin(*places[i % len(places)]) for i in range(n)]


def answered(sockets, seconds):
    """How many hear anything at all in that time; ends with the first."""
    poll = select.poll()
    for s in sockets:
        poll.register(s, select.POLLIN | select.POLLOUT)
    return len(poll.poll(seconds * 1000))


def refused(sockets, seconds=20):
    """Whether each of them is refused in that time: when it next asks, after 1, 3, 7 s."""
    left, end = list(sockets), time.monotonic() + seconds
    while left and time.monotonic() < end:
        for s in select.select([], left, [], 1)[1]:
            if s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != errno.ECONNREFUSED:
                return False
            left.remove(s)
    return not left


def silence(parks):
    accepted, dropped = counter("snmp", "PassiveOpens"), counter("netstat", "ListenOverflows")
    waiting = crowd(parks, MANY)
    tap.ok(not answered(waiting, SILENT_S), f"{MANY} connects hear nothing for {SILENT_S} s")
    tap.ok(counter("snmp", "PassiveOpens") == accepted, "the kernel has accepted none")
    grown = counter("netstat", "ListenOverflows") - dropped
    tap.ok(grown >= MANY, "and counts what it dropped", grown)
    return waiting


def renewed(p, old):
    status = p.is_up()
    return status if status and status["pid"] != old else None


def deaths(p, parks, waiting):
    supervisor, worker = p.note_pids()
    os.kill(worker, signal.SIGKILL)
    worker = wait_for(lambda: renewed(p, worker))["pid"]
    tap.ok(p.view.parks == parks and not answered(waiting + crowd(parks, 2), 0.5),
           "a worker that is killed ends no wait", p.view.parks)
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: renewed(p, worker))
    tap.ok(p.view.parks == parks and not answered(waiting + crowd(parks, 2), 0.5),
           "nor does a supervisor", p.view.parks)
    both = p.note_pids()
    for number in (signal.SIGSTOP, signal.SIGKILL):  # neither may start another meanwhile
        for pid in both:
            os.kill(pid, number)
    wait_for(lambda: not any(map(alive, both)))
    tap.ok(refused(crowd(parks, 2)), "when both are killed, whoever comes is refused")
    tap.ok(refused(waiting[:10]), "and so is who waits")


def ends():
    with Prober() as p:
        p.start()
        view = p.view
        tap.ok(view.parks[0], "the next daemon has a port of its own", view.parks)
        p.ask("stop")
        wait_for(lambda: view.parks == (0, 0))
        tap.ok(True, "one that ends in order takes it back")


def one_family():
    script = 'sysctl -q -w net.ipv6.conf.lo.disable_ipv6=1 && exec "$@"'
    with Prober(prefix=["sh", "-c", script, "sh"]) as p:
        p.start()
        tap.ok(p.view.parks[0] and not p.view.parks[1], "without IPv6 there is the other alone",
               p.view.parks)


fakes.enter()
with Prober() as the_prober:
    the_prober.start()
    the_parks = the_prober.view.parks
    tap.ok(all(the_parks), "the map tells two ports", the_parks)
    deaths(the_prober, the_parks, silence(the_parks))
ends()
one_family()
tap.done()
