# SPDX-License-Identifier: Apache-2.0
"""Worlds that are worse than those of fakes.py, and what is counted in them.

A DNS server that says nothing to some questions, fails others, and knows when it was asked what;
clusters whose servers have names, certificates and tempers of their own; and the figures that the
design sets a limit to: questions per name and second, logins per minute and server.
"""
import os
import ssl
import struct
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from lib import tap
from lib.servers import fakes

A, CNAME, AAAA = 1, 5, 28
lock = threading.Lock()


def expect(condition, text, why=""):
    """tap.ok() for cases that run side by side."""
    with lock:
        return tap.ok(condition, text, why)


def note(text):
    with lock:
        tap.note(text)


def side_by_side(*jobs, workers=6):
    """Runs (function, arguments...) rows; one that raises is a failure of its own, and the others
    still end."""
    def attempt(function, *arguments):
        try:
            function(*arguments)
        except (TimeoutError, RuntimeError, OSError, AssertionError) as error:
            expect(False, f"{function.__name__}{arguments or ''} comes to its end", repr(error))
    with ThreadPoolExecutor(workers) as pool:
        for job in [pool.submit(attempt, *j) for j in jobs]:
            job.result()


class Dns(fakes.Dns):
    """`deaf` to whole kinds of questions (AAAA) and `mute` about some names, or about all but
    `only`; `failing` names get SERVFAIL; `times` is all that was asked: (moment, name,
    kind)."""

    def __init__(self):
        self.times, self.deaf, self.mute, self.failing = [], set(), set(), set()
        self.only = None
        super().__init__()

    def _serve_udp(self):
        while True:
            question, client = self.udp.recvfrom(2000)
            answer = self.answer(question, False)
            _, name, kind = self.times[-1]
            heard = name not in self.mute and (self.only is None or name in self.only)
            if heard and not self.silent and kind not in self.deaf:
                self.udp.sendto(answer, client)

    def answer(self, question, tcp):
        answer = super().answer(question, tcp)
        name, kind, _ = self.asked[-1]
        self.times.append((time.monotonic(), name, kind))
        if name in self.failing:
            flags = struct.unpack_from("!H", answer, 2)[0] & ~0xf | 2
            return answer[:2] + struct.pack("!HHHHH", flags, 1, 0, 0, 0) + \
                question[12:]
        return answer

    def look_ups(self, since, names=None):
        """By name, when it was looked up: a question for its A record is one look-up."""
        seen = {}
        for moment, name, kind in list(self.times):
            if moment >= since and kind == A and (names is None or name in names):
                seen.setdefault(name, []).append(moment)
        return seen


def per_second(moments, seconds):
    """How often a second, over this many seconds."""
    return len(moments) / seconds


def most_in(moments, seconds):
    """The largest number within any span of so many seconds."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moments[first] < moment - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def authority(folder, name="authority"):
    """A certificate authority of our own: the path of its certificate; its key is beside it."""
    ca = os.path.join(folder, name + ".pem")
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", f"/CN={name}", "-keyout", ca + ".key", "-out", ca)
    return ca


def certificate(folder, ca, *names):
    """Paths of a certificate that `ca` has signed for these names, and of its key."""
    pem = os.path.join(folder, f"{names[0]}.{abs(hash((ca, *names)))}.pem")
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", f"/CN={names[0][:64]}", "-addext",
             "subjectAltName=" + ",".join("DNS:" + n for n in names), "-addext",
             "basicConstraints=critical,CA:FALSE", "-CA", ca, "-CAkey", ca + ".key", "-keyout",
             pem + ".key", "-out", pem)
    return pem, pem + ".key"


def certified(folder, ca, *names):
    """An SSLContext for a server with such a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder, ca, *names))
    return context


def _openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Changes(threading.Thread):
    """Keeps each state of a name's cluster as sleepers on the wake word could see it: (moment,
    state, address of the writer)."""

    def __init__(self, prober, name):
        super().__init__(daemon=True)
        self.prober, self.name, self.seen, self.over = prober, name, [], False
        self.start()

    def _look(self):
        cluster = self.prober.view.find(self.name)
        writer = cluster and cluster.instances.get(cluster.writer)
        return (cluster.state if cluster else "none", writer.ip4 if writer else None)

    def run(self):
        while not self.over:
            word = self.prober.view.wake
            now = self._look()
            if not self.seen or self.seen[-1][1:] != now:
                self.seen.append((time.monotonic(), *now))
            self.prober.view.sleep(word, 0.02)

    def end(self):
        self.over = True
        self.join()
        return self.seen

    def writers(self):
        """The writers in the order in which they were published, none left out, no two alike in
        a row."""
        found = []
        for _, _, writer in self.seen:
            if writer and found[-1:] != [writer]:
                found.append(writer)
        return found
