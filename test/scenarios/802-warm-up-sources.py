#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A warm-up's statements over HTTP, asked for again by their ETag, and from a reader's own
memory."""
import glob

from lib import tap
from lib.lab import Lab
from lib.prober import Prober, cluster_section
from lib.servers.http_server import HttpServer

REMEMBERING = "performance-schema-consumer-events-statements-"
SERVER = ["userstat=1", "performance-schema=1", "performance-schema-instrument=statement/%=ON",
          *(f"{REMEMBERING}{what}=ON" for what in ("current", "history", "history-long"))]


def warm(prober, id):
    done = prober.pelorus("warm", id, limit=60)
    return done.returncode, done.stdout + done.stderr


def rows_read(lab, id, table):
    found = lab.sql(id, "SELECT ROWS_READ FROM information_schema.TABLE_STATISTICS"
                    f" WHERE TABLE_NAME = '{table}'")
    return int(found[0][0]) if found else 0


def as_root(lab, id, statement):
    sock = glob.glob(f"{lab.state}/servers/{id}.*/sock")[0]
    lab.exec("mariadb", "-uroot", "-S", sock, "-e", statement)


def check_http(lab):
    with HttpServer(lab) as server:
        server.answer("/reads.sql", "SELECT * FROM app.one;DELETE FROM app.one;SELECT 2;",
                      headers={"ETag": '"first"'})
        config = cluster_section(lab, user="app", password="app",
                                 warm_up=f"{server.url}/reads.sql")
        with Prober(lab, config) as prober:
            prober.wait_settled(2)
            code, text = warm(prober, "demo-2")
            tap.ok(code == 0 and "with 2 statements, 1 refused" in text, "statements by HTTP", text)
            server.answer("/reads.sql", status=304)
            code, text = warm(prober, "demo-2")
            tap.ok(code == 0 and "with 2 statements" in text, "the same again, unchanged", text)
            asked = [r["headers"].get("If-None-Match") for r in server.requests("/reads.sql")]
            tap.ok(asked == [None, '"first"'], "asked for by its ETag", asked)
            tap.ok(rows_read(lab, "demo-2", "one") == 200, "and run both times")
            server.answer("/reads.sql", status=500)
            code, text = warm(prober, "demo-2")
            tap.ok(code == 1 and "it answered 500" in text, "what is wrong is told", text)
            server.answer("/reads.sql", behaviour="huge")
            code, text = warm(prober, "demo-2")
            tap.ok(code == 1 and "too large" in text, "a document without end is refused", text)


def check_digest(lab):
    as_root(lab, lab.writer, "GRANT SELECT ON performance_schema.* TO app@'%'")
    for _ in range(5):
        lab.sql("demo-2", "SELECT COUNT(*), 'an application asks' FROM two")
    config = cluster_section(lab, user="app", password="app", warm_up="digest")
    with Prober(lab, config) as prober:
        prober.wait_settled(2)
        before = rows_read(lab, "demo-1", "two")
        code, text = warm(prober, "demo-1")
        tap.ok(code == 0, "statements that a reader remembers", text)
        tap.note(text)
        tap.ok(rows_read(lab, "demo-1", "two") - before == 300, "are run, each of them once",
               rows_read(lab, "demo-1", "two") - before)
        code, text = warm(prober, "demo-1")
        tap.ok(prober.log().count("code=warm-up-no-samples") == 1,
               "that the server keeps no samples is said once", prober.log()[-800:])


def main():
    with Lab(instances=2, server=SERVER) as lab:
        lab.sql("writer", "CREATE TABLE one (n INT PRIMARY KEY);"
                "CREATE TABLE two (n INT PRIMARY KEY);"
                "INSERT INTO one SELECT seq FROM seq_1_to_100;"
                "INSERT INTO two SELECT seq FROM seq_1_to_300")
        check_http(lab)
        check_digest(lab)
    tap.done()


main()
