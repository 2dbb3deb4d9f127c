#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One row of the client matrix; see test/clients/node/any.mjs for what is asked and answered:

    any.py KIND WRITER READER CA      KIND: mysqlclient, pymysql, sqlalchemy, multiprocessing, cli,
                                      sysbench, aiomysql
"""
import asyncio
import glob
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile

KIND, WRITER, READER, CA = sys.argv[1:5]


class Mysqlclient:
    """libmariadb: the handle is kept after an error, if it answers a ping."""

    def __init__(self, host, verb):
        import MySQLdb
        more = {"ssl": {"ca": CA}} if verb == "e" else {}
        # This build's connect() can ask for the name's verification by a file alone.
        if verb == "t":
            self.file = tempfile.NamedTemporaryFile("w", suffix=".cnf")
            self.file.write(f"[client]\nssl-ca={CA}\nssl-verify-server-cert=1\n")
            self.file.flush()
            more = {"read_default_file": self.file.name}
        self.one = MySQLdb.connect(host=host, user="app", passwd="app", db="app", autocommit=True,
                                   **more)

    def run(self, sql):
        cursor = self.one.cursor()
        cursor.execute(sql)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def is_kept(self):
        try:
            self.one.ping()
        except Exception:
            return False
        return True

    def close(self):
        self.one.close()


class Pymysql(Mysqlclient):
    def __init__(self, host, verb):
        import pymysql
        tls = {"t": {"ssl_ca": CA, "ssl_verify_cert": True, "ssl_verify_identity": True},
               "e": {"ssl_ca": CA, "ssl_verify_cert": False}}.get(verb, {})
        self.one = pymysql.connect(host=host, user="app", password="app", database="app",
                                   autocommit=True, **tls)

    def is_kept(self):
        return False


class Sqlalchemy:
    """A pool, asked through its engine; it throws a broken connection away by itself."""

    def __init__(self, host, verb):
        import sqlalchemy
        tls = {"ssl": {"ca": CA, "check_hostname": verb == "t"}} if verb in "te" else {}
        self.text = sqlalchemy.text
        self.engine = sqlalchemy.create_engine(f"mysql+pymysql://app:app@{host}/app", pool_size=4,
                                               connect_args=tls)
        self.held = None

    def run(self, sql):
        with self.engine.begin() as one:
            result = one.execute(self.text(sql))
            return result.scalar() if result.returns_rows else None

    def hold(self, sql):
        if sql == "BEGIN":
            self.held = self.engine.connect()
            self.held.begin()
            return None
        try:
            if sql == "COMMIT":
                self.held.get_transaction().commit()
                self.held.close()
            else:
                self.held.execute(self.text(sql))
        except Exception:
            self.held.close()
            raise
        return None

    def is_kept(self):
        return True

    def close(self):
        self.engine.dispose()


class Aiomysql:
    """A pool at the address that aiodns finds; it throws a connection that has ended away."""

    def __init__(self, host, verb):
        import aiomysql
        self.loop, self.held = asyncio.new_event_loop(), None
        self.pool = self.loop.run_until_complete(self.made(aiomysql, host))

    async def made(self, aiomysql, host):
        return await aiomysql.create_pool(minsize=1, maxsize=4, host=await address(host),
                                          user="app", password="app", db="app", autocommit=True)

    def run(self, sql):
        return self.loop.run_until_complete(self.asked(sql))

    async def asked(self, sql):
        async with self.pool.acquire() as one:
            return await self.on(one, sql)

    async def on(self, one, sql):
        async with one.cursor() as cursor:
            await cursor.execute(sql)
            row = await cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def hold(self, sql):
        return self.loop.run_until_complete(self.in_transaction(sql))

    async def in_transaction(self, sql):
        self.held = self.held or await self.pool.acquire()
        try:
            await self.on(self.held, sql)
        except Exception:
            sql = "COMMIT"
            raise
        finally:
            if sql == "COMMIT":
                self.pool.release(self.held)
                self.held = None

    def is_kept(self):
        return True

    def close(self):
        self.pool.terminate()
        self.loop.run_until_complete(self.pool.wait_closed())
        self.loop.close()


async def address(host):
    import aiodns
    return (await aiodns.DNSResolver().getaddrinfo(host, family=2)).nodes[0].addr[0].decode()


class Cli:
    """The mariadb client as scripts use it, a process for each statement; a transaction is one that
    reads statements."""

    def __init__(self, host, verb):
        tls = {"t": [f"--ssl-ca={CA}", "--ssl-verify-server-cert"], "e": ["--ssl"]}.get(verb, [])
        self.command = ["mariadb", "-N", "-B", "-n", "-h", host, "-uapp", "-papp", *tls, "app"]
        self.held = None

    def run(self, sql):
        done = subprocess.run([*self.command, "-e", sql], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip().split("\n")[-1])
        return done.stdout.strip() or None

    def hold(self, sql):
        if sql == "BEGIN":
            self.held = subprocess.Popen(self.command, stdin=subprocess.PIPE, text=True,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if sql != "COMMIT":
            self.held.stdin.write(f"{sql}; SELECT 'done';\n")
            self.held.stdin.flush()
            if self.held.stdout.readline() == "done\n":
                return
        else:
            self.held.stdin.write("COMMIT;\n")
        wrong = self.held.communicate()[1].strip()
        if wrong:
            raise RuntimeError(wrong.split("\n")[-1])

    def is_kept(self):
        return True

    def close(self):
        """Nothing is left open."""


class Sysbench:
    """One thread of sysbench, started anew when it has ended, and behind an error.  Lost
    connections are not among the errors that it may ignore: 1.0.20 then connects on a handle that
    it has just closed, and dies of it, also when it is alone.  Its TLS takes three files of fixed
    names, and verifies no name."""

    def __init__(self, host, verb):
        self.folder = tempfile.mkdtemp(prefix="psysbench-")
        if verb == "e":
            own = sorted(glob.glob(os.path.join(os.path.dirname(CA), "demo-*.pem")))[0]
            for path, name in ((CA, "cacert"), (own, "client-cert"),
                               (own[:-3] + "key", "client-key")):
                os.symlink(path, os.path.join(self.folder, name + ".pem"))
        self.command = [
            "sysbench", SYSBENCH, f"--mysql-host={host}", "--mysql-user=app",
            "--mysql-password=app",
            "--mysql-db=app", "--threads=1", "--events=1", "--time=0",
            f"--mysql-ssl={'on' if verb == 'e' else 'off'}", "run"]
        self.one = None

    def run(self, sql):
        if self.one is None or self.one.poll() is not None:
            self.one = subprocess.Popen(self.command, cwd=self.folder, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.one.stdin.write(sql + "\n")
        self.one.stdin.flush()
        said = ""
        for line in self.one.stdout:
            if line.startswith("{"):
                told = json.loads(line)
                if told["errors"]:
                    raise RuntimeError(told["errors"][0])
                return told["value"]
            said = line if line.startswith("FATAL") else said
        self.one.wait()
        raise RuntimeError(said.strip())

    def is_kept(self):
        self.close()
        return False

    def close(self):
        if self.one is not None:
            self.one.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)


SYSBENCH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sysbench",
                        "any.lua")
KINDS = {"mysqlclient": Mysqlclient, "pymysql": Pymysql, "sqlalchemy": Sqlalchemy, "cli": Cli,
         "sysbench": Sysbench, "multiprocessing": Mysqlclient, "aiomysql": Aiomysql}


class Handler:
    def __init__(self):
        self.open = {}

    def run(self, verb, sql):
        key = "w" if verb == "h" else verb
        try:
            if key not in self.open:
                self.open[key] = KINDS[KIND](READER if verb == "r" else WRITER, verb)
            one = self.open[key]
            return one.hold(sql) if verb == "h" and hasattr(one, "hold") else one.run(sql)
        except Exception:
            if key in self.open and not self.open[key].is_kept():
                del self.open[key]
            raise

    def close(self):
        for one in self.open.values():
            one.close()
        self.open = {}

    def answer(self, line):
        verb, n, sql = (line.split(" ", 2) + [""])[:3]
        told = {"ok": 0, "errors": [], "value": None}
        if verb == "x":
            self.close()
            return told
        if verb == "a":
            told["value"] = asyncio.run(address(WRITER))
            return told
        for _ in range(int(n)):
            try:
                told["value"] = self.run(verb, sql) or told["value"]
                told["ok"] += 1
            except Exception as error:
                told["errors"].append(f"{type(error).__name__}: {error}".split("\n")[0])
        return told


def child(pipe):
    handler = Handler()
    while True:
        pipe.send(handler.answer(pipe.recv()))


class Children:
    """Three processes of multiprocessing; a transaction is the first one's alone."""

    def __init__(self):
        self.pipes = []
        for _ in range(3):
            ours, theirs = multiprocessing.Pipe()
            multiprocessing.Process(target=child, args=(theirs,), daemon=True).start()
            self.pipes.append(ours)

    def answer(self, line):
        asked = self.pipes[:1] if line.startswith("h") else self.pipes
        for pipe in asked:
            pipe.send(line)
        all_told = [pipe.recv() for pipe in asked]
        return {"ok": sum(t["ok"] for t in all_told), "value": all_told[0]["value"],
                "errors": [e for t in all_told for e in t["errors"]]}


def main():
    handler = Children() if KIND == "multiprocessing" else Handler()
    for line in sys.stdin:
        print(json.dumps(handler.answer(line.rstrip("\n"))), flush=True)
    if KIND == "sysbench":  # whose process and folder are to end with us
        handler.close()
    sys.stdout.flush()
    os._exit(0)


main()
