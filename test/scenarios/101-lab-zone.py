#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What the lab's endpoint names lead to: the pure part, from questions to the bytes of replies."""
import struct

from lib import tap
from lib.lab import module

lab_zone = module("zone")
A, AAAA, CNAME = lab_zone.A, lab_zone.AAAA, lab_zone.CNAME
NOERROR, NXDOMAIN, TTL = lab_zone.NOERROR, lab_zone.NXDOMAIN, lab_zone.TTL
respond = lab_zone.respond
NAMES = lab_zone.names({"name": "demo", "cluster_id": "abc123", "region": "us-east-1"}, ["a", "b"])
HOST = NAMES["instances"]


def query(name, kind, questions=1, flags=0x100):
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    return struct.pack(">HHHHHH", 7, flags, questions, 0, 0, 0) + labels + \
        struct.pack(">BHH", 0, kind, 1)


zone = lab_zone.Zone()
zone.view = lab_zone.View({HOST["a"]: ["10.0.0.1", "fd::1"], HOST["b"]: ["10.0.0.2"]},
                 {NAMES["writer"]: [HOST["a"]], NAMES["reader"]: [HOST["a"], HOST["b"]]})
TABLE = [
    ("an instance's name has its address", HOST["a"], A, NOERROR, [(HOST["a"], A, "10.0.0.1")]),
    ("of the family that was asked for", HOST["a"], AAAA, NOERROR, [(HOST["a"], AAAA, "fd::1")]),
    ("or none of it", HOST["b"], AAAA, NOERROR, []),
    ("a cluster's name is a CNAME", NAMES["writer"], A, NOERROR,
     [(NAMES["writer"], CNAME, HOST["a"]), (HOST["a"], A, "10.0.0.1")]),
    ("in whatever case", NAMES["writer"].upper(), A, NOERROR,
     [(NAMES["writer"], CNAME, HOST["a"]), (HOST["a"], A, "10.0.0.1")]),
    ("a name of nobody does not exist", "nobody.example", A, NXDOMAIN, []),
]
for case, name, kind, rcode, records in TABLE:
    got = zone.answer(name, kind)
    tap.ok(got == (rcode, records), case, str(got))

turns = [zone.answer(NAMES["reader"], kind)[1][0][2] for kind in (A, AAAA, A, AAAA)]
tap.ok(turns == [HOST["a"], HOST["a"], HOST["b"], HOST["b"]],
       "readers take turns, and both questions of one lookup get the same one", str(turns))
zone.points = {NAMES["writer"]: HOST["b"], "db.example": NAMES["writer"], "x.example": "x.example"}
tap.ok(zone.answer("db.example", A)[1][-1] == (HOST["b"], A, "10.0.0.2"),
       "what was pointed elsewhere leads there, through several names")
tap.ok(zone.answer("x.example", A)[0] == NXDOMAIN, "a circle of names ends")

reply = respond(zone, query(HOST["b"], A))
head = struct.unpack_from(">HHHHHH", reply)
tap.ok(head == (7, 0x8580, 1, 1, 0, 0), "a reply repeats number and question", str(head))
tap.ok(reply.endswith(struct.pack(">HHIH", A, 1, TTL, 4) + bytes([10, 0, 0, 2])),
       "and has the address for five seconds")
tap.ok(struct.unpack_from(">HHHHHH", respond(zone, query(HOST["b"], AAAA)))[2:] == (1, 0, 1, 0),
       "a reply without records names an authority")
good = query(HOST["b"], A)
for case, packet in (("nothing", b""), ("half a head", good[:7]), ("half a name", good[:20]),
                     ("a reply", query(HOST["b"], A, flags=0x8180)),
                     ("two questions", query(HOST["b"], A, questions=2))):
    tap.ok(respond(zone, packet) is None, f"no reply to {case}")
tap.done()
