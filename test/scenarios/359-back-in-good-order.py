#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# alone
"""All connections of a host come back at once after a failover, and the new writer takes them in.

    359-back-in-good-order.py [PROCESSES SOCKETS]

Half of the processes wait in connect(), half in an event loop. Nobody is told of a connect that
failed, none knocks twice, and the new writer's queue drops nobody. The long form is 500 processes
with 10 sockets each, on a machine of its own.
"""
import shutil
import sys
import tempfile

from lib.lab import Lab
from lib.prober import Runtime, Watch
from lib.programs import writer as w
from lib.programs.apps import children
from lib.programs.crowd import USER, Crowd, numbers, roomy
from lib.programs.handles import as_root
from lib.tap import done, note, ok

SHORT = (50, 5)
DETECT_S = 5
# The prober, the lab itself and the replicas.
OTHERS = 30
BACK_MS, AMONG_OTHERS_MS = 1000, 2000
TOLD_LATE_NS = 10**9
QUEUE = ("ListenOverflows", "ListenDrops")


def server_of(lab, instance):
    """Its process, which is in its network namespace."""
    for pid in children(lab.status()["pid"]):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if f"--aurora-server-id={instance}".encode() in f.read().split(b"\0"):
                    return pid
        except OSError:
            continue
    raise RuntimeError(f"{instance} has no process")


def dropped(lab, instance):
    """What its kernel says of those that found its queue full."""
    with open(f"/proc/{server_of(lab, instance)}/net/netstat") as f:
        names, values = [line.split()[1:] for line in f if line.startswith("TcpExt:")]
    told = dict(zip(names, map(int, values)))
    return [told[name] for name in QUEUE]


def most_used(lab, instance):
    return int(as_root(lab, instance, "SHOW GLOBAL STATUS LIKE 'Max_used_connections'")[0][1])


def check(lab, folder, crowds, size, limit_ms):
    watch = Watch(Runtime(folder, lab))
    before = {i["id"]: dropped(lab, i["id"]) for i in lab.status()["instances"]}
    events = lab.failover("crash")
    writable = events["writable"]["boot_ns"]
    # Before that a dying server refuses some, who may tell of it later.
    gone = watch.wait_first(events["failure"]["boot_ns"], lambda c: c.state == "writerless")
    gone += TOLD_LATE_NS
    back = []
    for crowd in crowds:
        ok(crowd.wait("in", crowd.size, writable), f"{crowd.kind}: all are logged in again",
           f"{len(crowd.since('in', writable))} of {crowd.size}")
        back += [(t[0] - writable) / 1e6 for t in crowd.since("in", writable)]
        told = {word: numbers(crowd.since(word, gone)) for word in ("error", "told")}
        ok(told == {"error": {}, "told": {}}, f"{crowd.kind}: nobody is told of a connect that "
           "failed", told)
    watch.end()
    back.sort()
    note(f"{len(back)} of {size}: first {back[0]:.0f} ms behind writable, median "
         f"{back[len(back) // 2]:.0f} ms, last {back[-1]:.0f} ms")
    ok(back[-1] < limit_ms, f"the last one is in within {limit_ms} ms", f"{back[-1]:.0f} ms")
    writer = lab.writer
    ok(dropped(lab, writer) == before[writer], "the new writer's queue dropped nobody",
       f"{QUEUE} {before[writer]} -> {dropped(lab, writer)}")
    most = most_used(lab, writer)
    note(f"connections at once at the new writer: {most}")
    ok(most <= size + OTHERS, "nobody had more connections than before", f"{most} of {size}")


def main():
    processes, sockets = map(int, sys.argv[1:3]) if len(sys.argv) == 3 else SHORT
    size, long = processes * sockets, len(sys.argv) == 3
    folder = tempfile.mkdtemp(prefix="pelorus-crowd-")
    env = w.environment(folder)
    with Lab(instances=3, name="crowd", dns_lag="never", detect=f"{DETECT_S}s",
             server=roomy(size + OTHERS)) as lab:
        as_root(lab, lab.writer, f"CREATE USER {USER}")
        crowds = [Crowd(lab, env, kind, processes // 2, sockets) for kind in ("poll", "block")]
        for crowd in crowds:
            ok(crowd.wait("in", crowd.size), f"{crowd.kind}: {crowd.size} are logged in",
               f"{len(crowd.since('in'))} {numbers(crowd.since('told'))}")
        Runtime(folder, lab).wait_known()
        check(lab, folder, crowds, size, BACK_MS if long else BACK_MS + AMONG_OTHERS_MS)
        for crowd in crowds:
            crowd.end()
    shutil.rmtree(folder, ignore_errors=True)
    done()


main()
