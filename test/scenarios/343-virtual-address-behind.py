#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is dialled past libc never hangs: a virtual address is given out only where something stands
behind it, and where the host refuses what is sent to one, that is no reason to stand down.

Programs look a followed name up by libc and then dial as they please: by libc, by calling the
kernel themselves, by io_uring. Without any prober they come where DNS leads; with one they are
refused at once, by the route that an administrator may set. A packet that leaves is seen at the
other end of the only way out.
"""
import errno
import os
import socket
import subprocess
import threading

from lib.paths import PELORUS, PELORUSD
from lib.prober import Prober
from lib.programs import guests, loopback
from lib.tap import done, note, ok, skip

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
DNS = "127.0.77.4"
ELSEWHERE = "198.18.5.5"
WAYS = ("libc", "raw", "uring")
AT_ONCE = {f"errno {n}" for n in (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH)}
ETH_P_IP = 0x0800
NET = (198, 18)


class WayOut(threading.Thread):
    """The default route, and what comes out at its end."""

    def __init__(self):
        super().__init__(daemon=True)
        subprocess.run(["ip", "route", "add", "default", "via", "10.77.0.2", "dev", "hole"],
                       check=True)
        self.seen = []
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        self.socket.bind(("bottom", ETH_P_IP))
        self.start()

    def run(self):
        while True:
            packet = self.socket.recv(2048)[14:]
            if tuple(packet[16:18]) == NET:
                self.seen.append(".".join(map(str, packet[16:20])))

    def take(self):
        seen, self.seen = self.seen, []
        return seen


def dial(program, host, port, how, environment):
    """(address, what came of it)."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PELORUS_")}
    done_ = subprocess.run([program, host, str(port), how], env={**clean, **environment},
                           stdout=subprocess.PIPE, text=True, timeout=30)
    address, _, told = done_.stdout.strip().partition(" ")
    return address, told


def check(text, program, host, port, way, fits, environment, ways=WAYS):
    for how in ways:
        address, told = dial(program, host, port, how, environment)
        note(f"{text}: by {how}: {address}: {told}")
        if told == "no uring":
            skip(f"{text}: dialled by {how}", "the kernel has no io_uring for us")
            continue
        ok(fits(told), f"{text}: dialled by {how}: no silence", f"{address} {told}")
    left = way.take()
    ok(not left, f"{text}: no packet to a virtual address leaves", left)


TOGETHER = """
import socket, sys, threading
barrier, found = threading.Barrier(8), []
def run():
    barrier.wait()
    found.append(socket.gethostbyname(sys.argv[1]))
threads = [threading.Thread(target=run) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
print(*sorted(set(found)))
"""


def check_together(text, **environment):
    """Processes whose threads all look up at once have no way past us."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PELORUS_")}
    children = [subprocess.Popen(["/usr/bin/python3", "-c", TOGETHER, WRITER],
                                 env={**clean, **environment}, stdout=subprocess.PIPE, text=True)
                for _ in range(8)]
    found = {child.communicate()[0].strip() for child in children}
    ok(len(found) == 1 and found.pop().startswith("198.18."), text, found)


def is_there(told):
    return told == f"connected {DNS}"


def is_there_or_refused(told):
    return is_there(told) or told in AT_ONCE


def main():
    folder = loopback.enter(hosts={WRITER: DNS})
    servers = loopback.Servers(DNS)
    program, way = guests.host().build("past_libc", folder), WayOut()
    nowhere = {"PELORUS_PROBER": "off", "PELORUS_RUNTIME_DIR": os.path.join(folder, "nobody")}
    check("no prober", program, WRITER, servers.port, way, is_there, nowhere)
    found = subprocess.run(["getent", "ahostsv4", WRITER], env={**os.environ, **nowhere},
                           stdout=subprocess.PIPE, text=True).stdout.split()
    ok(found[:1] == [DNS], "no prober: who resolves for others tells what DNS says", found)
    absent = {"PELORUS_PROBER": "/nonexistent/pelorusd",
              "PELORUS_RUNTIME_DIR": os.path.join(folder, "absent"),
              "PELORUS_LOG": os.path.join(folder, "said")}
    check("a prober that is not there", program, WRITER, servers.port, way, is_there, absent)
    subprocess.run(["ip", "route", "add", "unreachable", "198.18.0.0/16"], check=True)
    fresh = {"PELORUS_PROBER": PELORUSD, "PELORUS_RUNTIME_DIR": os.path.join(folder, "fresh")}
    check_together("threads that look up together while a prober starts", **fresh)
    subprocess.run([PELORUS, "stop"], env={**os.environ, **fresh}, stdout=subprocess.DEVNULL)
    with Prober(config=f"[cluster {WRITER}]\nport = {servers.port}\n") as prober:
        prober.start("--follow", f"{WRITER}:{servers.port}")
        there = {"PELORUS_PROBER": "off", "PELORUS_RUNTIME_DIR": prober.directory}
        check_together("... and beside one that lives", **there)
        address, told = dial(program, WRITER, servers.port, "libc", there)
        ok(is_there(told) and address.startswith("198.18."),
           "with a prober: by libc it comes where DNS leads, by a virtual address",
           f"{address} {told}")
        check("with a prober", program, WRITER, servers.port, way, is_there_or_refused, there)
        subprocess.run(["ip", "route", "del", "unreachable", "198.18.0.0/16"], check=True)
        subprocess.run([PELORUS, "stop"], env={**os.environ, **{
            "PELORUS_RUNTIME_DIR": prober.directory}}, stdout=subprocess.DEVNULL)
        check("an address that another process was given, and the prober gone", program, address,
              servers.port, way, is_there_or_refused, there, ["libc"])
    dial(program, ELSEWHERE, servers.port, "libc", nowhere)
    ok(ELSEWHERE in way.take(), "where nobody gives out any, an address of the block is the "
       "program's own network's")
    done()


main()
