#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A sixteenth instance joins a cluster that three hosts follow: it is warmed once, whichever host
does it, and all of them show it."""
import contextlib
import os

from lib import tap
from lib.lab import Lab
from lib.prober import Prober, cluster_section
from lib.programs.readers import Admissions

HOSTS, INSTANCES = 3, 15
STATEMENTS, ROWS = 300, 60000  # some seconds of work also at rest: else nobody sees it going on
NEW = f"demo-{INSTANCES + 1}"


def logged(prober, text):
    return [line for line in prober.log().splitlines() if "code=warmed" in line and text in line]


def check_progress(watch, works):
    warming = [(done, total) for (word, done, total), _, _ in watch.seen if word == "warming"]
    midst = [done for done, total in warming if total == STATEMENTS and 0 < done < STATEMENTS]
    if works:
        tap.ok(midst and midst == sorted(midst) and not watch.elsewhere,
               "who works shows how far it is", warming)
    else:
        tap.ok(watch.elsewhere and not any(total for _, total in warming),
               "who waits shows that another prober warms it", warming)
    words = watch.words()
    tap.ok(words[0] == "new" and "warming" in words and words[-1] == "admitted" and
           words.count("admitted") == 1, "from new over warming to admitted", words)


def main():
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(Lab(instances=INSTANCES, server=["userstat=1"]))
        lab.sql("writer", "CREATE TABLE warm (n INT PRIMARY KEY); INSERT INTO warm"
                f" SELECT seq FROM seq_1_to_{ROWS}")
        path = os.path.join(os.path.dirname(lab.state), "reads.sql")
        with open(path, "w") as out:
            out.write("USE app;\n" + "SELECT COUNT(*), SUM(n % 7) FROM warm;\n" * STATEMENTS)
        config = cluster_section(lab, user="app", password="app", admit_stable="1s",
                                 warm_up=f"file:{path}", warm_up_limit=STATEMENTS,
                                 warm_up_parallel=1)
        hosts = [stack.enter_context(Prober(lab, config)) for _ in range(HOSTS)]
        for host in hosts:
            host.wait_settled(INSTANCES, 60)
        watches = [Admissions(host, NEW) for host in hosts]
        lab.run("add", NEW)
        for host in hosts:
            host.wait(lambda c: NEW in c.instances and c.instances[NEW].admission == "admitted", 60)
        for watch in watches:
            watch.end()
        worked = [host for host in hosts if logged(host, f"with {STATEMENTS} statements")]
        waited = [host for host in hosts if logged(host, "by another prober")]
        tap.ok(len(worked) == 1 and len(waited) == HOSTS - 1, "one of three hosts has warmed it",
               [line for host in hosts for line in logged(host, "")])
        reads = lab.sql(NEW, "SELECT ROWS_READ FROM information_schema.TABLE_STATISTICS"
                        " WHERE TABLE_SCHEMA = 'app' AND TABLE_NAME = 'warm'")
        tap.ok(reads == [(str(ROWS * STATEMENTS),)], "each statement ran once", reads)
        for host, watch in zip(hosts, watches):
            check_progress(watch, host in worked)
    tap.done()


main()
