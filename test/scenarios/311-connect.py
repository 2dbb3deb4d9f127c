#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where a connect() to a followed name goes, by every kind of socket and in every state."""
import ctypes
import errno
import os
import socket
import struct
import subprocess
import threading
import time

from lib.programs import loopback
from lib.programs.loopback import dial, greeting
from lib.published import Map
from lib.tap import done, note, ok
from lib.waiting import wait_for, within

DOMAIN = "test-region-1.rds.amazonaws.com"
WRITER = f"db.cluster-abc.{DOMAIN}"
READER = f"db.cluster-ro-abc.{DOMAIN}"
SIX = f"six.cluster-abc.{DOMAIN}"
BY_DNS = f"new.cluster-xyz.{DOMAIN}"
FAR = f"far.cluster-xyz.{DOMAIN}"
HOLE = f"hole.cluster-xyz.{DOMAIN}"
ONE, TWO, THREE, DNS = "127.0.77.1", "127.0.77.2", "127.0.77.3", "127.0.77.4"
NOBODY = "127.0.77.5"
INET, INET6 = socket.AF_INET, socket.AF_INET6
SEGMENTS_OUT = 136  # of struct tcp_info
V6ONLY = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def reach(name, port, family=INET, **options):
    """The server that answered, or the errno's name."""
    try:
        with dial(name, port, family, **options) as sock:
            return greeting(sock)
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))


def nonblocking(name, port):
    """The errno's name of connect() itself, and who greeted if it went on."""
    with socket.socket() as sock:
        sock.setblocking(False)
        code = sock.connect_ex((name, port))
        if code != errno.EINPROGRESS:
            return errno.errorcode.get(code, "0"), None
        return "EINPROGRESS", greeting(sock)


def check_roles(servers, published):
    port = servers.port
    ok(reach(WRITER, port) == ONE, "the writer's name leads to the writer")
    readers = {reach(READER, port) for _ in range(24)}
    ok(readers == {TWO, THREE}, "the reader's name to the readers, all of them", readers)
    ok(reach(f"::ffff:{socket.gethostbyname(WRITER)}", port, INET6) == ONE,
       "a socket of IPv6 gets the mapped address")
    ok(reach(SIX, port, INET6, set=[V6ONLY]) == "fd00:77::1", "one of IPv6 alone the IPv6 one")
    ok(nonblocking(WRITER, port) == ("EINPROGRESS", ONE), "a socket that does not block")
    code, who = nonblocking(WRITER, port)
    with socket.create_connection((WRITER, port)) as sock:
        ok(sock.getpeername() == (ONE, port), "getpeername shows the instance",
           str(sock.getpeername()))
    other = loopback.Servers(ONE)
    ok(reach(WRITER, other.port) == ONE, "a port that is not the cluster's is kept")
    published.tell("writer 0 1")
    ok(reach(WRITER, port) == TWO, "after a failover the name leads to the new writer")
    published.tell("writer 0 0")


def handshake(address):
    """How many segments a connect() sent that was to save the last one's acknowledgement."""
    with socket.socket() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        sock.connect(address)
        return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256),
                                  SEGMENTS_OUT)[0]


def check_quick(port):
    """Netty switches it off, and a server that is to speak first hears nothing for 200 ms."""
    kept = min(handshake((ONE, port)) for _ in range(5))
    ok(kept == 1, "the kernel keeps an acknowledgement back whose program has it so", kept)
    sent = min(handshake((socket.gethostbyname(WRITER), port)) for _ in range(5))
    ok(sent >= 2, "of a connect to a followed name the server hears at once", sent)


def raw_address(host, port):
    """struct sockaddr_in, as C has it."""
    return INET.to_bytes(2, "little") + port.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)


def send_many(sock, text, address):
    """sendmmsg() of one message; how much of it was sent."""
    raw = ctypes.create_string_buffer(raw_address(*address), 16)
    body = ctypes.create_string_buffer(text)
    part = (ctypes.c_size_t * 2)(ctypes.addressof(body), len(text))
    message = (ctypes.c_size_t * 8)(ctypes.addressof(raw), 16, ctypes.addressof(part), 1)
    libc = ctypes.CDLL(None, use_errno=True)
    sent = libc.sendmmsg(sock.fileno(), message, 1, socket.MSG_FASTOPEN)
    return message[7] & 0xffffffff if sent == 1 else ctypes.get_errno()


def check_fast_open(port):
    address = (socket.gethostbyname(WRITER), port)
    with open("/proc/sys/net/ipv4/tcp_fastopen", "w") as f:
        f.write("1")
    for call, send in {
            "sendto": lambda sock: sock.sendto(b"hello", socket.MSG_FASTOPEN, address),
            "sendmsg": lambda sock: sock.sendmsg([b"hello"], [], socket.MSG_FASTOPEN, address),
            "sendmmsg": lambda sock: send_many(sock, b"hello", address)}.items():
        with socket.socket() as sock:
            sent = send(sock)
            ok((sent, greeting(sock)) == (5, ONE), f"{call} with MSG_FASTOPEN goes to the writer")


def check_others(folder, servers):
    virtual = (socket.gethostbyname(WRITER), servers.port)
    with socket.socket(INET, socket.SOCK_DGRAM) as sock:
        subprocess.run(["ip", "route", "add", "198.18.0.0/16", "via", "10.77.0.2"], check=True)
        sock.connect(virtual)
        ok(sock.getpeername() == virtual, "a datagram socket keeps the address")
        subprocess.run(["ip", "route", "del", "198.18.0.0/16"], check=True)
    path = os.path.join(folder, "socket")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as sock:
        listener.bind(path)
        listener.listen()
        sock.connect(path)
        ok(sock.getpeername() == path, "a unix socket keeps its path")
    who = reach("198.18.1.1", servers.port)
    ok(who == "ECONNREFUSED", "an address of the block that nobody was given is refused", who)
    program = f"import socket; s = socket.create_connection({virtual}); print(s.recv(99).decode())"
    found = subprocess.run(["/usr/bin/python3", "-c", program], capture_output=True, text=True)
    ok(found.stdout.strip() == ONE, "an address that another process was given leads there too",
       found.stdout + found.stderr[-300:])
    with socket.create_connection((WRITER, servers.port)) as sock:
        code = sock.connect_ex(virtual)
        ok(code == errno.EISCONN, "a second connect() of the same socket: EISCONN", code)


def check_errno(port):
    libc = ctypes.CDLL(None, use_errno=True)
    raw = raw_address(socket.gethostbyname(WRITER), port)
    for call in ("connect", "__connect"):
        with socket.socket() as sock:
            ctypes.set_errno(77)
            status = libc[call](sock.fileno(), raw, 16)
            ok((status, ctypes.get_errno(), greeting(sock)) == (0, 77, ONE),
               f"a {call} that succeeds leaves errno alone", f"{status}, {ctypes.get_errno()}")


def check_writerless(published, port):
    virtual = socket.gethostbyname(WRITER)
    published.tell("writer 0 none")
    begin = time.monotonic()
    ok(nonblocking(virtual, port)[0] == "ECONNREFUSED",
       "without a writer a socket that does not block is refused, where none can be parked")
    ok(within(time.monotonic() - begin, 1), "at once")
    found, flipped = wait_together(lambda: published.tell("writer 0 1"), virtual, port)
    ok([who for who, _ in found] == [TWO] * 5, "five that block wait for the new writer", found)
    note(f"all were there {1e3 * (max(at for _, at in found) - flipped):.1f} ms after the writer")
    published.tell("health 0 1 unreachable")
    found, _ = wait_together(lambda: published.tell("writer 0 0"), virtual, port)
    ok([who for who, _ in found] == [ONE] * 5, "... also while the last one is known, and lost",
       found)
    published.tell("health 0 1 ok")
    published.tell("writer 0 none")
    begin = time.monotonic()
    who = connect_blocking(virtual, port)
    waited = time.monotonic() - begin
    ok(who == "ECONNREFUSED" and 2.9 < waited < 20, "none waits for longer than PELORUS_HOLD",
       f"{who} {waited:.2f} s")
    ok(reach(READER, port) in (ONE, TWO, THREE), "readers stay reachable meanwhile")
    published.tell("writer 0 0")
    ok(reach(WRITER, port) == ONE, "then there is a writer again")


def wait_together(appear, host, port):
    """[(who greeted, when)] of five threads that wait for the writer, and when that was."""
    found = []
    threads = [threading.Thread(target=lambda: found.append(
        (connect_blocking(host, port), time.monotonic()))) for _ in range(5)]
    for t in threads:
        t.start()
    wait_for(lambda: loopback.sleepers() == len(threads))
    appeared = time.monotonic()
    appear()
    for t in threads:
        t.join()
    return found, appeared


def connect_blocking(host, port):
    with socket.socket() as sock:
        try:
            sock.connect((host, port))
        except OSError as e:
            return errno.errorcode[e.errno]
        return greeting(sock)


def check_refused_reader(published, port):
    """The prober has not seen yet that one of the readers is gone."""
    published.tell(f"instance 0 2 i2 {port} {NOBODY}")
    found = {connect_blocking(READER, port) for _ in range(24)}
    ok(found == {TWO}, "a reader that refuses: another takes the connect that blocks", found)
    published.tell(f"instance 0 2 i2 {port} {THREE}")


def check_unknown(published, port):
    ok(reach(BY_DNS, port) == DNS, "an unknown topology: where DNS leads")
    virtual = socket.gethostbyname(BY_DNS)
    published.tell(f"name 2 writer {BY_DNS} {THREE}")
    published.tell("writer 2 unknown 4")
    ok(reach(virtual, port) == THREE, "or where the prober last saw DNS lead, if that is newer")
    published.tell("instance 2 0 one2 %d %s" % (port, ONE))
    published.tell("writer 2 0")
    ok(reach(virtual, port) == ONE, "once it is known the same address leads to the writer")
    published.tell("beat off")
    deadline = time.monotonic() + 10
    while reach(virtual, port) == ONE and time.monotonic() < deadline:
        time.sleep(0.1)
    ok(reach(virtual, port) == THREE, "without a heartbeat the topology is unknown again",
       reach(virtual, port))
    published.tell("beat on")
    deadline = time.monotonic() + 10
    while reach(virtual, port) != ONE and time.monotonic() < deadline:
        time.sleep(0.1)
    ok(reach(virtual, port) == ONE, "with one it is known")


def check_firewalled(published, port, said):
    ok(reach(FAR, port) == DNS,
       "an instance that this process has no way to: DNS leads", reach(FAR, port))
    published.tell("instance 3 1 near %d %s" % (port, TWO))
    published.tell("writer 3 1")
    ok(reach(FAR, port) == TWO, "another writer is routed to directly")
    with open(said) as f:
        lines = [line for line in f if "L09" in line]
    ok(len(lines) == 1 and FAR in lines[0], "said once, with its code", lines)


def check_silent(published, port):
    """Nobody answers, and the program does not block: the watcher finds out."""
    begin = time.monotonic()
    who = None
    while who != DNS and time.monotonic() - begin < 12:
        published.tell("heard 4 0")
        with socket.socket() as sock:
            sock.setblocking(False)
            sock.connect_ex((HOLE, port))
            sock.settimeout(0.5)
            try:
                who = sock.recv(99).decode().strip()
            except OSError:
                continue
    note(f"left to DNS after {time.monotonic() - begin:.1f} s")
    ok(who == DNS, "one that lets nothing through, though the prober hears from it: DNS leads", who)


def main():
    folder = loopback.enter(hosts={WRITER: DNS, BY_DNS: DNS, FAR: DNS, HOLE: DNS},
                            PELORUS_LOG="/tmp/ploop-said-%d" % os.getpid(), PELORUS_HOLD="3")
    said = os.environ["PELORUS_LOG"]
    servers = loopback.Servers(ONE, TWO, THREE, DNS, "fd00:77::1")
    port = servers.port
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER}")
        published.tell(f"name 0 reader {READER}")
        for i, address in enumerate((ONE, TWO, THREE)):
            published.tell(f"instance 0 {i} i{i} {port} {address}")
        published.tell("writer 0 0")
        published.tell(f"name 1 writer {SIX}")
        published.tell(f"instance 1 0 six {port} fd00:77::1")
        published.tell("writer 1 0")
        for number, name, address in ((3, FAR, "10.78.0.5"), (4, HOLE, "10.77.0.2")):
            published.tell(f"name {number} writer {name} {DNS}")
            published.tell(f"instance {number} 0 i{number} {port} {address}")
            published.tell(f"writer {number} 0")
        check_roles(servers, published)
        check_quick(port)
        check_fast_open(port)
        check_others(folder, servers)
        check_errno(port)
        check_writerless(published, port)
        check_refused_reader(published, port)
        check_unknown(published, port)
        check_firewalled(published, port, said)
        check_silent(published, port)
    os.unlink(said)
    done()


main()
