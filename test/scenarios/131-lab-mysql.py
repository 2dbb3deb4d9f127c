#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A lab of MySQL 9.7 gives the answers that a lab of MariaDB gives, and fails over as it does.

What is asked is what the prober was heard to ask, and what Amazon's drivers ask.
"""
import json
import os
import re
import tempfile

from lib import tap
from lib.lab import Lab, now
from lib.prober import Prober
from lib.servers import mysql97
from lib.trials import publishing
from lib.waiting import wait_for, within

LIMIT_MS = 500  # from writable to published, on a machine that is busy with other tests
STATUS = "information_schema.replica_host_status"
GLOBAL = "information_schema.aurora_global_db_instance_status"
ROLE = "SELECT @@innodb_read_only"
# But for the regions of a global database, which MariaDB's lab alone can show.
OTHERS = [  # of Amazon's drivers; the last two are the library's and, in time, the prober's
    "SELECT @@aurora_server_id",
    "SELECT @@aurora_server_id AS host, @@aurora_version",
    "SELECT @@innodb_read_only AS is_reader",
    "SELECT @@innodb_read_only, @@global.innodb_read_only",
    "SHOW VARIABLES LIKE 'aurora_version'",
    "SHOW VARIABLES LIKE 'innodb_read_onl_'",
    "SHOW SESSION VARIABLES WHERE Variable_name = 'report_host'",
    "SELECT server_id, session_id, is_current, cpu, last_update_timestamp, "
    f"replica_lag_in_milliseconds FROM {STATUS} ORDER BY server_id",
    f"SELECT * FROM {STATUS} ORDER BY 1",
    f"SELECT SERVER_ID, session_id = 'MASTER_SESSION_ID' AS w FROM {STATUS} WHERE time_to_sec("
    "timediff(now(), last_update_timestamp)) <= 300 OR session_id = 'MASTER_SESSION_ID' ORDER BY 1",
    "SELECT s.server_id FROM `information_schema`.`replica_host_status` s WHERE "
    "s.session_id = 'MASTER_SESSION_ID' AND s.server_id = @@aurora_server_id",
    f"SELECT * FROM {GLOBAL}",
    "SELECT version, id, endpoint, port, role, status FROM mysql.rds_topology",
    "SELECT @@innodb_read_only, @@read_only, @@autocommit",
    "SELECT @@innodb_read_only, @@read_only, t.endpoint, t.role, t.status FROM (SELECT 1 AS one) "
    "AS me LEFT JOIN mysql.rds_topology AS t ON TRUE",
]
PREPARED = (f"PREPARE s FROM 'SELECT server_id, @@innodb_read_only FROM {STATUS} LIMIT 1'; "
            "EXECUTE s; PREPARE s FROM 'SELECT @@innodb_read_only, ?'; SET @n = 7; "
            "EXECUTE s USING @n; SET @n = 8; EXECUTE s USING @n")
ASK = """import datetime, json, sys
import pymysql
answers = {}
for host in sys.argv[2:]:
    connection = pymysql.connect(host=host, user="pelorus", password="pelorus")
    for question in json.loads(sys.argv[1]):
        cursor = connection.cursor()
        try:
            cursor.execute(question)
            answers[host + " " + question] = [[c[:2] for c in cursor.description],
                                              [list(map(str, r)) for r in cursor.fetchall()]]
        except pymysql.err.MySQLError as error:
            answers[host + " " + question] = [list(error.args), []]
print(json.dumps(answers))
"""
# A comparison is an INT with the one and a BIGINT with the other, which neither lab can help.
INTEGERS = (3, 8)
VOLATILE = {"cpu", "session_id", "last_update_timestamp", "replica_lag_in_milliseconds"}
DIFFERENT = ("server_uuid", "basedir", "wsrep_on", "wsrep_provider")  # of the servers' own


def heard(paths):
    """What the prober's connections asked, by the servers' general logs."""
    asked = set()
    for path in paths:
        with open(path, errors="replace") as log:
            text = log.read()
        own = set(re.findall(r"(\d+) Connect\tpelorus@", text))
        asked |= {s for n, s in re.findall(r"(\d+) Query\t(S[EH][^\n]*)", text)
                  if n in own and not s.startswith("SET")}
    return asked


def answers(lab, questions):
    hosts = [i["host"] for i in lab.status()["instances"]]
    return json.loads(lab.exec("/usr/bin/python3", "-c", ASK, json.dumps(questions),
                               *hosts).stdout)


def comparable(answer):
    """Without what differs from moment to moment, and from server to server by nature."""
    columns, rows = answer
    if not isinstance(columns[0], list):
        return answer  # an error
    kept = [i for i, (name, _) in enumerate(columns)
            if name.lower() not in VOLATILE and not name.startswith("TIMESTAMPDIFF")]
    return ([(n, INTEGERS[0] if t in INTEGERS else t) for n, t in columns],
            sorted([r[i] for i in kept] for r in rows if r[0] not in DIFFERENT))


def of_mariadb(folder):
    """What a MariaDB lab was asked, and what it answered."""
    logs = os.path.join(folder, "{host}.log")
    with Lab(instances=2, server=["general-log=ON", f"general-log-file={logs}"]) as lab:
        paths = [logs.replace("{host}", i["host"]) for i in lab.status()["instances"]]
        with Prober(lab) as prober:
            prober.wait_settled(2)
            wait_for(lambda: ROLE in heard(paths), 10)
        asked = heard(paths)
        tap.ok(len(asked) >= 3, "the prober was heard to ask", str(asked))
        questions = [*OTHERS, *sorted(asked)]
        return questions, answers(lab, questions)


def compare(lab, questions, expected):
    told = answers(lab, questions)
    for question in questions:
        wrong = {h: (told[h], expected[h]) for h in expected
                 if h.endswith(" " + question) and comparable(told[h]) != comparable(expected[h])}
        tap.ok(not wrong, f"as MariaDB's: {question[:60]}", json.dumps(wrong)[:900])


def fail_over(lab, prober):
    witness = publishing.Witness(lab)
    for mode in ("crash", "graceful"):
        before = now()
        late = publishing.rounds(lab, prober, mode, 1, witness=witness)
        tap.note("writable to published, " + publishing.summary(mode, late))
        tap.ok(within(late[0], LIMIT_MS), f"{mode}: the new writer is published",
               f"{late} {prober.log()[-900:]}")
        lab.wait_event("back", before)
    died = [e for e in lab.events() if e["event"] == "exit"]
    tap.ok(not died, "no server ends that was not to", died)
    said, lost = witness.end()
    tap.ok(said > 50 and not lost, "no acknowledged row is lost", f"{lost} of {said}")


def main():
    try:
        mysql97.fetch()
    except mysql97.Unavailable as error:
        tap.skip("a lab of MySQL 9.7", error)
        tap.done()
    with tempfile.TemporaryDirectory() as folder:
        questions, expected = of_mariadb(folder)
    with Lab(server="mysql", instances=2) as lab:
        tap.note(f"up after {lab.up_seconds:.2f} s")
        compare(lab, questions, expected)
        writer = lab.writer
        told = lab.sql("reader", PREPARED)
        tap.ok(told == [(writer, "1"), ("1", "7"), ("1", "8")],
               "prepared statements are understood, with values to come and without", str(told))
        tap.ok(lab.sql("writer", "SELECT @@version")[0][0].startswith(mysql97.VERSION),
               "it is MySQL")
        tap.ok("1290" in str(lab.sql("reader", "CREATE TABLE t (i INT)", check=False)),
               "a reader refuses writes with 1290")
        with Prober(lab) as prober:
            tap.ok(prober.wait_settled(2).writer == writer, "the prober lets its writer be known")
            fail_over(lab, prober)
    tap.done()


main()
