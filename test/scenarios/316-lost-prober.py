#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Both of a prober's processes are killed, or stopped, in a cluster whose DNS never follows.

Programs find out by themselves that nobody lives behind the heartbeat that they read, before it is
stale, and start the next prober; one that is only stopped is waited for.
"""
import concurrent.futures
import os
import signal
import threading
import time

from lib.lab import Lab, now
from lib.mapview import MapView
from lib.programs import clients
from lib.programs.apps import Apps
from lib.tap import done, note, ok, skip
from lib.trials import heal

NO_NODE = clients.node_problem()
KINDS = ["mysqli", "pymysql"] + ([] if NO_NODE else ["mysql2"])
OVERDUE_NS, STALE_NS = 2 * 10**9, 5 * 10**9
LIMIT_S = 60
IDLE_LOOK_S = 30


def beat(apps):
    return apps.prober.view.heartbeat_ns


def write_until_well(running):
    """Each program writes until it can; the answers that it had before."""
    end, failed = time.monotonic() + LIMIT_S, {}
    for app in running:
        while time.monotonic() < end:
            answer = app.ask("write 1")
            if answer["ok"] and not answer["errors"]:
                break
            failed.setdefault(app.kind, []).extend(answer["errors"])
            time.sleep(0.02)
        else:
            failed.setdefault(app.kind, []).append("never well again")
    return failed


def start_of(apps):
    """When the prober started whose map is there; 0 if there is none."""
    try:
        return MapView(apps.runtime, 0).start_ns
    except TimeoutError:
        return 0


def check_lost(text, apps, map_too=False):
    """The next prober comes before the last one's heartbeat is stale, by lookups alone."""
    heal.follow_to(apps, apps.lab.writer)
    start, last = start_of(apps), beat(apps)
    apps.stop_prober()
    if map_too:
        os.unlink(os.path.join(apps.runtime, "topology.map"))
    while start_of(apps) <= start and now() < last + STALE_NS:
        apps.lab.exec("getent", "ahosts", apps.lab.writer_name, env=apps.env())
    begun = start_of(apps)
    note(f"{text}: the next prober comes {(begun - last) / 1e9:.2f} s after the last beat")
    ok(last < begun < last + STALE_NS,
       f"{text}: the next prober comes before the heartbeat is stale",
       f"{begun - last} ns")


def check_failover(lab, apps, running):
    lab.failover("crash")
    failed = write_until_well(running)
    ok(not any("never" in e for errors in failed.values() for e in errors),
       "after a failover every program writes again", failed)
    rows = lab.sql(lab.writer, "select server from writes order by id desc limit 1")
    ok(rows == [(lab.writer,)], "at the new writer, which DNS does not know", rows)


def write_on(app, over):
    """Writes without a pause until it can some time after `over`; how many errors it was told."""
    end, told = time.monotonic() + LIMIT_S, 0
    while time.monotonic() < end:
        after, answer = over.is_set(), app.ask("write 1")
        told += len(answer["errors"])
        if after and answer["ok"] and not answer["errors"]:
            break
    return told


def check_alone(lab, apps, running):
    """Killed before the failover: DNS leads busy programs to who is a reader now, until the next
    prober is there.  What was connected so must end then, and not with the idle look at the
    heartbeat."""
    heal.follow_to(apps, lab.writer)
    over = threading.Event()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        told = {app.kind: pool.submit(write_on, app, over) for app in running}
        apps.stop_prober()
        lab.failover("reboot")
        over.set()
        begin = time.monotonic()
        told = {kind: errors.result() for kind, errors in told.items()}
    seconds = time.monotonic() - begin
    note(f"alone: every program writes again after {seconds:.1f} s; errors: {told}")
    ok(seconds < IDLE_LOOK_S / 2, "killed before a failover: every program writes again soon", told)


def check_stopped(lab, apps, running):
    heal.follow_to(apps, lab.writer)
    pids, end = sorted(apps.probers()), time.monotonic() + LIMIT_S
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        last = beat(apps)
        while now() < last + OVERDUE_NS and time.monotonic() < end:
            time.sleep(0.05)
        stranger = apps.start(KINDS[0])
        ok(stranger.first["ok"] and not stranger.first["errors"],
           "stopped: who comes meanwhile is served by what it said last", stranger.first)
        ok(sorted(apps.probers()) == pids and now() < last + STALE_NS,
           "stopped: nobody starts another", f"{pids} {apps.probers()}")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    heal.write_all("going on", running)


def main():
    if NO_NODE:
        skip("Node's pool", NO_NODE)
    with Lab(instances=2, dns_lag="never") as lab, Apps(lab) as apps:
        lab.sql("writer", heal.TABLE)
        running = [apps.start(kind) for kind in KINDS]
        check_stopped(lab, apps, running)
        check_lost("killed", apps)
        check_lost("killed, its map deleted", apps, map_too=True)
        check_failover(lab, apps, running)
        for _ in range(3):
            check_alone(lab, apps, running)
    done()


main()
