#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs with a resolver of their own through a crash of the writer, while DNS never moves:
c-ares in Node (dns.resolve4) and in Python (aiodns), Netty's by NIO and by epoll, hickory.

Each connects to the address that its resolver found.  It gets the virtual one, writes to the new
writer at once, and loses nothing that was acknowledged; the control beside them, without the
preload, stays where DNS leads.
"""
import ipaddress
import os
import shutil
import tempfile
import time

from lib.lab import Lab
from lib.paths import CLIENTS, PELORUS
from lib.programs import clients
from lib.programs import writer as w
from lib.programs.handles import await_published
from lib.tap import done, note, ok, skip

BLOCK = ipaddress.ip_network("198.18.0.0/16")
LIMIT_S = 15
FOLLOWED_S = 20
RESOLVE = "require('dns').promises.resolve4(process.argv[1]).then((found) => console.log(found[0]))"


def node():
    return ["node", os.path.join(CLIENTS, "node", "resolve.mjs")], {}, clients.node_problem()


def python():
    path, why = clients.aiodns()
    return (["/usr/bin/python3", os.path.join(CLIENTS, "python", "resolve.py")],
            {"PYTHONPATH": path}, why)


def netty(transport):
    path, why = clients.netty()
    return ["java", "-cp", path, "Resolve", transport], {}, why


KINDS = {"Node, c-ares": node, "Python, aiodns": python, "Netty, NIO": lambda: netty("nio"),
         "Netty, epoll": lambda: netty("epoll")}


def start(lab, env, found):
    """The writers of all kinds that can be had, and the control."""
    running = []
    for number, (kind, (command, more, why)) in enumerate(found.items()):
        if why:
            skip(f"{kind}: through a crash", why)
            continue
        offset = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
        env_ = {**env, **more, "BOOT_MINUS_MONOTONIC_NS": str(offset)}
        running.append(w.Writer(lab, kind, number, env_, command=command))
        if kind == "Node, c-ares":
            plain = {k: v for k, v in env_.items() if k != "LD_PRELOAD"}
            running.append(w.Writer(lab, "control", 9, plain, command=command))
    return running


def first_address(one):
    """What it was given at first: told with its first line."""
    return next((rest for _, _, n, rest in one.lines if n == 0), "")


def check_crash(lab, running):
    for one in running:
        ok(one.wait_for(), f"{one.kind}: it writes", one.stderr[-500:] or one.lines[-1:])
        given = first_address(one)
        ok((ipaddress.ip_address(given or "::") in BLOCK) == (one.kind != "control"),
           f"{one.kind}: its resolver finds {'DNS' if one.kind == 'control' else 'virtual'}", given)
    writable = lab.failover("crash")["writable"]["boot_ns"]
    for one in running:
        if one.kind == "control":
            continue
        again = one.wait_for(writable)
        first = min((ns for ns, word, _, _ in one.lines if ns > writable and word == "ok"),
                    default=0)
        late = (first - writable) / 1e9
        note(f"{one.kind}: writes {late * 1e3:.0f} ms after the new writer could, "
             f"{len(one.errors())} errors")
        ok(again and late < LIMIT_S, f"{one.kind}: it writes to the new writer within {LIMIT_S} s",
           one.lines[-3:])
    return writable


def check_rows(lab, running, writable):
    for one in running:
        one.end()
    mine = [one for one in running if one.kind != "control"]
    for one, twice, lost, _ in w.count(lab, mine):
        ok(not twice and not lost, f"{one.kind}: nothing twice, nothing lost", (twice, lost))
    # Its errors name the address: an alias that it remembers would lead past us for that long.
    past = [line for one in mine for line in one.errors() if "host=" in line[3] and
            "host=198.18." not in line[3]]
    ok(not past, "Netty was never led past us", past[:3])
    stuck = [one for one in running if one.kind == "control"]
    ok(all(not any(ns > writable + 10**8 and word == "ok" for ns, word, _, _ in one.lines)
           for one in stuck), "without us it stays where DNS leads", [o.lines[-3:] for o in stuck])


def ask_hickory(lab, env, program):
    """(what it was given, whom it is connected to)"""
    port = str(lab.options.get("port", 3306))
    said = lab.exec(program, lab.writer_name, port, env=env, check=False)
    if said.returncode != 0:
        note(said.stderr[-300:])
    return (said.stdout.split() + ["::"] * 2)[:2]


def check_hickory(lab, env, program, why):
    if why:
        skip("hickory: led to the writer", why)
        return
    given, peer = ask_hickory(lab, env, program)
    here = next(i["addresses"] for i in lab.status()["instances"] if i["id"] == lab.writer)
    ok(ipaddress.ip_address(given) in BLOCK and peer in here,
       "hickory: finds the virtual address, and is led to the writer", f"{given} {peer} {here}")


def check_alone(lab, env, text, ask, why):
    """Nobody else has asked for the name: the first answer stays, and has the daemon look."""
    if why:
        skip(text, why)
        return
    end, given = time.monotonic() + FOLLOWED_S, "::"
    while ipaddress.ip_address(given) not in BLOCK and time.monotonic() < end:
        given = ask()
    ok(ipaddress.ip_address(given) in BLOCK, text, given)
    lab.exec(PELORUS, "stop", env=env, check=False)


def check_all_alone(lab, directory, hickory):
    env = w.environment(directory)
    check_alone(lab, env, "c-ares, whose socket is connected: a process that never asks libc is "
                "followed", lambda: lab.exec("node", "-e", RESOLVE, lab.writer_name, env=env,
                                             check=False).stdout.strip() or "::",
                clients.node_problem())
    program, why = hickory
    named = w.environment(directory, PELORUS_CLUSTER=lab.writer_name)
    check_alone(lab, named, "hickory, whose socket is not: so is one that PELORUS_CLUSTER names",
                lambda: ask_hickory(lab, named, program)[0], why)


def main():
    # What is made takes longer than a daemon waits for somebody who uses it.
    found = {kind: find() for kind, find in KINDS.items()}
    hickory = clients.hickory()
    directory = tempfile.mkdtemp(prefix="pelorus-resolvers-")
    env = w.environment(os.path.join(directory, "run"))
    with Lab(instances=3, name="resolvers", dns_lag="never") as lab:
        lab.sql(lab.writer, w.TABLE)
        lab.exec("getent", "hosts", lab.writer_name, env=env, check=False)
        await_published(lab, os.path.join(directory, "run"))
        running = start(lab, env, found)
        writable = check_crash(lab, running)
        check_hickory(lab, env, *hickory)
        check_rows(lab, running, writable)
        check_all_alone(lab, os.path.join(directory, "alone"), hickory)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
