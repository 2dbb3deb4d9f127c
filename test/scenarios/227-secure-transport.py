#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Servers that demand TLS (require_secure_transport, the default of Aurora MySQL 8.4): a program's
plain DB_HOST, DB_USER and DB_PASSWORD are enough for the prober, which comes in by TLS without
being told.

Real MariaDB servers with a table as Aurora's; and fakes whose every word is known.
"""
import contextlib
import os
import subprocess
import tempfile

from lib import tap
from lib.environ import preload
from lib.lab import Lab, now
from lib.paths import BUILD, PELORUSD
from lib.prober import Prober, Runtime, Watch, cluster_section
from lib.waiting import within

# Connects by TLS, then writes again and again on new connections until it is told to end.
PROGRAM = """import os, sys, pymysql
while True:
    with pymysql.connect(host=os.environ["DB_HOST"], user=os.environ["DB_USER"],
                         password=os.environ["DB_PASSWORD"], database="app",
                         ssl={"check_hostname": False, "verify_mode": False}) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@aurora_server_id, @@innodb_read_only")
            print(*cursor.fetchone(), flush=True)
    if not sys.stdin.readline():
        break
"""
PUBLISHED = 1.0  # seconds from writable to published


def refused_in_clear(lab):
    done = lab.exec(
        "mariadb",
        "--skip-ssl",
        "-h",
        lab.writer_name,
        "-uapp",
        "-papp",
        "-e",
        "SELECT 1",
        check=False,
    )
    # MariaDB says 1045 where MySQL says 3159.
    tap.ok(
        "1045" in done.stderr or "3159" in done.stderr,
        "the lab's servers refuse a login without TLS",
        done.stderr,
    )
    rows = lab.sql("writer", "CREATE TABLE t (n INT); INSERT INTO t VALUES (7); SELECT n FROM t")
    reader = next(i["id"] for i in lab.status()["instances"] if i["id"] != lab.writer)
    done = lab.exec("sh", "-c", 'until "$@" 2>/dev/null | grep -q 7; do sleep 0.1; done', "sh",
                    "mariadb", "--ssl", "-h", lab.host(reader), "-uapp", "-papp", "app", "-e",
                    "SELECT n FROM t", check=False)
    tap.ok(rows == [("7",)] and done.returncode == 0, "and replicate all the same", done.stderr)


def by_environment(lab, folder):
    """A program with an environment as any has: the prober that it starts is in."""
    env = {"DB_HOST": lab.writer_name, "DB_USER": "app", "DB_PASSWORD": "app"}
    p = Runtime(os.path.join(folder, "run"), lab)
    program = p.popen(
        [
            "env",
            *(f"{k}={v}" for k, v in {**preload(p.directory, prober=PELORUSD), **env}.items()),
            "/usr/bin/python3",
            "-c",
            PROGRAM,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        tap.ok(
            program.stdout.readline().split() == [lab.writer, "0"], "a program gets to the writer"
        )
        c = None
        try:
            c = p.wait_settled(3, 20)
            tap.ok(c.writer == lab.writer, "its DB_HOST, DB_USER, DB_PASSWORD let the prober in")
        except TimeoutError:
            with contextlib.suppress(TimeoutError):
                c = p.cluster()
            tap.ok(False, "its DB_HOST, DB_USER, DB_PASSWORD let the prober in",
                   f"{c and (c.state, c.why)}\n{p.log()[-600:]}")
            return
        tap.ok("3159" not in p.log() and "CREATE USER" not in p.log(), "and nothing is said",
               p.log()[-600:])
        begin, watch = now(), Watch(p)
        events = lab.failover("crash")
        new = lab.writer
        p.wait_known(new, 30)
        watch.end()
        late = (watch.first(begin, lambda c: c.writer == new) - events["writable"]["boot_ns"]) / 1e9
        tap.note(f"crash: published {1000 * late:.0f} ms after it was writable")
        tap.ok(within(late, PUBLISHED), "a crash failover is followed", late)
        program.stdin.write("\n")
        program.stdin.flush()
        tap.ok(
            program.stdout.readline().split() == [new, "0"], "and the program is on the new writer"
        )
    finally:
        program.stdin.close()
        program.wait(20)
        with contextlib.suppress(OSError):
            p.ask("stop")


def told_not_to(lab):
    """`ssl = off` in the configuration does not outweigh a server's order."""
    with Prober(lab, cluster_section(lab, ssl="off")) as p:
        try:
            p.wait_settled(3, 15)
            tap.ok(True, "with ssl = off the order is followed too")
        except TimeoutError:
            tap.ok(False, "with ssl = off the order is followed too", p.log()[-500:])


def verified_by_default(lab):
    """libmariadb verifies by itself since 3.4: whether the prober does is the configuration's."""
    shim = os.path.join(BUILD, "test", "clients", "standin", "verify_default.so")
    with Prober(lab, cluster_section(lab), prefix=["env", f"LD_PRELOAD={shim}"]) as p:
        try:
            p.wait_settled(3, 15)
            tap.ok(True, "nobody is verified where that is not wanted, whatever libmariadb would")
        except TimeoutError:
            tap.ok(False, "nobody is verified where that is not wanted, whatever libmariadb would",
                   p.log()[-500:])


with tempfile.TemporaryDirectory() as folder_, \
        Lab(instances=3, name="secure", secure_transport=True) as lab_:
    refused_in_clear(lab_)
    by_environment(lab_, folder_)
    told_not_to(lab_)
    verified_by_default(lab_)
tap.done()
