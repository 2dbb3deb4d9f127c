#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Between two writers a connect that does not block stays on its way, as to a slow server, and ends
at the new writer: whatever the program, its daemon or its cluster does meanwhile."""
import asyncio
import ctypes
import errno
import os
import select
import selectors
import socket
import subprocess
import threading
import time

from lib.programs import loopback
from lib.programs.loopback import greeting
from lib.published import Map, Park
from lib.tap import done, note, ok

DOMAIN = "test-region-1.rds.amazonaws.com"
WRITER, READER = f"db.cluster-abc.{DOMAIN}", f"db.cluster-ro-abc.{DOMAIN}"
ONE, TWO, SILENT = "127.0.77.1", "127.0.77.2", "10.77.0.2"
NOBODY = "127.0.77.5"
GOES_ON = (errno.EINPROGRESS, errno.EAGAIN)
TRIES = 20  # a wait for the map's word is a short one
REFUSED = select.POLLOUT | select.POLLERR | select.POLLHUP
CROWD, WINDOW_S = 200, 0.25
GREENLET = """
import greenlet, select, socket, sys
sock = socket.socket()
sock.setblocking(False)
sock.connect_ex((sys.argv[1], int(sys.argv[2])))
select.select([], [sock], [], 10)
print(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
"""


class World:
    def __init__(self, published, port):
        self.published, self.port = published, port
        self.host = socket.gethostbyname(WRITER)

    def writer(self, which):
        self.published.tell(f"writer 0 {which}")

    def park(self):
        """A socket that is on its way while there is no writer."""
        self.writer("none")
        return self.begin()

    def begin(self, host=None):
        sock = socket.socket()
        sock.setblocking(False)
        code = sock.connect_ex((host or self.host, self.port))
        if code != errno.EINPROGRESS:
            raise AssertionError(errno.errorcode.get(code, code))
        return sock


def events(sock, limit=0):
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    found = poll.poll(limit * 1e3)
    return found[0][1] if found else 0


def error(sock):
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def outcome(sock, limit=10):
    """Who greets, or the error, as an event loop finds out."""
    with selectors.DefaultSelector() as selector, sock:
        selector.register(sock, selectors.EVENT_WRITE)
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if not selector.select(limit):
                break
            code = error(sock)
            if code not in GOES_ON:
                return errno.errorcode[code] if code else greeting(sock)
    return "nothing"


def check_parked(world):
    sock = world.park()
    time.sleep(1.2)
    ok(events(sock) == 0 and error(sock) == 0, "nothing is heard of it")
    code = sock.connect_ex((world.host, world.port))
    ok(code == errno.EALREADY, "a second connect() of it: EALREADY", code)
    try:
        sock.getpeername()
        ok(False, "it has no peer")
    except OSError as e:
        ok(e.errno == errno.ENOTCONN, "it has no peer", e)
    world.writer(1)
    who = outcome(sock)
    ok(who == TWO, "it is connected to the new writer", who)


async def open_one(world, limit):
    reader, writer = await asyncio.wait_for(asyncio.open_connection(world.host, world.port), limit)
    word = (await reader.readline()).decode().strip()
    writer.close()
    return word


async def open_many(world):
    waiting = [asyncio.ensure_future(open_one(world, 20)) for _ in range(50)]
    await asyncio.sleep(0.5)
    world.writer(1)
    return set(await asyncio.gather(*waiting, return_exceptions=True))


async def open_in_vain(world):
    begin = time.monotonic()
    try:
        await open_one(world, 0.5)
    except asyncio.TimeoutError:
        return time.monotonic() - begin
    return None


def check_programs(world):
    world.writer("none")
    found = asyncio.run(open_many(world))
    ok(found == {TWO}, "asyncio: all are connected to the new writer", found)
    world.writer("none")
    took = asyncio.run(open_in_vain(world))
    ok(took and 0.4 < took < 5, "a limit of the program's own counts: asyncio", took)
    begin = time.monotonic()
    try:
        socket.create_connection((world.host, world.port), 0.5)
        ok(False, "... a socket's time-out")
    except OSError as e:
        took = time.monotonic() - begin
        ok(isinstance(e, TimeoutError) and 0.4 < took < 5, "... a socket's time-out", (e, took))


def check_closed(world):
    sock, other = world.park(), socket.socketpair()
    number = sock.fileno()
    sock.close()
    place = os.dup2(other[0].fileno(), number)
    world.writer(1)
    keeper = world.park()
    world.writer(0)
    who = outcome(keeper)
    other[1].send(b"well")
    ok(who == ONE and os.read(place, 10) == b"well",
       "one that is closed, and its number taken, is left alone", who)
    os.close(place)
    sock = world.park()
    os.dup2(other[0].fileno(), sock.fileno())
    world.writer(1)
    time.sleep(0.5)
    other[1].send(b"well")
    ok(os.read(sock.fileno(), 10) == b"well", "so is what dup2() puts in its place")
    for s in (sock, *other):
        s.close()


def check_forked(world):
    sock = world.park()
    child = os.fork()
    if child == 0:
        # It connects by itself, so that it has a watcher, and looks.
        own = world.begin()
        os._exit(0 if outcome(own) == TWO else 1)
    time.sleep(0.5)
    world.writer(1)
    who, status = outcome(sock), os.waitpid(child, 0)[1]
    ok(who == TWO and status == 0, "a child that inherits it leaves it alone, and has its own",
       (who, status))


def check_ends(world):
    world.published.tell("hold 0 1000")
    sock = world.park()
    begin = time.monotonic()
    seen, took = events(sock, 10), time.monotonic() - begin
    code = error(sock)
    ok(seen == REFUSED and code == errno.ECONNREFUSED and 0.8 < took < 5,
       "when its time is over it is refused, as by a server that is down", (seen, code, took))
    sock.close()
    world.published.tell("hold 0 0")
    world.writer("none")
    sock = socket.socket()
    sock.setblocking(False)
    code = sock.connect_ex((world.host, world.port))
    ok(code == errno.ECONNREFUSED, "a hold of 0: refused at once", code)
    world.published.tell("hold 0 unsaid")
    sock.close()


def check_places(world, place):
    sock, another = world.park(), Park()
    world.published.park(another)
    world.published.tell("touch 0")
    time.sleep(0.5)
    place.close()
    time.sleep(3)
    ok(events(sock) == 0, "the daemon's port is another: it waits there")
    world.writer(1)
    who = outcome(sock)
    ok(who == TWO, "... and is connected to the new writer", who)
    world.published.park(None)
    world.writer("none")
    with socket.socket() as sock:
        sock.setblocking(False)
        code = sock.connect_ex((world.host, world.port))
    ok(code == errno.ECONNREFUSED, "without any such port it is refused at once", code)
    world.published.park(another)


def check_lost_daemon(world):
    sock = world.park()
    world.published.tell("beat off")
    who = outcome(sock, 20)
    ok(who == TWO, "a daemon that is silent: it goes where DNS leads", who)
    world.published.tell("beat on")


def check_under_way(world):
    """Its writer falls silent while it is on its way there."""
    world.published.tell(f"instance 0 2 i2 {world.port} {SILENT}")
    world.writer(2)
    sock = world.begin()
    time.sleep(0.3)
    world.published.tell("health 0 2 unreachable")
    time.sleep(0.5)
    ok(events(sock) == 0, "a connect on its way to a writer that is lost goes on waiting")
    world.writer(1)
    who = outcome(sock)
    ok(who == TWO, "... for the new one", who)


async def open_dying(world):
    waiting = asyncio.ensure_future(open_one(world, 20))
    await asyncio.sleep(0.05)
    world.writer("none")
    await asyncio.sleep(0.5)
    world.writer(1)
    return (await asyncio.gather(waiting, return_exceptions=True))[0]


def in_time(world):
    """A thread's connect that has a time limit, while the map learns."""
    found = []

    def work():
        try:
            with socket.create_connection((world.host, world.port), 20) as sock:
                found.append(greeting(sock))
        except OSError as e:
            found.append(e)
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.05)
    world.writer("none")
    time.sleep(0.5)
    world.writer(1)
    thread.join()
    return found[0]


def refused(world, port=None):
    """A socket that is refused where the map has the writer, and what it says of that."""
    world.writer(2)
    sock = socket.socket()
    sock.setblocking(False)
    code = sock.connect_ex((world.host, port or world.port))
    if code == errno.EINPROGRESS and events(sock, 10):
        code = error(sock)
    return sock, code


def hold_dying(world):
    """Who it is connected to, if the map learns in time that there is no writer."""
    sock, _ = refused(world)
    world.writer("none")
    time.sleep(0.5)
    heard = events(sock)
    world.writer(1)
    return outcome(sock) if not heard else "refused"


def check_dying(world):
    """Who dies refuses before a prober knows of it."""
    world.published.tell(f"instance 0 2 i2 {world.port} {NOBODY}")
    found = next((who for _ in range(TRIES) if (who := hold_dying(world)) == TWO), "refused")
    ok(found == TWO, "a connect that the dying writer refuses waits for the new one", found)
    for _ in range(TRIES):
        world.writer(2)
        if (found := asyncio.run(open_dying(world))) == TWO:
            break
    ok(found == TWO, "... asyncio's, too", found)
    for _ in range(TRIES):
        world.writer(2)
        if (found := in_time(world)) == TWO:
            break
    ok(found == TWO, "... a socket's that has a time limit, too", found)
    world.writer(2)
    with world.begin() as sock:
        events(sock, 10)
        code, size = ctypes.c_int(), ctypes.c_int(4)
        ctypes.CDLL(None).getsockopt(sock.fileno(), socket.SOL_SOCKET, socket.SO_ERROR,
                                     ctypes.byref(code), ctypes.byref(size))
    ok(code.value == errno.ECONNREFUSED, "who may not understand that it goes on is told", code)
    said = subprocess.run(["/usr/bin/python3", "-c", GREENLET, world.host, str(world.port)],
                          capture_output=True, text=True)
    ok(said.stdout == f"{errno.ECONNREFUSED}\n", "... as gevent and eventlet do not",
       (said.stdout, said.stderr[-300:]))
    sock, code = refused(world)
    who = outcome(sock)
    ok(code in GOES_ON and who == "ECONNREFUSED",
       "is it the writer all the same, it is tried once more, and told", (code, who))
    with socket.socket() as other:
        other.bind((NOBODY, 0))
        sock, code = refused(world, other.getsockname()[1])
    sock.close()
    ok(code == errno.ECONNREFUSED, "at another port than the cluster's it is told at once", code)
    world.published.tell("hold 0 0")
    sock, code = refused(world)
    sock.close()
    ok(code == errno.ECONNREFUSED, "with a hold of 0, too", code)
    world.published.tell("hold 0 unsaid")


def check_dead_reader(world):
    """So does a reader: there is another."""
    world.writer(0)
    host, found = socket.gethostbyname(READER), []
    for _ in range(24):
        sock = world.begin(host)
        events(sock, 10)
        found.append(outcome(sock))
        time.sleep(0.1)  # a reader that refuses is left out for a second
    ok(set(found) == {TWO}, "a connect that a reader refuses goes on to another", found)


def check_kernel(world):
    """The host's kernel gives up on a connect after its first try, 3 s."""
    path = "/proc/sys/net/ipv4/tcp_syn_retries"
    with open(path) as f:
        before = f.read()
    with open(path, "w") as f:
        f.write("1")
    sock = world.park()
    ok(events(sock, 4.5) == 0, "a kernel that is short of patience does not end a wait")
    world.writer(1)
    name = sock.dup()
    who = outcome(sock)
    ok(who == TWO and name.getsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT) == 1,
       "... and the new connection has the kernel's own", who)
    name.close()
    with open(path, "w") as f:
        f.write(before)


def park_refused(world, number):
    """Those whom the dying writer has refused, once the map knows; none, if that was too late."""
    world.writer(2)
    socks = [world.begin() for _ in range(number)]
    for sock in socks:
        events(sock, 10)
        error(sock)
    world.writer("none")
    time.sleep(0.5)
    return [] if any(events(sock) for sock in socks) else socks


def check_crowd(world):
    def release(number, crowd, refused=False):
        world.published.tell(f"crowd {crowd}")
        if refused:
            socks = next(filter(None, (park_refused(world, number) for _ in range(TRIES))), [])
        else:
            socks = [world.park() for _ in range(number)]
        begin = time.monotonic()
        world.writer(1)
        with selectors.DefaultSelector() as selector:
            for s in socks:
                selector.register(s, selectors.EVENT_WRITE)
            came, at = set(), []
            while len(came) < number and time.monotonic() < begin + 10:
                for key, _ in selector.select(1):
                    if error(key.fileobj) == 0:
                        came.add(key.fileobj)
                        at.append(time.monotonic() - begin)
                        selector.unregister(key.fileobj)
        for s in socks:
            s.close()
        return at

    lone = min((release(1, 1) or [9])[0] for _ in range(5))
    at = release(CROWD, 5001)
    note(f"one alone: {1e3 * lone:.1f} ms; the median of a crowd {1e3 * at[len(at) // 2]:.0f} ms")
    ok(lone < 0.05, "one alone is let go at once", lone)
    ok(len(at) == CROWD and at[CROWD // 10] > 0.005 and at[CROWD // 2] > WINDOW_S / 5,
       "those of a crowd are let go one after another", at[::20])
    world.published.tell(f"instance 0 2 i2 {world.port} {NOBODY}")
    at = release(CROWD, 5001, refused=True)
    note(f"a refused crowd: median {1e3 * at[len(at) // 2]:.0f} ms, all {1e3 * at[-1]:.0f} ms")
    ok(len(at) == CROWD and at[CROWD // 10] > 0.005 and at[CROWD // 2] > WINDOW_S / 5,
       "... and those whom the dying writer refused", at[::20])
    world.published.tell("crowd 0")


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
        world = World(published, port)
        for check in (check_parked, check_programs, check_closed, check_forked, check_ends,
                      check_crowd, check_lost_daemon, check_under_way, check_dying,
                      check_dead_reader, check_kernel):
            check(world)
        check_places(world, place)
    done()


main()
