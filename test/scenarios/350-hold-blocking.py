#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Between two writers a connect that blocks waits, as it would for a server that is slow to answer.

What a signal, SO_SNDTIMEO and a cancelled thread do to it is compared with a connect to a port that
never answers.
"""
import contextlib
import ctypes
import errno
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time

from lib.programs import guests, loopback
from lib.programs.loopback import greeting
from lib.published import Map, Park
from lib.tap import done, note, ok
from lib.waiting import wait_for, within

DOMAIN = "test-region-1.rds.amazonaws.com"
WRITER, READER = f"db.cluster-abc.{DOMAIN}", f"db.cluster-ro-abc.{DOMAIN}"
ONE, TWO = "127.0.77.1", "127.0.77.2"
NOBODY = "127.0.77.5"
THREADS, PROGRAMS, CROWDED = 40, 4, 6
TRIES = 20  # a wait for the map's word is a short one
LIBC = ctypes.CDLL(None, use_errno=True)
DIAL = """
import errno, socket, sys, time
begin = time.monotonic()
with socket.socket() as s:
    code = s.connect_ex((socket.gethostbyname(sys.argv[1]), int(sys.argv[2])))
    who = errno.errorcode[code] if code else s.recv(99).decode().strip()
print(who, time.monotonic() - begin)
"""


def raw_address(host, port):
    return struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), socket.inet_aton(host))


def call_number(number, address):
    """connect() as a program in C sees it: the errno, or 0."""
    ctypes.set_errno(0)
    return 0 if LIBC.connect(number, address, len(address)) == 0 else ctypes.get_errno()


def call(sock, address):
    return call_number(sock.fileno(), address)


def dial(name, port, **environment):
    return subprocess.Popen(["/usr/bin/python3", "-c", DIAL, name, str(port)],
                            stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})


def said(child):
    word, took = child.communicate(timeout=60)[0].split()
    return word, float(took)


def in_thread(function):
    """Starts it; gives a function that waits for its result."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()

    def result():
        thread.join(60)
        return found[0] if found else "nothing"
    return result


def connect(address):
    with socket.socket() as sock:
        code = call(sock, address)
        return errno.errorcode[code] if code else greeting(sock)


def check_many(published, port, address):
    published.tell("writer 0 none")
    begin = time.monotonic()
    socket.gethostbyname(WRITER)
    took = time.monotonic() - begin
    ok(within(took, 1), "a lookup waits for no writer", f"{took:.3f} s")
    waiting = [in_thread(lambda: connect(address)) for _ in range(THREADS)]
    programs = [dial(WRITER, port) for _ in range(PROGRAMS)]
    wait_for(lambda: loopback.sleepers() >= THREADS)
    time.sleep(4)
    published.tell("writer 0 1")
    begin = time.monotonic()
    found = {w() for w in waiting}
    took = time.monotonic() - begin
    ok(found == {TWO}, "threads of one program wait, and are at the new writer", found)
    note(f"{THREADS} were there {1e3 * took:.1f} ms behind it")
    found = [said(p) for p in programs]
    ok(all(who == TWO and took > 2 for who, took in found), "so do other programs", found)


def with_alarm(restart, sock, address, limit=None, every=0.3):
    """(errno, how many signals, seconds) of a connect in which signals come."""
    seen = []
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.siginterrupt(signal.SIGALRM, not restart)
    before = signal.set_wakeup_fd(PIPE[1], warn_on_full_buffer=False)
    if limit:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", *limit))
    signal.setitimer(signal.ITIMER_REAL, every, every)
    begin = time.monotonic()
    code = call(sock, address)
    took = time.monotonic() - begin
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.set_wakeup_fd(before)
    while select.select([PIPE[0]], [], [], 0)[0]:
        seen += os.read(PIPE[0], 100)
    return errno.errorcode.get(code, code), len(seen), took


PIPE = os.pipe()
os.set_blocking(PIPE[1], False)


def is_on_its_way(sock):
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    return not poll.poll(0)


def check_signals(published, address, silent):
    """Each beside the same against a server that does not answer."""
    for text, restart, limit in (("a handler without SA_RESTART ends it", False, None),
                                 ("SO_SNDTIMEO and a handler end it, SA_RESTART or not", True,
                                  (5, 0)),
                                 ("SO_SNDTIMEO ends it", None, (0, 400000))):
        found = []
        for where in (silent, address):
            published.tell("writer 0 none")
            sock = socket.socket()
            if restart is None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", *limit))
                begin = time.monotonic()
                got = errno.errorcode.get(call(sock, where)), 0, time.monotonic() - begin
            else:
                got = with_alarm(restart, sock, where, limit)
            found.append((got[:2], is_on_its_way(sock), got[2]))
            if where == address:
                published.tell("writer 0 1")
                there = select.select([], [sock], [], 10)[1]
                who = there and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                ok(there and who == 0 and greeting(sock) == TWO,
                   f"{text}: the socket is on its way, and arrives when there is a writer", who)
            sock.close()
        ok(found[0][:2] == found[1][:2] and found[0][1] and abs(found[0][2] - found[1][2]) < 1,
           f"{text}, as it does a connect to a slow server", found)


def check_restarted(published, address):
    published.tell("writer 0 none")
    appear = threading.Timer(1.5, lambda: published.tell("writer 0 1"))
    appear.start()
    with socket.socket() as sock:
        code, signals, took = with_alarm(True, sock, address)
        who = greeting(sock) if code == 0 else code
    appear.join()
    ok(who == TWO and signals >= 2 and took > 1, "a handler with SA_RESTART does not",
       (code, signals, took))


def check_again(published, address):
    published.tell("writer 0 none")
    with socket.socket() as sock:
        first = with_alarm(False, sock, address)[0]
        second = in_thread(lambda: call(sock, address))
        wait_for(lambda: loopback.sleepers() >= 1)
        published.tell("writer 0 1")
        code = second()
        ok(first == "EINTR" and code in (0, errno.EISCONN) and greeting(sock) == TWO,
           "who is interrupted and connects again goes on waiting", (first, code))


def check_crowd(published, address):
    """One of a crowd sleeps until a moment of its own, and is not told of such a signal either."""
    published.tell("crowd 6000")
    found = []
    for _ in range(CROWDED):
        published.tell("writer 0 none")
        appear = threading.Timer(0.2, lambda: published.tell("writer 0 1"))
        appear.start()
        with socket.socket() as sock:
            found.append(with_alarm(True, sock, address, every=0.01)[0])
        appear.join()
    published.tell("crowd 0")
    ok(found == [0] * CROWDED, "nor does it end the wait of one of a crowd", found)


def hold_dying(published, address):
    """Where it is, if the map learns in time that there is no writer."""
    published.tell("writer 0 2")
    result = in_thread(lambda: connect(address))
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: loopback.sleepers() >= 1, 1)
    published.tell("writer 0 none")
    time.sleep(0.5)
    waits = loopback.sleepers() >= 1
    published.tell("writer 0 1")
    return result() if waits else "refused"


def check_dying(published, port, address):
    """Who dies refuses before a prober knows of it."""
    published.tell(f"instance 0 2 i2 {port} {NOBODY}")
    found = next((w for _ in range(TRIES) if (w := hold_dying(published, address)) == TWO), None)
    ok(found == TWO, "one that the dying writer refuses waits for the new one", found)
    published.tell("writer 0 2")
    code = connect(address)
    ok(code == "ECONNREFUSED", "... and is told, if it is the writer all the same", code)


def check_closed(published, address):
    """A server that is slow to answer would connect the old socket, wherever its number is now."""
    published.tell("writer 0 none")
    number = socket.socket().detach()
    result = in_thread(lambda: call_number(number, address))
    wait_for(lambda: loopback.sleepers() >= 1)
    with socket.socket() as other:
        os.dup2(other.fileno(), number)
        published.tell("writer 0 1")
        code = result()
        with socket.socket() as behind:
            arrived = call(behind, address) == 0 and greeting(behind)
        try:
            peer = other.getpeername()
        except OSError as e:
            peer = e.errno
        ok(code == errno.EBADF and peer == errno.ENOTCONN and arrived == TWO,
           "a socket that is closed meanwhile ends it, and who has its number now is left alone",
           (code, peer, arrived))
    os.close(number)


def check_cancelled(published, host, port, folder):
    published.tell("writer 0 none")
    program = guests.host().build("held", folder)
    child = subprocess.Popen([program, host, str(port)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True, bufsize=1)
    child.stdout.readline()
    time.sleep(0.5)
    child.stdin.write("\n")
    heard = child.stdout.readline().strip()
    published.tell("writer 0 1")
    then = child.stdout.readline().strip()
    child.communicate(timeout=30)
    ok(heard == "cancelled" and then == TWO,
       "a thread that waits can be cancelled, and the next connect arrives", (heard, then))


def check_ends(published, port):
    published.tell("writer 0 none")
    found = said(dial(WRITER, port, PELORUS_HOLD="0"))
    ok(found[0] == "ECONNREFUSED" and found[1] < 1, "PELORUS_HOLD=0: refused at once", found)
    found = said(dial(WRITER, port, PELORUS_HOLD="1500ms"))
    ok(found[0] == "ECONNREFUSED" and found[1] > 1.4, "refused when PELORUS_HOLD is over", found)
    published.tell("hold 0 0")
    found = said(dial(WRITER, port))
    ok(found[0] == "ECONNREFUSED" and found[1] < 1, "a cluster's hold of 0: refused at once", found)
    published.tell("hold 0 2000")
    published.tell("writer 0 none")
    found = said(dial(WRITER, port))
    ok(found[0] == "ECONNREFUSED" and found[1] > 1.5, "refused when the cluster's own is over",
       found)
    found = said(dial(WRITER, port))
    ok(found[0] == TWO and found[1] < 1, "... and who comes later goes where DNS leads", found)
    published.tell("hold 0 unsaid")


def check_readers(published, port):
    published.tell("writer 0 none")
    for i in (0, 1):
        published.tell(f"health 0 {i} unreachable")
    child = dial(READER, port)
    time.sleep(1)
    published.tell("health 0 0 ok")
    found = said(child)
    ok(found[0] == ONE and found[1] > 0.5, "a reader's name without any reader waits, too", found)
    published.tell("health 0 1 ok")


def main():
    folder = loopback.enter(hosts={WRITER: TWO, READER: TWO})
    port = loopback.Servers(ONE, TWO).port
    place = Park()
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER} {TWO}")
        published.tell(f"name 0 reader {READER} {TWO}")
        for i, address in enumerate((ONE, TWO)):
            published.tell(f"instance 0 {i} i{i} {port} {address}")
        published.park(place)
        published.tell("writer 0 0")
        host = socket.gethostbyname(WRITER)
        address = raw_address(host, port)
        check_many(published, port, address)
        check_signals(published, address, raw_address("127.0.0.1", place.port4))
        check_restarted(published, address)
        check_crowd(published, address)
        check_again(published, address)
        check_closed(published, address)
        check_cancelled(published, host, port, folder)
        check_ends(published, port)
        check_readers(published, port)
        check_dying(published, port, address)
    done()


main()
