#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A followed name's virtual address in the answers of DNS that a program asks for by itself, with
libc's sockets alone: by each way to receive one; what stays as it came, byte for byte; and what a
packet that nobody asked for cannot do.

The nameserver stands at 127.0.0.53; the scenario is the program.
"""
import ctypes
import ipaddress
import os
import socket
import struct
import subprocess
import threading
import time

from lib.programs import guests, loopback
from lib.published import Map
from lib.servers import fakes
from lib.tap import done, note, ok, skip

DOMAIN = "test-region-1.rds.amazonaws.com"
WRITER = f"db.cluster-abc.{DOMAIN}"
READER = f"db.cluster-ro-abc.{DOMAIN}"
OWN = "db.example.test"
LATE = f"late.cluster-xyz.{DOMAIN}"
LED = f"led.cluster-xyz.{DOMAIN}"
NEW = f"new.cluster-xyz.{DOMAIN}"
PLAIN = "plain.example.test"
INSTANCE = f"one.abc.{DOMAIN}"
A, AAAA = 1, 28
SERVER = ("127.0.0.53", 53)
BLOCK = ipaddress.ip_network("198.18.0.0/16")
BLOCK6 = ipaddress.ip_network("2001:2::/48")
FRESH_S = 10
LIBC = ctypes.CDLL(None, use_errno=True)
MSG_TRUNC = 0x20


def question(name, kind=A, ident=0x4711):
    return struct.pack("!HHHHHH", ident, 0x100, 1, 0, 0, 0) + fakes.Dns._name(name) + \
        struct.pack("!HH", kind, 1)


def udp():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(10)
    return sock


def by_recvfrom(asked):
    """As c-ares: connected, with the sender."""
    with udp() as sock:
        sock.connect(SERVER)
        sock.send(asked)
        return sock.recvfrom(2000)[0]


def by_sendto(asked):
    """As Netty and hickory: not connected."""
    with udp() as sock:
        sock.sendto(asked, SERVER)
        return sock.recvfrom(2000)[0]


def by_recvmsg(asked):
    with udp() as sock:
        sock.sendto(asked, SERVER)
        return sock.recvmsg(2000)[0]


def take(sock, room, flags=0):
    """recvfrom() by somebody who does not want to know the sender."""
    buf = ctypes.create_string_buffer(room)
    n = LIBC.recvfrom(sock.fileno(), buf, room, flags, None, None)
    return buf.raw[:max(n, 0)]


def wait_for(sock, n):
    """Until so many bytes are there to be read at once."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, n)
    sock.recv(n, socket.MSG_PEEK | socket.MSG_WAITALL)


def without_sender(asked):
    with udp() as sock:
        sock.connect(SERVER)
        sock.send(asked)
        sock.recv(1, socket.MSG_PEEK)
        return take(sock, 2000)


def peeked(asked):
    with udp() as sock:
        sock.sendto(asked, SERVER)
        looked = sock.recvfrom(2000, socket.MSG_PEEK)[0]
        return looked if looked == sock.recvfrom(2000)[0] else b""


def by_tcp(asked):
    """As c-ares: the whole message and its length at once."""
    with socket.create_connection(SERVER, 10) as sock:
        sock.settimeout(None)
        sock.sendall(struct.pack("!H", len(asked)) + asked)
        head = sock.recv(2, socket.MSG_PEEK | socket.MSG_WAITALL)
        wait_for(sock, 2 + struct.unpack("!H", head)[0])
        return take(sock, 4000)[2:]


def by_tcp_in_two(asked):
    """The length by itself, and the message behind it."""
    with socket.create_connection(SERVER, 10) as sock:
        sock.settimeout(None)
        sock.sendall(struct.pack("!H", len(asked)) + asked)
        n, = struct.unpack("!H", sock.recv(2, socket.MSG_WAITALL))
        wait_for(sock, n)
        return take(sock, n)


def by_recv(asked):
    with udp() as sock:
        sock.connect(SERVER)
        sock.send(asked)
        return sock.recv(2000)


WAYS = {"recvfrom, connected": by_recvfrom, "recvfrom, not connected": by_sendto,
        "recvmsg": by_recvmsg, "recvfrom without a sender": without_sender, "MSG_PEEK": peeked,
        "TCP": by_tcp, "TCP, the length apart": by_tcp_in_two}


def address(answer, kind=A):
    """The server puts it last."""
    return str(ipaddress.ip_address(answer[-4 if kind == A else -16:]))


def expected(dns, name):
    """The server's answer with what libc's lookup says, and an alias that is not to be kept."""
    alias, kept = (struct.pack("!HHI", 5, 1, ttl) for ttl in (dns.ttl, 0))
    return dns.answer(question(name), True).replace(alias, kept)[:-4] + \
        socket.inet_aton(socket.gethostbyname(name))


def check_known(dns):
    for text, way in WAYS.items():
        got = way(question(WRITER))
        ok(got == expected(dns, WRITER),
           f"{text}: what libc's lookup says, and nothing else is another byte", got)
    reader, own = by_recvfrom(question(READER)), by_recvfrom(question(OWN))
    ok(address(reader) == socket.gethostbyname(READER), "a reader's name", reader)
    ok(address(own) == socket.gethostbyname(OWN), "a name that only the prober knows", own)
    capitals = by_recvfrom(question(WRITER.upper()))
    ok(address(capitals) == socket.gethostbyname(WRITER) and b"DB" in capitals,
       "asked for in capitals", capitals)
    six = address(by_recvfrom(question(WRITER, AAAA)), AAAA)
    ok(ipaddress.ip_address(six) in BLOCK6, "AAAA", six)
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect((six, PORT))
        ok(loopback.greeting(sock) == "127.0.77.1", "which leads to the writer, though that has "
           "IPv4 alone")
    with socket.socket() as sock:
        sock.settimeout(10)
        sock.connect((address(by_recvfrom(question(WRITER))), PORT))
        ok(loopback.greeting(sock) == "127.0.77.1", "and so does the other")


def elsewhere(dns, port):
    """The same nameserver at a port of its own."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.53", port))

    def serve():
        asked, client = server.recvfrom(2000)
        server.sendto(dns.answer(asked, False), client)
    threading.Thread(target=serve, daemon=True).start()


def check_left_alone(dns):
    for name in (PLAIN, INSTANCE, f"absent.{DOMAIN}"):
        for text, way in WAYS.items():
            got = way(question(name))
            ok(got == dns.answer(question(name), True), f"{name.split('.')[0]}, {text}: untouched",
               got)
    ok(by_recv(question(WRITER)) == dns.answer(question(WRITER), False),
       "recv() is not ours: it is in a statement's way")
    other = struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + fakes.Dns._name(WRITER) + b"\0\x10\0\1"
    ok(by_recvfrom(other) == dns.answer(other, False), "another type: untouched")
    elsewhere(dns, 5353)
    with udp() as sock:
        sock.sendto(question(WRITER), ("127.0.0.53", 5353))
        ok(sock.recvfrom(2000)[0] == dns.answer(question(WRITER), False),
           "from another port: untouched")
    with udp() as sock:
        sock.connect(SERVER)
        sock.send(question(WRITER))
        sock.recv(1, socket.MSG_PEEK)
        short = take(sock, 60)
        ok(short == dns.answer(question(WRITER), False)[:60], "cut by its reader: untouched")
    with socket.create_connection(SERVER, 10) as sock:
        asked = question(WRITER)
        sock.sendall(struct.pack("!H", len(asked)) + asked)
        sock.settimeout(None)
        n, = struct.unpack("!H", sock.recv(2, socket.MSG_PEEK | socket.MSG_WAITALL))
        wait_for(sock, 2 + n)
        ok(LIBC.recvfrom(sock.fileno(), None, 2 + n, MSG_TRUNC, None, None) == 2 + n,
           "MSG_TRUNC, which throws a stream's bytes away, finds no buffer to look into")
    with udp() as sock:
        sock.sendto(question(WRITER), SERVER)
        sock.recv(1, socket.MSG_PEEK)
        buf, room = ctypes.create_string_buffer(2000), ctypes.c_uint(2)
        sender = ctypes.create_string_buffer(16)
        n = LIBC.recvfrom(sock.fileno(), buf, 2000, 0, sender, ctypes.byref(room))
        ok(buf.raw[:n] == dns.answer(question(WRITER), False) and sender.raw[2:] == bytes(14),
           "room for a part of the sender alone: untouched, and nothing is written behind it")
    ctypes.set_errno(77)
    with udp() as sock:
        sock.connect(SERVER)
        sock.send(question(WRITER))
        sock.recv(1, socket.MSG_PEEK)
        ctypes.set_errno(77)
        take(sock, 2000)
        ok(ctypes.get_errno() == 77, "errno is kept", ctypes.get_errno())


def check_unknown(dns, published):
    """By its form, when the map does not have it: as it came; the prober would be told."""
    ok(by_recvfrom(question(LATE)) == dns.answer(question(LATE), False),
       "a topology that is not known: untouched")
    published.tell(f"name 2 writer {LATE}")
    published.tell(f"instance 2 0 late {PORT} 127.0.77.2")
    published.tell("writer 2 0")
    found = address(by_sendto(question(LATE)))
    ok(ipaddress.ip_address(found) in BLOCK, "and when it is: virtual", found)
    published.tell(f"name 3 writer {LED} 127.0.77.2")
    published.tell(f"instance 3 0 led {PORT} 127.0.77.1")
    published.tell("writer 3 unknown")
    found = address(by_recvfrom(question(LED)))
    with socket.socket() as sock:
        sock.settimeout(10)
        sock.connect((found, PORT))
        ok(ipaddress.ip_address(found) in BLOCK and loopback.greeting(sock) == "127.0.77.2",
           "DNS alone leads it, as the prober sees it: virtual, and led there", found)


def check_forged(dns):
    """At most 64 names can be followed; packets that nobody asked for shall not use them up."""
    taker = udp()
    taker.bind(("127.0.0.1", 0))
    for i in range(100):
        name = f"f{i}.cluster-xyz.{DOMAIN}"
        dns.addresses[name] = ["127.0.77.4"]
        dns.udp.sendto(dns.answer(question(name), False), taker.getsockname())
        taker.recvfrom(2000)
    dns.addresses[NEW] = ["127.0.77.4"]
    by_recvfrom(question(NEW))
    ok(ipaddress.ip_address(socket.gethostbyname(NEW)) in BLOCK,
       "a hundred answers that nobody asked for: a new name is followed")


def check_stale(dns, published):
    published.tell("beat off")
    begin = time.monotonic()
    while time.monotonic() < begin + FRESH_S:
        got = by_recvfrom(question(WRITER))
        if got == dns.answer(question(WRITER), False):
            break
        time.sleep(0.1)
    else:
        ok(False, "a map that is no longer fresh: untouched", got)
        return
    note(f"stale after {time.monotonic() - begin:.1f} s")
    ok(True, "a map that is no longer fresh: untouched")
    published.tell("beat on")


ASK = f"""
import socket, struct, sys
name = sys.argv[1]
asked = struct.pack("!HHHHHH", 1, 256, 1, 0, 0, 0) + b"".join(
    bytes([len(p)]) + p.encode() for p in name.split(".")) + bytes([0, 0, 1, 0, 1])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect({SERVER})
sock.send(asked)
print(socket.inet_ntoa(sock.recvfrom(2000)[0][-4:]))
"""


def check_switches():
    for text, more, followed in (
            ("PELORUS_DISABLED=1", {"PELORUS_DISABLED": "1"}, False),
            ("PELORUS_EXCLUDE", {"PELORUS_EXCLUDE": "python3*"}, False),
            ("a process that has looked nothing up before", {}, True)):
        found = subprocess.run(["/usr/bin/python3", "-c", ASK, WRITER], text=True, timeout=30,
                               stdout=subprocess.PIPE, env={**os.environ, **more}).stdout.strip()
        ok((ipaddress.ip_address(found) in BLOCK) == followed, text, found)


def check_old_glibc(folder):
    """Its own resolver asks through our recvfrom(), and by a search list a followed name."""
    libc = guests.old_glibc()
    if libc.absent:
        skip("an old glibc's own lookups", libc.absent)
        return
    for name, text in (("db", "led by its search list"), (WRITER, "by the name itself")):
        found = libc.run([libc.build("follow", folder), name, str(PORT), "1"],
                         dict(os.environ))
        ok(found[:2] == (0, b"127.0.77.1\n"), f"an old glibc, {text}: the writer", found)


def main():
    global PORT
    folder = loopback.enter()
    conf = os.path.join(folder, "resolv.conf")
    with open(conf, "w") as out:
        out.write(f"nameserver {SERVER[0]}\nsearch cluster-abc.{DOMAIN}\n")
    subprocess.run(["mount", "--bind", conf, "/etc/resolv.conf"], check=True)
    dns = fakes.Dns()
    servers = loopback.Servers("127.0.77.1", "127.0.77.2", "127.0.77.4")
    PORT = servers.port
    dns.addresses.update({INSTANCE: ["127.0.77.4"], PLAIN: ["127.0.77.4"], OWN: ["127.0.77.4"],
                          LATE: ["127.0.77.4"], LED: ["127.0.77.4"]})
    dns.addresses[f"two.abc.{DOMAIN}"] = ["127.0.77.4", "fd00:77::1"]
    dns.aliases.update({WRITER: f"two.abc.{DOMAIN}", READER: INSTANCE})
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER}")
        published.tell(f"name 0 reader {READER}")
        published.tell(f"name 0 writer {OWN}")
        published.tell(f"instance 0 0 one {PORT} 127.0.77.1")
        published.tell(f"instance 0 1 two {PORT} 127.0.77.2")
        published.tell("self 0 1 reader")
        published.tell("writer 0 0")
        check_switches()
        check_known(dns)
        check_left_alone(dns)
        check_unknown(dns, published)
        check_old_glibc(folder)
        check_stale(dns, published)
        check_forged(dns)
    done()


main()
