#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which sockets the watcher ends, how fast, and in whose hands they may be."""
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

from lib.programs import loopback
from lib.programs.loopback import dial, greeting
from lib.published import Map
from lib.tap import done, note, ok
from lib.waiting import within

DOMAIN = "test-region-1.rds.amazonaws.com"
WRITER = f"db.cluster-abc.{DOMAIN}"
READER = f"db.cluster-ro-abc.{DOMAIN}"
BY_DNS = f"new.cluster-xyz.{DOMAIN}"
OTHER = f"other.cluster-xyz.{DOMAIN}"
HOLE = f"hole.cluster-xyz.{DOMAIN}"
ONE, TWO, THREE, DNS = "127.0.77.1", "127.0.77.2", "127.0.77.3", "127.0.77.4"
LIMIT, STALE_LIMIT = 5, 15


class Conn:
    def __init__(self, name, port):
        self.sock = dial(name, port)
        self.peer = greeting(self.sock)

    def is_open(self):
        """Nothing to read, not even an end."""
        return not select.select([self.sock], [], [], 0)[0]

    def ended(self, limit=LIMIT):
        """True if it ends within the limit: read returns nothing, or that it was reset."""
        if not select.select([self.sock], [], [], limit)[0]:
            return False
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True


def flip(published, to, cluster=0):
    return published.tell(f"writer {cluster} {to}")


def settle():
    """What the watcher would do wrongly it would have done by now: a flip elsewhere came
    through."""
    time.sleep(0.1)


def check_flip(published, port):
    writers = [Conn(WRITER, port) for _ in range(50)]
    readers = [Conn(READER, port) for _ in range(10)]
    ok({c.peer for c in writers} == {ONE}, "writers' sockets are on the writer")
    begin = flip(published, 1)
    ended = [c.ended() for c in writers]
    taken = (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - begin) / 1e6
    ok(all(ended), "all 50 end when the writer changes")
    note(f"the last was seen {taken:.2f} ms after the publication, by Python")
    ok(within(taken, 100), "at once")
    ok(all(c.is_open() for c in readers), "readers' sockets stay, also on the promoted instance")
    ok(Conn(WRITER, port).peer == TWO, "and the name leads to the new writer")
    flip(published, 0)


def check_reasons(published, port):
    writer, reader = Conn(WRITER, port), Conn(READER, port)
    published.tell("self 0 0 reader")
    ok(writer.ended(), "a writer that says of itself that it is a reader")
    published.tell("self 0 0 writer")
    index = (ONE, TWO, THREE).index(reader.peer)
    published.tell(f"health 0 {index} stalled")
    settle()
    ok(reader.is_open(), "a stalled instance keeps its sockets")
    published.tell(f"health 0 {index} unreachable")
    ok(reader.ended(), "an unreachable one loses readers' sockets too")
    published.tell(f"health 0 {index} ok")
    writer = Conn(WRITER, port)
    published.tell("lag 0 1 500000")
    published.tell("wake 0")
    settle()
    ok(writer.is_open(), "lag, and a generation that moved for nothing, end none")
    published.tell("writer 0 none")
    ok(writer.ended(), "the writer is lost, and none is known yet")
    flip(published, 0)
    early = Conn(BY_DNS, port)
    right = Conn(OTHER, port)
    ok((early.peer, right.peer) == (DNS, ONE), "connections made while nothing is known")
    for number, name in ((1, BY_DNS), (2, OTHER)):
        published.tell(f"name {number} writer {name}")
        for i, address in enumerate((ONE, DNS)):
            published.tell(f"instance {number} {i} n{i} {port} {address}")
        flip(published, 0, number)
    ok(early.ended(), "one that turns out to be wrong ends")
    settle()
    ok(right.is_open(), "one that turns out to be right stays")


def check_descriptors(published, port):
    closed = Conn(WRITER, port)
    closed.sock.close()
    innocent = socket.create_connection((ONE, port))
    greeting(innocent)
    witness = Conn(WRITER, port)
    flip(published, 1)
    ok(witness.ended(), "a flip")
    ok(not select.select([innocent], [], [], 0.1)[0],
       "a socket of another kind at a number used before stays")
    flip(published, 0)


def check_blocking_connect(published, port):
    """SYNs go unanswered; the flip ends the wait, and the call itself reaches the new writer."""
    published.tell(f"name 3 writer {HOLE}")
    published.tell(f"instance 3 0 deep {port} 10.77.0.2")
    published.tell(f"instance 3 1 there {port} {TWO}")
    flip(published, 0, 3)
    found = []

    def run():
        with socket.socket() as sock:
            sock.connect((HOLE, port))
            found.append(greeting(sock))

    thread = threading.Thread(target=run)
    thread.start()
    while not syn_sent("10.77.0.2"):
        time.sleep(0.01)
    begin = time.monotonic()
    flip(published, 1, 3)
    thread.join(LIMIT)
    ok(found == [TWO], "a connect() that blocks is taken to the new writer by the flip", found)
    note(f"{1e3 * (time.monotonic() - begin):.1f} ms after it")


def syn_sent(address):
    needle = "".join(f"{b:02X}" for b in reversed(socket.inet_aton(address)))
    with open("/proc/net/tcp") as f:
        return any(f" {needle}:" in line and line.split()[3] == "02" for line in f)


def in_child(work):
    """Runs work() in a forked child; a pipe that yields what it wrote at last, and its pid."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return os.fdopen(read), pid
    try:
        os.write(write, (work() + "\n").encode())
    finally:
        os._exit(0)


def check_forks(published, port):
    inherited = Conn(WRITER, port)

    def heir():
        Conn(WRITER, port)
        os.write(ready[1], b".")
        return "ended" if inherited.ended() else "open"

    ready = os.pipe()
    answer, pid = in_child(heir)
    inherited.sock.close()
    os.read(ready[0], 1)
    flip(published, 1)
    ok(answer.readline() == "ended\n", "a socket that only a forked child still has, which has "
       "connected itself since")
    os.waitpid(pid, 0)

    def daemon():
        if os.fork():
            os._exit(0)
        os.setsid()
        own = Conn(WRITER, port)
        print(own.peer, file=sys.stderr) if own.peer != TWO else None
        os.write(ready[1], b".")
        return "ended" if own.ended() else "open"

    answer, pid = in_child(daemon)
    os.read(ready[0], 1)
    flip(published, 0)
    ok(answer.readline() == "ended\n", "a daemon that forked twice and connects by itself")
    os.waitpid(pid, 0)
    check_vfork(published, port)


def check_vfork(published, port):
    mine = Conn(WRITER, port)
    for _ in range(20):
        subprocess.run(["/bin/true"], check=True)
    flip(published, 1)
    ok(mine.ended(), "children by vfork leave the parent's watcher alone")
    flip(published, 0)


def program(body, name=WRITER, on="", **environment):
    """A program of its own, on whose stdin a line comes after the flip; its socket leads to an
    address that begins with `on`."""
    text = f"""
import os, signal, socket, sys, select
port = int(sys.argv[1])
while True:
    s = socket.create_connection(({name!r}, port))
    if s.recv(99).decode().startswith({on!r}):
        break
print("ready", flush=True)
{body}
"""
    return subprocess.Popen(["/usr/bin/python3", "-c", text, sys.argv[-1]], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**os.environ, **environment})


def run_through_flip(published, body, to, **options):
    child = program(body, **options)
    child.stdout.readline()
    flip(published, to)
    settle()
    out, err = child.communicate("go\n", timeout=30)
    return out.strip(), child.returncode, err[-300:]


def check_programs(published, port):
    sys.argv.append(str(port))
    wait = "open_ = not select.select([s], [], [], 3)[0]; print('open' if open_ else 'ended')"
    rows = [("PELORUS_SEVER=off ends none", "open", WRITER, dict(PELORUS_SEVER="off")),
            ("without it a writer's socket ends", "ended", WRITER, {}),
            ("and with a word that it does not know", "ended", WRITER, dict(PELORUS_SEVER="of")),
            ("a reader's on the promoted instance stays", "open", READER, {}),
            ("PELORUS_SEVER=all ends that one too", "ended", READER, dict(PELORUS_SEVER="all"))]
    for i, (text, expected, name, environment) in enumerate(rows):
        to = (i + 1) % 2
        on = (ONE, TWO)[to] if name == READER else ""
        found = run_through_flip(published, wait, to, name=name, on=on, **environment)
        ok(found[:2] == (expected, 0), text, found)
    flip(published, 0)
    # The disposition is asked for when a socket is cut, so it must be in place before the flip.
    child = program("""
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
print("set", flush=True)
sys.stdin.readline()
for n in range(2):
    try:
        s.send(b"x"); print("sent", flush=True)
    except OSError as e:
        print(type(e).__name__, flush=True)
""")
    child.stdout.readline()
    child.stdout.readline()
    flip(published, 1)
    settle()
    out, err = child.communicate("go\n", timeout=30)
    first = out.split()
    ok(first[:1] == ["ConnectionResetError"], "SIGPIPE at its default: the first write is told",
       out)
    note(f"a second write ends with {signal.Signals(-child.returncode).name}"
         if child.returncode < 0 else f"a second write: {first[1:]}")
    flip(published, 0)


def check_next_prober(folder, published, port):
    """While no prober lives DNS has its way; the next one's map is a new file, of which nobody
    tells."""
    published.tell("beat off")
    end = time.monotonic() + STALE_LIMIT
    while (lost := Conn(WRITER, port)).peer != DNS and time.monotonic() < end:
        time.sleep(0.05)
    ok(lost.peer == DNS, "nobody has beaten for a while: DNS has its way", lost.peer)
    os.unlink(os.path.join(published.directory, "topology.map"))
    with Map(folder) as successor:
        publish(successor, port)
        successor.tell(f"instance 0 3 i3 {port} {DNS}")
        flip(successor, 1)
        ok(lost.ended(), "what was made meanwhile, to no writer, ends when the next map is there")


def publish(published, port):
    published.tell(f"name 0 writer {WRITER}")
    published.tell(f"name 0 reader {READER}")
    for i, address in enumerate((ONE, TWO, THREE)):
        published.tell(f"instance 0 {i} i{i} {port} {address}")
    flip(published, 0)


def main():
    folder = loopback.enter(hosts={WRITER: DNS, BY_DNS: DNS, OTHER: ONE})
    servers = loopback.Servers(ONE, TWO, THREE, DNS)
    port = servers.port
    signal.alarm(120)
    with Map(folder) as published:
        publish(published, port)
        check_flip(published, port)
        check_reasons(published, port)
        check_descriptors(published, port)
        check_blocking_connect(published, port)
        check_forks(published, port)
        check_programs(published, port)
        check_next_prober(folder, published, port)
    done()


main()
