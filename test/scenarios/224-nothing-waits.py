#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Nothing waits on the loop, for anybody: a log that nobody reads any more, a resolver that libc
would wait for while it reads my.cnf.  The heartbeat goes on, and a failover is followed
meanwhile."""
import contextlib
import fcntl
import os
import subprocess
import tempfile
import time

from lib import mapview, tap, worlds
from lib.paths import BUILD, PELORUSD
from lib.prober import Prober, cluster_section
from lib.servers import fakes

LONGEST = 1.5  # seconds between two beats; there is one each half second or so
SECONDS = 9  # a worker that hangs is killed after ten, and its map is stale after five


class Bare(Prober):
    """Without a log file: `stderr` is whatever is given, and my.cnf may be read."""

    stderr = subprocess.DEVNULL

    def command(self, *words):
        return [*self.prefix, PELORUSD, "--config", self.config, *self.options, *words]

    def begin(self):
        os.makedirs(self.directory, 0o700, exist_ok=True)
        self.process = self.foreground("--runtime-dir", self.directory, stderr=self.stderr)
        self.mapped = mapview.MapView(self.directory, 10)

    def ask_softly(self, verb, **fields):
        """One that hangs gives no answer, which the beat tells."""
        with contextlib.suppress(OSError), self.connect(0.2) as s:
            s.send("\n".join([verb] + [f"{k}={v}" for k, v in fields.items()]).encode())
            s.recv(70000)


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def longest_silence(prober, seconds, meanwhile=lambda: None):
    """The longest time without a heartbeat, of so many seconds."""
    longest, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        meanwhile()
        longest = max(longest, now() - prober.view.heartbeat_ns)
        time.sleep(0.02)
    return longest / 1e9


def fill(pipe):
    """Until the pipe takes not one byte more; by an opening of our own, whose flags are our own."""
    start = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
    for size in (4096, 1):
        try:
            while True:
                os.write(start, b"x" * size)
        except BlockingIOError:
            pass
    os.close(start)


def log_is_not_read():
    cluster = fakes.Cluster(dns, 3, 1, "waits1")
    end, start = os.pipe()
    fcntl.fcntl(start, fcntl.F_SETPIPE_SZ, 4096)
    p = Bare(cluster, cluster_section(cluster), options=["--no-defaults"])
    p.stderr = start
    with p:
        p.wait_settled(3, 10)
        fill(start)

        def say_something():
            cluster.servers["demo-3"].drop()
            p.ask_softly("follow", name=cluster.writer_name, user="somebody")
        follows_a_failover("a log that nobody reads", p, cluster)
        silence = longest_silence(p, SECONDS, say_something)
        tap.note(f"a log that nobody reads: the longest silence was {silence:.2f} s")
        tap.ok(silence < LONGEST, "a log that nobody reads: the heartbeat goes on", silence)
        os.set_blocking(end, False)
        os.read(end, 1 << 20)  # somebody reads again
        begin, text = time.monotonic(), b""
        while b"code=" not in text and time.monotonic() < begin + 10:
            cluster.servers["demo-1"].read_only, cluster.servers["demo-2"].read_only = \
                cluster.servers["demo-2"].read_only, cluster.servers["demo-1"].read_only
            time.sleep(0.5)
            try:
                text += os.read(end, 1 << 20)
            except BlockingIOError:
                pass
        tap.ok(b"code=" in text, "once it is read again lines come again", text[-300:])
    os.close(end)
    os.close(start)
    cluster.close()


def nobody_reads_from_the_beginning():
    cluster = fakes.Cluster(dns, 3, 3, "waits3")
    end, start = os.pipe()
    fcntl.fcntl(start, fcntl.F_SETPIPE_SZ, 4096)
    fill(start)
    p = Bare(cluster, cluster_section(cluster), options=["--no-defaults"])
    p.stderr = start
    try:
        with p:
            p.wait_known("demo-1", 10)
            tap.ok(True, "a log that nobody ever reads: the prober starts")
    except TimeoutError:
        tap.ok(
            False,
            "a log that nobody ever reads: the prober starts",
            "no map, or none that is known",
        )
    os.close(end)
    os.close(start)
    cluster.close()


def follows_a_failover(text, p, cluster):
    cluster.servers["demo-1"].read_only, cluster.servers["demo-2"].read_only = True, False
    try:
        p.wait_known("demo-2", 5)
        tap.ok(True, f"{text}: a failover is followed")
    except TimeoutError:
        tap.ok(False, f"{text}: a failover is followed")


def libc_resolves():
    """my.cnf is read by libmariadb, which connects for it; whatever libc would ask for the name
    that it is given then, a directory service that has fallen silent included, nobody waits for
    it."""
    cluster = fakes.Cluster(dns, 3, 2, "waits2")
    with tempfile.TemporaryDirectory() as folder:
        nss, cnf = os.path.join(folder, "nsswitch.conf"), os.path.join(folder, "my.cnf")
        with open(nss, "w") as out:
            out.write("hosts: slow\npasswd: files\ngroup: files\n")
        with open(os.open(cnf, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            out.write("[client]\nuser = pelorus\npassword = pelorus\n")
        os.symlink(os.path.join(BUILD, "test", "lib", "nss_slow.so"),
                   os.path.join(folder, "libnss_slow.so.2"))
        subprocess.run(["mount", "--bind", nss, "/etc/nsswitch.conf"], check=True)
        try:
            slow_look_ups(cluster, folder, cnf)
        finally:
            subprocess.run(["umount", "/etc/nsswitch.conf"], check=False)
    cluster.close()


def slow_look_ups(cluster, folder, cnf):
    text = "my.cnf, and a directory service that is silent"
    p = Bare(cluster, "[pelorus]\n", prefix=["env", f"LD_LIBRARY_PATH={folder}"],
             options=["--defaults-file", cnf])
    try:
        p.__enter__()
    except TimeoutError:
        tap.ok(False, f"{text}: the prober starts", "there is no map after 10 s")
        return
    with contextlib.ExitStack() as stack:
        stack.push(p)
        followed = []

        def another():
            if len(followed) < 4:
                followed.append(cluster.writer_name if not followed else
                                f"other{len(followed)}.cluster-x.us-east-1.rds.amazonaws.com")
                p.ask_softly("follow", name=followed[-1])
        silence = longest_silence(p, SECONDS, another)
        tap.note(f"{text}: the longest silence was {silence:.2f} s")
        tap.ok(silence < LONGEST, f"{text}: the heartbeat goes on", silence)
        try:
            p.wait_known("demo-1", 10)
            tap.ok(True, f"{text}: its credentials are used")
        except TimeoutError:
            tap.ok(False, f"{text}: its credentials are used", p.cluster() and p.cluster().why)


fakes.enter()
dns = worlds.Dns()
log_is_not_read()
nobody_reads_from_the_beginning()
libc_resolves()
tap.done()
