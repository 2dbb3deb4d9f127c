# SPDX-License-Identifier: Apache-2.0
"""One INSERT each second, or half second, from a shell loop, a new client process for each.

The experiment by which cluster endpoints and proxies have been compared in public, repeated with
the mariadb client, plain and under Pelorus side by side in the same failovers (crash; DNS moves 5 s
late).  The rows themselves tell: the time between the last row before the failover and the first
one behind it, and the seconds of the clock between them in which no row was written at all.
"""
import statistics
import subprocess
import time

from lib.lab import Lab
from lib.programs.apps import Apps

LOOP = """while read -r -t "$3" line; [ $? -gt 128 ]; do
	timeout 20 mariadb -h "$1" -uapp -papp app -e "INSERT INTO shells (who) VALUES ('$2')"
done"""
TABLE = """CREATE TABLE shells (id BIGINT AUTO_INCREMENT PRIMARY KEY, who VARCHAR(20),
at DATETIME(6) DEFAULT NOW(6), server VARCHAR(64) DEFAULT (@@aurora_server_id))"""
# name: (seconds between two rows, whether without Pelorus)
LOOPS = {f"{who}, {pause} s": (pause, who == "plain")
         for pause in ("0.5", "1") for who in ("plain", "Pelorus")}
LIMIT_S = 30


def rows(lab, writer, who, since):
    return [(float(at), server) for at, server in lab.sql(
        writer, "SELECT UNIX_TIMESTAMP(at), server FROM shells "
                f"WHERE who = '{who}' AND id > {since} ORDER BY id")]


def gap(lab, who, since, events):
    """(seconds, whole seconds of the clock) without a row around the failover; None if there is no
    row behind it yet."""
    new = events["writable"]["id"]
    told = rows(lab, new, who, since)
    behind = [at for at, server in told if server == new]
    before = [at for at, server in told if server != new]
    if not behind or not before:
        return None
    return behind[0] - before[-1], max(int(behind[0]) - int(before[-1]) - 1, 0)


def one_round(lab, mode):
    since = lab.sql("writer", "SELECT COALESCE(MAX(id), 0) FROM shells")[0][0]
    end = time.monotonic() + LIMIT_S
    while any(len(rows(lab, "writer", who, since)) < 2 for who in LOOPS):
        if time.monotonic() > end:
            raise RuntimeError("a shell loop does not write")
        time.sleep(0.2)
    events = lab.failover(mode)
    end, found = time.monotonic() + LIMIT_S, {}
    while len(found) < len(LOOPS) and time.monotonic() < end:
        found = {who: g for who in LOOPS if (g := gap(lab, who, since, events)) is not None}
        time.sleep(0.2)
    lab.wait_event("back", events["failure"]["boot_ns"], id=events["failure"]["id"])
    servers = (events["writable"]["boot_ns"] - events["failure"]["boot_ns"]) / 1e9
    return servers, {who: found.get(who, (LIMIT_S, LIMIT_S)) for who in LOOPS}


def trials(rounds):
    """(seconds that the servers had no writer, {loop: gap}) of each failover."""
    with Lab(instances=3, dns_lag="5s") as lab, Apps(lab) as apps:
        lab.sql("writer", TABLE)
        loops = [lab.popen("bash", "-c", LOOP, "loop", lab.writer_name, who, pause,
                           env=apps.env(plain=plain), stdin=subprocess.PIPE,
                           stderr=subprocess.DEVNULL) for who, (pause, plain) in LOOPS.items()]
        try:
            return [one_round(lab, "crash") for _ in range(rounds)]
        finally:
            for loop in loops:
                loop.stdin.close()
                loop.wait(30)


def measure(figures, folder, quick):
    told = trials(1 if quick else 5)
    medians = {who: [statistics.median(found[who][i] for _, found in told) for i in (0, 1)]
               for who in LOOPS}
    servers = statistics.median(s for s, _ in told)
    for who, (seconds, missing) in medians.items():
        figures.add(f"{who} between rows: without a row, median of {len(told)}", seconds, "s")
        figures.add(f"{who} between rows: missing seconds, median of {len(told)}", missing, "")
    figures.add("(the servers had no writer)", servers, "s")
    figures.note(
        "One INSERT from a shell loop with a new `mariadb` process each time, crash, DNS 5 s late "
        f"({len(told)} failovers, medians): each half second, {medians['plain, 0.5 s'][0]:.1f} s "
        f"without a row plain, {medians['Pelorus, 0.5 s'][0]:.1f} s under Pelorus; each second, "
        f"{medians['plain, 1 s'][1]:.0f} and {medians['Pelorus, 1 s'][1]:.0f} seconds missing; the "
        f"servers themselves had no writer for {servers:.1f} s.")
