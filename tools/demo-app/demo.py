# SPDX-License-Identifier: Apache-2.0
"""The demo: one program, one failover with frozen DNS, two timelines side by side.

Both copies of the program run in the same lab through the same failover, so that what differs
between the columns is Pelorus alone.  Moments are told from the instant at which the new writer
became writable.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LAB = os.path.join(ROOT, "tools", "lab", "lab")
PELORUS = os.path.join(ROOT, "build", "main", "tools", "pelorus", "pelorus")
BEFORE, AFTER, STEP = 1.5, 6.0, 0.5
WIDTH = 48


class Demo:
    def __init__(self, mode):
        self.mode = mode
        self.folder = tempfile.mkdtemp(prefix="pelorus-demo-")
        self.state = os.path.join(self.folder, "lab")
        self.runtime = os.path.join(self.folder, "run")
        self.programs = []

    def lab(self, *words):
        done = subprocess.run([LAB, "--state", self.state, *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise SystemExit(f"tools/demo: lab {words[0]}: {done.stderr.strip()}")
        return done.stdout

    def up(self):
        self.lab("up", "--dns-lag", "never")
        status = json.loads(self.lab("status", "--json"))
        self.writer = status["endpoints"]["writer"]
        self.sql("CREATE TABLE demo_writes (id BIGINT AUTO_INCREMENT PRIMARY KEY, "
                 "at DATETIME(6), server VARCHAR(64))")

    def sql(self, statement):
        self.lab("exec", "--", "mariadb", "-h", self.writer, "-uapp", "-papp", "app", "-e",
                 statement)

    def start(self, name, *prefix):
        env = dict(os.environ, DB_HOST=self.writer, DB_USER="app", DB_PASSWORD="app",
                   DB_DATABASE="app", PELORUS_RUNTIME_DIR=self.runtime)
        log = open(os.path.join(self.folder, name), "w+")
        child = subprocess.Popen(
            [LAB, "--state", self.state, "exec", "--", *prefix, "node",
             os.path.join(HERE, "app.js")], env=env, stdin=subprocess.PIPE, stdout=log)
        self.programs.append((child, log))

    def wait_writing(self):
        """Until both programs have written for a while."""
        limit = time.monotonic() + 30
        while time.monotonic() < limit:
            if all(sum("error" not in a for a in attempts(log)) >= 75
                   for _, log in self.programs):
                return
            time.sleep(0.1)
        raise SystemExit("tools/demo: the programs do not write; see " + self.folder)

    def finish(self):
        for child, _ in self.programs:
            child.stdin.close()
        for child, _ in self.programs:
            child.wait(20)
        return [attempts(log) for _, log in self.programs]

    def down(self):
        for child, log in self.programs:
            if child.poll() is None:
                child.kill()
            log.close()
        subprocess.run([PELORUS, "stop"], env=dict(os.environ, PELORUS_RUNTIME_DIR=self.runtime),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run([LAB, "--state", self.state, "down"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", self.folder])


def attempts(log):
    log.seek(0)
    told = []
    for line in log.read().splitlines():
        try:
            told.append(json.loads(line))
        except ValueError:
            continue
    return told


SHORT = {"ER_OPTION_PREVENTS_STATEMENT": "1290 read-only", "PROTOCOL_CONNECTION_LOST": "lost",
         "ECONNREFUSED": "refused", "ECONNRESET": "reset"}


def cell(tries):
    good = sum("error" not in a for a in tries)
    bad = [a for a in tries if "error" in a]
    if not tries:
        return "  - waiting, nothing answers"
    marks = f"{good:3} written"
    if bad:
        names = sorted({SHORT.get(a["error"], str(a["error"])) for a in bad})
        marks += f", {len(bad):2} failed: " + ", ".join(names)[:WIDTH - 25]
    return marks


def draw(zero_ms, runs, title):
    bold, off = ("\033[1m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ \
        else ("", "")
    print(f"\n{bold}   moment    {'without Pelorus':{WIDTH}}with Pelorus{off}")
    steps = int(BEFORE / STEP)
    for i in range(-steps, int(AFTER / STEP)):
        low, high = zero_ms + i * STEP * 1000, zero_ms + (i + 1) * STEP * 1000
        if i == 0:
            print(f"{bold}   --------  {title}{off}")
        cells = [cell([a for a in run if low <= a["end"] < high]) for run in runs]
        print(f"   {i * STEP:+5.1f} s   {cells[0]:{WIDTH}}{cells[1]}")


def outage(run, zero_ms):
    """From writable to the first success behind it; None if there was none."""
    good = [a["end"] for a in run if "error" not in a and a["begin"] >= zero_ms]
    return min(good) - zero_ms if good else None


def summary(runs, zero_ms):
    words = []
    for run, name in zip(runs, ("Without Pelorus", "with Pelorus")):
        failed = sum("error" in a for a in run)
        first = outage(run, zero_ms)
        back = "never wrote again" if first is None else f"wrote again after {first:.0f} ms"
        words.append(f"{name} the program {back} ({failed} failed attempts)")
    return "; ".join(words) + "."


def main():
    parser = argparse.ArgumentParser(prog="tools/demo")
    parser.add_argument("--mode", default="crash",
                        choices=("crash", "graceful", "blackhole", "reboot"))
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    demo = Demo(args.mode)
    try:
        print("A cluster of three servers, DNS frozen; one Node program, a mysql2 pool, "
              "an INSERT every 20 ms.", flush=True)
        demo.up()
        demo.start("without")
        demo.start("with", PELORUS, "run", "--")
        demo.wait_writing()
        demo.lab("failover", "--mode", args.mode)
        events = [json.loads(line) for line in demo.lab("events").splitlines()]
        writable = [e for e in events if e["event"] == "writable"][-1]
        time.sleep(max(0.0, writable["t"] + AFTER + 0.2 - time.time()))
        runs = demo.finish()
        zero_ms = writable["t"] * 1000
        failed = [e for e in events if e["event"] == "failure"][-1]
        draw(zero_ms, runs, f"{writable['id']} takes writes; the old writer failed ({args.mode}) "
                            f"{writable['t'] - failed['t']:.1f} s before")
        print("\n" + summary(runs, zero_ms))
    finally:
        demo.down()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
