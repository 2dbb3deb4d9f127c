# SPDX-License-Identifier: Apache-2.0
"""What a prober costs its host and the servers, by the size of the cluster and of its audience.

Steady: processor time by the scheduler's own clock (worker and supervisor) and private dirty
memory; at a reader, its connections and the statements beyond those that it has without a prober.
Alarm: statements and new connections per second and server while there is no writer.  The audience
are processes that have looked the cluster's name up under the library and stay
(test/bench/programs/sockets.c), counted by the prober itself.
"""
import os
import re
import subprocess
import time

import bench

from lib import environ
from lib.lab import Lab
from lib.prober import Prober
from lib.trials import costs

BOUNDS = {"CPU": 0.5, "private dirty": 6, "connections per instance": 1,
          "alarm, statements": 50, "alarm, new": 20}
CROWD = 'exec 3<&0; n=0; while [ $n -lt "$3" ]; do "$1" "$2" 3306 0 <&3 & n=$((n + 1)); done; wait'
AUDIENCES = (1, 100, 1000)


def by_instances(figures, instances, seconds):
    for what, value in costs.measure(instances, seconds, False).items():
        bound = next((v for k, v in BOUNDS.items() if what.startswith(k)), None)
        figures.add(f"{instances} instances: {what}", value, "", bound)


def live(prober):
    """The processes that follow a name, as the prober counts them."""
    told = prober.pelorus("metrics").stdout
    found = re.search(r"^pelorus_client_processes(?:\{.*\})? (\d+)", told, re.M)
    return int(found.group(1)) if found else 0


def by_audience(figures, lab, prober, program, count, seconds):
    env = environ.plain(**environ.preload(prober.directory))
    crowd = lab.popen("sh", "-c", CROWD, "crowd", program, lab.writer_name, str(count), env=env,
                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        for _ in range(count):
            if crowd.stdout.readline() != "ready\n":
                raise RuntimeError("a process of the audience has ended")
        limit = time.monotonic() + 30
        while (seen := live(prober)) < count:
            if time.monotonic() > limit:
                raise RuntimeError(f"the prober sees {seen} of {count} processes")
            time.sleep(0.2)
        cpu, dirty = costs.steady(lab, prober, seconds)
    finally:
        crowd.stdin.close()
        crowd.wait(60)
        crowd.stdout.close()
    figures.add(f"3 instances, {count} client processes: CPU, percent of a core", cpu, "")
    figures.add(f"3 instances, {count} client processes: private dirty, MiB", dirty, "")


def measure(figures, folder, quick):
    if os.getuid() != 0:
        figures.skip("the prober's costs", "a prober shows its insides to root alone")
        return
    os.chmod(folder, 0o755)
    program = bench.program("sockets")
    seconds = 3 if quick else 8
    for instances in (3, 16):
        by_instances(figures, instances, seconds)
    with Lab(instances=3) as lab, Prober(lab) as prober:
        prober.wait_settled(3, 60)
        for count in AUDIENCES:
            by_audience(figures, lab, prober, program, count, seconds)
