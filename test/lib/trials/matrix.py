# SPDX-License-Identifier: Apache-2.0
"""The rows of the client matrix: unmodified clients that speak the lines of test/clients/*/any.*.

What a row may do is told by what it is: a pool hears of a closed connection before it uses it; a
single connection of a wire client is told once; a program on libmariadb, where the client ABI heals
the handle in place, is told nothing while idle.  What is in flight may fail, and connects are
refused while there is no writer; nothing fails after that.
"""
import contextlib
import datetime
import glob
import os
import re
import shutil
import socket
import subprocess
import threading
import time

from lib.builds import commit
from lib.lab import now
from lib.paths import BUILD, CLIENTS, PELORUS
from lib.programs import clients, guests
from lib.programs.apps import App, children
from lib.tap import note
from lib.waiting import wait_for

NODE = ("node", os.path.join(CLIENTS, "node", "any.mjs"))
SYSTEM_PYTHON = "/usr/bin/python3"
TRAP = (PELORUS, "run", "--trap", "--")
POOL, SINGLE, ABI = "pool", "single", "ABI"
TABLE = """CREATE TABLE writes (id BIGINT AUTO_INCREMENT PRIMARY KEY, client VARCHAR(60),
server VARCHAR(64) DEFAULT (@@aurora_server_id))"""
INSERT = "INSERT INTO writes (client) VALUES ('{}')"
READ = "SELECT @@aurora_server_id AS s"
READ_SECURE = "SELECT CONCAT(@@aurora_server_id, IF(variable_value = '', ' plain', ' TLS')) AS s " \
    "FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'"
TLS = {"t": "TLS, name verified", "e": "TLS, name not verified"}


# What Pelorus cannot help: by row and the beginning of a column, what the row's trace must show and
# what that means.
LIMITS = {
    ("Node TypeORM, replication", "busy"): (
        "remove MASTER", "mysql2's PoolCluster removes a node for ever after five errors, and may "
        "throw while it does; `removeNodeErrorCount` says after how many (next row: Infinity)"),
}


def limit(row, column):
    """Why a cell cannot be green, if this row's trace has just shown it."""
    shown, why = LIMITS.get((row.kind.name, column.split(",")[0]), (None, None))
    if not shown or shown not in (trace := row.trace()):
        return None
    line = next(line for line in trace.splitlines() if shown in line)
    return f"{why}; its trace: `{line}`"


class Kind:
    """`width`: how many statements at once; `processes`: each of so many does what is asked;
    `tls`: the verbs of TLS that the client can do at all; `trace`: the variable that names a file
    for what the client's own library does; `env`: what it needs besides."""

    def __init__(self, name, manner, *command, width=1, processes=1, needs=None, tls="te",
                 trace=None, env=None):
        self.name, self.manner, self.command = name, manner, command
        self.width, self.processes, self.needs = width, processes, needs
        self.tls, self.trace, self.env = tls, trace, env or {}

    @property
    def connections(self):
        return self.width * self.processes


def node(name, kind, manner=POOL, **more):
    return Kind(name, manner, *NODE, kind, needs=clients.node_problem, **more)


def traced(name, kind):
    """With a look at what mysql2's PoolCluster does to its nodes."""
    return Kind(name, POOL, NODE[0], "--require", os.path.join(CLIENTS, "node", "trace_pool.cjs"),
                NODE[1], kind, needs=clients.node_problem, width=4, trace="POOL_TRACE")


def musl(folder):
    """A program for another libc than everybody's; its protocol is its own, without TLS."""
    libc, out = guests.musl(), os.path.join(folder, "wire")
    if not libc.absent:
        subprocess.run([*libc.compiler, "-D_GNU_SOURCE", "-O1", "-o", out,
                        os.path.join(CLIENTS, "c", "wire.c")], check=True)
    return Kind("C on musl, own protocol", SINGLE, out, needs=lambda: libc.absent, tls="")


def php(kind):
    return Kind(f"PHP {kind}", SINGLE, "php", os.path.join(CLIENTS, "php", "any.php"), kind)


def python(name, kind, manner, **more):
    return Kind(name, manner, SYSTEM_PYTHON, os.path.join(CLIENTS, "python", "any.py"), kind,
                **more)


def web(name, kind):
    return Kind(name, SINGLE, SYSTEM_PYTHON, os.path.join(CLIENTS, "python", "web.py"), kind,
                width=4,
                needs=web_problem if kind == "fpm" else None)


def web_problem():
    if not glob.glob("/usr/sbin/php-fpm*") or not os.path.exists("/usr/sbin/nginx"):
        return "there is no nginx with php-fpm here"
    return None


def sysbench_problem():
    return None if shutil.which("sysbench") else "there is no sysbench"


def kinds(folder):
    """All rows; `folder` is where Java's are compiled."""
    if not clients.java_problem():
        subprocess.run(["javac", "-d", folder, os.path.join(CLIENTS, "java", "Any.java")],
                       check=True)
    return [
        node("Node mysql2, callbacks", "mysql2-callback", width=4),
        node("Node mysql2, one promise connection", "mysql2-promise", SINGLE),
        node("Node mysql2, pool", "mysql2-pool", width=4),
        node("Node mysql, pool", "mysql", width=4, tls="e"),
        node("Node mariadb, pool", "mariadb", width=4),
        node("Node Sequelize 6", "sequelize", width=4),
        node("Node TypeORM", "typeorm", width=4),
        traced("Node TypeORM, replication", "typeorm-replication"),
        traced("Node TypeORM, replication, removeNodeErrorCount", "typeorm-replication-kept"),
        node("Node Knex", "knex", width=4),
        node("Node worker_threads", "worker_threads", processes=3),
        node("Node cluster", "cluster", processes=3),
        php("mysqli"), php("pdo"), php("mysqli-persistent"), php("pdo-persistent"),
        web("PHP fpm, 8 children behind nginx", "fpm"), web("PHP -S, 8 workers", "workers"),
        python("Python mysqlclient", "mysqlclient", ABI),
        python("Python PyMySQL", "pymysql", SINGLE),
        python("Python SQLAlchemy (PyMySQL)", "sqlalchemy", SINGLE),
        python("Python multiprocessing", "multiprocessing", ABI, processes=3),
        Kind("Ruby mysql2", ABI, "/usr/bin/ruby", os.path.join(CLIENTS, "ruby", "any.rb")),
        Kind("Perl DBD::MariaDB", ABI, "/usr/bin/perl", os.path.join(CLIENTS, "perl", "any.pl")),
        Kind("Java Connector/J, names cached for ever", SINGLE, "java", "-cp",
             f"{clients.JAR}:{folder}", "Any", needs=clients.java_problem),
        python("mariadb CLI", "cli", SINGLE),
        python("sysbench", "sysbench", ABI, tls="e", needs=sysbench_problem),
        Kind("C libmariadb", ABI, os.path.join(BUILD, "test", "clients", "c", "any")),
        musl(folder),
        go(static=True), go(static=False),
    ]


def own_resolvers(whole=False):
    """Rows that ask DNS by themselves and not libc: c-ares, Netty's, and, of the `whole` that takes
    its time to be built, NIO, R2DBC and hickory."""
    aiodns, no_aiodns = clients.aiodns()
    vertx, no_vertx = clients.maven("vertx", "AnyAsync.java", "AnyVertx.java")
    rows = [
        node("Node mysql2, pool, dns.resolve", "mysql2-resolve", width=4, tls=""),
        # its loop stands still while nothing is asked, so that it hears of nothing
        python("Python aiomysql, pool, aiodns", "aiomysql", SINGLE, tls="",
               needs=lambda: no_aiodns, env={"PYTHONPATH": aiodns or ""}),
        *(Kind(f"Vert.x, pool, {transport}", POOL, "java", "-cp", vertx, "AnyVertx", transport,
               width=4, tls="", needs=lambda: no_vertx)
          for transport in (("nio", "epoll") if whole else ("epoll",)))]
    if whole:
        r2dbc, no_r2dbc = clients.maven("r2dbc", "AnyAsync.java", "AnyR2dbc.java")
        rows.append(Kind("R2DBC, pool", POOL, "java", "-cp", r2dbc, "AnyR2dbc", width=4, tls="",
                         needs=lambda: no_r2dbc))
        hickory, no_hickory = clients.hickory("any", "--features", "any")
        rows.append(Kind("Rust sqlx, pool, hickory", POOL, hickory, width=4, tls="",
                         needs=lambda: no_hickory))
    return rows


def go(static):
    """go-sql-driver/mysql in the trap, for it dials by its own system calls; its resolver is its
    own or libc's."""
    program, why = clients.go(static, "any")
    return Kind(f"Go, pool, {'static' if static else 'cgo'}, in the trap", POOL, *TRAP,
                program or "go", width=4, needs=lambda: why,
                env={} if static else {"GODEBUG": "netdns=cgo"})


def problem(kind):
    """None, or why this row cannot be shown here."""
    if kind.needs and (why := kind.needs()):
        return why
    return None if shutil.which(kind.command[0]) else f"there is no {kind.command[0]}"


def connected(pid, address):
    """The sockets that are connected to an IPv4 address, of all where that process is."""
    there = f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:"
    found = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/net/{table}") as lines:
            rows = [line.split() for line in lines]
            found |= {r[9] for r in rows if r[2][-13:].startswith(there) and r[3] == "01"}
    return found


def held(pids):
    """The sockets that processes have open."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    found.add(os.readlink(f"/proc/{pid}/fd/{number}")[8:-1])
    return found


class Row:
    """One running client."""

    def __init__(self, lab, kind, env, ca, folder, writer=None):
        self.trace_path = os.path.join(folder, kind.name)
        self.kind, self.lock = kind, threading.Lock()
        self.cells, self.errors = {}, []
        self.calm = []  # errors while nothing was failing over
        self.acknowledged = 0
        self.resting = threading.Event()
        self.start = lambda: App(kind.name, lab.popen(
            *kind.command, writer or lab.writer_name, lab.reader_name, ca, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, start_new_session=True,
            env={**env, **kind.env, **({kind.trace: self.trace_path} if kind.trace else {})}),
            greets=False)
        self.app = self.start()

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

    def read(self, n=1, calm=True):
        return self.ask("r", READ, n, calm)

    def busy(self, pause_s=0.03, n=None, ask=None):
        """Writes, or does what is told, until rest(), n at once, by a thread; {"ok", "errors"} is
        put into self.told, each error with the moments at which it was asked and answered, and into
        self.moments when something was acknowledged."""
        self.told, self.moments = {"ok": 0, "errors": []}, []
        self.resting.clear()

        def work():
            while not self.resting.is_set():
                begun, told = now(), (ask or self.write)(n, calm=False)
                self.told["ok"] += told["ok"]
                self.moments += [now()] if told["ok"] else []
                self.told["errors"] += [(begun, now(), e) for e in told["errors"]]
                time.sleep(pause_s)
        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()

    def processes(self):
        return children(self.app.process.pid)

    def connections_to(self, address):
        """Its sockets to an instance."""
        pids = self.processes()
        return connected(pids[-1], address) & held(pids) if pids else set()

    def has_heard(self, sockets, address):
        """Whether these connections have ended; whoever looks at them in between has let go of
        them."""
        pids = self.processes()
        if not pids or not sockets:
            return True
        return not sockets & (held(pids) if self.kind.manner == POOL else
                              connected(pids[-1], address))

    def told_once(self):
        """How many errors of lost connections it may be told by its next statements."""
        return 0 if self.kind.manner in (POOL, ABI) else self.kind.connections

    def first_after(self, moment_ns, limit_s):
        """Milliseconds from a moment until something was acknowledged; None if nothing was within
        the limit."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if self.moments and self.moments[-1] > moment_ns:
                return (min(m for m in list(self.moments) if m > moment_ns) - moment_ns) / 1e6
            time.sleep(0.01)
        return None

    def trace(self):
        try:
            with open(self.trace_path) as text:
                return text.read()
        except FileNotFoundError:
            return ""

    def rest(self):
        self.resting.set()
        self.thread.join(60)
        return self.told

    def again(self):
        """As its operator would, where it does not come back by itself."""
        self.end()
        self.app = self.start()

    def end(self):
        """In good order, for some have servers of their own; else by force."""
        try:
            self.app.process.stdin.close()
            self.app.process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            pass
        self.app.end()


@contextlib.contextmanager
def all_hear(rows, address, what):
    """Behind the block each row has heard that its connections to that address have ended."""
    sockets = {row: row.connections_to(address) for row in rows}
    yield
    for row, lost in sockets.items():
        try:
            wait_for(lambda row=row, lost=lost: row.has_heard(lost, address))
        except TimeoutError:
            note(f"{row.kind.name}, {what}: it keeps {lost}")


def table(rows, columns, limits):
    """Markdown: a row for each client, why it has a limit, and the errors that it was told."""
    titles = ["client", *columns, "cause of a limit", "errors that the application saw"]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for row in rows:
        errors = "; ".join(f"{n} x {text}" for text, n in counted(row.errors).items())
        cells = [row.kind.name, *(row.cells.get(c, "-") for c in columns),
                 limits.get(row.kind.name, ""), errors]
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(lines)


def document(rows, columns, limits, modes):
    """What PELORUS_MATRIX keeps."""
    return "\n".join([
        "# What unmodified clients are told", "", table(rows, columns, limits), "",
        "Errors in all, of all connections of the client, in a failover that it slept through "
        "(idle), while it wrote (busy: what is in flight fails; nothing later), in the middle of a "
        "transaction, which must be told, and while it wrote and there was no writer for 15 s: "
        "connects wait, so that only what was in flight may fail, and what has a time limit of "
        "its own that is shorter. TLS is looked at "
        "by what the server says of the connection; `none`: mysql for Node and sysbench verify no "
        "name, the "
        "program on musl has no TLS. Bold is a limit.",
        "", f"Made on {datetime.date.today().isoformat()} with the tree of {commit()}, by "
        f"`PELORUS_ROUNDS={len(modes)} PELORUS_MATRIX=FILE test/run clients`.", ""])


def counted(errors):
    """How often each text; numbers of connections and the like are no difference."""
    found = {}
    for error in errors:
        text = re.sub(r"conn([=:]) ?\d+", r"conn\1N", error.strip().split("\n")[0])[:90]
        found[text] = found.get(text, 0) + 1
    return found
