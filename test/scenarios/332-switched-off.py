#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""`pelorus disable` and `enable`: a word in the map, which programs that run obey at once.

DNS leads to another server than the topology, so that each connect tells which of the two led it.
"""
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time

from lib import tap, worlds
from lib.paths import LIBRARY
from lib.prober import Prober, cluster_section
from lib.programs.dialers import Crowd, Listeners
from lib.servers import fakes
from lib.waiting import wait_for

PROCESSES, PORT, LATE_NS = 200, 3307, 50 * 10**6
LED, BY_DNS = "127.0.1.1", "127.0.1.2"
DIAL = """
import errno, select, socket, sys
with socket.socket() as sock:
    sock.setblocking(sys.argv[3] == "blocks")
    sock.connect_ex((sys.argv[1], int(sys.argv[2])))
    select.select([], [sock], [], 30)
    # As programs ask: while it is led elsewhere it seems to be writable, and is not connected yet.
    while sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.EINPROGRESS:
        select.select([], [sock], [], 30)
    print(sock.getpeername()[0])
"""


def said(p, *words):
    done = p.pelorus(*words)
    return done.returncode, done.stdout + done.stderr


def told(p, word):
    return next((line for line in p.pelorus("status").stdout.splitlines() if word in line), "")


def check_all_go(p, crowd, where, text, count=2 * PROCESSES):
    """From 50 ms behind the command's end on."""
    since = time.monotonic_ns() + LATE_NS
    crowd.wait_for(since, count)
    peers = crowd.since(since)
    failed = [why for begun, why in crowd.failed if begun >= since]
    if not tap.ok(set(peers) == {where} and not failed, text,
                  (len(peers), {x: peers.count(x) for x in set(peers)}, failed[:3])):
        tap.note(said(p, "resolve", p.lab.writer_name)[1])
    tap.note(f"{len(peers)} connects of {PROCESSES} processes")


def check_switch(p, crowd):
    check_all_go(p, crowd, LED, "connects are led past DNS, to the writer")
    code, text = said(p, "disable")
    check_all_go(p, crowd, BY_DNS, "disable: 50 ms later each goes where DNS leads")
    tap.ok(code == 0 and not text and not crowd.ended, "no connection has ended", crowd.ended)
    tap.ok("DISABLED: ALL NAMES" in told(p, "DISABLED"), "status says so in capitals",
           p.pelorus("status").stdout)
    code, text = said(p, "resolve", p.lab.writer_name)
    tap.ok(code == 4 and "(disabled)" in text, "so does resolve", text)
    tap.ok(p.events("disabled"), "and an event")
    series = f'pelorus_cluster_mode{{cluster="{p.lab.writer_name}",mode="off"}} 1\n'
    tap.ok(series in p.pelorus("metrics").stdout, "and a metric")
    code, text = said(p, "enable", p.lab.writer_name)
    tap.ok(code == 1 and "enable them first" in text, "one name alone cannot be enabled then", text)


def check_restart(p, crowd):
    p.signal(signal.SIGKILL)
    p.process.wait()
    check_all_go(p, crowd, BY_DNS, "nothing changes where the daemon dies", PROCESSES)
    p.begin()
    p.wait_known("demo-1")
    check_all_go(p, crowd, BY_DNS, "nor where the next one is there", PROCESSES)
    p.ask("reload")
    tap.ok("DISABLED" in told(p, "DISABLED"), "which knows it, as behind a reload")
    code, _ = said(p, "enable")
    check_all_go(p, crowd, LED, "enable: 50 ms later each is led again")
    tap.ok(code == 0 and not crowd.ended and not told(p, "DISABLED"),
           "and still no connection has ended", (crowd.ended, told(p, "DISABLED")))
    tap.ok(not os.path.exists(os.path.join(p.directory, "switched-off")), "nothing is left of it")


def check_name(p, crowd):
    code, text = said(p, "disable", "nobody.example.com")
    tap.ok(code == 0 and "nobody follows nobody.example.com" in text,
           "a name that nobody follows is taken, and that is said", text)
    check_all_go(p, crowd, LED, "it concerns nobody else", PROCESSES)
    said(p, "disable", p.lab.reader_name.upper())
    check_all_go(p, crowd, BY_DNS, "by one name a cluster is switched off", PROCESSES)
    tap.ok("DISABLED " in told(p, "cluster  "), "status tells it of the cluster",
           told(p, "cluster  "))
    code, _ = said(p, "enable", p.lab.writer_name)
    check_all_go(p, crowd, LED, "and by another one on again", PROCESSES)
    said(p, "enable")
    for words in (("disable", "a", "b"), ("enable", "--all")):
        tap.ok(said(p, *words)[0] == 2, f"{' '.join(words)} is a mistake")


def lose_worker(p):
    worker = p.worker()
    os.kill(worker, signal.SIGKILL)
    p.view.wait(lambda view: view.pid not in (0, worker))
    wait_for(p.is_up)
    p.wait_known("demo-1")


def has_ended(p):
    """Its worker, too, which holds the lock for a moment longer."""
    with open(os.path.join(p.directory, "lock")) as lock, contextlib.suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def start_anew(p, meanwhile):
    p.signal(signal.SIGKILL)
    p.process.wait()
    wait_for(lambda: has_ended(p))
    meanwhile()
    p.begin()
    wait_for(p.is_up)
    p.wait_known("demo-1")


def check_unwritable(p, crowd):
    """As in a folder that is full, or was mounted read-only."""
    before, behind = (os.path.join(p.directory, f"switched-off{x}") for x in (".new", ""))
    os.mkdir(before)
    code, text = said(p, "disable")
    check_all_go(p, crowd, BY_DNS, "disable holds where it cannot be written down", PROCESSES)
    tap.ok(code == 0 and "may not know: File exists" in text, "which is said", (code, text))
    lose_worker(p)
    check_all_go(p, crowd, BY_DNS, "a worker that was lost is no reason to lead again", PROCESSES)
    said(p, "enable")
    said(p, "disable", p.lab.writer_name)
    lose_worker(p)
    check_all_go(p, crowd, BY_DNS, "nor is it where a name was disabled", PROCESSES)
    said(p, "enable")
    for i in range(64):
        said(p, "disable", f"nobody-{i}.example.com")
    code, text = said(p, "disable", "nobody.example.com")
    tap.ok(code == 1 and "64 names are disabled already" in text, "65 names are too many", text)
    said(p, "enable")
    os.rmdir(before)
    start_anew(p, lambda: os.mkdir(behind))
    tap.ok("DISABLED: ALL" in told(p, "DISABLED"), "what cannot be read may say that all are",
           p.pelorus("status").stdout)
    os.rmdir(behind)
    wait_for(lambda: not told(p, "DISABLED"))
    check_all_go(p, crowd, LED, "until it can be read", PROCESSES)
    start_anew(p, lambda: os.mkdir(behind))
    said(p, "enable")
    check_all_go(p, crowd, LED, "or enable says otherwise", PROCESSES)
    os.rmdir(behind)
    said(p, "disable")
    start_anew(p, lambda: os.unlink(behind))
    check_all_go(p, crowd, LED, "so does who removes the file before the daemon begins", PROCESSES)


def check_configured(p, crowd):
    p.configure(cluster_section(p.lab, mode="off"))
    tap.ok(p.ask("reload") == "ok\n", "a reload takes mode = off")
    check_all_go(p, crowd, BY_DNS, "mode = off is the same in the configuration", PROCESSES)
    _, text = said(p, "enable", p.lab.writer_name)
    check_all_go(p, crowd, BY_DNS, "which enable does not change", PROCESSES)
    tap.ok("the configuration says otherwise: mode=off" in text, "and says", text)
    p.configure(cluster_section(p.lab))
    p.ask("reload")
    check_all_go(p, crowd, LED, "a reload does", PROCESSES)


def check_waiting(p, env):
    """Between two writers: who waits, blocking or not, goes on where DNS leads."""
    p.lab.servers["demo-1"].read_only = True
    p.ask("refresh")
    p.wait(lambda c: c.state == "writerless")
    dials = [subprocess.Popen([sys.executable, "-c", DIAL, p.lab.writer_name, str(PORT), how],
                              env={**env, "LD_PRELOAD": LIBRARY}, stdout=subprocess.PIPE,
                              text=True) for how in ("blocks", "not")]
    wait_for(lambda: p.status()["clusters"][0]["held"]["now"] == len(dials))
    begin = time.monotonic()
    said(p, "disable")
    found = [d.communicate(timeout=30)[0].strip() for d in dials]
    tap.note(f"they were there {time.monotonic() - begin:.2f} s later")
    tap.ok(found == [BY_DNS] * len(dials), "who waits for a writer goes where DNS leads", found)
    said(p, "enable")


def main():
    fakes.enter()
    dns = worlds.Dns()
    cluster = fakes.Cluster(dns, 3, 1, "off")
    dns.aliases[cluster.writer_name] = f"demo-2.{cluster.domain}"
    with Prober(cluster, cluster_section(cluster)) as p, \
         Listeners(PORT, "127.0.1.1", "127.0.1.2", "127.0.1.3"):
        p.wait(lambda c: c.state == "known" and all(i.routable for i in c.instances.values()))
        env = {**p.environment, "PELORUS_PROBER": "off"}
        with Crowd(cluster.writer_name, PORT, PROCESSES, env) as crowd:
            tap.ok(set(crowd.kept.values()) == {LED}, "all are connected to the writer",
                   set(crowd.kept.values()))
            check_switch(p, crowd)
            check_restart(p, crowd)
            check_name(p, crowd)
            check_unwritable(p, crowd)
            check_configured(p, crowd)
        check_waiting(p, env)
    cluster.close()
    tap.done()


main()
