#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The trap where something is against it: a worker that is stopped while nobody calls, a program
whose threads part with each other's files, a writer that there is no way to."""
import os
import signal

from lib.programs import trapped
from lib.programs.trapped import FAULTY, ONE, worker_of
from lib.tap import done, ok
from lib.waiting import wait_for

PARKED = """
sock = socket.socket()
sock.setblocking(False)
say(errno.errorcode[sock.connect_ex((ADDRESS, PORT))])
events = select.epoll()
events.register(sock, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
while True:
    if not events.poll(20):
        say("never")
        break
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    try:
        say(errno.errorcode[error] if error else sock.getpeername()[0])
        break
    except OSError:
        pass
"""


def parked(world):
    """A program that waits, and does nothing else."""
    world.writer("none")
    child = world.python(PARKED)
    begun = child.stdout.readline().strip()
    return child, begun


def said(child):
    return [text.strip() for text in child.communicate(timeout=60)]


def check_stopped(world):
    """Nobody calls, so that nobody waits for it; but some wait for what it is to do."""
    child, begun = parked(world)
    os.kill(worker_of(child.pid), signal.SIGSTOP)
    world.writer(0)
    got = said(child)
    ok((begun, got) == ("EINPROGRESS", [ONE, ""]),
       "a worker that is stopped while one waits: it is led", (begun, got))
    child = world.python("sock = socket.socket(); say(greet(sock)); sock.settimeout(20)\n"
                         "say(len(sock.recv(99)))")
    begun = child.stdout.readline().strip()
    os.kill(worker_of(child.pid), signal.SIGSTOP)
    world.writer(1)
    got = said(child)
    world.writer(0)
    ok((begun, got) == (ONE, ["0", ""]),
       "a worker that is stopped while all are at rest: a stale connection is closed", (begun, got))


def check_begin(world):
    """It is the worker that is waited for, and not whatever comes first."""
    fuse = os.path.join(world.folder, "fuse")
    for kind in ("kill", "stop"):
        with open(fuse, "w"):
            pass
        got = world.run(world.words("greet", keeper=FAULTY),
                        env={"PELORUS_TRAP_FAULT": f"8 {kind} {fuse}"})
        ok(got == (0, ONE, "") and not os.path.exists(fuse),
           f"a worker's {kind} when it begins: the program waits for the next one", got)
    with open(fuse, "w"):
        pass
    child = world.popen(world.words("storm", 1, "nonblock", keeper=FAULTY),
                        env={**world.env, "PELORUS_TRAP_FAULT": f"8 late {fuse}"})
    wait_for(lambda: not os.path.exists(fuse))
    child.send_signal(signal.SIGWINCH)
    got = said(child)
    ok(got == ["1 0 0 0", ""], "a signal while a worker begins: the program still waits for it", got)


def main():
    with trapped.world() as world:
        for check in (check_stopped, check_begin):
            check(world)
    done()


main()
