#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What `pelorus drill close` ends of programs on real servers: what rests, and not what waits for an
answer, however soon after the last one it was asked.
"""
import subprocess

from lib import tap
from lib.lab import Lab
from lib.paths import LIBRARY
from lib.prober import Prober
from lib.waiting import wait_for

IDLE, BUSY = 4, 8
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

def ask():
    try:
        cursor = connect().cursor()
        cursor.execute("SELECT 1")
        cursor.execute("SELECT SLEEP(1000)")
    except pymysql.Error as error:
        tell("lost", error)

for _ in range(busy):
    threading.Thread(target=ask, daemon=True).start()
kept = {c._sock: c for c in (connect() for _ in range(idle))}
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



def check_drill(lab, p):
    with Pool(p, lab.reader_name, busy=BUSY) as pool:
        rest(p, IDLE + BUSY, IDLE, "drill", "close")
        done = p.pelorus("drill", "close")
        row = list(table(done).values())[0]
        tap.ok(row["OPEN"] == str(IDLE + BUSY) and row["ENDED"] == row["BACK"] == str(IDLE),
               "those that rest are ended, and come back", done.stdout + done.stderr)
        tap.ok(pool.said() == ["back"] * IDLE,
               "no statement that was sent at once behind an answer is lost", pool.said())


def main():
    with Lab(instances=3) as lab, Prober(lab) as p:
        p.wait_settled(3)
        check_drill(lab, p)
    tap.done()


main()
