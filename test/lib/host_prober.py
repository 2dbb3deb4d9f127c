# SPDX-License-Identifier: Apache-2.0
"""A prober of a scenario's own: `with Prober() as prober:`; it is gone however the block ends.

Its runtime directory is new, its configuration is empty unless told, and it reads no my.cnf.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from lib.paths import PELORUS, PELORUSD

LIMIT = 20


def wait_for(condition, limit=LIMIT, every=0.005):
    """What `condition` gives as soon as it is true; TimeoutError after `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{condition} did not come true within {limit} s")
        time.sleep(every)


def alive(pid):
    """True for a process that runs; a zombie that nobody waits for does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Prober:
    """`prefix` is a command to run it under, such as setpriv; `config` the text of its file."""

    def __init__(self, config="", prefix=(), directory=None, options=(), environment=None):
        self.base = tempfile.mkdtemp(prefix="pelorus-test-")
        os.chmod(self.base, 0o755)
        self.directory = directory or os.path.join(self.base, "run")
        self.config = os.path.join(self.base, "pelorus.conf")
        self.configure(config)
        self.prefix = list(prefix)
        self.options = list(options)
        self.environment = dict(os.environ, PELORUS_RUNTIME_DIR=self.directory,
                                **(environment or {}))
        self.children = []
        self.seen = set()

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: exit(1))
        return self

    def __exit__(self, *_):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        with contextlib.suppress(OSError, ValueError, KeyError):
            self.note_pids()
        with contextlib.suppress(OSError):
            self.ask("stop")
        for pid in self.seen:
            with contextlib.suppress(TimeoutError):
                wait_for(lambda pid=pid: not alive(pid), 4)
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.base, ignore_errors=True)

    def configure(self, text, mode=0o600):
        with open(self.config, "w") as out:
            out.write(text)
        os.chmod(self.config, mode)

    def command(self, *words):
        return [*self.prefix, PELORUSD, "--config", self.config, "--no-defaults", *self.options,
                *words]

    def start(self, *words):
        """Starts one in the background; what the starter said and how it ended."""
        done = subprocess.run(self.command(*words), env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=LIMIT)
        if done.returncode == 0:
            self.note_pids()
        return done

    def foreground(self, *words, **options):
        """Starts one in the foreground, ended with the block; it is not waited for."""
        options = {"env": self.environment, "stdin": subprocess.DEVNULL,
                   "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, **options}
        child = subprocess.Popen(self.command("--foreground", *words), **options)
        self.children.append(child)
        return child

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

    def note_pids(self):
        status = self.status()
        self.seen |= {status["pid"], status["supervisor"]} - {1, os.getpid()}
        return status["supervisor"], status["pid"]

    def events(self, code=None):
        lines = self.ask("events").splitlines()[1:]
        return [e for e in map(json.loads, lines) if code in (None, e["code"])]

    def pelorus(self, *words, **options):
        """Runs the command; the finished process, with texts."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                   "stderr": subprocess.PIPE, "text": True, "timeout": LIMIT,
                   "env": self.environment, **options}
        return subprocess.run([*self.prefix, PELORUS, *words], **options)

    def log(self):
        with open(os.path.join(self.directory, "prober.log"), errors="replace") as log:
            return log.read()
