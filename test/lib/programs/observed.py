# SPDX-License-Identifier: Apache-2.0
"""Programs that are told the same, one without the library and one with it, whose names are only
observed: what they see and whom they connect to, and what `pelorus report` says of them.

    with Pairs(folder, mark, name, environment) as everybody:
        everybody("connect")
    everybody.compare()
"""
import contextlib
import json
import os
import re
import shutil
import subprocess

from lib import tap
from lib.paths import CLIENTS, LIBRARY
from lib.waiting import wait_for

PROGRAM = """
import socket, sys
name, limit, kept = sys.argv[1], float(sys.argv[2]) or None, []
for line in sys.stdin:
    if line == "connect\\n":
        try:
            kept.append(socket.create_connection((name, 3306), limit))
            print(kept[-1].getpeername()[0], flush=True)
        except OSError as e:
            print(e, flush=True)
    elif line == "look\\n":
        print(sorted({a[4][0] for a in socket.getaddrinfo(name, 3306)}), flush=True)
    else:
        for sock in kept:
            sock.close()
        kept.clear()
        print("closed", flush=True)
"""
CARES = """
const dns = require("dns").promises, net = require("net"), name = process.argv[1]
let kept = []
const dial = (host) => new Promise((done) => {
    const sock = net.connect(3306, host).pause()  // else it ends with the server's end of it
    kept.push(sock)
    sock.on("connect", () => done(sock.remoteAddress)).on("error", (e) => done(e.message))
})
const orders = {
    connect: async () => dial((await dns.resolve4(name))[0]),
    look: async () => (await dns.resolve4(name)).sort().join(),
    close: async () => { kept.forEach((sock) => sock.destroy()); kept = []; return "closed" },
}
require("readline").createInterface({ input: process.stdin })
    .on("line", async (line) => console.log(await orders[line]()))
"""
DIALS = {word: word for word in ("connect", "look", "close")}
# Its command, the words by which it takes its orders, and what a day has of it.
KINDS = {
    "blocks": (["/usr/bin/python3", "-B", "-c", PROGRAM, "{}", "0"], DIALS,
               {"stale_ended": 1, "errors_spared": 2, "led_wrong": 1, "held": 1}),
    "waits": (["/usr/bin/python3", "-B", "-c", PROGRAM, "{}", "20"], DIALS,
              {"stale_ended": 1, "errors_spared": 2, "led_wrong": 1, "held": 1}),
    "c-ares": (["node", "-e", CARES, "{}"], DIALS,
               {"stale_ended": 1, "errors_spared": 2, "led_wrong": 1, "held": 1}),
    "handle": (["/usr/bin/python3", "-B", os.path.join(CLIENTS, "python", "handle.py")],
               {"open": "connect {}", "ask": "query SELECT 1"},
               {"stale_ended": 1, "errors_spared": 1, "moved": 1}),
}
NOTHING = {"stale_ended": 0, "errors_spared": 0, "led_wrong": 0, "held": 0, "moved": 0,
           "led_elsewhere": 0}


def begin(*words, **options):
    return subprocess.Popen(words, **options)


class Program:
    """One that takes orders; its connect() calls are in a file of strace's."""

    def __init__(self, folder, kind, called, name, env, start=begin):
        self.kind, self.called, self.name = kind, called, name
        self.trace = os.path.join(folder, called + ".strace")
        (binary, *words), self.orders, _ = KINDS[kind]
        program = os.path.join(folder, called)
        os.symlink(shutil.which(binary), program)
        preload = ["-E", f"LD_PRELOAD={LIBRARY}"] if env else []
        self.child = start(
            "strace", "-f", "-qq", "-s", "200", "-e", "trace=connect", "-e", "signal=none",
            "-o", self.trace, *preload, program, *(name if w == "{}" else w for w in words),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env={**os.environ, **(env or {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.wait(20)
        self.child.stdout.close()

    def tell(self, order):
        if order in self.orders:
            self.child.stdin.write(self.orders[order].format(self.name) + "\n")

    def heard(self, order):
        return self.child.stdout.readline().strip() if order in self.orders else ""

    def connects(self):
        """Addresses, ports and results of all that leave the host or could, without numbers."""
        with open(self.trace) as lines:
            text = re.sub(r"<unfinished \.\.\.>\n|<\.\.\. connect resumed>", "", lines.read())
        return [re.sub(r"^\d+\s+connect\(\d+", "connect(", line) for line in text.splitlines()
                if "AF_INET" in line]


class Pairs:
    """Of each kind a program without the library and one with it, which are told the same."""

    def __init__(self, folder, mark, name, env, kinds=KINDS, **options):
        self.folder, self.mark, self.name, self.env = folder, mark, name, env
        self.kinds, self.options = kinds, options
        self.odd = []

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.pairs = [[stack.enter_context(Program(self.folder, kind, called, self.name, env,
                                                       **self.options))
                           for called, env in ((f"{kind}-plain{self.mark}", None),
                                               (f"{kind}{self.mark}", self.env))]
                          for kind in self.kinds]
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def __call__(self, order):
        for p in sum(self.pairs, []):
            p.tell(order)
        for pair in self.pairs:
            said = [p.heard(order) for p in pair]
            if len(set(said)) != 1:
                self.odd.append((pair[0].kind, order, *said))

    def compare(self):
        """After their end."""
        tap.ok(not self.odd, "with and without the library programs are told the same",
               self.odd[:3])
        for plain, observed in self.pairs:
            calls, theirs = plain.connects(), observed.connects()
            differ = next(((a, b) for a, b in zip(calls, theirs) if a != b), "")
            tap.ok(len(calls) > 4 and calls == theirs,
                   f"{observed.called}: its {len(calls)} connects to hosts are those of the plain "
                   "program", (len(calls), len(theirs), differ))


def report(prober, *words):
    done = prober.pelorus("report", "--json", *words)
    return json.loads(done.stdout) if done.returncode == 0 else []


def told_of(prober, called):
    rows = [p for c in report(prober) for p in c["programs"]]
    return next((p for p in rows if p["program"] == called), {})


def check_report(prober, called, days, a_day, text):
    expected = {"program": called, **NOTHING, **{k: n * days for k, n in a_day.items()}}
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: told_of(prober, called) == expected, 20)
    tap.ok(told_of(prober, called) == expected, f"{called}: {text}",
           (told_of(prober, called), report(prober)))
