#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A blue/green switchover, followed by mysql.rds_topology: with the times of AWS and beside a
program that has DNS alone; rolled back; with a table that stops at IN_PROGRESS; and without the
right to see it.  With names that look like green's, with a green that is mute or made writable by
hand, and without the worker that held connects.

PELORUS_LONG=1 also has one rolled back, and one that is in progress for ever.
"""
import os
import subprocess

from lib import tap
from lib.lab import Lab, now
from lib.paths import BUILD, CLIENTS, LIBRARY
from lib.prober import Prober, Watch, cluster_section
from lib.programs import clients
from lib.programs.writer import TABLE, Writer, count, environment, program
from lib.waiting import wait_for

WIDTH = 4
KINDS = {
    "mysql2": (["node", os.path.join(CLIENTS, "node", "writer.mjs")], ("mysql2", str(WIDTH))),
    "mysqli": (["php", os.path.join(CLIENTS, "php", "writer.php")], ("mysqli",)),
    "libmariadb": ([program("c/writer")], ()),
}
ALONE = "mysqli, DNS alone"
SOON_MS = 500 if not os.environ.get("PELORUS_LONG") else 100  # others run beside an ordinary run
FOLLOWED_MS = 3000  # after DNS, which is asked twice a second at most
SPEED = 20
FAST = ["env", f"LD_PRELOAD={os.path.join(BUILD, 'test', 'lib', 'fast_clock.so')}",
        f"FAST_CLOCK={SPEED}"]
GREEN = "-green-abc123"
# What no server closes for a while, for it has not logged in.
UNTIL_CLOSED = """import socket, sys, time
with socket.create_connection((sys.argv[1], 3306)) as s:
    while s.recv(4096):
        pass
    print(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
"""


def start_writers(lab, prober, names=tuple(KINDS)):
    """{name: writer}, each of which has written; one of them has no Pelorus."""
    lab.sql("writer", TABLE)
    made = {}
    for number, name in enumerate((*names, ALONE)):
        command, more = KINDS[name.partition(",")[0]]
        if command[0] == "node" and (why := clients.node_problem()):
            tap.skip(name, why)
            continue
        made[name] = Writer(lab, name, number, environment(prober.directory, name != ALONE), 5,
                            command, more)
    for name, writer in made.items():
        tap.ok(writer.wait_for(), f"{name} writes", writer.stderr)
    return made


class Turn:
    """A switchover that the daemon knows of before it begins."""

    def __init__(self, lab, prober, *options):
        self.lab, self.prober, self.begin = lab, prober, now()
        self.blue = prober.wait_settled(3)
        self.watch = Watch(prober)
        self.process = subprocess.Popen(lab.command("switchover", "--available", "3s", *options),
                                        stdin=subprocess.DEVNULL)
        self.event("available")
        prober.ask("refresh")
        wait_for(lambda: self.phase() == "available", 10)

    def phase(self):
        return self.prober.status()["clusters"][0]["blue_green"]

    def event(self, state):
        return self.lab.wait_event("switchover", self.begin, 120, state=state)["boot_ns"]

    def writer_of(self, c):
        return c.instances[c.writer].ip4 if c.state == "known" and c.writer else None

    def end(self):
        """The states that were published meanwhile."""
        done = self.process.wait(120)
        self.watch.end()
        tap.ok(done == 0, "the lab's switchover ends well", done)
        return [c for at, c in self.watch.seen if at > self.begin]


def first_after(writer, moment):
    return next(((ns - moment) / 1e6 for ns, word, n, _ in list(writer.lines)
                 if word == "ok" and n > 0 and ns > moment), None)


def judge_writers(lab, made, begin, moment, soon_ms=SOON_MS):
    """`moment` is when green was writable; or when DNS led there, which is all that is known."""
    for name, writer in made.items():
        tap.ok(writer.wait_for(moment), f"{name} writes on green", writer.stderr)
    for name, writer in made.items():
        late, errors = first_after(writer, moment), writer.errors(begin)
        tap.note(f"{name}: first write {late:.0f} ms after it could; {len(errors)} "
                 f"errors: {sorted({e[3][:60] for e in errors})}")
        if name != ALONE:
            tap.ok(late <= soon_ms, f"{name}: the first write on green is soon", late)
            # When blue stops to write, and when it closes its connections.
            tap.ok(len(errors) <= 2 * (WIDTH if name == "mysql2" else 1),
                   f"{name}: no more errors than statements in flight, twice", errors)


def judge_rows(lab, made, old):
    for writer in made.values():
        writer.end()
    for writer, twice, lost, _ in count(lab, made.values()):
        tap.ok(not twice and not lost, f"{writer.kind}: nothing is lost, nothing there twice",
               (twice, lost))
    keys = "SELECT writer, n FROM journal"
    left, right = set(lab.sql(old, keys)), set(lab.sql("writer", keys))
    tap.ok(left <= right, "blue took no write that green does not have", left - right)


def with_the_times_of_aws():
    with Lab(instances=3) as lab, Prober(lab) as prober:
        prober.wait_settled(3)
        made = start_writers(lab, prober)
        turn = Turn(lab, prober, "--slow")
        old = {i.ip4 for i in turn.blue.instances.values()}
        begun = turn.event("in_progress")
        writable = lab.wait_event("writable", turn.begin, 60)
        new = set(sum((i["addresses"] for i in lab.status()["instances"]
                       if i["id"].endswith(GREEN)), []))
        told = turn.watch.wait_first(turn.begin, lambda c: turn.writer_of(c) in new)
        held = turn.watch.first(turn.begin, lambda c: c.state == "writerless")
        tap.ok(held and 0 <= held - begun < 500e6, "from IN_PROGRESS on connects are held",
               held and (held - begun) / 1e6)
        late = (told - writable["boot_ns"]) / 1e6
        tap.note(f"held {(held - begun) / 1e6:.0f} ms after IN_PROGRESS, green published "
                 f"{late:.0f} ms after it was writable")
        tap.ok(-50 < late <= SOON_MS, "green is published at once", late)
        prober.wait(lambda c: c.is_settled(3) and not old & {i.ip4 for i in c.instances.values()},
                    5)
        tap.ok(True, "its readers follow")
        for name in set(made) - {ALONE}:
            made[name].wait_for(writable["boot_ns"])
        before = prober.worker()
        lab.exec("kill", "-9", str(before))
        wait_for(lambda: prober.worker() != before and turn.phase() == "switched", 10)
        tap.ok(turn.writer_of(prober.cluster()) in new,
               "a worker that begins before DNS has moved finds green by what blue's table says")
        judge_writers(lab, made, turn.begin, writable["boot_ns"])
        seen = turn.end()
        after = [c for c in seen if turn.writer_of(c) in new]
        tap.ok(seen[-len(after):] == after and len({turn.writer_of(c) for c in after}) == 1,
               "green stays the writer, whatever DNS says",
               [(c.state, c.why, c.writer) for c in seen])
        tap.ok(all(set(c.instances) == {"demo-1", "demo-2", "demo-3"} for c in after[-3:]),
               "under the ids that it takes over", [list(c.instances) for c in after])
        wait_for(lambda: turn.phase() == "none", 40)
        tap.ok(prober.cluster().is_settled(3) and turn.writer_of(prober.cluster()) in new,
               "it is over when DNS leads there by itself", prober.log()[-600:])
        judge_rows(lab, made, "demo-1-old1")
        tap.ok("table-lies" not in prober.log() and "table-odd" not in prober.log(),
               "nothing odd is said of the tables", prober.log()[-900:])


def rolled_back():
    with Lab(instances=3) as lab, Prober(lab) as prober:
        prober.wait_settled(3)
        made = start_writers(lab, prober)
        turn = Turn(lab, prober, "--statuses", "rollback")
        root(lab, lab.writer, "SET GLOBAL read_only = 0", green=True)
        over = turn.event("rolled-back")
        seen = turn.end()
        states = [c.state for c in seen]
        tap.ok("writerless" in states, "rolled back: connects were held", states)
        tap.ok({turn.writer_of(c) for c in seen} - {None} == {turn.writer_of(turn.blue)},
               "rolled back: blue is the writer, though somebody has made green writable")
        tap.ok({c.generation for c in seen[:states.index("writerless") + 1]} ==
               {turn.blue.generation}, "rolled back: nobody was closed")
        for name, writer in made.items():
            tap.ok(writer.wait_for(over) and not writer.errors(turn.begin),
                   f"rolled back: {name} writes on, without an error", writer.errors(turn.begin))
            writer.end()
        wait_for(lambda: turn.phase() == "none", 10)


def frozen():
    with Lab(instances=3, tls=True) as lab, \
            Prober(lab, cluster_section(lab, ssl="on", ssl_ca=lab.status()["ca"],
                                        ssl_verify_server_cert="on")) as prober:
        prober.wait_settled(3)
        made = start_writers(lab, prober)
        turn = Turn(lab, prober, "--statuses", "freeze")
        blue = turn.writer_of(turn.blue)
        turn.event("initiated")
        reader = lab.popen("env", f"LD_PRELOAD={LIBRARY}", "PELORUS_PROBER=off",
                           f"PELORUS_RUNTIME_DIR={prober.directory}", "/usr/bin/python3", "-c",
                           UNTIL_CLOSED, lab.reader_name, stdout=subprocess.PIPE, text=True)
        writable = lab.wait_event("writable", turn.begin, 60)
        told = turn.watch.wait_first(turn.begin, lambda c: turn.writer_of(c) not in (None, blue))
        late = (told - writable["boot_ns"]) / 1e6
        tap.ok(-50 < late <= SOON_MS, "statuses that freeze, over TLS: green is published at once",
               f"{late} {prober.log()[-2000:]}")
        closed = (int(reader.communicate(timeout=20)[0]) - writable["boot_ns"]) / 1e6
        tap.ok(-50 < closed <= SOON_MS, "a reader that is left over on blue is closed", closed)
        judge_writers(lab, made, turn.begin, writable["boot_ns"])
        turn.end()
        prober.wait_settled(3)
        judge_rows(lab, made, "demo-1-old1")


def root(lab, instance, statement, green=False):
    """As nobody but the servers' owner may."""
    numbers = sorted(int(f.partition(".")[2]) for f in os.listdir(f"{lab.state}/servers")
                     if f.startswith(instance + "."))
    folder = f"{instance}.{numbers[-1 if green else 0]}"
    lab.exec("mariadb", "-uroot", f"-S{lab.state}/servers/{folder}/sock", "-e", statement)


def rows(status):
    return "; ".join(["SET sql_log_bin = 0", "DELETE FROM mysql.rds_topology", *(
        f"INSERT INTO mysql.rds_topology VALUES ({n}, 'demo{tail}.cluster-abc123.us-east-1.rds."
        f"amazonaws.com', 3306, 'BLUE_GREEN_DEPLOYMENT_{side}', '{status}', '1.0')"
        for n, (side, tail) in enumerate((("SOURCE", ""), ("TARGET", GREEN)), 1))])


def for_ever():
    """IN_PROGRESS, of which nothing comes; the daemon's time runs faster than ours."""
    with Lab(instances=2) as lab, Prober(lab, prefix=FAST) as prober:
        prober.wait_settled(2)

        def phase():
            return prober.status()["clusters"][0]["blue_green"]

        root(lab, lab.writer, rows("AVAILABLE"))
        wait_for(lambda: phase() == "available", 10)
        root(lab, lab.writer, rows("SWITCHOVER_IN_PROGRESS"))
        prober.wait(lambda c: c.state == "writerless", 10)
        prober.wait(lambda c: c.state == "known" and c.writer == lab.writer, 10)
        tap.ok(phase() == "awaited",
               "IN_PROGRESS for ever: connects are not held for longer than hold", phase())
        wait_for(lambda: phase() == "none", 20)
        tap.ok(prober.cluster().writer == lab.writer, "and after three minutes it is forgotten")


def names_like_greens():
    with Lab(instances=3, name="shop-green") as lab, Prober(lab) as prober:
        turn = Turn(lab, prober)
        seen = turn.end()
        wait_for(lambda: turn.phase() == "none", 40)
        ids = {i for c in seen for i in c.instances if not i.startswith("blue-")}
        tap.ok(ids == {"shop-green-1", "shop-green-2", "shop-green-3"},
               "instances that are called X-green-1 for good keep their names, and it ends", ids)


def mute_green():
    with Lab(instances=3) as lab, Prober(lab, cluster_section(lab, hold="1s")) as prober:
        turn = Turn(lab, prober, "--statuses", "rollback", "--slow")
        root(lab, lab.writer, "UNINSTALL PLUGIN replica_host_status", green=True)
        begun = turn.event("in_progress")
        root(lab, lab.writer, "SET GLOBAL read_only = 0", green=True)
        wait_for(lambda: turn.phase() == "switched", 5)
        again = turn.watch.wait_first(begun, lambda c: turn.writer_of(c))
        tap.ok(again, "green takes writes and tells no table: connects are held for hold alone")
        turn.end()
        wait_for(lambda: turn.phase() in ("none", "available"), 10)
        tap.ok(turn.writer_of(prober.cluster()) == turn.writer_of(turn.blue),
               "and when blue is back it is the writer")


def a_reader_has_no_say():
    with Lab(instances=3) as lab, Prober(lab, cluster_section(lab, hold="1s")) as prober:
        turn = Turn(lab, prober, "--available", "60s")
        root(lab, lab.writer, "SET GLOBAL read_only = 0", green=True)
        asked = now()
        for i in turn.blue.instances:
            root(lab, i, rows("SWITCHOVER_IN_PROGRESS"))
        wait_for(lambda: turn.phase() == "awaited", 10)
        root(lab, lab.writer, "SHUTDOWN")
        prober.wait(lambda c: c.state == "unknown", 10)
        old = {i.ip4 for i in turn.blue.instances.values()}
        led = {turn.writer_of(c) for at, c in turn.watch.seen if at > asked} - {None}
        tap.ok(turn.phase() == "awaited" and led <= old,
               "blue fails amidst it: its readers do not say that green is to be believed", led)
        turn.watch.end()
        turn.process.kill()
        turn.process.wait()


def killed_while_it_held():
    with Lab(instances=3) as lab, Prober(lab) as prober:
        was = prober.wait_settled(3)
        root(lab, lab.writer, rows("AVAILABLE"))
        prober.ask("refresh")
        wait_for(lambda: prober.status()["clusters"][0]["blue_green"] == "available", 10)
        root(lab, lab.writer, rows("SWITCHOVER_IN_PROGRESS"))
        prober.wait(lambda c: c.state == "writerless", 10)
        watch, before = Watch(prober), prober.worker()
        lab.exec("kill", "-9", str(before))
        prober.wait(lambda c: c.state == "known" and set(c.instances) == set(was.instances), 10)
        watch.end()
        shut = [(i.id, i.admission) for _, c in watch.seen if c.state == "known"
                for i in c.instances.values() if i.admission != "admitted"]
        tap.ok(not shut, "a worker that dies while it holds: no reader is a new one after it", shut)


def without_the_right():
    with Lab(instances=2) as lab:
        root(lab, lab.writer, "REVOKE SELECT ON mysql.rds_topology FROM 'pelorus'@'%'")
        with Prober(lab) as prober:
            prober.wait_settled(2)
            wait_for(lambda: "code=blue-green-unseen" in prober.log(), 10)
            prober.environment["PELORUS_CONFIG"] = ""
            made = prober.pelorus("doctor", "--cluster", lab.writer_name, limit=60)
            tap.ok("GRANT SELECT ON mysql.rds_topology TO" in made.stdout,
                   "without the right to see it: doctor says what mends it", made.stdout)
            blue, begin = prober.cluster().instances[lab.writer].ip4, now()
            made = start_writers(lab, prober)
            lab.run("switchover", limit=120)
            prober.wait(lambda c: c.is_settled(2) and c.instances[c.writer].ip4 != blue, 30)
            tap.ok(True, "and DNS is followed")
            moved = lab.wait_event("dns", begin, name=lab.host(lab.writer))["boot_ns"]
            judge_writers(lab, made, begin, moved, FOLLOWED_MS)
            judge_rows(lab, made, "demo-1-old1")


with_the_times_of_aws()
frozen()
names_like_greens()
mute_green()
a_reader_has_no_say()
killed_while_it_held()
without_the_right()
if os.environ.get("PELORUS_LONG"):
    rolled_back()
    for_ever()
tap.done()
