# SPDX-License-Identifier: Apache-2.0
"""How long applications cannot write after a new writer could be written at.

Method: one lab, all clients side by side through the same failovers, each a loop of one INSERT and
5 ms of pause.  The outage of a client is the moment at which it is told of its first row that the
new writer wrote (the rows themselves say who did), minus the lab's event `writable`: what the
servers needed is not counted, what the client side adds is.  The floor is told beforehand who will
be the writer and tries each millisecond.  Clients that wait for DNS take part in some of the
failovers only, and are given up after a limit; "> 16 s" means that.  Amazon's driver has its
plugins failover2 and efm2 with their defaults, MariaDB's its mode aurora with a socket timeout of 5
s; plain clients have no timeouts, as nobody gave them any.  A peer takes part in fewer failovers
than the clients under Pelorus, for it takes its time; each cell says in how many.  Black holes are
some seconds from one another: a third change of the writer in ten seconds, beside a former one that
has only fallen silent, is disputed on purpose.
"""
import os
import statistics
import subprocess
import time

import bench_results

from lib.lab import Lab
from lib.paths import CLIENTS
from lib.programs import clients
from lib.programs.apps import Apps
from lib.programs.writer import program
from lib.trials.publishing import CALM_S
from lib.trials.race import Race

MODES = ("crash", "graceful", "blackhole", "reboot")
FLOOR, AWS, JAVA = "floor", "AWS wrapper", "Connector/J aurora"
OURS = ("mysql2 pool + Pelorus", "mysqli + Pelorus", "libmariadb + Pelorus")
PLAIN = ("mysql2 pool", "mysqli")
ORDER = (FLOOR, *OURS, AWS, JAVA, *PLAIN)
WRITES_ITSELF = True
MEDIAN_MS, ENOUGH = 30, 30  # the bound, and how many failovers it takes to be judged by it
SHORT_LIMIT_S, LONG_LIMIT_S = 5, 16


class Plan:
    def __init__(self, quick):
        self.short = 3 if quick else 30
        self.peers = 1 if quick else 15  # of those, the ones that wait for quick peers too
        self.long = {"never": 1, "5s": 0} if quick else {"never": 2, "5s": 3}
        self.limit = 8 if quick else LONG_LIMIT_S


def commands(folder):
    """{client: (command, words behind, whether under Pelorus, why not)}"""
    node, java = clients.node_problem(), clients.java_problem()
    if not java:
        subprocess.run(["javac", "-d", folder, os.path.join(CLIENTS, "java", "Writer.java")],
                       check=True)
    pool = ["node", os.path.join(CLIENTS, "node", "writer.mjs")]
    mysqli = ["php", os.path.join(CLIENTS, "php", "writer.php")]
    return {
        OURS[0]: (pool, (), True, node), OURS[1]: (mysqli, (), True, None),
        OURS[2]: ([program("c/writer")], (), True, None),
        AWS: (pool, ("aws",), False, node),
        JAVA: (["java", "-cp", f"{clients.JAR}:{folder}", "Writer"], (), False, java),
        PLAIN[0]: (pool, (), False, node), PLAIN[1]: (mysqli, (), False, None)}


def url(lab):
    """MariaDB's driver takes the cluster's instances only if all are named."""
    hosts = ",".join(f"{i['host']}:3306" for i in lab.status()["instances"])
    return f"jdbc:mariadb:aurora://{hosts}/app?user=app&password=app&connectTimeout=5000" \
        "&socketTimeout=5000"


def enter(race, made, names):
    for name in names:
        command, more, pelorus, problem = made[name]
        if not problem and name not in race.entries:
            race.start(name, command, more=more, pelorus=pelorus,
                       host=url(race.lab) if name == JAVA else None)


class Cells:
    """Outages by (DNS, mode, client); None for one that was given up."""

    def __init__(self):
        self.values, self.limits, self.errors = {}, {}, {}

    def add(self, dns, mode, found, limit, race, since):
        for name, value in found.items():
            key = (dns, mode, name)
            self.values.setdefault(key, []).append(value)
            self.limits[key] = max(limit, self.limits.get(key, 0))
            self.errors.setdefault(key, []).append(
                len(race.entries[name].writer.errors(since)) if name != FLOOR else 0)

    def median(self, key):
        """None if most were given up."""
        order = sorted(self.values[key], key=lambda v: (v is None, v))
        low, high = order[(len(order) - 1) // 2], order[len(order) // 2]
        return None if high is None else statistics.mean((low, high))

    def above_floor(self, key):
        """Median of the differences to the floor of the same failover; None if one was given up."""
        pairs = list(zip(self.values[key], self.values[(*key[:2], FLOOR)]))
        if any(v is None for pair in pairs for v in pair):
            return None
        return statistics.median(v - f for v, f in pairs)

    def worst(self, key):
        return None if None in self.values[key] else max(self.values[key])


def rounds(race, cells, dns, mode, count, wait_for, limit):
    """Failovers of one mode; the last one's events."""
    events = None
    for _ in range(count):
        race.wait_writing()
        race.wait_settled()
        events, found = race.failover(mode, wait_for, limit, floor=FLOOR)
        cells.add(dns, mode, found, limit, race, events["failure"]["boot_ns"])
        if mode == "blackhole":
            time.sleep(CALM_S)
    return events


def short_peers(mode):
    """Who is back within seconds when the servers say that they end."""
    return () if mode == "blackhole" else (AWS, JAVA)


def one_lab(cells, dns, plan, made, pictures):
    with Lab(instances=3, dns_lag=dns) as lab, Apps(lab) as apps, Race(lab, apps) as race:
        address = next(i for i in lab.status()["instances"]
                       if i["role"] == "writer")["addresses"][0]
        race.start(FLOOR, [program("c/floor")], host=address)
        enter(race, made, OURS)
        for mode in MODES:
            peers = [n for n in short_peers(mode) if not made[n][3]]
            if dns == "never":
                rounds(race, cells, dns, mode, plan.short - plan.peers, [FLOOR, *OURS],
                       SHORT_LIMIT_S)
                enter(race, made, peers)
                rounds(race, cells, dns, mode, plan.peers, [FLOOR, *OURS, *peers], SHORT_LIMIT_S)
            enter(race, made, (AWS, JAVA, *PLAIN))
            events = rounds(race, cells, dns, mode, plan.long[dns], None, plan.limit)
            if events and mode in ("crash", "blackhole"):
                pictures[mode, dns] = bench_results.Picture(race, events, ORDER)
            for name in [n for n in race.entries if n in (AWS, JAVA, *PLAIN)]:
                race.stop(name)


def measure(figures, folder, quick):
    cells, pictures, plan, made = Cells(), {}, Plan(quick), commands(folder)
    for name in ORDER[1:]:
        if made[name][3]:
            figures.skip(f"outage of {name}", made[name][3])
    for dns in [d for d in ("never", "5s") if plan.long[d]]:
        one_lab(cells, dns, plan, made, pictures)
    for key in sorted(cells.values, key=lambda k: (k[0], MODES.index(k[1]), ORDER.index(k[2]))):
        dns, mode, name = key
        told = f"outage, {mode}, DNS {dns}, {name}: median of {len(cells.values[key])}"
        median = cells.median(key)
        if median is None:
            figures.skip(told, f"not back within {cells.limits[key]} s")
        else:
            judged = name in OURS and len(cells.values[key]) >= ENOUGH
            figures.add(told, median, "ms", MEDIAN_MS if judged else None)
    bench_results.write(cells, pictures, quick)
