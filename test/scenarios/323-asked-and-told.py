#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a process and its daemon say to each other at the first call, and whose turn it is then."""
import collections
import contextlib
import mmap
import os
import socket
import subprocess
import time

from lib.paths import LIBRARY, PELORUS, PELORUSD
from lib.programs import loopback
from lib.programs.loopback import dial, greeting
from lib.published import Map
from lib.tap import done, note, ok

DOMAIN = "test-region-1.rds.amazonaws.com"
READER = f"db.cluster-ro-abc.{DOMAIN}"
AWAITED = f"new.cluster-abc.{DOMAIN}"
ONE, TWO, THREE = "127.0.77.1", "127.0.77.2", "127.0.77.3"
KEPT = 8192
SELECTOR_AT, ROUND_ROBIN = 4096 + 16 * 2048 + 8 + 42, b"\x01"
TWICE, ROUNDS = f"twice.cluster-abc.{DOMAIN}", 20
LOST = f"lost.cluster-abc.{DOMAIN}"
OLD_CALL = "import ctypes, sys; ctypes.CDLL(None).gethostbyname(sys.argv[1].encode())"
RESOLVE = """
import ctypes, sys
library, room = ctypes.CDLL(sys.argv[1]), ctypes.create_string_buffer(1024)
for _ in range(40):
    ctypes.c_size_t.from_buffer(room).value = 1024
    library.pelorus_resolve(sys.argv[2].encode(), 0, room)
    print(room.raw[8:40].split(b"\\0")[0].decode())
"""


def check_turns(folder, published, port):
    for i, address in enumerate((ONE, TWO, THREE)):
        published.tell(f"instance 0 {i} i{i} {port} {address}")
    published.tell(f"name 0 reader {READER}")
    published.tell("writer 0 0")
    found = subprocess.run(["/usr/bin/python3", "-c", RESOLVE, LIBRARY, READER],
                           capture_output=True, text=True).stdout.split()
    ok(set(found) == {"i1", "i2"}, "pelorus_resolve() names all readers in turn",
       collections.Counter(found))
    with open(os.path.join(folder, "run", "topology.map"), "r+b") as f, \
            mmap.mmap(f.fileno(), 0) as whole:
        whole[SELECTOR_AT:SELECTOR_AT + 1] = ROUND_ROBIN
    found = collections.Counter()
    for _ in range(20):
        with dial(READER, port) as sock:
            found[greeting(sock)] += 1
    ok(found == {TWO: 10, THREE: 10}, "round robin: a lookup and its connect are one turn", found)


def check_long_environment(folder):
    """A listener in the daemon's place is told what the program would log in with."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
        control.bind(os.path.join(folder, "run", "control"))
        control.listen()
        control.settimeout(20)
        own = {k: v for k, v in os.environ.items() if k == "LD_PRELOAD" or k.startswith("PELORUS_")}
        # It fits beside these into what a library keeps, and then there is no room for the URL.
        room = KEPT - sum(len(f"{k}={v}") + 1 for k, v in own.items()) - 40
        own.update(PATH="/usr/bin".ljust(room, ":"),
                   DATABASE_URL=f"mysql://app:secret@{AWAITED}/db")
        child = subprocess.Popen(["/usr/bin/getent", "ahostsv4", AWAITED], env=own,
                                 stdout=subprocess.DEVNULL)
        told = control.accept()[0].recv(9000)
        child.wait()
    ok(b"password=secret" in told, "a long PATH drives no credentials out", told)


def check_ports(folder, published, ports):
    """Where DNS leads each connect looks whether the daemon knows its port."""
    published.tell(f"name 0 writer {TWICE} {ONE}")
    published.tell("writer 0 unknown 2")
    path, told = os.path.join(folder, "run", "control"), []
    os.unlink(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
        control.bind(path)
        control.listen(4 * ROUNDS)
        control.setblocking(False)
        for port in ports * ROUNDS:
            dial(TWICE, port).close()
        with contextlib.suppress(BlockingIOError):
            while True:
                told.append(control.accept()[0].recv(9000))
    asked = [t for t in told if t.startswith(b"follow")]
    note(f"{2 * ROUNDS} connects at two ports: {len(asked)} packets")
    ok(0 < len(asked) < ROUNDS, "two ports of one name are not told of at each connect",
       len(asked))


def check_asked_once(folder, published):
    """Each question is lost, and the old call asks as often as it does without us."""
    published.tell(f"name 0 writer {LOST}")
    published.tell("writer 0 unknown 2")
    config = os.path.join(folder, "resolv.conf")
    with open(config, "w") as f:
        f.write("nameserver 127.0.77.53\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", config, "/etc/resolv.conf"], check=True)
    asked = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.77.53", 53))
        server.setblocking(False)
        for preload in ("", LIBRARY):
            subprocess.run(["/usr/bin/python3", "-c", OLD_CALL, LOST],
                           env={**os.environ, "LD_PRELOAD": preload})
            asked[preload] = 0
            with contextlib.suppress(BlockingIOError):
                while server.recv(999):
                    asked[preload] += 1
    ok(asked[LIBRARY] == asked[""] > 0, "gethostbyname() asks a DNS that is dead once", asked)


def check_awaited(folder):
    place = os.path.join(folder, "awaited")
    code = ("import ctypes, sys; ctypes.CDLL(sys.argv[1]).pelorus_wait(sys.argv[2].encode(), "
            "ctypes.c_uint64(0), 4000)")
    own = {**os.environ, "PELORUS_PROBER": PELORUSD, "PELORUS_RUNTIME_DIR": place}
    subprocess.run(["/usr/bin/python3", "-c", code, LIBRARY, AWAITED], env=own)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
        control.connect(os.path.join(place, "control"))
        control.send(b"status")
        ok(AWAITED.encode() in control.recv(60000), "pelorus_wait() as the first call: the daemon "
           "that it starts is told of the name")
    return own


def fill(place):
    """Follows names until the daemon takes no more."""
    for i in range(80):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.connect(os.path.join(place, "control"))
            control.send(f"follow\nname=x{i}.cluster-q{i}.{DOMAIN}\n".encode())
            if control.recv(1000).startswith(b"error"):
                return True
        time.sleep(0.02)
    return False


def check_refused(own):
    ok(fill(own["PELORUS_RUNTIME_DIR"]), "a daemon that follows all that it can refuses one more")
    took = []
    for i in range(3):
        start = time.monotonic()
        subprocess.run(["getent", "ahostsv4", f"late{i}.cluster-zzz.{DOMAIN}"], env=own,
                       stdout=subprocess.DEVNULL)
        took.append(time.monotonic() - start)
    note(f"a name that is refused: {min(took):.2f} s")
    ok(min(took) < 0.8, "a name that the daemon refuses is not waited for", took)
    subprocess.run([PELORUS, "stop"], env=own, stdout=subprocess.DEVNULL)


def main():
    folder = loopback.enter({TWICE: ONE}, PELORUS_LOG="/dev/null")
    port, other = loopback.Servers(ONE, TWO, THREE).port, loopback.Servers(ONE).port
    with Map(folder) as published:
        check_turns(folder, published, port)
        check_long_environment(folder)
        check_ports(folder, published, (port, other))
        check_asked_once(folder, published)
    check_refused(check_awaited(folder))
    done()


main()
