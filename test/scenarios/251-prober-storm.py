#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hundreds of starters and clients at once: one prober, no error, and everybody is served."""
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from host_prober import LIMIT, Prober, alive, wait_for  # noqa: E402
from tap import done, note, ok  # noqa: E402

STARTERS = 500
CLIENTS = 500

# What a program does that needs a prober: whoever gets the start lock starts one, the others wait
# for the control socket.  Each then follows the same name.
STARTER = r"""
import fcntl, os, socket, subprocess, sys, time
directory, command = os.environ["PELORUS_RUNTIME_DIR"], sys.argv[1:]
def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(60)
    try:
        s.connect(directory + "/control")
        return s
    except OSError:
        return None
def follow():
    end = time.monotonic() + 60
    while time.monotonic() < end:
        s = connect()
        if s:
            s.send(b"follow\nname=localhost\nport=1")
            return s.recv(1000).startswith(b"ok")
        os.makedirs(directory, 0o700, exist_ok=True)
        lock = os.open(directory + "/start", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not connect():
                os.write(3, b"x")
                subprocess.run(command, check=True)
        except BlockingIOError:
            time.sleep(0.02)
        os.close(lock)
    return False
pids = []
for _ in range(int(os.environ["STARTERS"])):
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if follow() else 1)
        except BaseException:
            os._exit(2)
    pids.append(pid)
bad = [s for s in (os.waitpid(pid, 0)[1] for pid in pids) if s]
print(len(bad), set(bad))
"""


def starters():
    with Prober() as p:
        counted, execs = os.pipe()
        environment = dict(p.environment, STARTERS=str(STARTERS))
        begin = time.monotonic()
        run = subprocess.run(["sh", "-c", f'exec 3>&{execs}; exec "$@"', "sh", sys.executable, "-c",
                              STARTER, *p.command()], env=environment, pass_fds=(execs,),
                             capture_output=True, text=True, timeout=120)
        os.close(execs)
        with os.fdopen(counted, "rb") as pipe:
            n = len(pipe.read())
        note(f"{STARTERS} starters were served within {time.monotonic() - begin:.2f} s, "
             f"by {n} exec of pelorusd")
        ok(run.stdout.startswith("0 "), f"{STARTERS} processes at once: none sees an error",
           run.stdout + run.stderr)
        ok(1 <= n <= 3, "at most three of them execute pelorusd", str(n))
        pids = p.note_pids()
        ok(all(alive(pid) for pid in pids), "one prober is at work")


def executors():
    """Even if every one of them executes pelorusd, one stays and no one complains."""
    with Prober() as p:
        children = [subprocess.Popen(p.command(), env=p.environment, stderr=subprocess.PIPE)
                    for _ in range(100)]
        said = [child.communicate(timeout=LIMIT)[1] for child in children]
        ok(all(child.returncode == 0 for child in children) and not any(said),
           "100 execs at once all end well", str(set(said)))
        supervisor, worker = p.note_pids()
        with open(f"/proc/{supervisor}/task/{supervisor}/children") as kids:
            ok(kids.read().split() == [str(worker)], "and one prober with one worker stays")
        locks = [line for line in open("/proc/locks") if f":{os.stat(p.directory + '/lock').st_ino} "
                 in line]
        ok(len(locks) == 1, "which alone holds the lock", str(locks))


def clients():
    """Connections wait their turn when the table is full."""
    with Prober() as p:
        p.start()
        answers = []

        def ask():
            answers.append(p.ask("hint", name="nobody.follows.this"))

        threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
        silent = [p.connect() for _ in range(200)]
        begin = time.monotonic()
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        note(f"{CLIENTS} clients beside 200 silent ones took {time.monotonic() - begin:.2f} s")
        ok(len(answers) == CLIENTS and all(a.startswith("error unfollowed") for a in answers),
           f"{CLIENTS} clients at once all get their answer", str(set(answers)))
        for s in silent:
            s.close()
        wait_for(lambda: p.status()["control"]["connections"] == 1)
        ok(True, "and no connection is left over")


for part in (starters, executors, clients):
    part()
done()
