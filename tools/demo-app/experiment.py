# SPDX-License-Identifier: Apache-2.0
"""A lab, two copies of one program in it, and one failover: what every form of the demo shares.

Both copies run in the same lab through the same failover, so that what differs between them is
Pelorus alone.  Each has a user and a database of its own, by which the servers tell them apart.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LAB = os.path.join(ROOT, "tools", "lab", "lab")
PELORUS = os.path.join(ROOT, "build", "main", "tools", "pelorus", "pelorus")
PASSWORD = "demo"
# The name of a copy, which is its user's and its database's: what it is started by.
PREFIXES = {"demo_without": ("env", "PELORUS_DISABLED=1"), "demo_with": (PELORUS, "run", "--")}

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(LAB))

import wire  # noqa: E402


class Trouble(Exception):
    """A sentence for who runs the demo."""


class Experiment:
    def __init__(self, dns_lag):
        self.dns_lag = dns_lag
        self.folder = tempfile.mkdtemp(prefix="pelorus-demo-")
        self.state = os.path.join(self.folder, "lab")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("PELORUS_")}
        self.environment["PELORUS_RUNTIME_DIR"] = os.path.join(self.folder, "run")
        self.children = {}

    def lab(self, *words):
        done = subprocess.run([LAB, "--state", self.state, *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise Trouble(f"lab {words[0]}: {done.stderr.strip()}")
        return done.stdout

    def __enter__(self):
        return self

    def up(self):
        self.lab("up", "--dns-lag", self.dns_lag, "--server", "userstat=1")
        status = json.loads(self.lab("status", "--json"))
        self.host = status["endpoints"]["writer"]
        self.port = status["port"]
        for name in PREFIXES:
            for statement in (f"CREATE DATABASE {name}",
                              f"CREATE USER {name}@'%' IDENTIFIED BY '{PASSWORD}'",
                              f"GRANT ALL ON {name}.* TO {name}@'%'"):
                self.sql(statement, status["writer"])

    def sockets(self):
        """Where the servers listen on this side of the lab's network."""
        return glob.glob(os.path.join(self.state, "servers", "*", "sock"))

    def sql(self, statement, instance):
        path, = (s for s in self.sockets() if f"/{instance}." in s)
        connection = wire.Connection(path)
        connection.query(statement)
        connection.close()

    def start(self, name, command, **options):
        """One copy of the program, with what it needs to reach its database."""
        env = dict(self.environment, DB_HOST=self.host, DB_PORT=str(self.port), DB_USER=name,
                   DB_PASSWORD=PASSWORD, DB_NAME=name,
                   DATABASE_URL=f"mysql://{name}:{PASSWORD}@{self.host}:{self.port}/{name}",
                   PORT=str(8001 + len(self.children)))
        command = [LAB, "--state", self.state, "exec", "--", *PREFIXES[name], *command]
        self.children[name] = subprocess.Popen(command, env=env, **options)

    def failover(self, mode):
        """The events of the failure and of the new writer's beginning."""
        self.lab("failover", "--mode", mode)
        events = [json.loads(line) for line in self.lab("events").splitlines()]
        return [[e for e in events if e["event"] == kind][-1] for kind in ("failure", "writable")]

    def __exit__(self, *_):
        for child in self.children.values():
            if child.poll() is None:
                child.kill()
        subprocess.run([PELORUS, "stop"], env=self.environment, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        subprocess.run([LAB, "--state", self.state, "down"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", self.folder])
