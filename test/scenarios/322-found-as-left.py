#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A program's own surroundings while a lookup of it does its work: a limit on file sizes kills
nobody, a thread that is cancelled leaves nothing behind, handlers of signals stay, and a pipe of
the program's own gets no line of ours."""
import glob
import os
import resource
import subprocess

from lib.paths import BUILD, LIBRARY, PELORUS, PELORUSD
from lib.programs import loopback
from lib.published import Map
from lib.tap import done, ok, skip

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
OWN_PIPE = f"""
import os, socket
os.close(1); os.close(2)
read, write = os.pipe()
socket.gethostbyname('{WRITER}')
os.set_blocking(read, False)
try:
    text = os.read(read, 999)
except BlockingIOError:
    text = b""
os.write(TOLD, b"%d %d %s" % (read, write, text))
"""
CHAIN = f"""
import ctypes, socket
jsig = ctypes.CDLL(None)
own = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda s: None)
jsig.JVM_get_signal_action.restype = ctypes.POINTER(ctypes.c_void_p)
jsig.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
handler = ctypes.cast(own, ctypes.c_void_p)
jsig.JVM_begin_signal_setting()
jsig.signal(12, handler)
jsig.JVM_end_signal_setting()
jsig.signal(12, handler)
before = jsig.JVM_get_signal_action(12)[0]
socket.gethostbyname('{WRITER}')
print("same" if before and jsig.JVM_get_signal_action(12)[0] == before else "lost")
"""
CANCELLED = 300


def run(folder, name, code, **options):
    environment = {**os.environ, "HOME": folder, "PELORUS_PROBER": PELORUSD,
                   "PELORUS_LOG": os.path.join(folder, "said"),
                   "PELORUS_RUNTIME_DIR": os.path.join(folder, name),
                   **options.pop("environment", {})}
    command = ["/usr/bin/python3", "-c", code] if isinstance(code, str) else code
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90,
                          **options)


def stop(folder, name):
    run(folder, name, [PELORUS, "stop"])


def check_limits(folder):
    look_up = ["getent", "ahostsv4", WRITER]  # Python itself ignores the signal
    run(folder, "limits", look_up)
    for where, limit, text in (("none", 0, "no daemon yet"), ("limits", 0, "a daemon lives"),
                               ("limits", 65536, "a daemon lives")):
        found = [run(folder, where, look_up, preexec_fn=lambda limit=limit: resource.setrlimit(
            resource.RLIMIT_FSIZE, (limit, limit))) for _ in range(3)]
        ok([f.returncode for f in found] == [0] * 3, f"no file longer than {limit}: {text}",
           [f.returncode for f in found])
    stop(folder, "none")
    stop(folder, "limits")


def check_cancelled(folder):
    for name, prober in (("absent", "/nonexistent/pelorusd"), ("published", "off")):
        place = os.path.join(folder, name)
        os.mkdir(place)
        with Map(place) as published:
            writer = published.cluster(0, [("one", "127.0.77.1")], 3306)
            if name == "absent":
                published.tell("beat off")
                os.unlink(os.path.join(place, "run", "topology.map"))
            found = run(place, "run", [os.path.join(BUILD, "test", "guests", "cancelled"), writer,
                                       os.path.join(place, "run"), str(CANCELLED)],
                        environment={"PELORUS_PROBER": prober}).stdout.split()
        ok(len(found) == 2 and found[1] == "0",
           f"threads that are cancelled in a lookup leave nothing open: {name}", found)


def check_handlers(folder):
    jsig = sorted(glob.glob("/usr/lib/jvm/*/lib/libjsig.so"))
    if not jsig:
        skip("handlers that libjsig keeps", "no Java is installed")
        return
    found = run(folder, "handlers", CHAIN, environment={"LD_PRELOAD": f"{LIBRARY}:{jsig[0]}"})
    ok(found.stdout.strip() == "same", "handlers that libjsig keeps stay when a daemon is started",
       found.stdout + found.stderr[-300:])
    stop(folder, "handlers")


def check_own_pipe(folder):
    read, write = os.pipe()
    run(folder, "pipe", OWN_PIPE.replace("TOLD", str(write)), pass_fds=(write,),
        environment={"PELORUS_PROBER": "/nonexistent/pelorusd", "PELORUS_LOG": ""})
    os.set_blocking(read, False)
    found = os.read(read, 999).split(b" ", 2)
    ok(b"2" in found[:2] and found[2] == b"", "a pipe that the program made where stderr was gets "
       "no line", found)


def main():
    folder = loopback.enter(hosts={WRITER: "127.0.77.1"})
    check_own_pipe(folder)
    check_limits(folder)
    check_cancelled(folder)
    check_handlers(folder)
    done()


main()
