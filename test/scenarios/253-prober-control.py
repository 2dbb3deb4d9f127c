#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Garbage on the control socket is refused and counted; it never stops the prober."""
import json
import os
import random
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


with Prober() as prober:
    prober.start()
    both = prober.note_pids()
    waiting(prober)
    refusals(prober)
    garbage(prober, both)
    rude(prober, both)
    begin = time.monotonic()
    ok(prober.pelorus("status").returncode == 0, "afterwards `pelorus status` is answered")
    note(f"within {1000 * (time.monotonic() - begin):.0f} ms")
done()
