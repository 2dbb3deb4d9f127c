# SPDX-License-Identifier: Apache-2.0
"""Applications of test/clients, running inside a lab, unmodified, with the preload or without.

    with Apps(lab) as apps:
        pool = apps.start("mysql2")               under the preload, with a prober of its own
        bare = apps.start("mysql2", plain=True)   the control
        pool.ask("write 4")                       {"ok": 4, "errors": [], "ms": 2.1}

Every application of one Apps shares one runtime directory, and so one prober, as on a real host.
"""
import json
import os
import select
import shutil
import signal
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PELORUS_BUILD", os.path.join(ROOT, "build", "main"))
LIBRARY = os.path.join(BUILD, "lib", "libpelorus.so")
PROBER = os.path.join(BUILD, "probes", "pelorusd")
CLIENTS = os.path.join(ROOT, "test", "clients")
LIMIT = 40

KINDS = {
    "mysql2": ["node", "node/pool.mjs"],
    "sequelize": ["node", "node/sequelize.mjs"],
    "typeorm": ["node", "node/typeorm.mjs"],
    "mysqli": ["php", "php/mysqli.php"],
    "pdo": ["php", "php/pdo.php"],
    "pymysql": ["/usr/bin/python3", "python/pymysql_loop.py"],
}
POOLS = ("mysql2", "sequelize", "typeorm")


class App:
    def __init__(self, kind, process):
        self.kind, self.process = kind, process
        self.buffer = b""
        self.first = self.read()

    def tell(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()

    def read(self, limit=LIMIT):
        """The next answer; what went wrong in the words of the program if there is none."""
        end = time.monotonic() + limit
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return {"ok": 0, "errors": [f"no answer within {limit} s"], "ms": limit * 1e3}
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return {"ok": 0, "errors": [f"ended with {self.process.wait()}"], "ms": 0}
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def ask(self, command, limit=LIMIT):
        self.tell(command)
        return self.read(limit)

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Apps:
    def __init__(self, lab, **environment):
        self.lab, self.all = lab, []
        self.runtime = os.path.join(os.path.dirname(lab.state), "run")
        self.environment = {
            "LD_PRELOAD": LIBRARY, "PELORUS_RUNTIME_DIR": self.runtime, "PELORUS_PROBER": PROBER,
            "PELORUS_USER": "app", "PELORUS_PASSWORD": "app", **environment}

    def __enter__(self):
        os.makedirs(self.runtime, 0o700, exist_ok=True)
        return self

    def __exit__(self, *_):
        for app in self.all:
            app.end()
        self.stop_prober()
        if "PELORUS_TEST_LOGS" in os.environ:
            shutil.copytree(self.runtime, os.environ["PELORUS_TEST_LOGS"], dirs_exist_ok=True,
                            ignore=lambda _, names: [n for n in names if n != "prober.log"])

    def env(self, plain=False, **more):
        kept = {k: v for k, v in os.environ.items()
                if not k.startswith("PELORUS_") and k != "LD_PRELOAD"}
        return {**kept, **({} if plain else self.environment), **more}

    def start(self, kind, host=None, plain=False, **more):
        program, script = KINDS[kind]
        app = App(kind, self.lab.popen(
            program, os.path.join(CLIENTS, script), host or self.lab.writer_name,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env(plain, **more),
            start_new_session=True))
        self.all.append(app)
        return app

    def probers(self):
        """The processes of pelorusd that serve our directory."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as f:
                    ours = f"PELORUS_RUNTIME_DIR={self.runtime}".encode() in f.read().split(b"\0")
                if ours and os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "pelorusd":
                    found.append(int(pid))
            except OSError:
                continue
        return found

    def stop_prober(self):
        for pid in self.probers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
