# SPDX-License-Identifier: Apache-2.0
"""Reader clients that connect all the time, preloaded, and what they say of where they came."""
import os
import subprocess
import threading
import time

from lib.paths import CLIENTS
from lib.programs import writer

PROGRAM = ["/usr/bin/python3", os.path.join(CLIENTS, "python", "reader.py")]


class Readers:
    """Several programs; .lines: (begin, end, id) of each connection, in ns of CLOCK_BOOTTIME."""

    def __init__(self, lab, directory, count=3, pause_ms=5):
        self.lines, self.errors = [], []
        env = writer.environment(directory)
        self.processes = [lab.popen(*PROGRAM, lab.reader_name, str(pause_ms), env=env,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                          for _ in range(count)]
        self.threads = [threading.Thread(target=self.read, args=(p,), daemon=True)
                        for p in self.processes]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for thread in self.threads:
            thread.join(10)

    def read(self, process):
        for line in process.stdout:
            begin, end, who = line.rstrip("\n").split(" ", 2)
            if who.startswith("error"):
                self.errors.append((int(begin), int(end), who))
            else:
                self.lines.append((int(begin), int(end), who))

    def between(self, from_ns, until_ns):
        """The ids of connections that began and ended in between."""
        return [who for begin, end, who in list(self.lines) if begin >= from_ns and end <= until_ns]

    def wait_for(self, count, after_ns, limit=30):
        """Until so many connections began after a moment."""
        end = time.monotonic() + limit
        while sum(begin >= after_ns for begin, _, _ in list(self.lines)) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"no {count} connections within {limit} s")
            time.sleep(0.02)


class Admissions(threading.Thread):
    """Looks at one instance in a prober's map, and keeps when its admission was last seen as
    what."""

    def __init__(self, prober, id):
        super().__init__(daemon=True)
        self.prober, self.id, self.over = prober, id, False
        self.seen = []  # (admission, done, total), first and last moment
        self.elsewhere = False  # another prober was seen to warm it
        self.start()

    def run(self):
        while not self.over:
            begin = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            cluster = self.prober.cluster()
            instance = cluster and cluster.instances.get(self.id)
            if instance:
                self.elsewhere |= instance.elsewhere
                key = (instance.admission, instance.warm_done, instance.warm_total)
                if not self.seen or self.seen[-1][0] != key:
                    self.seen.append([key, begin, begin])
                self.seen[-1][2] = begin
            time.sleep(0.003)

    def end(self):
        self.over = True
        self.join()

    def words(self):
        """The admissions in their order, without repetitions."""
        found = []
        for key, _, _ in self.seen:
            if not found or found[-1] != key[0]:
                found.append(key[0])
        return found

    def last_not_admitted(self):
        return max((last for key, _, last in self.seen if key[0] != "admitted"), default=0)
