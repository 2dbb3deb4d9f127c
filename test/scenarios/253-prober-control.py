#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Garbage on the control socket is refused and counted; it never stops the prober."""
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

from lib.paths import PELORUS
from lib.prober import Prober
from lib.tap import as_root, done, note, ok
from lib.waiting import LIMIT, wait_for

SEED = 20260102


def garbage(p, pids):
    rng = random.Random(SEED)
    words = [b"follow", b"hint", b"status", b"events", b"name=", b"port=", b"user=", b"password=",
             b"since=", b"wait=1", b"=", b"\n", b"%", b"%0A", b"%00", b"\0", b"\xff", b"a" * 300,
             b"99999999999999999999", b"-1", b"localhost"]
    sent = 0
    for _ in range(60):
        with p.connect() as s:
            s.settimeout(LIMIT)
            for _ in range(50):
                packet = b"".join(rng.choice(words) for _ in range(rng.randrange(1, 40)))
                if rng.random() < 0.3:
                    packet = rng.randbytes(rng.randrange(1, 9000))
                if packet.startswith((b"status", b"events")):
                    continue
                s.send(packet)
                sent += 1
                if not s.recv(70000).startswith((b"ok", b"error ")):
                    return ok(False, "every packet of garbage gets an answer", str(packet))
    counters = p.status()["control"]
    note(f"{sent} packets: {counters}")
    ok(p.note_pids() == pids, f"{sent} packets of garbage: each is answered, and nothing dies")
    return ok(counters["malformed"] > 1000 and counters["oversized"] > 50, "and counted",
              str(counters))


def rude(p, pids):
    """Clients that ask and never read, leave in the middle, pass descriptors, or say nothing."""
    folder = f"/proc/{pids[1]}/fd"
    before = len(os.listdir(folder)) if os.geteuid() == 0 else 0
    deaf = [p.connect() for _ in range(30)]
    for s in deaf:
        for _ in range(20):
            s.send(b"status")
    for _ in range(200):
        with p.connect() as s:
            s.send(b"status")
    with p.connect() as s, open("/dev/null") as null:
        socket.send_fds(s, [b"status"], [null.fileno()] * 10)
        ok(s.recv(70000).startswith(b"ok"), "descriptors that come with a request are not taken")
    ok(p.note_pids() == pids, "clients that never read, or leave, hold up nobody")
    for s in deaf:
        s.close()
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_UNIX, kind) as s:
            try:
                s.connect(os.path.join(p.directory, "control"))
                ok(False, "another kind of socket does not get in")
            except OSError:
                ok(True, "another kind of socket does not get in")
    if not as_root("and nothing is leaked"):
        return
    wait_for(lambda: p.status()["control"]["connections"] == 1)
    wait_for(lambda: len(os.listdir(folder)) <= before)
    ok(True, "and nothing is leaked")


def refusals(p):
    for request, code in (
            ("follow", "invalid"), ("follow\nname=", "invalid"), ("follow\nname=a b", "invalid"),
            ("follow\nname=../../etc", "invalid"), ("follow\nname=a\nport=x", "invalid"),
            ("follow\nname=a\nport=65536", "invalid"), ("follow\nname=" + "a." * 200, "invalid"),
            ("follow\nname=a\nuser=" + "u" * 200, "invalid"), ("hint", "invalid"),
            ("hint\nname=nobody.follows.it", "unfollowed"), ("admit\nname=x\nid=y", "unfollowed"),
            ("follow\nname=x.proxy-abc.us-east-1.rds.amazonaws.com", "unsupported"),
            ("dance", "unknown")):
        with p.connect() as s:
            s.send(request.encode())
            answer = s.recv(70000).decode()
        ok(answer.startswith(f"error {code} "), f"{request[:40]!r} is refused as {code}", answer)




def waiting(p):
    got = []

    def wait():
        with p.connect() as s:
            s.send(b"events\nsince=%d\nwait=1" % since)
            got.append(s.recv(70000).decode())

    since = p.status()["events"]
    threads = [threading.Thread(target=wait) for _ in range(20)]
    for t in threads:
        t.start()
    wait_for(lambda: p.status()["control"]["connections"] > 20)
    ok(not got, "who waits for events is not answered before there is one")
    p.ask("follow", name="localhost", port=1)
    for t in threads:
        t.join(LIMIT)
    lines = [json.loads(line) for text in got for line in text.splitlines()[1:]]
    ok(len(got) == 20 and all(e["seq"] == since + 1 for e in lines),
       "and all are when there is", str(got[:2]))
    follow = subprocess.Popen([PELORUS, "events", "--follow", "--json"], env=p.environment,
                              stdout=subprocess.PIPE, text=True)
    first = json.loads(follow.stdout.readline())
    ok(first["seq"] == 1 and first["code"], "`pelorus events --follow` prints what was")
    follow.kill()
    follow.wait()


def lines_of(p, *words):
    return p.pelorus("events", "--json", *words).stdout.splitlines()


def asked_for(p):
    """Fewer of the events that were."""
    p.ask("follow", name="localhost", port=1)
    wait_for(lambda: p.status()["events"] >= 1)
    every = lines_of(p)
    ok(every and lines_of(p, "-n", "1") == every[-1:] and lines_of(p, "-n", "0") == [] and
       lines_of(p, "--since", "1h") == every and lines_of(p, "--since", "2099-01") == [] and
       lines_of(p, "--since", json.loads(every[-1])["time"])[-1:] == every[-1:],
       "events of a time, and the last of them")
    for words in (("-n", "x"), ("--since", "x"), ("--since", "-1h"), ("--since", "5w")):
        made = p.pelorus("events", *words)
        ok(made.returncode == 2 and f"expected {'a n' if words[0] == '-n' else '90s'}"
           in made.stderr, f"{words}: what is wrong is named", made.stderr)


def forgotten(p):
    """A name that was followed by hand, by the supervisor too."""
    def keys():
        return [c["key"] for c in p.status()["clusters"]]

    def made(name):
        return p.pelorus("unfollow", name).returncode

    p.ask("follow", name="one.localhost", permanent=1, user="u", password="p")
    p.ask("follow", name="two.localhost", permanent=1)
    wait_for(lambda: {"one.localhost", "two.localhost"} <= set(keys()))
    ok(made("ONE.localhost") == 0 and
       "one.localhost" not in keys() and "two.localhost" in keys(),
       "unfollow has one name forgotten", keys())
    ok(made("one.localhost") == 4, "once")
    pids = p.note_pids()
    os.kill(pids[1], signal.SIGKILL)
    wait_for(lambda: (p.is_up() or {}).get("pid", pids[1]) != pids[1])
    p.note_pids()
    wait_for(lambda: "two.localhost" in keys())
    ok("one.localhost" not in keys(), "and a new worker is not told of it", keys())
    ok(made("two.localhost") == 0, "the other one likewise")


def gone_on(p):
    """events -f outlives the daemon: each event is told once, and all of the next one's."""
    follow = subprocess.Popen([PELORUS, "events", "--follow", "--json", "-n", "1"],
                              env=p.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
    last = json.loads(follow.stdout.readline())
    pids = p.note_pids()
    os.kill(pids[1], signal.SIGKILL)
    one = json.loads(follow.stdout.readline())
    ok(one["seq"] == last["seq"] + 1 and one["code"] == "worker-died",
       "a worker that dies takes nothing of `events -f` with it", one)
    wait_for(lambda: (p.is_up() or {}).get("pid", pids[1]) != pids[1])
    p.note_pids()
    last = p.status()["events"]
    p.ask("stop")
    told = follow.stderr.readline()
    p.start()
    p.ask("follow", name="localhost", port=1)
    seen = []
    while not seen or seen[-1]["seq"] != 1:
        seen.append(json.loads(follow.stdout.readline()))
    ok("waiting for another" in told and all(e["seq"] > one["seq"] for e in seen[:-1]),
       "nor does a daemon that is told to stop: the next one's are told", (told, seen))
    follow.kill()
    follow.communicate()


with Prober() as prober:
    prober.start()
    both = prober.note_pids()
    waiting(prober)
    asked_for(prober)
    refusals(prober)
    garbage(prober, both)
    rude(prober, both)
    begin = time.monotonic()
    ok(prober.pelorus("status").returncode == 0, "afterwards `pelorus status` is answered")
    note(f"within {1000 * (time.monotonic() - begin):.0f} ms")
with Prober() as prober:  # whose bucket of requests is full
    prober.start()
    forgotten(prober)
    gone_on(prober)
done()
