#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a followed name resolves to, by every lookup of libc; what is left alone; what fails as
ever."""
import ipaddress
import os
import socket
import subprocess

from lib.paths import PELORUS
from lib.programs import loopback, oldnames
from lib.published import Map
from lib.tap import done, ok

DOMAIN = "test-region-1.rds.amazonaws.com"
WRITER = f"db.cluster-abc.{DOMAIN}"
READER = f"db.cluster-ro-abc.{DOMAIN}"
SIX = f"six.cluster-abc.{DOMAIN}"
OWN = "db.example.test"
UNKNOWN = f"new.cluster-xyz.{DOMAIN}"
LATE = "late.example.test"
ABSENT = f"absent.cluster-xyz.{DOMAIN}"
OTHERS = {"plain.example.test": "127.0.77.9", f"inst.abc.{DOMAIN}": "127.0.77.9",
          f"p.proxy-abc.{DOMAIN}": "127.0.77.9", f"s.shardgrp-abc.{DOMAIN}": "127.0.77.9"}
BLOCK = ipaddress.ip_network("198.18.0.0/16")
BLOCK6 = ipaddress.ip_network("2001:2::/48")


def lookup(name, port=3306, family=0, kind=socket.SOCK_STREAM, flags=0):
    """The addresses as texts, or the code of the error."""
    try:
        return [a[4][0] for a in socket.getaddrinfo(name, port, family, kind, 0, flags)]
    except socket.gaierror as e:
        return e.errno


def is_virtual(found):
    return isinstance(found, list) and len(found) == 1 and \
        ipaddress.ip_address(found[0].removeprefix("::ffff:")) in BLOCK


def check_known():
    writer, reader = lookup(WRITER), lookup(READER)
    ok(is_virtual(writer) and is_virtual(reader) and writer != reader,
       "writer and reader name have an address of the block each", f"{writer} {reader}")
    for text, name in {"in capitals": WRITER.upper(), "with a trailing dot": WRITER + "."}.items():
        ok(lookup(name) == writer, f"the same {text}", lookup(name))
    ok(is_virtual(lookup(OWN)), "a name that only the prober knows", lookup(OWN))
    rows = {
        "AF_INET": (dict(family=socket.AF_INET), writer),
        "AF_INET6 alone is DNS's to answer": (dict(family=socket.AF_INET6), socket.EAI_AGAIN),
        "AF_INET6 with AI_V4MAPPED": (dict(family=socket.AF_INET6, flags=socket.AI_V4MAPPED),
                                      ["::ffff:" + writer[0]]),
        "AI_ADDRCONFIG, though only loopback is up": (dict(flags=socket.AI_ADDRCONFIG), writer),
        "AI_PASSIVE": (dict(flags=socket.AI_PASSIVE), writer),
        "AI_NUMERICHOST finds no number": (dict(flags=socket.AI_NUMERICHOST), socket.EAI_NONAME),
        "a service by its name": (dict(port="mysql"), writer),
        "a service that is none": (dict(port="no-such-service"), socket.EAI_SERVICE),
        "every type of socket": (dict(kind=0), writer * 3),
        "a family that is none": (dict(family=77), socket.EAI_FAMILY),
    }
    for text, (words, expected) in rows.items():
        found = lookup(WRITER, **words)
        ok(found == expected, text, found)
    canonical = socket.getaddrinfo(WRITER, 1, 0, socket.SOCK_STREAM, 0, socket.AI_CANONNAME)[0][3]
    ok(canonical == WRITER, "AI_CANONNAME gives the name", canonical)
    check_old(writer[0])
    six = lookup(SIX)
    ok(isinstance(six, list) and ipaddress.ip_address(six[0]) in BLOCK6,
       "a cluster of IPv6 alone has an address of the IPv6 block", six)
    ok(lookup(SIX, family=socket.AF_INET6) == six, "the same by AF_INET6")


def check_old(address):
    mapped = "::ffff:" + address
    rows = {
        "getaddrinfo without hints":
            (oldnames.getaddrinfo_null_hints(WRITER), [(t, address) for t in (1, 2, 3)]),
        "gethostbyname": (oldnames.gethostbyname(WRITER), (WRITER, address)),
        "gethostbyname2": (oldnames.gethostbyname2(WRITER, socket.AF_INET), (WRITER, address)),
        "gethostbyname2 for IPv6": (oldnames.gethostbyname2(WRITER, socket.AF_INET6), None),
        "gethostbyname_r": (oldnames.gethostbyname_r(WRITER), (WRITER, address)),
        "gethostbyname_r without room": (oldnames.gethostbyname_r(WRITER, room=8), 34),
        "gethostbyname2_r":
            (oldnames.gethostbyname2_r(WRITER, socket.AF_INET), (WRITER, address)),
        "gethostbyaddr": (oldnames.gethostbyaddr(address), (WRITER, address)),
        "gethostbyaddr_r": (oldnames.gethostbyaddr_r(address), (WRITER, address)),
        "getnameinfo": (socket.getnameinfo((address, 3306), 0), (WRITER, "mysql")),
        "getnameinfo by numbers":
            (socket.getnameinfo((address, 3306), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV),
             (address, "3306")),
        "getnameinfo that wants a name":
            (socket.getnameinfo((mapped, 3306, 0, 0), socket.NI_NAMEREQD)[0], WRITER),
    }
    for text, (found, expected) in rows.items():
        ok(found == expected, text, f"found {found}, expected {expected}")


def check_left_alone():
    for name, address in OTHERS.items():
        ok(lookup(name) == [address], f"{name.split('.')[1]}: a name of no cluster is left alone",
           lookup(name))
    ok(lookup("198.18.7.7") == ["198.18.7.7"], "a numeric address of the block is left alone")
    ok(oldnames.gethostbyname("plain.example.test") == ("plain.example.test", "127.0.77.9"),
       "gethostbyname of another name is libc's own")
    ok(socket.getnameinfo(("127.0.77.9", 1), 0)[0] == "plain.example.test",
       "getnameinfo of another address too")


def plain(code, **environment):
    """What a program of its own prints, with this environment."""
    program = f"""
import socket
try:
    print([a[4][0] for a in {code}])
except socket.gaierror as e:
    print(e.errno)
"""
    return subprocess.run(["/usr/bin/python3", "-c", program], capture_output=True, text=True,
                          env={**os.environ, **environment}).stdout.strip()


def check_unknown():
    found = lookup(UNKNOWN)
    ok(is_virtual(found), "an unknown topology: the name resolves, to an address of the block",
       found)
    code = f"socket.getaddrinfo({ABSENT!r}, 1)"
    ok(plain(code) == plain(code, PELORUS_DISABLED="1") != "",
       "a name that DNS does not have fails as without us", plain(code))


def check_switches():
    code = f"socket.getaddrinfo({WRITER!r}, 1, 0, 1)"
    rows = {
        "PELORUS_DISABLED=1": (dict(PELORUS_DISABLED="1"), False),
        "PELORUS_DISABLED=0": (dict(PELORUS_DISABLED="0"), True),
        "PELORUS_EXCLUDE, by the last part": (dict(PELORUS_EXCLUDE="node:python*"), False),
        "PELORUS_EXCLUDE, by the path": (dict(PELORUS_EXCLUDE="/usr/bin/python*"), False),
        "PELORUS_EXCLUDE of others": (dict(PELORUS_EXCLUDE="node:/opt/*"), True),
        "PELORUS_INCLUDE": (dict(PELORUS_INCLUDE="php*:python3*"), True),
        "PELORUS_INCLUDE of others": (dict(PELORUS_INCLUDE="php*"), False),
    }
    for text, (environment, followed) in rows.items():
        found = plain(code, **environment)
        ok(("198.18." in found) == followed, text, found)
    ok("198.18." in plain("socket.getaddrinfo('plain.example.test', 1, 0, 1)",
                          PELORUS_CLUSTER="plain.example.test,reader:ro.example.test"),
       "PELORUS_CLUSTER names another")
    subprocess.run(["ip", "addr", "add", "198.18.0.1/16", "dev", "hole"], check=True)
    ok(plain(code) == "['127.0.77.1']", "where the block is in use the library stands down",
       plain(code))


def hosts(*names):
    """What `pelorus hosts` prints, and how it ends."""
    done_ = subprocess.run([PELORUS, "hosts", *names], capture_output=True, text=True,
                           env={**os.environ, "PELORUS_CONFIG": ""})
    return done_.stdout, done_.returncode


def check_hosts():
    """The lines that lead where lookups do; what must not be in them."""
    lines = {name: f"{lookup(name)[0]} {name}\n" for name in (WRITER, READER, OWN, SIX)}
    ok(hosts(WRITER, SIX) == (lines[WRITER] + lines[SIX], 0),
       "pelorus hosts: the address that a lookup gives, of the family that the cluster has",
       hosts(WRITER, SIX))
    ok(hosts() == ("".join(lines.values()), 0), "without a name: of all that are followed", hosts())
    rows = {"an instance needs none": (f"inst.abc.{DOMAIN}", ("", 4)),
            "what is no host name": ("no name", ("", 2)),
            "who is followed by nobody yet, has one all the same": (LATE, (LATE_LINE, 0))}
    for text, (name, expected) in rows.items():
        ok(hosts(name) == expected, f"pelorus hosts: {text}", hosts(name))
    code = "(socket.getaddrinfo({!r}, 1), socket.getaddrinfo({!r}, 1, 0, 1))[1]"
    found = plain(code.format(LATE, WRITER))
    ok(lookup(WRITER)[0] in found, "where such a line is read by who does not follow the name, the "
       "block is not taken for somebody's", found)
    ok(plain(code.format("stranger.example.test", WRITER)) == "['127.0.77.1']",
       "but any other address of the block is", plain(code.format("stranger.example.test", WRITER)))


def main():
    global LATE_LINE
    LATE_LINE = hosts(LATE)[0]
    names = {WRITER: "127.0.77.1", UNKNOWN: "127.0.77.3", LATE: LATE_LINE.split(" ")[0],
             "stranger.example.test": "198.18.7.7", **OTHERS}
    folder = loopback.enter(hosts=names)
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER}")
        published.tell(f"name 0 reader {READER}")
        published.tell(f"name 0 writer {OWN}")
        published.tell("instance 0 0 one 3306 127.0.77.1")
        published.tell("instance 0 1 two 3306 127.0.77.2")
        published.tell("writer 0 0")
        published.tell(f"name 1 writer {SIX}")
        published.tell("instance 1 0 six 3306 fd00:77::1")
        published.tell("writer 1 0")
        check_known()
        check_left_alone()
        check_hosts()
        check_unknown()
        check_switches()
    done()


main()
