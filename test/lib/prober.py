# SPDX-License-Identifier: Apache-2.0
"""Probers of scenarios: how one is started and ended, asked, and watched by its map.

    with Prober(lab) as prober:                       runs inside, prober.view is its map
    with Prober(config="...") as prober:              here; nothing runs before it is started
        prober.start()                                as the command does, in the background
        prober.foreground()                           as a service manager does

Its runtime directory is new, its configuration is the lab's cluster or empty unless told, it reads
no my.cnf, and it is gone however the block ends.  A Runtime is the same without the starting: a
directory whose prober the programs of the scenario start themselves.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from lib import mapview
from lib.paths import PELORUS, PELORUSD
from lib.waiting import LIMIT, alive, wait_for


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


class Runtime:
    """A runtime directory and the prober that serves it, whoever started that, in a lab or here."""

    def __init__(self, directory, lab=None, environment=None):
        self.directory, self.lab, self.mapped = directory, lab, None
        self.environment = dict(os.environ, PELORUS_RUNTIME_DIR=directory, **(environment or {}))

    def popen(self, words, **options):
        """Starts a command where the prober is, led to it by the environment."""
        options = {"env": self.environment, "stdin": subprocess.DEVNULL, **options}
        start = self.lab.popen if self.lab else lambda *w, **o: subprocess.Popen(w, **o)
        return start(*words, **options)

    def execute(self, words, limit=LIMIT, input=None, **options):
        """Runs one to its end; the finished process, with texts."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
                   **({"stdin": subprocess.PIPE} if input else {}), **options}
        with self.popen(words, **options) as child:
            try:
                out, err = child.communicate(input, timeout=limit)
            except subprocess.TimeoutExpired:
                child.kill()
                raise
        return subprocess.CompletedProcess(words, child.returncode, out, err)

    def pelorus(self, *words, **options):
        return self.execute([PELORUS, *words], **options)

    def connect(self, limit=LIMIT):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(limit)
        s.connect(os.path.join(self.directory, "control"))
        return s

    def ask(self, verb, **fields):
        """The whole answer to one request."""
        with self.connect() as s:
            lines = [verb] + [f"{k.replace('_', '-')}={v}" for k, v in fields.items()]
            s.send("\n".join(lines).encode())
            answer = ""
            while True:
                packet = s.recv(70000).decode()
                if not packet.endswith("\n+more"):
                    return answer + packet
                answer += packet[:-6]

    def status(self):
        answer = self.ask("status")
        if not answer.startswith("ok\n"):
            raise OSError(answer)
        return json.loads(answer[3:])

    def is_up(self):
        with contextlib.suppress(OSError):
            return self.status()
        return None

    def events(self, code=None):
        lines = self.ask("events").splitlines()[1:]
        return [e for e in map(json.loads, lines) if code in (None, e["code"])]

    def log(self):
        try:
            with open(os.path.join(self.directory, "prober.log"), errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    @property
    def view(self):
        """The map that is there now, waited for: the next prober may make another."""
        if self.mapped is None or not self.mapped.is_current():
            self.mapped = mapview.MapView(self.directory, LIMIT)
        return self.mapped

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
        return self.wait(lambda c: c.is_settled(instances) and c, seconds)


class Prober(Runtime):
    """`prefix` is a command to run it under, such as setpriv; `config` the text of its file."""

    def __init__(self, lab=None, config=None, prefix=(), options=(), directory=None,
                 environment=None):
        self.folder = tempfile.mkdtemp(prefix="pelorus-test-")
        os.chmod(self.folder, 0o755)
        super().__init__(directory or os.path.join(self.folder, "run"), lab, environment)
        self.config = os.path.join(self.folder, "pelorus.conf")
        self.configure((cluster_section(lab) if lab else "") if config is None else config)
        self.prefix, self.options = list(prefix), list(options)
        self.children = []
        self.seen = set()

    def __enter__(self):
        if self.lab:
            try:
                self.begin()
            except BaseException:
                self.__exit__()
                raise
        return self

    def __exit__(self, *_):
        if not self.lab:
            with contextlib.suppress(OSError, ValueError, KeyError):
                self.note_pids()
        for child in self.children:
            self.end(child)
        if not self.lab:
            self.end_background()
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def end(self, child):
        self.signal(signal.SIGTERM, child)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL, child)
            child.wait()

    def end_background(self):
        with contextlib.suppress(OSError):
            self.ask("stop")
        for pid in self.seen:
            with contextlib.suppress(TimeoutError):
                wait_for(lambda pid=pid: not alive(pid), 4)
            if alive(pid):
                os.kill(pid, signal.SIGKILL)

    def configure(self, text, mode=0o600):
        with open(self.config, "w") as out:
            out.write(text)
        os.chmod(self.config, mode)

    def command(self, *words):
        return [*self.prefix, PELORUSD, "--config", self.config, "--no-defaults", *self.options,
                *words]

    def start(self, *words):
        """Starts one in the background; what the starter said and how it ended."""
        done = self.execute(self.command(*words))
        if done.returncode == 0:
            self.note_pids()
        return done

    def foreground(self, *words, **options):
        """Starts one in the foreground, ended with the block; it is not waited for."""
        child = self.popen(self.command("--foreground", *words),
                           **{"start_new_session": True, "stdout": subprocess.DEVNULL,
                              "stderr": subprocess.PIPE, "text": True, **options})
        self.children.append(child)
        return child

    def begin(self):
        """One in the foreground that logs as others do; its map is there when this returns."""
        os.makedirs(self.directory, 0o700, exist_ok=True)
        log = os.path.join(self.directory, "prober.log")
        self.process = self.foreground("--runtime-dir", self.directory, "--log-file", log,
                                       stderr=None)
        self.view.wait(lambda view: view.pid)

    def pelorus(self, *words, **options):
        """As the user whom the prefix makes of us; who is in a lab is in it already."""
        return self.execute([*([] if self.lab else self.prefix), PELORUS, *words], **options)

    def note_pids(self):
        status = self.status()
        self.seen |= {status["pid"], status["supervisor"]} - {1, os.getpid()}
        return status["supervisor"], status["pid"]

    def signal(self, number, child=None):
        """To all processes of the one in the foreground."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg((child or self.process).pid, number)

    def worker(self):
        """The worker's process id, in its own namespace of processes."""
        return self.view.pid
