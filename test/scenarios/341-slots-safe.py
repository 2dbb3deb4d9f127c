#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A runtime directory that others may enter, and one whose file system is full, kill nobody.

Clients tell who they are there.  What another user can write, and so truncate, is mapped by no
program and by no prober; and where there is no room for a page, no program dies for want of it.
"""
import json
import os
import signal
import subprocess

from lib.prober import Prober
from lib.programs import loopback
from lib.tap import done, note, ok
from lib.waiting import wait_for

DOMAIN = "test-region-1.rds.amazonaws.com"
WRITER = f"db.cluster-abc.{DOMAIN}"
ONE = "127.0.77.1"
PROGRAMS, BUSY = 30, 5
MORE_NAMES = 40
PROGRAM = """
import socket, sys
held = []
for line in sys.stdin:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
    s.recv(100)
    held.append(s)
    print(len(held), flush=True)
"""


class Program:
    """Connects by the writer's name, once more for each line that it is told."""

    def __init__(self, prober, port):
        self.process = subprocess.Popen(["/usr/bin/python3", "-c", PROGRAM, WRITER, str(port)],
                                        env=prober.environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def connect(self):
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            return self.process.stdout.readline().strip()
        except BrokenPipeError:
            return ""

    def end(self):
        """"" if it ended well, else what it died of."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        status = self.process.wait(30)
        self.process.stdout.close()
        return "" if status == 0 else signal.Signals(-status).name if status < 0 else str(status)


def deaths(ends):
    died = [e for e in ends if e]
    return f"{len(died)} of {len(ends)} died: {sorted(set(died))}"


def others_write(path):
    return os.path.isfile(path) and os.stat(path).st_mode & 0o022 != 0


def mapped(pid, directory):
    """Files of a directory that a process has mapped."""
    with open(f"/proc/{pid}/maps") as maps:
        paths = {line.split(None, 5)[5].strip() for line in maps if directory in line}
    return {os.path.basename(p) for p in paths if os.path.exists(p)}


def check_mapped(prober, text, pid):
    risky = [name for name in mapped(pid, prober.directory)
             if others_write(os.path.join(prober.directory, name))]
    ok(not risky, f"{text} has nothing mapped that another user can write", risky)


def truncate_all(directory):
    """What anybody may do there."""
    paths = [os.path.join(directory, name) for name in os.listdir(directory)]
    cut = [p for p in paths if others_write(p)]
    for path in cut:
        os.truncate(path, 0)
    return [os.path.basename(p) for p in cut]


def check_truncated(folder, port):
    directory = os.path.join(folder, "shared")
    os.mkdir(directory)
    os.chmod(directory, 0o755)
    with Prober(config=f"[cluster {WRITER}]\nport = {port}\n", directory=directory) as prober:
        prober.start("--follow", f"{WRITER}:{port}")
        programs = [Program(prober, port) for _ in range(BUSY)]
        ok([p.connect() for p in programs] == ["1"] * BUSY,
           f"{BUSY} programs connect beside a prober that serves all users")
        wait_for(lambda: prober.status()["clients"]["versions"] ==
                 {prober.status()["version"]: BUSY})
        ok(True, "which counts them by the version of their library")
        check_mapped(prober, "a program", programs[0].process.pid)
        check_mapped(prober, "the prober", prober.status()["pid"])
        note(f"truncated by another user: {truncate_all(directory)}")
        heard = [p.connect() for p in programs]
        ends = [p.end() for p in programs]
        ok(heard == ["2"] * BUSY and not any(ends),
           "after another user has truncated what it may, each connects again", deaths(ends))
        wait_for(prober.is_up)
        ok(True, "and the prober is at work")


def fill(directory):
    """Until not even a page is left."""
    with open(os.path.join(directory, "filler"), "wb", buffering=0) as filler:
        for size in (1 << 16, 1 << 12):
            try:
                while filler.write(b"x" * size) == size:
                    pass
            except OSError:
                pass


def check_full(folder, port):
    directory = os.path.join(folder, "small")
    os.mkdir(directory)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "small", directory],
                   check=True)
    with Prober(config=f"[cluster {WRITER}]\nport = {port}\n", directory=directory) as prober:
        prober.start("--follow", f"{WRITER}:{port}")
        fill(directory)
        programs = [Program(prober, port) for _ in range(PROGRAMS)]
        heard = [p.connect() for p in programs]
        ends = [p.end() for p in programs]
        note(f"a full file system: {deaths(ends)}")
        ok(heard == ["1"] * PROGRAMS and not any(ends),
           f"of {PROGRAMS} programs that start where the file system is full none dies",
           deaths(ends))
        check_prober_goes_on(prober)


def check_prober_goes_on(prober):
    """Its map has all of its pages from the beginning, for clusters that come later, too."""
    pids = prober.note_pids()
    for i in range(MORE_NAMES):
        prober.ask("follow", name=f"c{i}.cluster-x.{DOMAIN}", port=1)
    wait_for(lambda: prober.is_up() and len(prober.status()["clusters"]) > 1)
    ok(prober.note_pids() == pids, f"nor does the prober, which is told of {MORE_NAMES} more names",
       json.dumps([pids, prober.note_pids()]))


def main():
    folder = loopback.enter(hosts={WRITER: ONE})
    servers = loopback.Servers(ONE)
    check_truncated(folder, servers.port)
    check_full(folder, servers.port)
    done()


main()
