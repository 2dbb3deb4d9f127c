# SPDX-License-Identifier: Apache-2.0
"""The rows of the client matrix: unmodified clients that speak the lines of test/clients/*/any.*.

What a row may do is told by what it is: a pool hears of a closed connection before it uses it; a
single connection of a wire client is told once; a program on libmariadb, where the client ABI heals
the handle in place, is told nothing while idle.  What is in flight may fail, and connects are refused
while there is no writer; nothing fails after that.
"""
import glob
import os
import shutil
import subprocess
import threading
import time

import clients
from apps import App
from lab import now

HERE = clients.ROOT
CLIENTS = os.path.join(HERE, "test", "clients")
SYSTEM_PYTHON = "/usr/bin/python3"
POOL, SINGLE, ABI = "pool", "single", "ABI"
INSERT = "INSERT INTO writes (client) VALUES ('{}')"
READ = "SELECT @@aurora_server_id AS s"


# What Pelorus cannot help, as it was found: by row and the beginning of a column.
LIMITS = {
    ("Node TypeORM, replication", "busy"):
        "PoolCluster removes a node for ever after five refused connects (restoreNodeTimeout = 0)",
}


def limit(row, column):
    return LIMITS.get((row.kind.name, column.split(",")[0]))


class Kind:
    """`width`: how many statements at once; `processes`: each of so many does what is asked."""

    def __init__(self, name, manner, *command, width=1, processes=1, needs=None):
        self.name, self.manner, self.command = name, manner, command
        self.width, self.processes, self.needs = width, processes, needs

    @property
    def connections(self):
        return self.width * self.processes


def node(name, kind, manner=POOL, **more):
    return Kind(name, manner, "node", os.path.join(CLIENTS, "node", "any.mjs"), kind,
                needs=clients.node_problem, **more)


def php(kind):
    return Kind(f"PHP {kind}", SINGLE, "php", os.path.join(CLIENTS, "php", "any.php"), kind)


def python(name, kind, manner, **more):
    return Kind(name, manner, SYSTEM_PYTHON, os.path.join(CLIENTS, "python", "any.py"), kind, **more)


def web(name, kind):
    return Kind(name, SINGLE, SYSTEM_PYTHON, os.path.join(CLIENTS, "python", "web.py"), kind, width=4,
                needs=web_problem if kind == "fpm" else None)


def web_problem():
    if not glob.glob("/usr/sbin/php-fpm*") or not os.path.exists("/usr/sbin/nginx"):
        return "there is no nginx with php-fpm here"
    return None


def kinds(folder):
    """All rows; `folder` is where Java's are compiled."""
    if not clients.java_problem():
        subprocess.run(["javac", "-d", folder, os.path.join(CLIENTS, "java", "Any.java")],
                       check=True)
    build = os.environ.get("PELORUS_BUILD", os.path.join(HERE, "build", "main"))
    return [
        node("Node mysql2, callbacks", "mysql2-callback", width=4),
        node("Node mysql2, one promise connection", "mysql2-promise", SINGLE),
        node("Node mysql2, pool", "mysql2-pool", width=4),
        node("Node mysql, pool", "mysql", width=4),
        node("Node mariadb, pool", "mariadb", width=4),
        node("Node Sequelize 6", "sequelize", width=4),
        node("Node TypeORM", "typeorm", width=4),
        node("Node TypeORM, replication", "typeorm-replication", width=4),
        node("Node Knex", "knex", width=4),
        node("Node worker_threads", "worker_threads", processes=3),
        node("Node cluster", "cluster", processes=3),
        php("mysqli"), php("pdo"), php("mysqli-persistent"), php("pdo-persistent"),
        web("PHP fpm, 8 children behind nginx", "fpm"), web("PHP -S, 8 workers", "workers"),
        python("Python mysqlclient", "mysqlclient", ABI), python("Python PyMySQL", "pymysql", SINGLE),
        python("Python SQLAlchemy (PyMySQL)", "sqlalchemy", SINGLE),
        python("Python multiprocessing", "multiprocessing", ABI, processes=3),
        Kind("Ruby mysql2", ABI, "/usr/bin/ruby", os.path.join(CLIENTS, "ruby", "any.rb")),
        Kind("Perl DBD::MariaDB", ABI, "/usr/bin/perl", os.path.join(CLIENTS, "perl", "any.pl")),
        Kind("Java Connector/J, names cached for ever", SINGLE, "java", "-cp",
             f"{clients.JAR}:{folder}", "Any", needs=clients.java_problem),
        python("mariadb CLI", "cli", SINGLE),
        Kind("C libmariadb", ABI, os.path.join(build, "test", "clients", "c", "any")),
    ]


def problem(kind):
    """None, or why this row cannot be shown here."""
    if kind.needs and (why := kind.needs()):
        return why
    return None if shutil.which(kind.command[0]) else f"there is no {kind.command[0]}"


class Row:
    """One running client."""

    def __init__(self, lab, kind, env, ca):
        self.kind, self.lock = kind, threading.Lock()
        self.cells, self.errors = {}, []
        self.calm = []  # errors while nothing was failing over
        self.acknowledged = 0
        self.resting = threading.Event()
        self.app = App(kind.name, lab.popen(
            *kind.command, lab.writer_name, lab.reader_name, ca, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=env, start_new_session=True), greets=False)

    def ask(self, verb, sql="", n=None, calm=True):
        with self.lock:
            try:
                told = self.app.ask(f"{verb} {self.kind.width if n is None else n} {sql}")
            except BrokenPipeError:
                told = self.app.read()
        told.setdefault("value", None)
        self.errors += told["errors"]
        self.calm += told["errors"] if calm else []
        return told

    def write(self, n=None, calm=True):
        told = self.ask("w", INSERT.format(self.kind.name), n, calm)
        self.acknowledged += told["ok"]
        return told

    def busy(self, pause_s=0.03):
        """Writes until rest(), by a thread; {"ok", "errors"} is put into self.told, each error
        with the moment at which it was asked."""
        self.told = {"ok": 0, "errors": []}
        self.resting.clear()

        def work():
            while not self.resting.is_set():
                begun, told = now(), self.write(calm=False)
                self.told["ok"] += told["ok"]
                self.told["errors"] += [(begun, e) for e in told["errors"]]
                time.sleep(pause_s)
        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()

    def rest(self):
        self.resting.set()
        self.thread.join(60)
        return self.told

    def end(self):
        """In good order, for some have servers of their own; else by force."""
        try:
            self.app.process.stdin.close()
            self.app.process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            pass
        self.app.end()


def table(rows, columns):
    """Markdown: a row for each client, and the errors that the application saw."""
    lines = ["| client | " + " | ".join(columns) + " | errors that the application saw |",
             "|---|" + "---|" * (len(columns) + 1)]
    for row in rows:
        errors = "; ".join(f"{n} x {text}" for text, n in counted(row.errors).items())
        lines.append(f"| {row.kind.name} | " + " | ".join(row.cells.get(c, "-") for c in columns) +
                     f" | {errors.replace('|', '/')} |")
    return "\n".join(lines)


def counted(errors):
    found = {}
    for error in errors:
        text = error.strip().split("\n")[0][:90]
        found[text] = found.get(text, 0) + 1
    return found
