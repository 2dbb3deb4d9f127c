# SPDX-License-Identifier: Apache-2.0
"""Reads a prober's map, as the library does, and waits on its wake word.

    view = MapView("/run/dir")
    cluster = view.find("demo.cluster-abc...")     # None if it is not there
    cluster.state, cluster.writer, cluster.instances["demo-1"].health
    view.wait(lambda v: ..., seconds)              # woken by the futex, never polled faster
"""
import ctypes
import mmap
import os
import struct
import time

STATES = ("free", "unknown", "known", "writerless")
ROLES = ("unknown", "reader", "writer", "custom")
HEALTHS = ("unknown", "ok", "suspect", "stalled", "unreachable")
WHYS = ("", "starting", "no-credentials", "denied", "no-answer", "not-a-cluster", "no-writer",
        "disputed", "unroutable")
ADMISSIONS = ("admitted", "new", "warming", "held")
NONE = 0xFF

LAGGED, ELSEWHERE = 2, 0x40  # flags
HEADER, INDEX, ENTRY = 4096, 2048, 16
CLUSTERS, INSTANCES, NAMES, NAME_MAX = 64, 32, 16, 256
HOT_INSTANCE, HOT_NAME, ADDR = 64, 216, 24
HOT = 56 + INSTANCES * HOT_INSTANCE + NAMES * HOT_NAME
COLD_INSTANCE = 64 + 40 + 256 + 24
COLD = NAMES * NAME_MAX + INSTANCES * COLD_INSTANCE
RECORD = 8 + HOT + COLD
SIZE = HEADER + INDEX * ENTRY + CLUSTERS * RECORD
SYS_FUTEX, FUTEX_WAIT = {"x86_64": 202, "aarch64": 98}[os.uname().machine], 0

libc = ctypes.CDLL(None, use_errno=True)


class Instance:
    def __init__(self, hot, cold):
        (self.role, self.self_role, self.health, self.admission, self.flags, self.port, ip4,
         self.lag_ms) = struct.unpack_from("4B2H4sI", hot)
        self.identity, self.evidence_ns = struct.unpack_from("2Q", hot, 32)
        (self.rtt_us, self.cpu_permille, self.warm_done,
         self.warm_total) = struct.unpack_from("I3H", hot, 48)
        self.admission = ADMISSIONS[self.admission]
        self.role, self.self_role = ROLES[self.role], ROLES[self.self_role]
        self.health = HEALTHS[self.health]
        self.ip4 = ".".join(map(str, ip4))
        self.id = text(cold, 0, 64)
        self.uuid = text(cold, 64, 40)
        self.host = text(cold, 104, 256)

    @property
    def routable(self):
        return bool(self.flags & 1)

    @property
    def lagged(self):
        return bool(self.flags & LAGGED)

    @property
    def elsewhere(self):
        return bool(self.flags & ELSEWHERE)


class Name:
    def __init__(self, hot, cold):
        self.hash, role, count, self.port, self.members = struct.unpack_from("Q2BHI", hot)
        self.role = ROLES[role]
        self.text = cold.split(b"\0")[0].decode()
        self.addresses = [".".join(map(str, hot[24 + i * ADDR + 8:][:4])) for i in range(count)
                          if hot[24 + i * ADDR] == 4]


class Cluster:
    def __init__(self, hot, cold):
        (self.uid, self.generation, self.epoch, self.writerless_ns,
         self.verified_ns) = struct.unpack_from("5Q", hot)
        (state, why, self.selector, self.fallback, writer, instances, names, self.dns_only,
         self.max_lag_ms, self.port) = struct.unpack_from("8BIH", hot, 40)
        self.state, self.why = STATES[state], WHYS[why]
        base = NAMES * NAME_MAX
        listed = [Instance(hot[56 + i * HOT_INSTANCE:][:HOT_INSTANCE],
                           cold[base + i * COLD_INSTANCE:][:COLD_INSTANCE])
                  for i in range(instances)]
        self.instances = {i.id: i for i in listed}
        self.writer = listed[writer].id if writer < len(listed) else None
        base = 56 + INSTANCES * HOT_INSTANCE
        self.names = {n.text: n for n in (Name(hot[base + i * HOT_NAME:][:HOT_NAME],
                                               cold[i * NAME_MAX:][:NAME_MAX])
                                          for i in range(names))}


def text(data, at, size):
    return data[at:at + size].split(b"\0")[0].decode()


class MapView:
    def __init__(self, directory, limit=20):
        path = os.path.join(directory, "topology.map")
        end = time.monotonic() + limit
        while not os.path.exists(path):
            if time.monotonic() > end:
                raise TimeoutError(f"no map in {directory}")
            time.sleep(0.01)
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), SIZE)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.map))

    def word(self, at):
        return struct.unpack_from("I", self.map, at)[0]

    @property
    def wake(self):
        return self.word(80)

    @property
    def pid(self):
        return struct.unpack_from("i", self.map, 40)[0]

    @property
    def start_ns(self):
        return struct.unpack_from("Q", self.map, 32)[0]

    @property
    def heartbeat_ns(self):
        return struct.unpack_from("Q", self.map, 72)[0]

    def record(self, i):
        at = HEADER + INDEX * ENTRY + i * RECORD
        end = time.monotonic() + 5  # its writer may have lost the processor in the midst of it
        while time.monotonic() < end:
            before = self.word(at)
            data = self.map[at:at + RECORD]
            if before % 2 == 0 and self.word(at) == before:
                return data[8:8 + HOT], data[8 + HOT:]
            os.sched_yield()
        raise RuntimeError(f"record {i} is never at rest")

    def clusters(self):
        for i in range(CLUSTERS):
            at = HEADER + INDEX * ENTRY + i * RECORD
            if self.word(at) == 0:
                continue
            hot, cold = self.record(i)
            if hot[40]:
                yield Cluster(hot, cold)

    def find(self, name):
        return next((c for c in self.clusters() if name in c.names), None)

    def sleep(self, seen, seconds):
        """Until the wake word is another than `seen`; never longer than `seconds`."""
        limit = struct.pack("qq", int(seconds), int(seconds % 1 * 1e9))
        libc.syscall(SYS_FUTEX, ctypes.c_void_p(self.base + 80), FUTEX_WAIT,
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
