#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A prober that does not run: stopped whole for 15 s, it severs nothing and comes back; a worker
that hangs alone is replaced.

Both at the same time, by two probers of one cluster.
"""
import os
import signal
import time

from lib import tap
from lib.lab import Lab, now
from lib.prober import Prober
from lib.programs.apps import Apps
from lib.trials.heal import TABLE
from lib.waiting import wait_for

STOP_S = 15
STALE_NS = 5e9  # then nobody believes the map


def age_ns(view):
    return now() - view.heartbeat_ns


def wrote(answer):
    return answer["ok"] > 0 and not answer["errors"]


def stopped(lab, apps, hung):
    """The applications' prober stands still, both its processes; meanwhile `hung` loses its
    worker."""
    lab.sql(lab.writer, TABLE)
    app = apps.start("pymysql")
    view = apps.prober.view
    known = apps.prober.wait_settled(2)
    tap.ok(wrote(app.first) and known.writer == lab.writer,
           "a client writes, the topology is known",
           app.first)
    before, pids = hung.wait_settled(2), apps.probers()
    worker, generation = hung.worker(), known.generation
    begin = time.monotonic()
    lab.exec("kill", "-STOP", str(worker))
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: age_ns(view) > STALE_NS, 30)
    answer = app.ask("write 4")
    tap.ok(wrote(answer), "its heartbeat is stale: an old connection still writes", answer)
    late = apps.start("pymysql")
    tap.ok(wrote(late.first), "and a new process gets its connection by DNS", late.first)
    hung.view.wait(lambda v: v.pid != worker, 60)
    took = time.monotonic() - begin
    tap.note(f"a worker that hangs was replaced after {took:.1f} s")
    tap.ok(took >= 9, "a worker that hangs is given time", f"{took:.1f} s")
    tap.ok("code=worker-hung" in hung.log(), "it is said why it was killed", hung.log()[-800:])
    after = hung.wait_settled(2, 60)
    # Its predecessor's map is too old to be gone on with: generations are counted anew.
    tap.ok(after.writer == before.writer and age_ns(hung.view) < STALE_NS, "the next one goes on",
           f"{before.writer} {after.writer} {age_ns(hung.view) / 1e9:.1f} s")
    time.sleep(max(0, STOP_S - (time.monotonic() - begin)))  # the length of the stop is the test
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: age_ns(view) < STALE_NS, 30)
    tap.ok(apps.probers() == pids, "both continued: the same two processes go on",
           f"{pids} {apps.probers()}")
    end = view.wait(lambda v: (c := v.find(lab.writer_name)) and c.state == "known" and c)
    answers = [app.ask("write 4"), late.ask("write 4")]
    tap.ok(all(map(wrote, answers)) and end.generation == generation,
           "nothing was severed, neither old nor new", f"{answers} {generation} {end.generation}")
    again = apps.start("pymysql")
    routed = view.wait(lambda v: age_ns(v) < STALE_NS and v.find(lab.writer_name))
    tap.ok(wrote(again.first) and routed.writer == lab.writer, "new clients are led by it again")


with Lab(instances=2) as lab_, Prober(lab_) as hung_, Apps(lab_) as apps_:
    stopped(lab_, apps_, hung_)
tap.done()
