# SPDX-License-Identifier: Apache-2.0
"""Reads a prober's map, as the library does, and waits on its wake word.

    view = MapView("/run/dir")
    cluster = view.find("demo.cluster-abc...")     # None if it is not there
    cluster.state, cluster.writer, cluster.instances["demo-1"].health
    view.wait(lambda v: ..., seconds)              # woken by the futex, never polled faster

Where what stands, and what it is called, is told by maplayout, which has it from map.h and words.h.
"""
import ctypes
import functools
import json
import mmap
import os
import struct
import subprocess
import time

from lib.paths import MAPLAYOUT

NUMBERS = {1: "B", 2: "H", 4: "I", 8: "Q"}
SYS_FUTEX, FUTEX_WAIT = {"x86_64": 202, "aarch64": 98}[os.uname().machine], 0

libc = ctypes.CDLL(None, use_errno=True)


@functools.cache
def layout():
    return json.loads(subprocess.check_output([MAPLAYOUT]))


@functools.cache
def place(kind, field):
    """(offset, size) of a field of a struct."""
    return layout()[kind]["fields"][field]


def part(kind, field, data, at=0):
    """The bytes of a field of the struct that begins at `at`."""
    offset, size = place(kind, field)
    return data[at + offset:at + offset + size]


def number(kind, field, data, at=0):
    offset, size = place(kind, field)
    return struct.unpack_from(NUMBERS[size], data, at + offset)[0]


def member(kind, field, data, i, size):
    """One element of an array, whose size that of its struct is, or a number of bytes."""
    size = layout()[size]["size"] if isinstance(size, str) else size
    return part(kind, field, data)[i * size:(i + 1) * size]


def word(kind, value):
    """What the library calls that value: word("roles", 2) is "writer"."""
    return layout()[kind][value]


def text(data):
    return data.split(b"\0")[0].decode()


def dotted(address):
    return ".".join(map(str, address[:4]))


class Instance:
    def __init__(self, hot, cold):
        def of(field):
            return number("hot_instance", field, hot)
        self.flags, self.port, self.lag_ms = of("flags"), of("port"), of("lag_ms")
        self.evidence_ns = of("evidence_ns")
        self.warm_done, self.warm_total = of("warm_done"), of("warm_total")
        self.admission = word("admissions", of("admission"))
        self.role, self.self_role = word("roles", of("role")), word("roles", of("self_role"))
        self.health = word("healths", of("health"))
        self.ip4 = dotted(part("hot_instance", "ip4", hot))
        self.id = text(part("cold_instance", "id", cold))

    @property
    def routable(self):
        return bool(self.flags & layout()["routable"])

    @property
    def lagged(self):
        return bool(self.flags & layout()["lagged"])

    @property
    def elsewhere(self):
        return bool(self.flags & layout()["elsewhere"])


class Name:
    def __init__(self, hot, cold):
        self.hash, self.port, self.members = (number("hot_name", f, hot)
                                              for f in ("hash", "port", "members"))
        self.role = word("roles", number("hot_name", "role", hot))
        self.text = text(cold)
        known = [member("hot_name", "addrs", hot, i, "addr")
                 for i in range(number("hot_name", "n_addrs", hot))]
        self.addresses = [dotted(part("addr", "ip", a)) for a in known
                          if number("addr", "family", a) == 4]


class Cluster:
    def __init__(self, hot, cold):
        def of(field):
            return number("hot", field, hot)
        self.uid, self.generation, self.epoch = of("uid"), of("generation"), of("epoch")
        self.writerless_ns, self.verified_ns = of("writerless_ns"), of("verified_ns")
        self.dns_only, self.port = of("dns_only"), of("port")
        self.hold_s = (of("hold") - 1) / 10  # negative: not said
        self.state, self.why = word("states", of("state")), word("whys", of("why"))
        listed = [Instance(member("hot", "instances", hot, i, "hot_instance"),
                           member("cold", "instances", cold, i, "cold_instance"))
                  for i in range(of("n_instances"))]
        self.instances = {i.id: i for i in listed}
        self.writer = listed[of("writer")].id if of("writer") < len(listed) else None
        names = [Name(member("hot", "names", hot, i, "hot_name"),
                      member("cold", "names", cold, i, layout()["name_max"]))
                 for i in range(of("n_names"))]
        self.names = {n.text: n for n in names}


    def is_settled(self, instances):
        """Known, with all instances asked, routable and healthy."""
        return self.state == "known" and len(self.instances) >= instances and \
            all(i.health == "ok" and i.routable for i in self.instances.values())


class MapView:
    def __init__(self, directory, limit=20):
        path = os.path.join(directory, "topology.map")
        end = time.monotonic() + limit
        while not os.path.exists(path):
            if time.monotonic() > end:
                raise TimeoutError(f"no map in {directory}")
            time.sleep(0.01)
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), layout()["map"]["size"])
            self.path, self.inode = path, os.fstat(f.fileno()).st_ino
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.map))

    def is_current(self):
        """False once another file is there."""
        try:
            return os.stat(self.path).st_ino == self.inode
        except FileNotFoundError:
            return False

    @property
    def wake(self):
        return number("header", "wake", self.map)

    @property
    def pid(self):
        return number("header", "pid", self.map)

    @property
    def start_ns(self):
        return number("header", "start_ns", self.map)

    @property
    def parks(self):
        """The ports that never answer, on 127.0.0.1 and on ::1; 0: none."""
        return tuple(number("header", f, self.map) for f in ("park4", "park6"))

    @property
    def crowd(self):
        return number("header", "crowd", self.map)

    @property
    def heartbeat_ns(self):
        return number("header", "heartbeat_ns", self.map)

    def record(self, at):
        """The hot and the cold part of the record there, of one moment."""
        end = time.monotonic() + 5  # its writer may have lost the processor in the midst of it
        while time.monotonic() < end:
            before = number("cluster", "seq", self.map, at)
            hot, cold = (part("cluster", p, self.map, at) for p in ("hot", "cold"))
            if before % 2 == 0 and number("cluster", "seq", self.map, at) == before:
                return hot, cold
            os.sched_yield()
        raise RuntimeError(f"the record at {at} is never at rest")

    def clusters(self):
        for i in range(layout()["clusters"]):
            at = place("map", "clusters")[0] + i * layout()["cluster"]["size"]
            if number("cluster", "seq", self.map, at) == 0:
                continue
            hot, cold = self.record(at)
            if number("hot", "state", hot):
                yield Cluster(hot, cold)

    def find(self, name):
        return next((c for c in self.clusters() if name in c.names), None)

    def sleep(self, seen, seconds):
        """Until the wake word is another than `seen`; never longer than `seconds`."""
        limit = struct.pack("qq", int(seconds), int(seconds % 1 * 1e9))
        libc.syscall(SYS_FUTEX, ctypes.c_void_p(self.base + place("header", "wake")[0]), FUTEX_WAIT,
                     ctypes.c_uint32(seen), ctypes.c_char_p(limit), None, 0)

    def wait(self, condition, seconds=20, slice_s=0.05):
        """The first true value of condition(self); looks when woken, and each slice_s besides."""
        end = time.monotonic() + seconds
        while True:
            seen = self.wake
            value = condition(self)
            if value:
                return value
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the map did not get there in time")
            self.sleep(seen, min(left, slice_s))
