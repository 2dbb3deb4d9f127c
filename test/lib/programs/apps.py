# SPDX-License-Identifier: Apache-2.0
"""Applications of test/clients, running inside a lab, unmodified, with the preload or without.

    with Apps(lab) as apps:
        pool = apps.start("mysql2")               under the preload, with a prober of its own
        bare = apps.start("mysql2", plain=True)   the control
        pool.ask("write 4")                       {"ok": 4, "errors": [], "ms": 2.1}

Every application of one Apps shares one runtime directory, and so one prober, as on a real host.
"""
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import time

from lib import environ
from lib.paths import CLIENTS, PELORUSD, ROOT
from lib.prober import Runtime
from lib.servers import fastcgi

LIMIT = 40

KINDS = {
    "mysql2": ["node", "node/pool.mjs"],
    "sequelize": ["node", "node/sequelize.mjs"],
    "typeorm": ["node", "node/typeorm.mjs"],
    "mysqli": ["php", "php/mysqli.php"],
    "pdo": ["php", "php/pdo.php"],
    "pymysql": ["/usr/bin/python3", "python/pymysql_loop.py"],
    "mariadb": ["/usr/bin/python3", "python/cli_loop.py"],
}
POOLS = ("mysql2", "sequelize", "typeorm")


def children(pid):
    """Every process below this one."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            found = [int(x) for x in f.read().split()]
    except OSError:
        return []
    return found + [g for c in found for g in children(c)]


class App:
    def __init__(self, kind, process, greets=True):
        self.kind, self.process = kind, process
        self.buffer = b""
        self.first = self.read() if greets else None

    def tell(self, command):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(command.encode() + b"\n")
            self.process.stdin.flush()

    def read(self, limit=LIMIT):
        """The next answer; what went wrong in the words of the program if there is none."""
        end = time.monotonic() + limit
        while True:
            line = self.line(end)
            if line is None:
                return {"ok": 0, "errors": [f"no answer within {limit} s"], "ms": limit * 1e3}
            if not line:
                return {"ok": 0, "errors": [f"ended with {self.process.wait()}"], "ms": 0}
            if line.startswith(b"{"):  # some libraries write their log there
                return json.loads(line)

    def line(self, end):
        """With its newline; None if there was none by then, b"" at the end."""
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return b""
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    def ask(self, command, limit=LIMIT):
        self.tell(command)
        return self.read(limit)

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()


class Fpm:
    """php-fpm with two workers; each "write" is a request, over the worker's persistent link."""
    kind = "php-fpm"
    CONFIG = """[global]
error_log = {folder}/fpm.log
daemonize = no
[www]
listen = {folder}/fpm.sock
pm = static
pm.max_children = 2
clear_env = yes
"""

    def __init__(self, apps, binary):
        self.folder = os.path.dirname(apps.runtime)
        self.host = apps.lab.writer_name
        config = os.path.join(self.folder, "fpm.conf")
        with open(config, "w") as f:
            f.write(self.CONFIG.format(folder=self.folder))
        self.process = apps.lab.popen(binary, "-F", "-R", "-n", "-d", "extension=mysqlnd",
                                      "-d", "extension=mysqli", "-y", config, env=apps.env(),
                                      start_new_session=True)
        apps.add(self)
        self.first = self.ask("write 4")

    def ask(self, command):
        answer = {"ok": 0, "errors": [], "ms": 0}
        for _ in range(int(command.split()[1])):
            begin = time.monotonic()
            one = self.one_request()
            answer["ms"] = max(answer["ms"], (time.monotonic() - begin) * 1e3)
            answer["ok"] += one["ok"]
            answer["errors"] += one["errors"]
        return answer

    def one_request(self, limit=20):
        end = time.monotonic() + limit
        script = os.path.join(CLIENTS, "php", "fpm.php")
        while True:
            try:
                out = fastcgi.request(os.path.join(self.folder, "fpm.sock"), script,
                                      f"host={self.host}")
                return json.loads(out.split(b"\r\n\r\n", 1)[1])
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    return {"ok": 0, "errors": ["php-fpm does not listen"]}
                time.sleep(0.02)

    def end(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Apps:
    def __init__(self, lab, **environment):
        self.lab, self.all = lab, []
        self.runtime = os.path.join(os.path.dirname(lab.state), "run")
        self.prober = Runtime(self.runtime, lab)
        self.environment = environ.preload(self.runtime, prober=PELORUSD, **{
            "PELORUS_USER": "app", "PELORUS_PASSWORD": "app", **environment})

    def __enter__(self):
        os.makedirs(self.runtime, 0o700, exist_ok=True)
        self.init = self.lab.status()["pid"]  # all that is inside is below it
        return self

    def __exit__(self, *_):
        for app in self.all:
            app.end()
        self.stop_prober()
        if "PELORUS_TEST_LOGS" in os.environ:
            shutil.copytree(self.runtime, os.environ["PELORUS_TEST_LOGS"], dirs_exist_ok=True,
                            ignore=lambda _, names: [n for n in names if n != "prober.log"])

    def env(self, plain=False, **more):
        return environ.plain(**{**({} if plain else self.environment), **more})

    def start(self, kind, host=None, plain=False, prefix=(), tree=None, **more):
        """`prefix` is a command that runs the program, such as setpriv; `tree` where that one has
        mounted ours, for root's own folder is nobody else's to look into."""
        program, script = KINDS[kind]
        words = [program, os.path.join(CLIENTS, script), host or self.lab.writer_name,
                 str(self.lab.options.get("port", 3306))]
        env = self.env(plain, **more)
        if kind == "mariadb":
            env["CLI_PRELOAD"] = env.pop("LD_PRELOAD", "")
        if tree:
            ours = [f"{name}={env.pop(name)}" for name in ("LD_PRELOAD", "PELORUS_PROBER")]
            words = [w.replace(ROOT, tree, 1) for w in ("env", *ours, *words)]
        process = self.lab.popen(*prefix, *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 env=env, start_new_session=True)
        return self.add(App(kind, process))

    def add(self, app):
        self.all.append(app)
        return app

    def probers(self):
        """The processes of pelorusd that serve our directory; one that holds credentials shows its
        environment to root alone, and whoever is in our lab is ours then."""
        return [pid for pid in children(self.init) if self._is_prober(pid)]

    def _is_prober(self, pid):
        try:
            with open(f"/proc/{pid}/comm") as f:
                if f.read() != "pelorusd\n":
                    return False
            with open(f"/proc/{pid}/environ", "rb") as f:
                return f"PELORUS_RUNTIME_DIR={self.runtime}".encode() in f.read().split(b"\0")
        except PermissionError:
            return True
        except OSError:
            return False

    def signal_prober(self, number):
        for pid in self.probers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop_prober(self):
        """All of it: the one that dies last would else have time to start another."""
        self.signal_prober(signal.SIGSTOP)
        self.signal_prober(signal.SIGKILL)
