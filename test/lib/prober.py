# SPDX-License-Identifier: Apache-2.0
"""A prober of our own for scenarios: `with Prober(lab, config) as p:`; p.view is its map.

It runs inside the lab, in a runtime directory of its own, and is ended with the block.
"""
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from lib import mapview
from lib.paths import PELORUSD


def cluster_section(lab, user="pelorus", password="pelorus", **keys):
    """The configuration of the lab's cluster; keys with underscores for hyphens."""
    keys = {"endpoint": lab.writer_name, "port": lab.options.get("port", 3306), **keys}
    if user:
        keys.update(user=user, password=password)
    lines = [f"{k.replace('_', '-')} = {v}" for k, v in keys.items()]
    return "\n".join(["[cluster lab]", *lines, ""])


class Watch(threading.Thread):
    """Keeps every state of the cluster that sleepers on the wake word could see, with its moment:
    that of the waking, unless another came before the state was read."""

    def __init__(self, prober):
        super().__init__(daemon=True)
        self.prober, self.seen, self.over = prober, [], False
        self.news = threading.Condition()
        self.start()

    def run(self):
        view, last = self.prober.view, None
        while True:
            over = self.over  # a last look follows
            word, moment = view.wake, time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            cluster = self.prober.cluster()
            if view.wake != word:
                moment = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            key = cluster and (cluster.uid, cluster.epoch,
                               [n.addresses for n in cluster.names.values()])
            if key and key != last:
                last = key
                with self.news:
                    self.seen.append((moment, cluster))
                    self.news.notify_all()
            if over:
                break
            view.sleep(word, 0.05)

    def first(self, since_ns, condition):
        return next((t for t, c in self.seen if t >= since_ns and condition(c)), None)

    def wait_first(self, since_ns, condition, seconds=20):
        """When the condition was first true; None if it was not in that time."""
        with self.news:
            return self.news.wait_for(lambda: self.first(since_ns, condition), seconds)

    def end(self):
        self.over = True
        self.join()


class Prober:
    def __init__(self, lab, config=None, command=(), arguments=()):
        self.lab = lab
        self.config = config if config is not None else cluster_section(lab)
        self.command = list(command)  # to run it under, such as strace
        self.arguments = list(arguments)
        self.folder = tempfile.mkdtemp(prefix="pprobe-")
        self.run = os.path.join(self.folder, "run")
        self.log_path = os.path.join(self.folder, "log")
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        os.makedirs(self.run, 0o700, exist_ok=True)
        path = os.path.join(self.folder, "pelorus.conf")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(self.config)
        words = [*self.command, PELORUSD, "--foreground", "--no-defaults", "--config", path,
                 "--runtime-dir", self.run, "--log-file", self.log_path, *self.arguments]
        self.process = self.lab.popen(*words, stdin=subprocess.DEVNULL, start_new_session=True)
        self.view = mapview.MapView(self.run)

    def __exit__(self, *_):
        if self.process:
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def signal(self, number):
        """To all processes of this prober."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def worker(self):
        """The worker's process id, in our own namespace of processes."""
        return self.view.pid

    def log(self):
        try:
            with open(self.log_path, errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def cluster(self):
        return self.view.find(self.lab.writer_name)

    def wait(self, condition, seconds=20):
        """The first true value of condition(cluster)."""
        def look(view):
            cluster = view.find(self.lab.writer_name)
            return cluster and condition(cluster)
        return self.view.wait(look, seconds)

    def wait_known(self, writer=None, seconds=20):
        return self.wait(lambda c: c.state == "known" and (not writer or c.writer == writer) and c,
                         seconds)

    def wait_settled(self, instances, seconds=30):
        """Known, with all instances asked, routable and healthy."""
        return self.wait(lambda c: c.state == "known" and len(c.instances) >= instances and
                         all(i.health == "ok" and i.routable for i in c.instances.values()) and c,
                         seconds)
