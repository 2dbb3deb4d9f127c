# SPDX-License-Identifier: Apache-2.0
"""One INSERT each half second from a shell loop, a new client process for each, and what is missing.

The experiment by which cluster endpoints and proxies have been compared in public, repeated with the
mariadb client, plain and under Pelorus side by side: the time between the last row before the
failover and the first one behind it, as the rows themselves tell.
"""
import statistics
import subprocess
import time

from apps import Apps
from lab import Lab

LOOP = """while read -r -t 0.5 line; [ $? -gt 128 ]; do
	timeout 20 mariadb -h "$1" -uapp -papp app -e "INSERT INTO shells (who) VALUES ('$2')"
done"""
TABLE = """CREATE TABLE shells (id BIGINT AUTO_INCREMENT PRIMARY KEY, who VARCHAR(10),
at DATETIME(6) DEFAULT NOW(6), server VARCHAR(64) DEFAULT (@@aurora_server_id))"""
KINDS = {"plain": True, "Pelorus": False}
LIMIT_S = 30


def rows(lab, writer, who, since):
    return [(int(i), float(at), server) for i, at, server in lab.sql(
        writer, "SELECT id, UNIX_TIMESTAMP(at), server FROM shells "
                f"WHERE who = '{who}' AND id > {since} ORDER BY id")]


def gap(lab, who, since, events):
    """Seconds between the rows around the failover; None if there are none behind it yet."""
    new = events["writable"]["id"]
    told = rows(lab, new, who, since)
    behind = [at for _, at, server in told if server == new]
    before = [at for _, at, server in told if server != new]
    return behind[0] - before[-1] if behind and before else None


def one_round(lab, mode):
    since = lab.sql("writer", "SELECT COALESCE(MAX(id), 0) FROM shells")[0][0]
    end = time.monotonic() + LIMIT_S
    while any(len(rows(lab, "writer", who, since)) < 2 for who in KINDS):
        if time.monotonic() > end:
            raise RuntimeError("a shell loop does not write")
        time.sleep(0.2)
    events = lab.failover(mode)
    end, found = time.monotonic() + LIMIT_S, {}
    while len(found) < len(KINDS) and time.monotonic() < end:
        found = {who: g for who in KINDS if (g := gap(lab, who, since, events)) is not None}
        time.sleep(0.2)
    lab.wait_event("back", events["failure"]["boot_ns"], id=events["failure"]["id"])
    servers = (events["writable"]["boot_ns"] - events["failure"]["boot_ns"]) / 1e9
    return servers, {who: found.get(who) for who in KINDS}


def measure(figures, quick):
    """{"servers": [...], "plain": [...], "Pelorus": [...]} of seconds, crash, DNS 5 s late."""
    told = {"servers": [], **{who: [] for who in KINDS}}
    with Lab(instances=3, dns_lag="5s") as lab, Apps(lab) as apps:
        lab.sql("writer", TABLE)
        loops = [lab.popen("bash", "-c", LOOP, "loop", lab.writer_name, who,
                           env=apps.env(plain=plain), stdin=subprocess.PIPE,
                           stderr=subprocess.DEVNULL) for who, plain in KINDS.items()]
        try:
            for _ in range(1 if quick else 5):
                servers, found = one_round(lab, "crash")
                told["servers"].append(servers)
                for who, value in found.items():
                    told[who].append(LIMIT_S if value is None else value)
        finally:
            for loop in loops:
                loop.stdin.close()
                loop.wait(30)
    for who in KINDS:
        figures.add(f"shell loop, missing time, {who}: median of {len(told[who])}",
                    statistics.median(told[who]), "s")
    return told
