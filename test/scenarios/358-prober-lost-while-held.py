#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Both of a prober's processes are killed while 200 connects wait for a writer.

Half of them block, half are an event loop's. None hangs: what can no longer be held ends or goes
on, the programs start the next prober, and soon after it knows a writer all are with it. Nothing is
left behind.
"""
import os

from lib.lab import Lab, now
from lib.mapview import MapView
from lib.programs import apps
from lib.programs.crowd import USER, Crowd, held, numbers, roomy
from lib.programs.handles import as_root
from lib.tap import done, note, ok
from lib.waiting import wait_for

PROCESSES, SOCKETS = 10, 10
SOON_MS = 3000
LIMIT_S = 30


def programs(crowd):
    """The processes of a crowd, without the one that waits for them."""
    return [pid for pid in apps.children(crowd.process.pid)
            if not any(True for _ in apps.children(pid))]


def left(crowd):
    """Descriptors and threads of each of its programs."""
    return sorted((len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task")))
                  for pid in programs(crowd))


def next_prober(running, start_ns):
    """When the map of another prober was there."""
    def look():
        try:
            view = MapView(running.runtime, 0)
        except (OSError, TimeoutError):
            return None
        return view.start_ns > start_ns and now()
    return wait_for(look, LIMIT_S)


def lose_prober(running):
    start_ns = running.prober.view.start_ns
    killed = now()
    running.stop_prober()
    first = next_prober(running, start_ns)
    note(f"the next prober's map is there after {(first - killed) / 1e6:.0f} ms")
    return killed


def check(lab, running, crowds):
    before = [left(crowd) for crowd in crowds]
    lab.run("failover", "--mode", "crash", "--no-promote")
    running.prober.wait(lambda c: c.state == "writerless")
    known = now()
    size = sum(crowd.size for crowd in crowds)
    wait_for(lambda: held(running.runtime) == size, LIMIT_S)
    told = {crowd.kind: numbers(crowd.since("error", known)) for crowd in crowds}
    ok(not any(told.values()), f"{size} connects wait for a writer, and none is refused", told)
    killed = lose_prober(running)
    running.prober.wait(lambda c: c.state == "writerless", LIMIT_S)
    wait_for(lambda: held(running.runtime) == size, LIMIT_S)
    again = now()
    ok(True, "the next prober awaits the writer too, and all wait again")
    for crowd in crowds:
        note(f"{crowd.kind}: told without a prober: {numbers(crowd.since('error', killed))}")
    writable = lab.failover()["writable"]["boot_ns"]
    running.prober.wait(lambda c: c.state == "known" and c.writer == lab.writer, LIMIT_S)
    known = now()
    told = {crowd.kind: numbers(crowd.since("error", again)) for crowd in crowds}
    ok(not any(told.values()), "... and none is refused", told)
    for crowd in crowds:
        well = crowd.wait("in", crowd.size, writable)
        last = max((t[0] for t in crowd.since("in", writable)), default=0)
        note(f"{crowd.kind}: the last is in {(last - writable) / 1e6:.0f} ms behind writable, "
             f"{(last - known) / 1e6:.0f} ms after a prober knew")
        ok(well and last < known + SOON_MS * 10**6,
           f"{crowd.kind}: all are with the next writer soon after a prober knows it",
           f"{len(crowd.since('in', writable))} of {crowd.size}, {(last - known) / 1e6:.0f} ms")
    after = [left(crowd) for crowd in crowds]
    ok(after == before, "no descriptor and no thread is left behind", f"{before} {after}")


def main():
    with Lab(instances=3, name="lost", dns_lag="never", server=roomy(400)) as lab, \
            apps.Apps(lab) as running:
        as_root(lab, lab.writer, f"CREATE USER {USER}")
        crowds = [Crowd(lab, running.env(), kind, PROCESSES, SOCKETS)
                  for kind in ("poll", "block")]
        for crowd in crowds:
            ok(crowd.wait("in", crowd.size), f"{crowd.kind}: {crowd.size} are logged in",
               numbers(crowd.since("told")))
        running.prober.wait_known()
        check(lab, running, crowds)
        for crowd in crowds:
            crowd.end()
    done()


main()
