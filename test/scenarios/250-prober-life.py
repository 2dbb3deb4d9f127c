#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One prober per directory; it survives the death of each of its processes, and ends when told or
when nobody needs it."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from lib.paths import BUILD, PELORUSD
from lib.prober import Prober
from lib.tap import done, note, ok
from lib.waiting import LIMIT, alive, wait_for, within

NAME = "localhost"  # in /etc/hosts: no DNS server is asked


def one_prober():
    with Prober() as p:
        begin = time.monotonic()
        first = p.start()
        note(f"started within {1000 * (time.monotonic() - begin):.1f} ms")
        ok(first.returncode == 0 and not first.stderr, "a prober starts in the background",
           first.stderr)
        pids = p.note_pids()
        second = p.start()
        ok(second.returncode == 0, "a second start finds the first one at work", second.stderr)
        ok(p.note_pids() == pids, "and there is still the first one alone")
        for name, mode in (("topology.map", 0o600), ("control", 0o600), ("clients.slots", 0o600),
                           ("lock", 0o600), ("prober.log", 0o600)):
            path = os.path.join(p.directory, name)
            ok(os.stat(path).st_mode & 0o777 == mode, f"{name} is for its user alone")
        ok(os.stat(p.directory).st_mode & 0o777 == 0o700, "so is the directory")
        ok(p.ask("stop") == "ok\n", "it takes the order to stop")
        wait_for(lambda: not any(alive(pid) for pid in pids))
        ok(p.pelorus("topology").returncode == 3, "then the command says that there is none")


def deaths():
    with Prober() as p:
        p.start()
        p.ask("follow", name=NAME, port=1, user="someone", password="something")

        def cluster():
            return next((c for c in p.status()["clusters"] if c["key"] == NAME), None)

        ok(wait_for(cluster), "a name is followed")
        supervisor, worker = p.note_pids()

        def renewed(old):
            status = p.is_up()
            return status if status and status["pid"] != old else None

        begin = time.monotonic()
        os.kill(worker, signal.SIGKILL)
        status = wait_for(lambda: renewed(worker))
        took = time.monotonic() - begin
        note(f"a new worker answered after {1000 * took:.1f} ms")
        ok(within(took, 0.2), "a worker that was killed is replaced at once", f"{took:.3f} s")
        ok(status["supervisor"] == supervisor, "by the same supervisor")
        ok(wait_for(cluster)["credentials"] != "none",
           "names and credentials are handed over to it", str(cluster()))
        worker = status["pid"]
        begin = time.monotonic()
        os.kill(supervisor, signal.SIGKILL)
        status = wait_for(lambda: renewed(worker))
        note(f"a new pair answered after {1000 * (time.monotonic() - begin):.1f} ms")
        ok(status["supervisor"] == worker,
           "a worker takes the place of a supervisor that was killed")
        ok(wait_for(cluster), "and names are handed over again")
        codes = [e["code"] for e in p.events()]
        ok("worker-died" in codes and "supervisor-died" in codes,
           "the ring of events outlived both", str(codes))
        pids = p.note_pids()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(alive(pid) for pid in pids))
        again = p.start()
        ok(again.returncode == 0 and p.status()["pid"] not in pids,
           "after the death of both another one may start", again.stderr)


def crash_loop():
    """A worker that dies again and again is given more and more time."""
    with Prober() as p:
        p.start()
        killed = 0
        end = time.monotonic() + 3
        while time.monotonic() < end:
            status = p.is_up()
            if status:
                supervisor, _ = p.note_pids()
                os.kill(status["pid"], signal.SIGKILL)
                killed += 1
                wait_for(lambda pid=status["pid"]: not alive(pid))
            time.sleep(0.01)
        ok(2 <= killed <= 8, "a worker that keeps dying is not started without end",
           f"{killed} starts in 3 s")
        os.kill(supervisor, signal.SIGKILL)


def idle_exit():
    config = "[pelorus]\nidle-exit = 1s\n"
    with Prober(config=config) as idle, Prober(config=config) as busy, \
            Prober(config=config) as asked:
        idle.start()
        busy.start("--follow", NAME + ":1")
        asked.start()
        pids = idle.note_pids()
        kept = busy.note_pids() + asked.note_pids()
        with asked.connect() as waiting:
            waiting.send(b"events\nsince=0\nwait=1")
            wait_for(lambda: not any(alive(pid) for pid in pids), 30)
            ok(True, "a prober that nobody needs ends")
            ok("code=idle" in idle.log(), "and says so", idle.log())
            ok(all(alive(pid) for pid in kept),
               "one that was told a name does not, nor one that somebody waits for")


def notifications(path):
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(path)
    receiver.settimeout(LIMIT)
    return lambda: receiver.recv(4096).decode()


def foreground():
    with Prober() as p:
        path = os.path.join(p.folder, "notify")
        receive = notifications(path)
        p.environment["NOTIFY_SOCKET"] = path
        child = p.foreground("--log-format", "json")
        ok("READY=1" in receive(),
           "in the foreground it tells the service manager that it is ready")
        ok(p.status()["supervisor"] == child.pid, "and is the process that was started")
        p.note_pids()
        child.send_signal(signal.SIGHUP)
        ok("RELOADING=1\nMONOTONIC_USEC=" in receive(), "SIGHUP: it tells that it reloads")
        ok("READY=1" in receive(), "and that this is over")
        child.terminate()
        ok("STOPPING=1" in receive(), "SIGTERM: it tells that it stops")
        said = child.communicate(timeout=LIMIT)[1]
        ok(child.returncode == 0, "and ends with 0")
        ok(said and all(line.startswith('{"time":"') for line in said.splitlines()),
           "its log went to standard error, as JSON", said)
        abstract = notifications("\0" + os.path.basename(p.folder))
        p.environment.update(NOTIFY_SOCKET="@" + os.path.basename(p.folder),
                             WATCHDOG_USEC="3000000")
        child = p.foreground()
        ok("READY=1" in abstract(), "abstract names work too")
        ok(abstract() == "WATCHDOG=1", "the service manager's watchdog hears from the worker")
        _, worker = p.note_pids()
        child.kill()
        child.wait()
        wait_for(lambda: not alive(worker))
        ok(True, "in the foreground a worker ends with its supervisor")


def nothing_inherited():
    """What a starter has open, blocked or ignored does not stay with the prober."""
    with Prober() as p:
        left, right = socket.socketpair()
        os.set_inheritable(right.fileno(), True)
        script = ("import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32));"
                  "signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], "
                  "sys.argv[1:])")
        done = subprocess.run([sys.executable, "-c", script, *p.command()], env=p.environment,
                              close_fds=False, timeout=LIMIT)
        right.close()
        left.settimeout(LIMIT)
        ok(done.returncode == 0 and left.recv(1) == b"", "it closes the descriptors of its starter")
        _, worker = p.note_pids()
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: (p.is_up() or {}).get("pid", worker) != worker)
        ok(True, "signals that its starter blocked or ignored reach it")


def preloaded_by_mistake():
    """Where the library is preloaded into everything, it stays out of the prober itself."""
    with Prober() as p:
        p.start()
        copy = os.path.join(p.folder, "pelorusd")
        shutil.copy(shutil.which("getent"), copy)
        environment = dict(p.environment, LD_PRELOAD=os.path.join(BUILD, "lib", "libpelorus.so"),
                           PELORUS_CLUSTER="localhost", PELORUS_PROBER="off")
        run = subprocess.run([copy, "ahostsv4", "localhost"], env=environment, text=True,
                             capture_output=True, timeout=LIMIT)
        ok(run.stdout.startswith("127."), "a program named pelorusd sees the real addresses",
           run.stdout + run.stderr)
        shutil.copy(copy, copy + "-not")
        run = subprocess.run([copy + "-not", "ahostsv4", "localhost"], env=environment, text=True,
                             capture_output=True, timeout=LIMIT)
        ok(run.stdout.startswith("198.18."), "another one does not", run.stdout + run.stderr)


def relative_paths():
    with Prober() as p:
        words = [PELORUSD, "--no-defaults", "--config", "pelorus.conf", "--runtime-dir", "run",
                 "--log-file", "here.log"]
        run = subprocess.run(words, cwd=p.folder, env=p.environment, capture_output=True, text=True,
                             timeout=LIMIT)
        pids = p.note_pids()
        time.sleep(1.5)
        ok(run.returncode == 0 and p.note_pids() == pids and
           p.status()["configuration"] == p.config and
           os.path.exists(os.path.join(p.folder, "here.log")), "paths may be relative", run.stderr)


def usage():
    run = subprocess.run([PELORUSD, "--nonsense"], capture_output=True, text=True)
    ok(run.returncode == 2 and "--nonsense" in run.stderr, "an unknown option ends with 2")
    run = subprocess.run([PELORUSD, "--version"], capture_output=True, text=True)
    ok(run.returncode == 0 and run.stdout.startswith("pelorusd "), "--version prints the version")


for part in (usage, one_prober, deaths, crash_loop, idle_exit, foreground, nothing_inherited,
             preloaded_by_mistake, relative_paths):
    begin = time.monotonic()
    part()
    note(f"{part.__name__}: {time.monotonic() - begin:.1f} s")
done()
