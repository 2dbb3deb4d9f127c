#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What operators' commands make of slots that say what is not so, and of users with odd names.

Every user may write the slots where the daemon is root's: what they tell is a claim.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

from lib import tap, worlds
from lib.paths import LIBRARY, PELORUS
from lib.prober import Prober, cluster_section
from lib.programs.dialers import KEEPER, Child
from lib.servers import fakes
from lib.waiting import wait_for

SLOT, FIRST = "<iIQQQ8Q10I16s", 4096
MORE, BEHIND = "<QiIB7x8xI12x", FIRST + 4096 * struct.calcsize(SLOT)


class Slots:
    """Writes as anybody may."""

    def __init__(self, p):
        self.fd = os.open(os.path.join(p.directory, "clients.slots"), os.O_RDWR)
        self.pidns = os.stat("/proc/self/ns/pid").st_ino

    def put(self, i, pid, start, pidns=None, command=b"liar", uid=0, name=0, more=(0,) * 7,
            held=0):
        pidns = self.pidns if pidns is None else pidns
        values = [pid, 0x000100, start, pidns, 2**63, name, *more, 3] + [0] * 9
        os.pwrite(self.fd, struct.pack(MORE, start, pid, uid, 0, held), BEHIND + 256 * i)
        os.pwrite(self.fd, struct.pack(SLOT, *values, command), FIRST + 152 * i)

    def tracked(self, pid):
        """What the process itself says."""
        slots = os.pread(self.fd, 4096 * struct.calcsize(SLOT), FIRST)
        return next((s[13] for s in struct.iter_unpack(SLOT, slots) if s[0] == pid), None)

    def take_back(self, i):
        os.pwrite(self.fd, bytes(152), FIRST + 152 * i)


def start_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().rpartition(")")[2].split()[19])


def rows(p, pid):
    done = p.pelorus("ps", "--json", str(pid))
    return json.loads(done.stdout) if done.returncode == 0 else done.stdout + done.stderr


def check_users(p, slots):
    """Its own user, as the kernel has it, in JSON too."""
    with tempfile.NamedTemporaryFile("w", suffix=".passwd") as names:
        names.write("CORP\\alice:x:0:0::/:/bin/sh\n")
        names.flush()
        subprocess.run(["mount", "--bind", names.name, "/etc/passwd"], check=True)
        slots.put(1, os.getpid(), start_of(os.getpid()), uid=1234)
        try:
            found = rows(p, os.getpid())
        except json.JSONDecodeError as error:
            found = error
        subprocess.run(["umount", "/etc/passwd"], check=True)
    tap.ok(isinstance(found, list) and found[0]["user"] == "CORP\\alice",
           "the user is whose the process is, whatever it is called", found)
    slots.take_back(1)


def check_reused(p, slots, env):
    """The number of one that has ended, or was never told whose, is another's."""
    with Child(KEEPER, p.lab.writer_name, 2, env=env) as other:
        other.child.stdout.readline()
        pid, start = other.child.pid, start_of(other.child.pid)
        for begun, pidns, text in ((start - 1, None, "that was given out again"),
                                   (start, 0, "of no namespace"), (0, None, "without a start")):
            slots.put(2, pid, begun, pidns)
            found = rows(p, pid)
            tap.ok(isinstance(found, list) and found[0]["open"] == 3 and not found[0]["instances"],
                   f"a number {text} is another process's", found)
        slots.take_back(2)


def check_many_names(p, slots, env):
    """Of more names than a slot has room for, the later ones are not told."""
    with Child(KEEPER, p.lab.writer_name, 2, env=env) as other:
        other.child.stdout.readline()
        pid = other.child.pid
        slots.put(6, pid, start_of(pid), name=1, more=range(2, 9))
        found = rows(p, pid)
        tap.ok(isinstance(found, list) and found[0]["open"] == 2,
               "a process of eight names and more has connections by any", found)
        slots.take_back(6)


def check_several(p, slots, env):
    """The same number in two containers."""
    with Child(KEEPER, p.lab.writer_name, 2, env={**env, "LD_PRELOAD": LIBRARY}) as one:
        one.child.stdout.readline()
        pid = one.child.pid
        slots.put(3, pid, 7, pidns=4711)
        done = p.pelorus("drill", "close", "--pid", str(pid))
        tap.ok(done.returncode == 1 and "the number of 2 processes" in done.stderr and
               not p.events("drill"), "a drill of one is not one of all who have its number",
               done.stdout + done.stderr)
        slots.take_back(3)


def check_unseen(p, slots, env):
    """Of one with more rights than who asks only the list of descriptors can be read, and the
    connections of another network namespace are not told: that is not to have none."""
    with Child(KEEPER, p.lab.writer_name, 2, env={**env, "LD_PRELOAD": LIBRARY}) as one:
        one.child.stdout.readline()
        wait_for(lambda: slots.tracked(one.child.pid) == 2)
        for text, *words in (("with more rights", "setpriv", "--bounding-set=-sys_ptrace"),
                             ("of another network", "unshare", "--net")):
            done = p.execute([*words, PELORUS, "ps", "--json", str(one.child.pid)])
            tap.ok(done.returncode == 0 and json.loads(done.stdout)[0]["open"] == 2,
                   f"a process {text} is believed how many connections it has",
                   done.stdout + done.stderr)


def check_many(p, env):
    """More connections than a page has room for, and than come back at once."""
    trace = os.path.join(p.folder, "trace")
    with Child(KEEPER, p.lab.writer_name, 300,
               env={**env, "LD_PRELOAD": LIBRARY, "PELORUS_TRACE": trace}) as one:
        one.child.stdout.readline()
        words = ("drill", "close", "--pid", str(one.child.pid))
        wait_for(lambda: p.pelorus(*words, "--dry-run").stdout.split()[-2:] == ["300"] * 2)
        wait_for(lambda: p.view.crowd >= 300)
        done = p.pelorus(*words)
        tap.ok(done.stdout.splitlines()[1].split()[2:5] == ["300"] * 3,
               "a drill of 300 connections counts all of them",
               done.stdout + done.stderr)
    with open(trace) as lines:
        tap.ok("event=hold" in lines.read(), "which come back one after another, as a crowd does")


def name_hash(name):
    h = 0xcbf29ce484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001b3 % 2**64
    h = (h ^ h >> 33) * 0xff51afd7ed558ccd % 2**64
    return h ^ h >> 33


def check_nameless(p, slots):
    """Of a process that may call itself nothing, too, it is told what it would have been spared."""
    slots.put(5, os.getpid(), start_of(os.getpid()), command=b"", name=name_hash(p.lab.writer_name),
              held=7)
    found = wait_for(lambda: json.loads(p.pelorus("report", "--json").stdout))
    tap.ok([(r["program"], r["held"]) for r in found[0]["programs"]] == [("-", 7)],
           "a report has a line for a program without a name", found)
    slots.take_back(5)


def check_words(p, slots):
    slots.put(4, 99, 5, pidns=4711, command=b"\x1b[2J\"\\\n\xff")
    words = {w: p.pelorus(*w.split()).stdout for w in ("ps", "ps --json", "version --running")}
    tap.ok(all("?[2J??" in text and "\x1b" not in text for text in words.values()),
           "what a slot says is no order to a terminal, and ends no string of JSON", words)
    slots.take_back(4)


def main():
    fakes.enter()
    dns = worlds.Dns()
    cluster = fakes.Cluster(dns, 2, 1, "lies")
    with Prober(cluster, cluster_section(cluster)) as p:
        p.wait(lambda c: c.state == "known")
        slots, env = Slots(p), {**p.environment, "PELORUS_PROBER": "off"}
        check_users(p, slots)
        check_reused(p, slots, env)
        check_many_names(p, slots, env)
        check_several(p, slots, env)
        check_words(p, slots)
        check_nameless(p, slots)
        check_unseen(p, slots, env)
        check_many(p, env)
    cluster.close()
    tap.done()


sys.exit(main())
