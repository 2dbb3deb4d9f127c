# SPDX-License-Identifier: Apache-2.0
"""A lab for scenarios: `with Lab(instances=3) as lab:`; it is down again however the block ends.

SIGTERM, which the runner sends to a late scenario, ends it in order too.
"""
import atexit
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from lib.paths import LAB

LIMIT = 60


def module(name):
    """One of the lab's own modules, for what is used or tested of it alone."""
    folder = os.path.dirname(LAB)
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


follow = module("follow")


class Lab:
    """Options are those of `lab up`: instances=3, dns_lag="never", ipv6="dual", tls=True ..."""

    def __init__(self, prefix=(), tool=LAB, **options):
        self.prefix = list(prefix)  # a command to run the tool under, such as setpriv
        self.tool = tool
        self.options = options
        self.state = os.path.join(tempfile.mkdtemp(prefix="plab-"), "lab")
        os.chmod(os.path.dirname(self.state), 0o777 if prefix else 0o700)

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        atexit.register(self.down)
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_):
        self.down()

    def command(self, *words):
        return [*self.prefix, self.tool, "--state", self.state, *map(str, words)]

    def run(self, *words, check=True, limit=LIMIT):
        """Runs the tool; the finished process, with texts."""
        done = subprocess.run(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=limit, stdin=subprocess.DEVNULL, cwd="/")
        if check and done.returncode != 0:
            raise RuntimeError(f"lab {' '.join(map(str, words))}: {done.returncode}: "
                               f"{done.stderr.strip()}")
        return done

    def up(self):
        words = []
        for name, value in self.options.items():
            option = "--" + name.replace("_", "-")
            for one in value if isinstance(value, list) else [value]:
                words += [option] if one is True else [option, one]
        begin = time.monotonic()
        self.run("up", *words, limit=180)
        self.up_seconds = time.monotonic() - begin
        status = self.status()
        self.writer_name = status["endpoints"]["writer"]
        self.reader_name = status["endpoints"]["reader"]
        self.custom_name = status["endpoints"]["custom"]

    def down(self):
        atexit.unregister(self.down)
        if os.path.isdir(os.path.dirname(self.state)):
            self.run("down", check=False)
            shutil.rmtree(os.path.dirname(self.state), ignore_errors=True)

    def status(self):
        return json.loads(self.run("status", "--json").stdout)

    @property
    def writer(self):
        return self.status()["writer"]

    def exec(self, *command, check=True, limit=LIMIT, **options):
        """Runs a command inside, where the names resolve; the finished process, with texts."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
                   "stdin": subprocess.DEVNULL, **options}
        return subprocess.run(self.command("exec", "--", *command), check=check, timeout=limit,
                              **options)

    def popen(self, *command, **options):
        """Starts a command inside."""
        return subprocess.Popen(self.command("exec", "--", *command), **options)

    def sql(self, host, statement, user="app", database="app", check=True):
        """Rows of texts from the mariadb client inside; host is an id, or an endpoint's name."""
        done = self.exec("mariadb", "-N", "-B", "--connect-timeout=10", "-h", self.host(host),
                         f"-P{self.options.get('port', 3306)}", f"-u{user}", f"-p{user}",
                         *(["--ssl"] if self.options.get("secure_transport") else []),
                         *([database] if database else []), "-e", statement, check=False)
        if done.returncode != 0:
            if check:
                raise RuntimeError(f"{host}: {done.stderr.strip()}")
            return done.stderr.strip()
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]

    def host(self, name):
        if name in ("writer", "reader", "custom"):
            return getattr(self, name + "_name")
        return name if "." in name else f"{name}.{self.writer_name.split('.cluster-', 1)[1]}"

    def failover(self, mode="crash", *words):
        """The events of one failover: what failed and when, what took over and when."""
        before = len(self.events())
        self.run("failover", "--mode", mode, *words)
        events = self.events()[before:]
        return {e["event"]: e for e in events if e["event"] in ("failure", "writable")}

    def events(self):
        return [json.loads(line) for line in follow.lines(self.state, forever=False)]

    def wait_event(self, kind, after=0, limit=LIMIT, **match):
        """The first event of a kind after a moment (boot_ns), with the given details."""
        for line in follow.lines(self.state, limit=limit):
            event = json.loads(line)
            if event["event"] == kind and event["boot_ns"] > after and \
                    all(event.get(k) == v for k, v in match.items()):
                return event
        raise TimeoutError(f"no event {kind} {match} within {limit} s")


def now():
    """A moment to compare events with."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
