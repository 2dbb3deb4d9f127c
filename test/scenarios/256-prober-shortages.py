#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A daemon without descriptors rests until it has some; a worker's death is told by the next."""
import os
import signal
import socket
import stat
import time

from lib import tap
from lib.prober import Prober
from lib.tap import as_root
from lib.waiting import wait_for

LIMIT, CALLERS = 64, 80


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")")[1].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def out_of_descriptors():
    with Prober(config="", prefix=["prlimit", f"--nofile={LIMIT}:{LIMIT}"]) as p:
        p.start()
        pid, callers = p.status()["pid"], []
        for _ in range(CALLERS):
            callers.append(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            callers[-1].connect(os.path.join(p.directory, "control"))
        time.sleep(1)
        before = cpu_s(pid)
        time.sleep(3)
        spent = cpu_s(pid) - before
        tap.ok(spent < 0.5, "without descriptors it rests", f"{spent} s of processor in 3 s")
        for caller in callers:
            caller.close()
        tap.ok(wait_for(lambda: p.is_up()), "and answers again when there are some")


def death_is_told():
    with Prober() as p:
        told, script = os.path.join(p.folder, "told"), os.path.join(p.folder, "note")
        with open(script, "w") as out:
            out.write(f"#!/bin/sh\ncat >>{told}\n")
        os.chmod(script, stat.S_IRWXU)
        p.configure(f"[pelorus]\nnotify-command = {script}\n")
        p.start()
        p.note_pids()
        os.kill(p.status()["pid"], signal.SIGKILL)

        def look():
            with open(told) as f:
                return "worker-died" in f.read()
        tap.ok(wait_for(lambda: os.path.exists(told) and look(), 20), "a worker's death is told")
        p.note_pids()


out_of_descriptors()
if as_root("a worker's death is told"):
    death_is_told()
tap.done()
