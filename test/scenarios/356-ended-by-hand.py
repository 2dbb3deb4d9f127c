#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What `pelorus drill close` and `pelorus reader drain` end of programs on real servers: what
rests, and not what waits for an answer, however soon after the last one it was asked; of a reader
that is drained what a reader's name led there, and nothing else.
"""
import collections
import json
import signal
import subprocess

from lib import tap
from lib.lab import Lab, now
from lib.paths import LIBRARY, PELORUS
from lib.prober import Prober, cluster_section
from lib.programs import clients
from lib.programs.writer import Writer
from lib.waiting import wait_for

IDLE, BUSY = 4, 8
REST_MS = 20000  # between two statements of a pool that rests
# A pool that looks after its idle connections; and statements that are sent at once behind a ping,
# as pools do it: by the kernel's clock, in steps of 4 ms, question and answer are of one time.
POOL = """
import os, select, sys, threading
import pymysql

host, idle, busy = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def tell(*words):
    os.write(1, (" ".join(map(str, words)) + chr(10)).encode())

def connect():
    return pymysql.connect(host=host, user="app", password="app", database="app")

def ask(cursor):
    try:
        cursor.execute("SELECT 1")
        cursor.execute("SELECT SLEEP(1000)")
    except pymysql.Error as error:
        tell("lost", error)

kept = {c._sock: c for c in (connect() for _ in range(idle))}
asked = [connect() for _ in range(busy)]
for one in asked:
    threading.Thread(target=ask, args=(one.cursor(),), daemon=True).start()
tell("ready")
while True:
    ready = select.select([sys.stdin, *kept], [], [])[0]
    if sys.stdin in ready:
        os._exit(0)
    for sock in ready:
        if sock in kept:
            kept.pop(sock)
            one = connect()
            kept[one._sock] = one
            tell("back")
"""


# A pool of mysql2, which connects anew when it is used: so many at once for each line of input.
NODE = """
const pool = require('mysql2/promise').createPool({ host: process.argv[1], user: 'app',
	password: 'app', database: 'app', connectionLimit: 4 });
require('readline').createInterface({ input: process.stdin }).on('line', async () => {
	const ask = async () => {
		try {
			return (await pool.query('SELECT @@aurora_server_id AS id, SLEEP(0.1)'))[0][0].id;
		} catch (error) {
			return error.message;
		}
	};
	console.log(JSON.stringify(await Promise.all([1, 2, 3, 4].map(ask))));
}).on('close', () => process.exit(0));
"""
READERS = ("demo-2", "demo-3")


class Pool:
    """One such program; .said: what it has said since it was ready."""

    def __init__(self, p, host, idle=IDLE, busy=0, library=LIBRARY, **more):
        self.child = p.popen(["/usr/bin/python3", "-B", "-c", POOL, host, str(idle), str(busy)],
                             env={**p.environment, "PELORUS_PROBER": "off", "LD_PRELOAD": library,
                                  **more},
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.child.stdout.readline() != "ready\n":
            raise RuntimeError("the pool did not connect")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.said()

    def said(self):
        """Ends it; what it has said."""
        if not self.child.stdin.closed:
            self.child.stdin.close()
            self.lines = self.child.stdout.read().splitlines()
            self.child.wait(20)
        return self.lines


def table(done):
    """The rows of what was printed, by pid."""
    head, *rows = [line.split() for line in done.stdout.splitlines()]
    return {int(row[0]): dict(zip(head[2:], row[2:])) for row in rows}


def rest(p, total, idle, *words):
    """Until so many are open, and so many of them idle."""
    def look():
        rows = table(p.pelorus(*words, "--dry-run")).values()
        return sum(int(r["OPEN"]) for r in rows) == total and \
            sum(int(r["IDLE"]) for r in rows) >= idle
    wait_for(look, 30, 0.1)



def places(p, pid):
    """{instance: open connections} of one process, by ps."""
    rows = json.loads(p.pelorus("ps", "--json").stdout)
    return next((r["instances"] for r in rows if r["pid"] == pid), {})


def by_ss(lab, ids, program="python3"):
    """{instance: connections to it} of pools, by the address that its host has."""
    hosts = {lab.exec("getent", "ahostsv4", lab.host(id)).stdout.split()[0]: id for id in ids}
    out = lab.exec("ss", "-tnpH", "state", "established").stdout
    found = collections.Counter()
    for line in out.splitlines():
        peer = line.split()[3].rpartition(":")[0].strip("[]").removeprefix("::ffff:")
        found[hosts.get(peer)] += f'"{program}"' in line
    return {id: found[id] for id in ids}


def pids(p):
    return {row["pid"] for row in json.loads(p.pelorus("ps", "--json").stdout)}


def pid_of(p, before=frozenset()):
    """Of the one program that follows a name, but for those that were told of before."""
    return wait_for(lambda: pids(p) - before, 20, 0.1).pop()


def admission(p, id):
    return p.cluster().instances[id].admission


def admit_all(p):
    for id in READERS:
        p.pelorus("reader", "admit", id)
    p.wait(lambda c: all(c.instances[id].admission == "admitted" for id in READERS))


def drain(p, *words):
    done = p.pelorus("reader", "drain", *words)
    return done, (list(table(done).values()) if done.stdout else [])


def check_drill(lab, p):
    with Pool(p, lab.reader_name, busy=BUSY) as pool:
        rest(p, IDLE + BUSY, IDLE, "drill", "close")
        done = p.pelorus("drill", "close")
        row = list(table(done).values())[0]
        tap.ok(row["OPEN"] == str(IDLE + BUSY) and row["ENDED"] == row["BACK"] == str(IDLE),
               "those that rest are ended, and come back", done.stdout + done.stderr)
        tap.ok(pool.said() == ["back"] * IDLE,
               "no statement that was sent at once behind an answer is lost", pool.said())


def check_drain(lab, p):
    words = ("reader", "drain", "demo-2")
    half, asked = IDLE // 2, BUSY // 2
    with Pool(p, lab.writer_name) as writers, Pool(p, lab.reader_name, busy=BUSY) as pool:
        rest(p, half + asked, half, *words)
        done = p.pelorus(*words, "--dry-run")
        tap.ok(done.returncode == 0 and [(r["OPEN"], r["IDLE"]) for r in table(done).values()] ==
               [(str(half + asked), str(half))] and admission(p, "demo-2") == "admitted",
               "--dry-run tells what is there and idle, and holds nothing",
               done.stdout + done.stderr)
        done, rows = drain(p, "demo-2")
        tap.ok(len(rows) == 1 and rows[0]["ENDED"] == rows[0]["BACK"] == str(half) and
               rows[0]["LEFT"] == str(asked) and rows[0]["AFTER"] != "-",
               "drain: a reader's idle connections to it end and come back", done.stdout)
        tap.ok(done.returncode == 1 and f"{asked} connections to demo-2 are left" in done.stderr,
               "those that wait for an answer are left, and told", done.stderr)
        tap.ok(admission(p, "demo-2") == "held" and len(p.events("drain")) == 1,
               "it is held, and an event tells it")
        seen = by_ss(lab, ("demo-1", *READERS))
        tap.ok(seen == {"demo-1": IDLE, "demo-2": asked, "demo-3": IDLE + asked},
               "ss sees the same", seen)
        with Pool(p, lab.reader_name) as late:
            rest(p, asked, 0, *words)
            where = places(p, pid_of(p))
            done, rows = drain(p, "demo-2")
            tap.ok(done.returncode == 1 and [r["ENDED"] for r in rows] == ["0"] and not late.said(),
                   "once more, of one that is held: nothing new is there", done.stdout)
        tap.ok(by_ss(lab, READERS)["demo-2"] == asked, "new connects go elsewhere", where)
        tap.ok(pool.said() == ["back"] * half and not writers.said(),
               "no statement is lost, and no writer's connection",
               (pool.said(), writers.said()))
    done, rows = drain(p, "demo-2")
    tap.ok(done.returncode == 0 and not rows, "when all is done nothing remains",
           done.stdout + done.stderr)
    admit_all(p)


def check_refused(lab, p):
    with Pool(p, lab.reader_name) as pool:
        rest(p, IDLE, IDLE, "drill", "close")
        done = p.pelorus("reader", "drain", "demo-1")
        tap.ok(done.returncode == 1 and "demo-1 is the writer" in done.stderr,
               "a writer is not drained", done.stderr)
        codes = [p.pelorus("reader", "drain", *words).returncode for words in (["demo-9"], [])]
        tap.ok(codes == [4, 2], "nor what nobody knows", codes)
        before = len(p.events("drain"))
        p.pelorus("reader", "hold", "demo-2")
        p.wait(lambda c: c.instances["demo-2"].admission == "held")
        for option in (["--dry-run"], []):
            done = p.pelorus("reader", "drain", *option, "demo-3")
            tap.ok(done.returncode == 1 and "no other reader" in done.stderr and
                   admission(p, "demo-3") == "admitted",
                   f"nor the last that takes connections {option}", done.stderr)
        tap.ok(len(p.events("drain")) == before and not places(p, pid_of(p)).get("demo-1"),
               "and nothing is ended", p.events("drain"))
        done, rows = drain(p, "--force", "demo-3")
        tap.ok(done.returncode == 0 and rows[0]["ENDED"] == rows[0]["BACK"] == str(IDLE // 2),
               "but by force: they come back on the writer", done.stdout + done.stderr)
        tap.ok(by_ss(lab, ("demo-1", *READERS)) ==
               {"demo-1": IDLE // 2, "demo-2": IDLE // 2, "demo-3": 0},
               "those to another one that is held stay", by_ss(lab, ("demo-1", *READERS)))
        tap.ok(pool.said() == ["back"] * (IDLE // 2), "once each", pool.said())
    admit_all(p)


def check_left_alone(lab, p, text, **more):
    """Of programs that are observed, or switched off, or may not be severed, none ends."""
    before = pids(p)
    with Pool(p, lab.reader_name, **more) as pool:
        pid = pid_of(p, before)
        wait_for(lambda: sum(places(p, pid).values()) == IDLE, 20, 0.1)
        id = next(id for id in places(p, pid) if id in READERS)
        rest(p, places(p, pid)[id], places(p, pid)[id], "reader", "drain", id)
        done, rows = drain(p, id)
        tap.ok(done.returncode == 1 and [(r["ENDED"], r["OPEN"] == r["LEFT"]) for r in rows] ==
               [("0", True)] and not pool.said(), f"{text}: left alone, and told", done.stdout)
    admit_all(p)
    return rows


def check_node(lab, p):
    if why := clients.node_problem():
        tap.skip("a pool of mysql2", why)
        return
    with p.popen(["node", "-e", NODE, lab.reader_name], cwd=clients.NODE,
                 env={**p.environment, "PELORUS_PROBER": "off", "LD_PRELOAD": LIBRARY},
                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        def ask():
            child.stdin.write("\n")
            child.stdin.flush()
            return json.loads(child.stdout.readline())
        before = ask()
        here = before.count("demo-3")
        rest(p, here, here, "reader", "drain", "demo-3")
        done, rows = drain(p, "demo-3")
        tap.ok(done.returncode == 0 and rows[0]["ENDED"] == str(here) and 0 < here < 4,
               "a pool of mysql2: those to it are ended", done.stdout + done.stderr)
        after = ask()
        tap.ok(after == ["demo-2"] * 4, "and it goes on elsewhere without an error", after)
        child.stdin.close()
    admit_all(p)


def start_go(lab, p, static, read, pause_ms, connections, number):
    """A pool of Go in the trap, which reads by the reader's name."""
    return Writer(lab, "reader", number, {**p.environment, "PELORUS_PROBER": "off", "READ": read},
                  pause_ms, command=[PELORUS, "run", "--trap", "--", static],
                  more=(str(connections),), host=lab.reader_name)


def check_trap(lab, p):
    """Go in the trap, by the same rule: its connections are told of, and ended by the worker."""
    static, why = clients.go(static=True)
    if why:
        tap.skip("Go in the trap", why)
        return
    half, asked = IDLE // 2, BUSY // 2
    idle = start_go(lab, p, static, "1", REST_MS, IDLE, 1)
    busy = start_go(lab, p, static, "SELECT SLEEP(1000)", 0, BUSY, 2)
    try:
        words = ("reader", "drain", "demo-2")
        rest(p, half + asked, half, *words)
        done, rows = drain(p, "demo-2")
        ended = sorted((r["OPEN"], r["ENDED"], r["LEFT"]) for r in rows)
        tap.ok(ended == [(str(half), str(half), "0"), (str(asked), "0", str(asked))] and
               done.returncode == 1 and f"{asked} connections to demo-2 are left" in done.stderr,
               "Go in the trap: drain ends what rests, leaves what waits for an answer, and tells",
               done.stdout + done.stderr)
        seen = by_ss(lab, READERS, "writer-static")
        tap.ok(seen["demo-2"] == asked, "ss sees the same", seen)
        since = now()
        tap.ok(idle.wait_for(since, 60) and
               wait_for(lambda: by_ss(lab, READERS, "writer-static")["demo-3"] == IDLE + asked, 60),
               "those that were ended come back on the other reader",
               by_ss(lab, READERS, "writer-static"))
        admit_all(p)
        rest(p, IDLE + BUSY, IDLE, "drill", "close")
        done = p.pelorus("drill", "close")
        ended = sorted(int(r["ENDED"]) for r in table(done).values())
        tap.ok(ended == [0, IDLE], "and `drill close` ends those that rest", done.stdout)
        tap.ok(idle.wait_for(now(), 60) and not idle.errors() and not busy.errors(),
               "no statement is lost", (idle.errors(), busy.errors()))
    finally:
        for one in (idle, busy):
            one.process.terminate()
            one.end()


def renewed(p, end):
    """Ends the daemon's worker, and waits until another one knows the same."""
    before = p.worker()
    asked = {id: i.evidence_ns for id, i in p.cluster().instances.items()}
    end()
    p.wait(lambda c: p.worker() != before and c.is_settled(3) and
           all(c.instances[id].evidence_ns > then for id, then in asked.items()), 40)


def check_restart(lab, p):
    def restart():
        p.signal(signal.SIGKILL)
        p.process.wait(20)
        p.begin()
    with Pool(p, lab.reader_name) as pool:
        rest(p, IDLE, IDLE, "drill", "close")
        drain(p, "demo-2")
        rest(p, IDLE, IDLE, "drill", "close")
        for end in (lambda: lab.exec("kill", "-9", str(p.worker())), restart):
            renewed(p, end)
            tap.ok(admission(p, "demo-2") == "held" and by_ss(lab, READERS) ==
                   {"demo-2": 0, "demo-3": IDLE}, "behind a restart it is held, and stays empty",
                   (admission(p, "demo-2"), by_ss(lab, READERS)))
        admit_all(p)
        rest(p, IDLE, IDLE, "reader", "drain", "demo-3")
        wait_for(lambda: drain(p, "demo-3")[0].returncode == 0, 60)
        tap.ok(by_ss(lab, READERS) == {"demo-2": IDLE, "demo-3": 0},
               "the next daemon drains as well", by_ss(lab, READERS))
        tap.ok(pool.said() == ["back"] * (IDLE + IDLE // 2), "each was ended as often as told",
               pool.said())
    admit_all(p)


def main():
    with Lab(instances=3) as lab, \
         Prober(lab, cluster_section(lab, reader_selector="round-robin")) as p:
        p.wait_settled(3)
        check_drill(lab, p)
        check_drain(lab, p)
        check_refused(lab, p)
        rows = check_left_alone(lab, p, "observed", PELORUS_MODE="observe")
        tap.ok(rows[0]["MODE"] == "observe", "with its mode", rows)
        check_left_alone(lab, p, "never severed", PELORUS_SEVER="off")
        check_node(lab, p)
        check_trap(lab, p)
        check_restart(lab, p)
    tap.done()


main()
