#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Plain replication (dialect = read_only) of real servers: roles, and the lag that replicas
tell."""
import glob
import os
import subprocess

from lib import tap
from lib.lab import Lab
from lib.paths import LIBRARY
from lib.prober import Prober, cluster_section

UNKNOWN = 0xFFFFFFFF
MAX_LAG_MS = 2000
SLEEPER = "SELECT id FROM information_schema.processlist WHERE state = 'User sleep'"


def root(lab, instance, statement):
    """The words that run a statement as root; the application's users may not do such things."""
    path = glob.glob(os.path.join(lab.state, "servers", instance + ".*", "sock"))[0]
    return ["mariadb", "-uroot", "-S", path, "-e", statement]


def section(lab):
    hosts = ", ".join(lab.host(i["id"]) for i in lab.status()["instances"])
    return cluster_section(lab, dialect="read_only", members=hosts, max_lag=f"{MAX_LAG_MS}ms",
                           reader_endpoint=lab.reader_name)


def lags(cluster):
    return {i.id: i.lag_ms for i in cluster.instances.values() if i.role == "reader"}


def is_lagged(cluster, reader):
    return cluster.instances[reader].lagged


def reached(lab, p):
    """The servers that a dozen connects by the reader's name lead to."""
    done = lab.exec("sh", "-c", 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do "$@"; done', "sh",
                    "env", f"LD_PRELOAD={LIBRARY}", f"PELORUS_RUNTIME_DIR={p.directory}",
                    "PELORUS_PROBER=off", "mariadb", "-N", "-B", "-h", lab.reader_name, "-uapp",
                    "-papp", "-e", "SELECT @@aurora_server_id", check=False)
    return set(done.stdout.split()) or done.stderr


def without_privilege(lab):
    with Prober(lab, section(lab)) as p:
        cluster = p.wait_settled(3)
        tap.ok(cluster.writer == lab.writer, "the one that is not read-only is the writer")
        p.view.wait(lambda _: "code=lag-unknown" in p.log(), 20)
        tap.ok(set(lags(p.cluster()).values()) == {UNKNOWN} and
               p.log().count("code=lag-unknown") == 1,
               "a user who may not ask: the lag is unknown, which is said once", p.log()[-600:])


def lag(lab, p, late, other):
    """A replica that does not get on, because somebody holds the table that it has to write to."""
    lab.sql(lab.writer, "CREATE TABLE held (n INT)")
    p.wait(lambda c: set(lags(c).values()) == {0})
    tap.ok(True, "readers that have caught up have no lag")
    tap.ok(reached(lab, p) == {late, other}, "the reader's name leads to both")
    lab.exec("sh", "-c", 'until "$@" 2>/dev/null; do sleep 0.1; done', "sh",
             *root(lab, late, "SELECT 1 FROM app.held"))
    holder = lab.popen(*root(lab, late, "LOCK TABLES app.held READ; SELECT SLEEP(120)"),
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    lab.exec("sh", "-c", 'until "$@" | grep -q [0-9]; do sleep 0.1; done', "sh",
             *root(lab, late, SLEEPER))
    lab.sql(lab.writer, "INSERT INTO held VALUES (1)")
    c = p.wait(lambda c: is_lagged(c, late) and c, 40)
    tap.ok(c.instances[late].lag_ms > MAX_LAG_MS and not is_lagged(c, other),
           "one that falls behind is told from the one that does not", lags(c))
    tap.ok(reached(lab, p) == {other}, "and gets no connections")
    sleeper = lab.exec(*root(lab, late, SLEEPER)).stdout.split()[-1]
    lab.exec(*root(lab, late, f"KILL {sleeper}"))
    holder.wait(30)
    p.wait(lambda c: not is_lagged(c, late), 40)
    tap.ok(reached(lab, p) == {late, other}, "once it has caught up it does again")
    lab.exec(*root(lab, late, "STOP SLAVE SQL_THREAD"))
    c = p.wait(lambda c: c.instances[late].lag_ms == UNKNOWN and c, 20)
    tap.ok(is_lagged(c, late), "where replication was stopped the lag is unknown, and too much",
           lags(c))
    lab.exec(*root(lab, late, "START SLAVE SQL_THREAD"))
    p.wait(lambda c: c.instances[late].lag_ms == 0, 20)


def with_privilege(lab):
    lab.exec(*root(lab, lab.writer, "GRANT SLAVE MONITOR ON *.* TO 'pelorus'@'%'"))
    with Prober(lab, section(lab)) as p:
        p.wait_settled(3)
        lag(lab, p, *sorted(i["id"] for i in lab.status()["instances"] if i["id"] != lab.writer))
        lab.failover("crash")
        c = p.wait_known(lab.writer, 30)
        tap.ok(c.instances[c.writer].lag_ms == UNKNOWN,
               "a promoted reader is the writer, and has none")


def found(lab):
    """The endpoint alone is configured, and the writer tells its replicas."""
    old = lab.writer
    for instance in lab.status()["instances"]:
        lab.exec(*root(lab, instance["id"], "SET sql_log_bin = 0; GRANT REPLICATION MASTER ADMIN "
                       "ON *.* TO 'pelorus'@'%'"))
    config = cluster_section(lab, dialect="read_only",
                             allowed_hosts="*." + lab.host(old).partition(".")[2])
    with Prober(lab, config) as p:
        c = p.wait_settled(3)
        tap.ok(sum(i.role == "reader" for i in c.instances.values()) == 2,
               "members that nobody names are found", list(c.instances))
        lab.failover("crash")
        new = lab.writer
        p.wait_known(new, 30)
        tap.ok(True, "one of them that is promoted is the writer")
        p.wait(lambda c: old in c.instances and c.instances[old].role == "reader", 60)
        tap.ok(True, "the old one is found when it replicates again")


with Lab(instances=3, server=["report-host={host}"]) as lab_:
    without_privilege(lab_)
    with_privilege(lab_)
    found(lab_)
tap.done()
