#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What is told of programs that are led: by `pelorus ps`, beside ss; by PELORUS_TRACE; by `pelorus
resolve --as`; and what `pelorus drill close` does to them.
"""
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import time

from lib import tap, worlds
from lib.paths import LIBRARY
from lib.prober import Prober, cluster_section
from lib.programs.dialers import KEEPER, Child
from lib.servers import fakes
from lib.waiting import wait_for

PROCESSES, SOCKETS, POOL = 100, 5, 4
READY = """
import os, socket, sys, time
writer, reader, count, each = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for i in range(count):
    if os.fork() == 0:
        kept = [socket.create_connection((writer if k % 2 else reader, 3306), 30)
                for k in range(each)]
        os.write(1, b"x" + bytes([10]))
        time.sleep(1000)
time.sleep(1000)
"""
# Something was asked, and is not answered.
WAITS = """
import socket, sys, time
with socket.create_connection((sys.argv[1], 3306), 30) as sock:
    sock.recv(1000)
    time.sleep(0.2)
    sock.send(b"x")
    print("ready", flush=True)
    time.sleep(1000)
"""


def told(p, *words):
    done = p.pelorus("ps", "--json", *words)
    return json.loads(done.stdout) if done.returncode == 0 else []


def by_ss(instances):
    """pid -> {instance: established connections to it}"""
    found = collections.defaultdict(collections.Counter)
    out = subprocess.run(["ss", "-tnpH", "state", "established"], capture_output=True, text=True,
                         check=True).stdout
    for line in out.splitlines():
        peer = line.split()[3].rpartition(":")[0].strip("[]").removeprefix("::ffff:")
        for pid in re.findall(r"pid=(\d+)", line):
            if peer in instances:
                found[int(pid)][instances[peer]] += 1
    return found


def check_ps(p, env):
    instances = {f"127.0.1.{i}": f"demo-{i}" for i in (1, 2, 3)}
    with Child(READY, p.lab.writer_name, p.lab.reader_name, PROCESSES, SOCKETS,
               env={**env, "LD_PRELOAD": LIBRARY}) as crowd:
        for _ in range(PROCESSES):
            crowd.child.stdout.readline()
        wait_for(lambda: len(told(p)) == PROCESSES)
        begin = time.monotonic()
        rows = told(p)
        tap.note(f"ps took {time.monotonic() - begin:.2f} s")
        theirs = by_ss(instances)
        differ = [r for r in rows if r["instances"] != dict(theirs[r["pid"]])]
        tap.ok(len(rows) == PROCESSES and sum(r["open"] for r in rows) == PROCESSES * SOCKETS and
               not differ, f"ps and ss agree on {PROCESSES} processes with {SOCKETS} sockets each",
               (len(rows), sum(r["open"] for r in rows), differ[:2],
                [dict(theirs[r["pid"]]) for r in differ[:2]]))
        one = rows[0]
        tap.ok(one["mode"] == "active" and one["user"] == "root" and len(one["names"]) == 2 and
               one["version"] == "0.1.0" and one["command"].startswith("python3"),
               "it tells who that is", one)
        text = p.pelorus("ps", str(one["pid"])).stdout
        tap.ok(text.startswith(f"process   {one['pid']}, ") and "demo-1:2" in text,
               "ps PID tells of one alone", text)
        tap.ok(p.pelorus("ps", "1").returncode == 4 and p.pelorus("ps", "x").returncode == 2,
               "a process that follows no name, and what is no process")
        p.pelorus("disable")
        tap.ok({r["mode"] for r in told(p)} == {"off"}, "where names are switched off it says so")
        p.pelorus("enable")
        check_as(p, one["pid"])


def check_as(p, pid):
    done = p.pelorus("resolve", "--as", str(pid), p.lab.reader_name)
    tap.ok(done.returncode == 0 and f"process {pid}" in done.stdout and
           "(by-role)" in done.stdout, "resolve --as tells it of a process",
           done.stdout + done.stderr)
    with subprocess.Popen(["sleep", "100"], env={
            **p.environment, "LD_PRELOAD": LIBRARY, "PELORUS_MODE": "observe",
            "PELORUS_CLUSTER": f"reader:{p.lab.writer_name}"}) as child:
        wait_for(lambda: b"observe" in open(f"/proc/{child.pid}/environ", "rb").read())
        said = p.pelorus("resolve", "--as", str(child.pid), p.lab.writer_name)
        tap.ok(said.returncode == 4 and "(observed)" in said.stdout,
               "and whether that is observed", said.stdout + said.stderr)
        child.kill()
    with subprocess.Popen(["sleep", "100"], env=p.environment) as child:
        said = p.pelorus("resolve", "--as", str(child.pid), p.lab.writer_name)
        tap.ok(said.returncode == 4 and "without the library" in said.stdout,
               "one without the library goes where DNS leads", said.stdout + said.stderr)
        child.kill()
    tap.ok(p.pelorus("resolve", "--as", "999999", p.lab.writer_name).returncode == 1,
           "one that is not there fails")


def lines_of(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def drilled(p, *words):
    done = p.pelorus("drill", "close", *words)
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    return done, {int(r[0]): r[2:] for r in rows}


def check_pids(p, env):
    """Nothing is meant by what is no process's number, least of all everybody."""
    words = ("0", "-1", "x", "1x", "4294967296", "99999999999999999999")
    with Child(KEEPER, p.lab.writer_name, 1, env={**env, "LD_PRELOAD": LIBRARY}) as one:
        one.child.stdout.readline()
        drills = len(p.events("drill"))
        said = {w: p.pelorus("drill", "close", "--pid", w).returncode for w in words}
        tap.ok(set(said.values()) == {2}, "--pid takes the number of a process", said)
        said = {w: p.ask("drill", pid=w) for w in words}
        tap.ok(all(s.startswith("error ") for s in said.values()), "so does the daemon", said)
        said = {w: p.pelorus("ps", w).returncode for w in words}
        tap.ok(set(said.values()) == {2}, "and ps", said)
        tap.ok(len(p.events("drill")) == drills, "nobody's are ended by that")


def check_waiting(p, env):
    """Who has sent something and waits for the answer is not idle, however long that takes."""
    with Child(WAITS, p.lab.writer_name, env={**env, "LD_PRELOAD": LIBRARY}) as one:
        one.child.stdout.readline()
        time.sleep(1.2)
        done, rows = drilled(p, "--dry-run", "--pid", str(one.child.pid))
        tap.ok(rows.get(one.child.pid) == ["1", "0"], "who waits for an answer is not idle",
               done.stdout + done.stderr)
        done, rows = drilled(p, "--pid", str(one.child.pid))
        tap.ok(rows.get(one.child.pid, [])[:2] == ["1", "0"], "and is left alone", done.stdout)


def check_one_cluster(p, env, other):
    """Two clusters have instances of the same names."""
    names = (p.lab.reader_name, other.reader_name)
    with Child(KEEPER, names[0], 4, env={**env, "LD_PRELOAD": LIBRARY}) as one, \
         Child(KEEPER, names[1], 4, env={**env, "LD_PRELOAD": LIBRARY}) as two:
        for c in (one, two):
            c.child.stdout.readline()
        pids = [c.child.pid for c in (one, two)]
        wait_for(lambda: [drilled(p, "--dry-run")[1].get(pid) for pid in pids] == [["4", "4"]] * 2)
        done = p.pelorus("reader", "drain", "demo-2")
        tap.ok(done.returncode == 2 and "several clusters" in done.stderr,
               "which of two instances of a name is drained must be said", done.stderr)
        done = p.pelorus("reader", "drain", "--cluster", names[1], "demo-2")
        rows = [line.split() for line in done.stdout.splitlines()[1:]]
        tap.ok(done.returncode == 0 and [r[0] for r in rows] == [str(pids[1])] and
               rows[0][3:7] == ["2", "2", "0", "2"], "then that one alone is",
               done.stdout + done.stderr)
        left = {r["pid"]: r["instances"] for r in told(p)}
        tap.ok(left[pids[0]] == {"demo-2": 2, "demo-3": 2} and
               left[pids[1]] == {"demo-3": 4}, "and the other's stay", left)


def check_container(p, env):
    """What a number means there, is another process here."""
    with subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c",
                           KEEPER, p.lab.writer_name, "2"], stdout=subprocess.PIPE,
                          env={**env, "LD_PRELOAD": LIBRARY}) as child:
        child.stdout.readline()
        time.sleep(1.5)  # it has told of them
        rows = wait_for(lambda: [r for r in told(p) if r["pid"] == 1])
        tap.ok([r["open"] for r in rows] == [2],
               "of a process in a container what it tells by itself is told", rows)
        child.kill()


def check_drill(p, env, folder):
    trace = os.path.join(folder, "trace.json")
    words = (p.lab.writer_name, POOL)
    with Child(KEEPER, *words, env={**env, "LD_PRELOAD": LIBRARY, "PELORUS_TRACE": trace}) as one, \
         Child(KEEPER, *words, env={**env, "LD_PRELOAD": LIBRARY}) as two, \
         Child(KEEPER, *words, env={**env, "LD_PRELOAD": LIBRARY, "PELORUS_MODE": "observe"}) as no:
        pids = [c.child.pid for c in (one, two, no)]
        for c in (one, two, no):
            c.child.stdout.readline()
        wait_for(lambda: [r["open"] for r in told(p) if r["pid"] in pids] == [POOL] * 3)
        time.sleep(1.2)  # idle is who has been silent for a second
        done, rows = drilled(p, "--dry-run")
        tap.ok({pid: rows.get(pid) for pid in pids} == {pid: [str(POOL)] * 2 for pid in pids},
               "drill close --dry-run tells what is open and idle", done.stdout + done.stderr)
        done, rows = drilled(p, "--pid", str(pids[0]))
        tap.ok(rows.get(pids[0], [])[:3] == [str(POOL)] * 3 and len(rows) == 1 and
               done.returncode == 0, "--pid: that one's are ended, and come back",
               done.stdout + done.stderr)
        time.sleep(1.2)
        done, rows = drilled(p)
        tap.ok(rows[pids[0]][:3] == rows[pids[1]][:3] == [str(POOL)] * 3,
               "without it everybody's", done.stdout)
        tap.ok(rows[pids[2]][:3] == [str(POOL), "0", "0"], "but of who is observed", rows[pids[2]])
        counts = {r["pid"]: r["severed"] for r in wait_for(
            lambda: [r for r in told(p) if r["severed"] == 2 * POOL] and told(p))}
        tap.ok([counts[pid] for pid in pids] == [2 * POOL, POOL, 0], "once each", counts)
        check_why(p, pids)
        tap.ok(len(p.events("drill")) == 2, "an event tells of it")
        check_trace(p, lines_of(trace))
    tap.ok(p.pelorus("drill").returncode == p.pelorus("drill", "open").returncode == 2 and
           p.pelorus("drill", "close", "--pid", "1").returncode == 4, "mistakes are told")


def check_why(p, pids):
    total = 'pelorus_connections_severed_total{reason="drill"} %d\n' % (3 * POOL)
    why = {r["pid"]: r["severed_by"] for r in told(p)}
    tap.ok([why[pid] for pid in pids] == [{"drill": 2 * POOL}, {"drill": POOL}, {}],
           "ps tells why they were ended", why)
    metrics = wait_for(lambda: [m for m in [p.pelorus("metrics").stdout] if total in m])
    tap.ok(metrics and 'reason="untold"} 0\n' in metrics[0] and 'reason="gone"} 0\n' in metrics[0],
           "and the metrics tell it of all", metrics)


def check_trace(p, lines):
    # Of those that come back some may wait a moment: they are a crowd.
    kinds = collections.Counter((line["event"], line["why"]) for line in lines
                                if line["event"] not in ("hold", "release"))
    tap.ok(kinds == {("lookup", "by-role"): 3 * POOL, ("connect", "by-role"): 3 * POOL,
                     ("sever", "drill"): 2 * POOL},
           "the trace has a line for each lookup, connect and end, with its reason", kinds)
    connect = next(line for line in lines if line["event"] == "connect")
    tap.ok(connect["name"] == p.lab.writer_name and connect["to"] == "127.0.1.1" and
           connect["port"] == 3306 and connect["fd"] > 2 and
           abs(connect["time"] - time.time()) < 60, "and where it went", connect)


def check_trace_text(p, env, folder):
    trace = os.path.join(folder, "trace.log")
    program = f"import socket; socket.create_connection(('{p.lab.writer_name}', 3306), 20)"
    subprocess.run([sys.executable, "-c", program], check=True,
                   env={**env, "LD_PRELOAD": LIBRARY, "PELORUS_TRACE": trace})
    with open(trace) as lines:
        text = lines.read()
    tap.ok(re.fullmatch(r"time=\d+\.\d{6} pid=\d+ event=lookup name=\S+ to=127.0.1.1 "
                        r"why=by-role\ntime=\d+\.\d{6} pid=\d+ event=connect name=\S+ fd=\d+ "
                        r"to=127.0.1.1 port=3306 why=by-role( error=115)?\n", text),
           "as logfmt, too", text)
    tap.ok(os.stat(trace).st_mode & 0o777 == 0o600, "for its user alone")


def main():
    fakes.enter()
    dns = worlds.Dns()
    cluster = fakes.Cluster(dns, 3, 1, "told")
    other = fakes.Cluster(dns, 3, 2, "other")
    config = [cluster_section(c, reader_selector="round-robin") for c in (cluster, other)]
    with tempfile.TemporaryDirectory() as folder, \
         Prober(cluster, config[0] + config[1].replace("cluster lab", "cluster other")) as p:
        p.wait(lambda c: c.state == "known" and all(i.routable for i in c.instances.values()))
        env = {**p.environment, "PELORUS_PROBER": "off"}
        check_ps(p, env)
        check_drill(p, env, folder)
        check_pids(p, env)
        check_waiting(p, env)
        check_container(p, env)
        check_trace_text(p, env, folder)
        check_one_cluster(p, env, other)
    cluster.close()
    other.close()
    tap.done()


main()
