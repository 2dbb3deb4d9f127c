#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What servers of the lab do not do: give no named lock, as a reader of Aurora, and keep MySQL 8's
samples of statements.  Servers that speak the protocol stand in for them.

Two probers share the warm-up all the same, by locks on the writer: one shows how far it is, the
other that another prober warms it.
"""
import os
import tempfile

from lib import tap
from lib.prober import Prober, cluster_section
from lib.servers import fakes

COUNT = 40


def join(cluster, number, **fields):
    """Another reader, that gives no locks."""
    id, address = f"demo-{number}", f"127.0.1.{number}"
    server = fakes.Server(address, id)
    server.table, server.locks = cluster.rows, None
    for name, value in fields.items():
        setattr(server, name, value)
    cluster.dns.addresses[f"{id}.{cluster.domain}"] = [address]
    cluster.servers[id] = server
    return server


def run_on(server):
    return [q for q in server.questions if "FROM item" in q]


def seen(prober, id):
    c = prober.cluster()
    i = c and c.instances.get(id)
    return i and (i.admission, i.warm_done, i.warm_total, i.elsewhere)


def told(prober, text):
    return any(text in line for line in prober.log().splitlines() if "code=warmed" in line)


def check_shared(cluster, folder):
    path = os.path.join(folder, "reads.sql")
    with open(path, "w") as out:
        out.write("".join(f"SELECT {n} FROM item;\n" for n in range(COUNT)))
    config = cluster_section(cluster, admit_stable="300ms", warm_up=f"file:{path}",
                             warm_up_parallel=1)
    with Prober(cluster, config) as one, Prober(cluster, config) as two:
        for prober in (one, two):
            prober.wait_settled(3)
        reader = join(cluster, 4, slow_s=0.05)
        numbers, tables = {prober: [] for prober in (one, two)}, []

        def over(_):
            for prober, list_ in numbers.items():
                now = seen(prober, "demo-4")
                if now and now[0] == "warming" and (now[2] or now[3]) and now not in list_:
                    list_.append(now)
                    if now[3]:
                        tables.append(prober.pelorus("topology").stdout)
            return all((seen(p, "demo-4") or [""])[0] == "admitted" for p in numbers)
        one.wait(over, 60)
        asked = run_on(reader)
        tap.ok(sorted(asked) == sorted(set(asked)) and len(asked) == COUNT,
               "a reader that gives no lock is warmed, each statement once", len(asked))
        tap.ok(sorted(told(p, "by another") for p in numbers) == [False, True],
               "by one prober: the other has waited for it", one.log()[-900:] + two.log()[-900:])
        for prober, list_ in numbers.items():
            done = [d for _, d, _, _ in list_]
            if told(prober, "by another"):
                tap.ok(list_ == [("warming", 0, 0, True)],
                       "who waits shows that another prober warms it", list_)
            else:
                tap.ok(done == sorted(done) and any(0 < d < COUNT for d in done) and
                       all(t == COUNT and not other for _, _, t, other in list_),
                       "who works shows how far it is", list_)
        tap.ok(any("warming (by another prober)" in t for t in tables), "topology says so", tables)
        names = list(cluster.servers["demo-1"].locks)
        tap.ok(any(n.endswith(".done") for n in names),
               "the writer keeps the locks", names)


def check_lost_writer(cluster, folder):
    """The writer that keeps the lock goes: the warm-up begins anew with the next one."""
    path = os.path.join(folder, "reads.sql")
    config = cluster_section(cluster, admit_stable="300ms", warm_up=f"file:{path}")
    with Prober(cluster, config) as prober:
        prober.wait_settled(4)
        reader = join(cluster, 5, slow_s=0.2)
        prober.wait(lambda c: len(run_on(reader)) >= 4, 30)
        cluster.servers["demo-2"].read_only, cluster.servers["demo-1"].read_only = False, True
        cluster.servers["demo-1"].drop()
        prober.wait_known("demo-2", 30)
        tap.ok(prober.wait(lambda c: c.instances["demo-5"].admission == "admitted", 60),
               "a failover that takes the lock away delays it")
        tap.ok(prober.log().count("code=warm-up-started") == 2 and
               len(set(run_on(reader))) == COUNT and told(prober, f"with {COUNT} statements"),
               "the warm-up begins anew, and is ended", prober.log()[-1500:])


# samples: rows of events_statements_summary_by_digest as MySQL 8 gives them; what is run of them
SAMPLES = [
    ("reads, the one that took longest first", [("app", "SELECT 1 FROM item"),
                                                ("app", "SELECT 2 FROM item")],
     ["SELECT 1 FROM item", "SELECT 2 FROM item"]),
    ("a text that was cut is none",
     [("app", "SELECT 3 FROM item WHERE n IN (" + "1," * 495 + "..."),
      ("app", "SELECT 4 FROM item")], ["SELECT 4 FROM item"]),
    ("what locks or calls is none",
     [("app", "SELECT 5 FROM item FOR UPDATE"), ("app", "SELECT SLEEP(9) FROM item"),
      ("app", "SELECT 6 FROM item")], ["SELECT 6 FROM item"]),
    ("a sample that is missing is none", [("app", None), ("app", "SELECT 7 FROM item")],
     ["SELECT 7 FROM item"]),
]


def check_samples(cluster):
    config = cluster_section(cluster, warm_up="digest", warm_up_parallel=1)
    cluster.servers["demo-3"].locks = None
    with Prober(cluster, config) as prober:
        prober.wait_settled(3)
        for text, rows, wanted in SAMPLES:
            cluster.servers["demo-2"].samples = rows
            before = len(run_on(cluster.servers["demo-3"]))
            done = prober.pelorus("warm", "demo-3", limit=60)
            asked = run_on(cluster.servers["demo-3"])[before:]
            tap.ok(done.returncode == 0 and asked == wanted, f"MySQL 8's samples: {text}", asked)
        tap.ok("warm-up-no-samples" not in prober.log(), "and no history is asked for",
               prober.log()[-500:])


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        cluster = fakes.Cluster(fakes.Dns(), 3)
        for id in ("demo-2", "demo-3"):
            cluster.servers[id].locks = None
        check_samples(cluster)
        check_shared(cluster, folder)
        cluster.servers["demo-2"].locks = {}
        check_lost_writer(cluster, folder)
        cluster.close()
    tap.done()


fakes.enter()
main()
