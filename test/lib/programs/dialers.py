# SPDX-License-Identifier: Apache-2.0
"""Many processes that connect to one name over and over, and say where each connect went.

    listeners = Listeners(port, *addresses)
    crowd = Crowd(name, port, 200, env)
    crowd.since(moment)                  the peers of the connects that began then or later

Half of them look the name up each time, half once, and keep the address.  Each also has one
connection that it keeps, and says when that has ended.
"""
import subprocess
import sys
import threading
import time

from lib.paths import LIBRARY
from lib.waiting import wait_for

PAUSE_S = 0.5
LISTEN = """
import selectors, socket, sys
s = selectors.DefaultSelector()
for a in sys.argv[2:]:
    listener = socket.create_server((a, int(sys.argv[1])), backlog=4096)
    s.register(listener, selectors.EVENT_READ, True)
print("ready", flush=True)
while True:
    for key, _ in s.select():
        if key.data:
            s.register(key.fileobj.accept()[0], selectors.EVENT_READ, False)
            continue
        try:
            over = not key.fileobj.recv(100)
        except OSError:
            over = True
        if over:
            s.unregister(key.fileobj)
            key.fileobj.close()
"""
CROWD = f"""
import os, random, socket, sys, time
name, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def go(address):
    with socket.create_connection((address, port), 20) as sock:
        return sock.getpeername()[0]

def tell(*words):
    os.write(1, (" ".join(map(str, words)) + chr(10)).encode())

def live(me):
    address = socket.gethostbyname(name) if me % 2 else name
    kept = socket.create_connection((address, port), 20)
    kept.setblocking(False)
    tell("kept", me, kept.getpeername()[0])
    while True:
        time.sleep({PAUSE_S} * (0.5 + random.random()))
        begin = time.monotonic_ns()
        try:
            tell("went", begin, go(address))
        except OSError as e:
            tell("failed", begin, repr(e))
        try:
            if kept and not kept.recv(1):
                raise OSError("closed")
        except BlockingIOError:
            pass
        except OSError:
            tell("ended", me)
            kept = None

for me in range(count):
    if os.fork() == 0:
        random.seed(me)
        time.sleep(random.random())
        live(me)
while True:
    os.wait()
"""
# A pool that looks after its connections: one that ended is made anew.
KEEPER = """
import select, socket, sys
name, count = sys.argv[1], int(sys.argv[2])
kept = [socket.create_connection((name, 3306), 30) for _ in range(count)]
for k in kept:
    k.recv(1000)
print("ready", flush=True)
while True:
    for k in select.select(kept, [], [])[0]:
        if not k.recv(1000):
            kept.remove(k)
            kept.append(socket.create_connection((name, 3306), 30))
"""


class Child:
    def __init__(self, text, *words, **options):
        self.child = subprocess.Popen([sys.executable, "-B", "-c", text, *map(str, words)],
                                      stdout=subprocess.PIPE, text=True, start_new_session=True,
                                      **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["pkill", "-KILL", "-s", str(self.child.pid)], check=False)
        self.child.wait()


class Listeners(Child):
    def __init__(self, port, *addresses):
        super().__init__(LISTEN, port, *addresses)
        self.child.stdout.readline()


class Crowd(Child):
    def __init__(self, name, port, count, env):
        super().__init__(CROWD, name, port, count, env={**env, "LD_PRELOAD": LIBRARY})
        self.went, self.kept, self.ended, self.failed = [], {}, [], []
        threading.Thread(target=self._read, daemon=True).start()
        wait_for(lambda: len(self.kept) == count, 60)

    def _read(self):
        for line in self.child.stdout:
            word, first, *rest = line.split(maxsplit=2)
            if word == "went":
                self.went.append((int(first), rest[0].strip()))
            elif word == "kept":
                self.kept[int(first)] = rest[0].strip()
            elif word == "failed":
                self.failed.append((int(first), rest[0]))
            else:
                self.ended.append(first)

    def since(self, moment_ns, until_ns=None):
        return [peer for begun, peer in list(self.went)
                if begun >= moment_ns and begun < (until_ns or time.monotonic_ns())]

    def wait_for(self, moment_ns, count):
        """Until so many connects were made that began then or later."""
        wait_for(lambda: len(self.since(moment_ns)) >= count, 30)
