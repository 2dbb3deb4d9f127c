# SPDX-License-Identifier: Apache-2.0
"""test/clients/c/crowd: many processes whose sockets are all connected again whenever they end.

    crowd = Crowd(lab, env, "poll", processes=50, sockets=5, user="crowd")
    crowd.wait("in", 250)                 that many are logged in
    crowd.wait("in", 250, after_ns)       ... again, after a moment
"""
import os
import struct
import subprocess
import threading

from lib.programs.writer import program

USER = "crowd"  # without a password
LIMIT_S = 60
SLOTS, SLOT, HELD = 4096, 152, 120  # where the slots begin, how large one is, a count in it


class Crowd:
    def __init__(self, lab, env, kind, processes, sockets, user=USER, host=None, port=3306):
        self.size, self.kind = processes * sockets, kind
        self.told = {}  # word: moments, and what came with it
        self.enough = {}  # word: how many of them somebody waits for, that not each wakes him
        self.news = threading.Condition()
        start = lab.popen if lab else lambda *words, **options: subprocess.Popen(words, **options)
        self.process = start(program("c/crowd"), host or lab.writer_name, str(port),
                             str(processes), str(sockets), kind, *([user] if user else []),
                             env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            ns, word, *rest = line.split()
            if ns.isdigit():
                with self.news:
                    self.told.setdefault(word, []).append((int(ns), *map(int, rest)))
                    if len(self.told[word]) >= self.enough.get(word, 0):
                        self.news.notify_all()

    def since(self, word, after_ns=0):
        with self.news:
            return [t for t in self.told.get(word, []) if t[0] > after_ns]

    def wait(self, word, count, after_ns=0, seconds=LIMIT_S):
        """True once so many have said it after that moment."""
        with self.news:
            said = self.told.get(word, [])
            self.enough[word] = count + sum(t[0] <= after_ns for t in said)
            return self.news.wait_for(
                lambda: sum(t[0] > after_ns for t in self.told.get(word, [])) >= count, seconds)

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(10)
        self.process.stdout.close()


def roomy(connections):
    """Options of servers that take so many in, and whose queue has room for them, as Aurora's."""
    return [f"max-connections={connections}", f"back-log={connections}"]


def numbers(errors):
    """What was told, and how often."""
    found = [number for _, number in errors]
    return {n: found.count(n) for n in sorted(set(found))}


def held(directory):
    """How many connects of all programs wait for a writer now, by what these say."""
    with open(os.path.join(directory, "clients.slots"), "rb") as f:
        data = f.read()
    return sum(struct.unpack_from("=I", data, at + HELD)[0]
               for at in range(SLOTS, len(data) - SLOT + 1, SLOT)
               if struct.unpack_from("=i", data, at)[0])
