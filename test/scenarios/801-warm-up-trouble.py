#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Warm-ups that come to nothing, by hand, and failovers in the midst of one."""
import contextlib
import glob
import json
import os

from lib import tap
from lib.lab import Lab
from lib.prober import Prober, cluster_section

ROWS = 20000


def pelorus(prober, *words):
    """Status and output of the command, at that prober."""
    done = prober.pelorus(*words, limit=60)
    return done.returncode, done.stdout + done.stderr


def logged(prober, code, id):
    return [line for line in prober.log().splitlines()
            if f"code={code}" in line and f"instance={id}" in line]


def admission(prober, id, word, seconds=30):
    return prober.wait(lambda c: id in c.instances and c.instances[id].admission == word and
                       c.instances[id], seconds)


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as out:
        out.write(text)
    return path


def check_failures(lab, folder):
    """Three probers that cannot warm, each in its own way."""
    keys = {"user": "app", "password": "app", "admit_stable": "500ms", "warm_up_timeout": "3s"}
    writes = write(folder, "writes.sql", "DELETE FROM warm;\nUPDATE warm SET t = 'y';\n")
    empty = write(folder, "empty.sql", "-- nothing yet\n")
    with contextlib.ExitStack() as stack:
        missing, none, refused = (
            stack.enter_context(Prober(lab, cluster_section(lab, warm_up=f"file:{path}", **more,
                                                            **keys)))
            for path, more in ((folder + "/missing.sql", {}),
                               (empty, {"warm_up_on_failure": "hold"}),
                               (writes, {"warm_up_on_failure": "hold"})))
        for prober in (missing, none, refused):
            prober.wait_settled(2)
        lab.run("add", "demo-3")
        admission(missing, "demo-3", "admitted")
        told = logged(missing, "warm-up-failed", "demo-3")
        tap.ok(len(told) == 1 and "No such file" in told[0], "a missing file is said once", told)
        tap.ok(logged(missing, "warm-up-timed-out", "demo-3"), "and given up when its time is over")
        admission(none, "demo-3", "held")
        admission(refused, "demo-3", "held")
        tap.ok("no statements" in str(logged(none, "warm-up-failed", "demo-3")),
               "an empty one, too",
               none.log()[-500:])
        tap.ok("none of its 2 statements" in str(logged(refused, "warm-up-failed", "demo-3")),
               "and one of writes alone; both hold the reader", refused.log()[-500:])
        tap.ok(lab.sql("writer", "SELECT COUNT(*) FROM warm WHERE t = 'x'") == [(str(ROWS),)],
               "no write was run")
        code, text = pelorus(none, "topology")
        tap.ok("held (not warmed)" in text, "topology shows that it is held", text)
        code, text = pelorus(none, "admit", "demo-3")
        tap.ok(code == 0 and admission(none, "demo-3", "admitted"), "until it is admitted by hand",
               text)
        code, text = pelorus(none, "hold", "demo-3")
        tap.ok(code == 0 and admission(none, "demo-3", "held"), "and held by hand again", text)
        check_by_hand(refused, folder, writes)


def check_by_hand(prober, folder, writes):
    reads = write(folder, "reads.sql",
                  "SELECT COUNT(*) FROM app.warm\nSELECT * FROM app.warm\nSELECT 1 FROM app.gone\n")
    code, text = pelorus(prober, "warm", "demo-3", "--from", reads)
    tap.ok(code == 0 and "warmed with 3 statements, 1 failed" in text,
           "a warm-up by hand tells how it went", text)
    tap.ok(admission(prober, "demo-3", "admitted"),
           "and admits a reader that was held for want of it")
    code, text = pelorus(prober, "warm", "demo-2", "--from", reads)
    tap.ok(code == 0 and "warmed with 3" in text, "one that is admitted can be warmed as well",
           text)
    code, text = pelorus(prober, "warm", "demo-3", "--from", writes)
    tap.ok(code == 1 and "plain read" in text, "writes are refused by hand, too", text)
    code, text = pelorus(prober, "warm", "demo-9")
    tap.ok(code == 4, "an instance that is not there: 4", text)
    code, text = pelorus(prober, "warm", "demo-3", "--from", folder + "/missing.sql")
    tap.ok(code == 2, "a file that is not there: 2", text)


def check_late(lab, folder):
    """A statement without end does not hold up the others."""
    slow = write(folder, "slow.sql", "USE app;SELECT COUNT(*) FROM warm;"
                 "SELECT COUNT(*) FROM warm a, warm b, warm c WHERE a.n + b.n + c.n < 0;"
                 "SELECT COUNT(*) FROM warm;")
    config = cluster_section(lab, user="app", password="app", warm_up_statement_time="300ms",
                             warm_up_parallel=1)
    with Prober(lab, config) as prober:
        prober.wait_settled(3)
        code, text = pelorus(prober, "warm", "demo-3", "--from", slow)
        tap.ok(code == 0 and "3 statements, 1 failed" in text, "a late statement is given up", text)


def totals(prober):
    """What the prober counts of its cluster's warm-ups."""
    code, text = pelorus(prober, "status", "--json")
    return json.loads(text)["clusters"][0]["warm_up"] if code == 0 else {}


def check_death(lab, prober):
    """The instance dies while it is being warmed, and comes back."""
    before = totals(prober)["failures"]
    lab.run("kill", "demo-4")
    failed = prober.wait(lambda c: c.instances["demo-4"].health == "unreachable" and
                         logged(prober, "warm-up-failed", "demo-4"), 30)
    code, text = pelorus(prober, "topology")
    tap.ok(prober.cluster().instances["demo-4"].admission == "new" and "/10000" not in text,
           "an instance that dies while it is being warmed is new again", text)
    lab.run("start", "demo-4")
    prober.wait(lambda c: c.instances["demo-4"].admission == "warming" and
                c.instances["demo-4"].warm_done > 0, 30)
    tap.ok(len(failed) == 1 and len(logged(prober, "warm-up-failed", "demo-4")) == 1 and
           totals(prober)["failures"] > before, "that is counted, and said once", failed)
    tap.ok(not logged(prober, "instance-admitted", "demo-4"), "when it is back it is warmed anew")


def busy(lab, id):
    """Connections that use the application's database, asked where no name is needed."""
    sock = glob.glob(f"{lab.state}/servers/{id}.*/sock")[0]
    return int(lab.exec("mariadb", "-uroot", "-S", sock, "-BNe", "SELECT COUNT(*) FROM"
                        " information_schema.PROCESSLIST WHERE db = 'app'").stdout)


def check_timeout(lab, folder):
    """Time is over in the midst of a warm-up."""
    config = cluster_section(lab, user="app", password="app", admit_stable="300ms",
                             warm_up=f"file:{folder}/long.sql", warm_up_limit=10000,
                             warm_up_parallel=1, warm_up_timeout="2s")
    with Prober(lab, config) as prober:
        prober.wait_known("demo-4")
        lab.run("add", "demo-6")
        admission(prober, "demo-6", "admitted")
        found = totals(prober)
        tap.ok("admitted cold" in str(logged(prober, "warm-up-timed-out", "demo-6")) and
               found["runs"] == 1 and found["time_outs"] == 1 and found["failures"] == 0,
               "a warm-up whose time is over is given up in its midst", found)
        tap.ok(prober.wait(lambda c: busy(lab, "demo-6") == 0, 10), "and its connections end")


def check_failovers(lab, folder):
    """The cluster changes while a reader is being warmed for a long time."""
    long = write(folder, "long.sql", "USE app;\n" + "SELECT COUNT(*) FROM warm;\n" * 10000)
    config = cluster_section(lab, user="app", password="app", admit_stable="300ms",
                             warm_up=f"file:{long}", warm_up_limit=10000, warm_up_parallel=1)
    with Prober(lab, config) as prober:
        prober.wait_settled(3)
        lab.run("add", "demo-4")
        prober.wait(lambda c: "demo-4" in c.instances and c.instances["demo-4"].warm_done > 0, 30)
        code, text = pelorus(prober, "topology")
        tap.ok("warming" in text and "/10000" in text, "topology shows how far it is", text)
        check_death(lab, prober)
        lab.exec("kill", "-9", str(prober.worker()))
        prober.wait(lambda c: prober.log().count("code=warm-up-started") == 3, 30)
        tap.ok(prober.cluster().instances["demo-4"].admission == "warming" and
               not any("is admitted" in line for line in
                       logged(prober, "instance-admitted", "demo-4")),
               "a worker that takes over goes on from there", prober.log()[-1500:])
        lab.run("failover", "--to", "demo-2")
        cluster = prober.wait_known("demo-2")
        tap.ok(cluster.instances["demo-4"].admission == "warming",
               "a failover elsewhere leaves it warming", cluster.instances["demo-4"].admission)
        lab.run("failover", "--mode", "graceful", "--to", "demo-4")
        cluster = prober.wait_known("demo-4")
        tap.ok(cluster.instances["demo-4"].admission == "admitted",
               "promoted while it is being warmed, it is the writer")
        ended = prober.wait(lambda c: logged(prober, "warm-up-ended", "demo-4") or
                            logged(prober, "warm-up-failed", "demo-4")[1:], 10)
        tap.ok(len(ended) == 1 and len(logged(prober, "warm-up-started", "demo-4")) == 3,
               "and its warm-up has ended", prober.log()[-1000:])
        lab.run("add", "demo-5")
        prober.wait(lambda c: "demo-5" in c.instances and c.instances["demo-5"].warm_done > 0, 30)
        worker = prober.worker()
        lab.run("remove", "demo-5")
        prober.wait(lambda c: "demo-5" not in c.instances or
                    c.instances["demo-5"].health == "unreachable" or
                    not c.instances["demo-5"].routable or
                    c.instances["demo-5"].admission == "new", 30)
        failed = prober.wait(lambda c: logged(prober, "warm-up-failed", "demo-5") or
                             "demo-5" not in c.instances, 20)
        cluster = prober.cluster()
        tap.ok("demo-5" not in cluster.instances or
               cluster.instances["demo-5"].admission != "admitted",
               "removed while it is being warmed, it is not admitted", failed)
        tap.ok(prober.worker() == worker and cluster.writer == "demo-4", "and all else goes on")


def main():
    with Lab(instances=2) as lab:
        folder = os.path.dirname(lab.state)
        lab.sql("writer", "CREATE TABLE warm (n INT PRIMARY KEY, t VARCHAR(200)); INSERT INTO warm"
                f" SELECT seq, 'x' FROM seq_1_to_{ROWS}")
        check_failures(lab, folder)
        check_late(lab, folder)
        check_failovers(lab, folder)
        check_timeout(lab, folder)
    tap.done()


main()
