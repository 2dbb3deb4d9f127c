# SPDX-License-Identifier: Apache-2.0
"""What programs see of a blue/green switchover, and when they write on green.

Method: `lab switchover --slow`, whose times are those of an example that AWS has published, in a
lab of its own for each: three instances, and three green ones.  The programs begin when the
deployment is there, and all have written before the switchover begins.  Amazon's driver has its
plugin `bg` beside those that it has by default, and all else at its default too; those with DNS
alone take part in the first switchover only, which is waited for to its end: the others end a
second after all have written on green.  A pool has four connections and four loops of a statement
and 20 ms, others one connection and one loop with 5 ms: together a statement each 5 ms.

*First write* is the first that is acknowledged to the program after green became writable; until
then blue has been locked for seconds.  The floor knows green's address beforehand, and tries each
millisecond.  *Errors* are all from SWITCHOVER_IN_PROGRESS on, *without a write* is the longest time
from one acknowledgement to the next: it has the seconds in it in which no side takes a write.
*Blue alone* are rows that blue took and green does not have, *lost* those that were acknowledged
and green does not have.
"""
import os
import re
import statistics
import subprocess
import time

import bench_results as draw

from lib.lab import Lab, now
from lib.paths import CLIENTS
from lib.prober import Watch
from lib.programs import clients, peers, pools
from lib.programs.apps import Apps
from lib.programs.writer import program
from lib.trials.race import Race

FLOOR, FIRST_MS = "floor", 100  # more than the floor's, which is the database's own time
PLUGINS = "initialConnection,auroraConnectionTracker,failover2,efm2,bg"
AVAILABLE_S = 30 if os.getloadavg()[0] < 4 else 90  # in which all programs have to be ready
LEAD_S = 2.3  # after IN_PROGRESS the floor is told, for blue is locked then
OURS, PEER, ALONE = "Pelorus", "peer", "DNS alone"
ROUNDS, BACK_S = int(os.environ.get("PELORUS_ROUNDS", "6")), 60
KEYS = "SELECT writer, n FROM journal"


class Client(pools.Pool):
    def __init__(self, name, side, *words, **options):
        super().__init__(f"{name}, {side}" if side != PEER else name, *words, **options)
        self.side = side


def all_clients(folder):
    node, (java, no_java) = clients.node_problem(), pools.java(folder)
    script = ["node", os.path.join(CLIENTS, "node", "writer.mjs")]
    php = ["php", os.path.join(CLIENTS, "php", "writer.php")]
    made = [client for side in (OURS, ALONE) for client in (
        Client("mysql2 pool", side, script, ("mysql2",), node, width=pools.WIDE),
        Client("mysqli", side, php, ("mysqli",)),
        Client("libmariadb (C)", side, [program("c/writer")]))]
    made[3:3] = [
        Client(f"{peers.JAVA}, HikariCP", PEER, java, (), no_java, width=pools.WIDE,
               url=f"jdbc:aws-wrapper:mysql://{{}}:3306/app?wrapperPlugins={PLUGINS}")]
    return made


class Seen:
    """What one program was told in one switchover."""

    def __init__(self, writer, begun, writable, blue, green):
        mine = [(ns, n) for ns, word, n, _ in list(writer.lines) if word == "ok" and n > 0]
        self.first_ms = next(((ns - writable) / 1e6 for ns, _ in mine if ns > writable), None)
        self.errors = len(writer.errors(begun))
        around = [ns for ns, _ in mine if ns > begun - 1e9]
        self.without_s = max((b - a for a, b in zip(around, around[1:])), default=0) / 1e9
        self.blue_alone = len({n for who, n in blue - green if int(who) == writer.number})
        self.lost = len({str(n) for _, n in mine} -
                        {n for who, n in green if int(who) == writer.number})

    def compare(self, floor):
        self.above_ms = None if None in (self.first_ms, floor.first_ms) else \
            self.first_ms - floor.first_ms


class Switchover:
    def __init__(self, lab, race):
        self.lab, self.race, self.since = lab, race, now()
        self.blue = next(i for i in lab.status()["instances"]
                         if i["role"] == "writer")["addresses"][0]
        self.process = subprocess.Popen(
            lab.command("switchover", "--slow", "--available", f"{AVAILABLE_S}s"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.green = self.event("available")["addresses"][0]

    def event(self, state):
        return self.lab.wait_event("switchover", self.since, 120, state=state)

    def start(self, which):
        self.race.start(FLOOR, [program("c/floor")], host=self.blue)
        for c in which:
            self.race.start(c.name, c.command, host=c.host(self.lab.writer_name), more=c.more,
                            pause_ms=c.pause_ms, pelorus=c.side == OURS, **c.env)
        for name, entry in self.race.entries.items():
            if not entry.writer.wait_for(0, AVAILABLE_S):
                raise RuntimeError(f"{name} does not write: {entry.writer.lines[-1:]}")
        if any(e.get("state") == "initiated" for e in self.lab.events()):
            raise RuntimeError("the programs were not ready when the switchover began")

    def follow(self):
        """When it was in progress, when green was writable, and when that was published."""
        watch = Watch(self.race.apps.prober)
        self.begun = self.event("in_progress")["boot_ns"]
        time.sleep(max(0, LEAD_S - (now() - self.begun) / 1e9))
        self.race.tell_floor(FLOOR, self.green, None)
        self.writable = self.lab.wait_event("writable", self.since, 60)["boot_ns"]
        told = watch.wait_first(self.begun, lambda c: c.state == "known" and c.writer and
                                c.instances[c.writer].ip4 == self.green)
        watch.end()
        return (told - self.writable) / 1e6 if told else None

    def end(self, whole):
        """{name: Seen}"""
        end = time.monotonic() + BACK_S
        for entry in self.race.entries.values():
            entry.writer.wait_for(self.writable, max(0.1, end - time.monotonic()))
        if whole:
            self.process.wait(120)
        time.sleep(5 if whole else 1)  # Amazon's driver asks DNS whether it is over
        for entry in self.race.entries.values():
            entry.stop()
        blue, green = (set(self.lab.sql(a, KEYS)) for a in (self.blue, self.green))
        seen = {name: Seen(e.writer, self.begun, self.writable, blue, green)
                for name, e in self.race.entries.items()}
        for one in seen.values():
            one.compare(seen[FLOOR])
        return seen


def switch_over(which, whole):
    """({name: Seen}, published ms, what Amazon's driver for Java says of it)"""
    with Lab(instances=3) as lab, Apps(lab) as apps, Race(lab, apps) as race:
        turn = Switchover(lab, race)
        try:
            turn.start(which)
            published = turn.follow()
            seen = turn.end(whole)
        finally:
            turn.process.kill()
            turn.process.wait()
        java = [e.writer for name, e in race.entries.items() if name.startswith(peers.JAVA)]
        for thread in (t for w in java for t in w.readers):
            thread.join(10)
        return seen, published, phases(java[0].stderr) if java else []


def phases(text):
    """[(milliseconds from IN_PROGRESS on, what)] of the summary that it logs at the end."""
    return [(int(ms), what) for ms, what in re.findall(r"Z +(-?\d+) ms +(\S.*?) *$", text, re.M)]


def of(values, show):
    """Median and worst."""
    if None in values:
        return f"> {BACK_S} s ({values.count(None)} of {len(values)})"
    middle, worst = statistics.median(values), max(values)
    return show(middle) + (f" (max {show(worst)})" if show(worst) != show(middle) else "")


def table(found):
    titles = ("client", "switchovers", "first write", "after the floor's", "errors",
              "without a write", "blue alone", "lost")
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for name, seen in found.items():
        back = all(s.first_ms for s in seen)
        row = [name, str(len(seen)), of([s.first_ms for s in seen], draw.seconds),
               of([s.above_ms for s in seen], draw.seconds) if back and name != FLOOR else "",
               of([s.errors for s in seen], lambda v: f"{v:.0f}") if name != FLOOR else "",
               of([s.without_s for s in seen], lambda v: f"{v:.1f} s") if back else "",
               str(sum(s.blue_alone for s in seen)), str(sum(s.lost for s in seen))]
        lines.append("| " + " | ".join(row) + " |")
    return lines


def judge(figures, client, seen):
    above = [s.above_ms for s in seen]
    ours = client.side == OURS
    if None in above:
        figures.skip(f"{client.name}: first write on green", f"not within {BACK_S} s")
    else:
        figures.add(f"{client.name}: first write on green, more than the floor: worst of "
                    f"{len(above)}", max(above), "ms", FIRST_MS if ours else None)
    figures.add(f"{client.name}: errors: most", max(s.errors for s in seen), "",
                2 * client.width if ours else None)
    figures.add(f"{client.name}: rows that blue alone has, and that are lost",
                sum(s.blue_alone + s.lost for s in seen), "", 0 if ours else None)


def measure(figures, folder, quick):
    which = [c for c in all_clients(folder) if not c.problem or
             figures.skip(c.name, c.problem)]
    found, published, told = {}, [], []
    for number in range(1 if quick else ROUNDS):
        mine = [c for c in which if number == 0 or c.side != ALONE]
        seen, late, said = switch_over(mine, number == 0)
        published.append(late)
        told = told or said
        print({name: round(s.first_ms or -1) for name, s in seen.items()}, late, flush=True)
        for name, one in seen.items():
            found.setdefault(name, []).append(one)
    figures.notes += [*table(found), ""]
    figures.note("Green was published " + of(published, draw.seconds) + " after it was writable.")
    figures.note(f"{peers.JAVA} logged" + (", in ms from IN_PROGRESS on: " + "; ".join(
        f"{what} {ms}" for ms, what in told) if told else " nothing of it") + ".")
    for client in which:
        judge(figures, client, found[client.name])
