# SPDX-License-Identifier: Apache-2.0
"""Twenty hosts and one store: one tells what it sees, the others verify that at once.

    fleets.run(Etcd)            the store's class; or what makes one of a lab
"""
import json
import os
import signal
import time
from contextlib import ExitStack

from lib import tap
from lib.lab import Lab, now
from lib.prober import Prober, cluster_section
from lib.servers.http_server import HttpServer

HOSTS = int(os.environ.get("PELORUS_HOSTS", "20"))
LEASE_S = 3
COUNTED_S = 5


def asked(lab, ids):
    """Statements so far, on all instances."""
    return sum(int(lab.sql(i, "SHOW GLOBAL STATUS LIKE 'Questions'")[0][1]) for i in ids)


def rate(lab, ids):
    before, begin = asked(lab, ids), time.monotonic()
    time.sleep(COUNTED_S)
    return (asked(lab, ids) - before) / (time.monotonic() - begin)


def wait(probers, condition, seconds=30):
    """Until condition() holds; looked at whenever the first map changes, and now and then."""
    try:
        return probers[0].view.wait(lambda _: condition(), seconds)
    except TimeoutError:
        return None


def leads(p):
    log = p.log()
    return log.rfind("code=fleet-lead ") > log.rfind("code=fleet-lead-lost ")


def leaders(probers):
    return [p for p in probers if p.process.poll() is None and leads(p)]


def elected(lab, probers):
    tap.ok(all(p.wait_settled(3) for p in probers), f"{len(probers)} hosts know the topology")
    wait(probers, lambda: leaders(probers) and
         sum("code=fleet-follow" in p.log() for p in probers) == len(probers) - 1)
    tap.ok(len(leaders(probers)) == 1, "one leads, the others follow it", len(leaders(probers)))


def told(notices, instance):
    """How many hosts have posted that this is the writer now."""
    seen = [json.loads(r["body"])["event"] for r in notices.requests("/notices")]
    return sum(e["code"] == "writer-changed" and e.get("instance") == instance for e in seen)


def failover(lab, probers, notices):
    before = {i["id"]: told(notices, i["id"]) for i in lab.status()["instances"]}
    lab.failover("crash")
    new = lab.writer
    at = {}

    def look():
        for i, p in enumerate(probers):
            c = p.cluster()
            if i not in at and c.state == "known" and c.writer == new:
                at[i] = now()
        return len(at) == len(probers)
    tap.ok(wait(probers, look), "a failover is followed by all", len(at))
    tap.note(f"from the first to the last of {len(probers)}: "
             f"{(max(at.values()) - min(at.values())) / 1e6:.0f} ms")
    tap.ok(wait(probers, lambda: all(p.wait_settled(3) for p in probers), 60), "and settles")
    tap.ok(wait(probers, lambda: told(notices, new) > before[new], 20) and
           told(notices, new) == before[new] + 1, "one host posts a notice of it, not each",
           told(notices, new) - before[new])


def lie(lab, store, probers):
    key = f"fleet/{lab.writer_name}"
    writer = lab.writer
    reader = next(i["id"] for i in lab.status()["instances"] if i["id"] != writer)
    generations = [p.cluster().generation for p in probers]
    words = {"a reader as primary": {"primary": lab.host(reader) + ":3306"},
             "strangers": {"primary": "evil.example.org:3306", "secondary": ["10.9.9.9:3306"]},
             "a dead writer": {"members": [{"id": writer, "health": "unreachable"}],
                               "secondary": [lab.host(writer)]}}
    for lease_s in (None, 60):
        for name, word in words.items():
            store.put(key, json.dumps(word), lease_s)
            gone = wait(probers, lambda: not leaders(probers), 10)
            time.sleep(0.3)
            same = [p.cluster().writer == writer and p.cluster().generation == g
                    for p, g in zip(probers, generations)]
            tap.ok(gone and all(same), f"a lie redirects nobody and severs nothing: {name}, "
                   f"{'with' if lease_s else 'without'} a lease", same)
        if not lease_s:
            tap.ok(wait(probers, lambda: all("without a lease" in p.log() for p in probers)),
                   "a word without a lease is no leader's: each probes alone")
    known = [len(p.cluster().instances) for p in probers]
    tap.ok(set(known) == {3} and not any("evil" in p.log() for p in probers),
           "and makes no member of anybody", known)
    store.delete(key)
    tap.ok(wait(probers, lambda: len(leaders(probers)) == 1, 20), "when it is gone another leads",
           len(leaders(probers)))


def killed(probers):
    first = leaders(probers)[0]
    rest = [p for p in probers if p is not first]
    begin = time.monotonic()
    first.signal(signal.SIGKILL)
    found = wait(rest, lambda: leaders(rest), 30)
    took = time.monotonic() - begin
    tap.ok(found and took <= LEASE_S + 2, f"the leader is killed: another within {LEASE_S} s and 2",
           f"{took:.1f} s")
    tap.note(f"another led after {took:.1f} s, with a lease of {LEASE_S} s")
    time.sleep(1)
    tap.ok(len(leaders(rest)) == 1, "and only one", len(leaders(rest)))
    return rest


def without_store(store, probers):
    store.stop()
    tap.ok(wait(probers, lambda: sum("probing alone" in p.log() for p in probers) ==
                len(probers), 60), "without the store each probes alone")
    tap.ok(all(p.cluster().state == "known" for p in probers), "and knows what it knew")


def steps(lab, store, notices, stack):
    ids = [i["id"] for i in lab.status()["instances"]]
    quiet = rate(lab, ids)
    notices.answer("/notices", "ok")
    config = f"[pelorus]\nnotify = {notices.url}/notices\n"
    config += cluster_section(lab, publish=store.publish, publish_lease=f"{LEASE_S}s")
    with Prober(lab) as single:
        single.wait_settled(3)
        one = rate(lab, ids) - quiet
    fleet = [stack.enter_context(Prober(lab, config)) for _ in range(HOSTS)]
    elected(lab, fleet)
    together = rate(lab, ids) - quiet
    tap.note(f"statements per second: {one:.1f} of one host alone, {together:.1f} of {HOSTS} "
             "together")
    tap.ok(together <= 1.1 * HOSTS * one, f"{HOSTS} hosts ask no more than each alone",
           f"{together} {one}")
    lie(lab, store, fleet)
    failover(lab, fleet, notices)
    fleet = killed(fleet)
    without_store(store, fleet)


def run(make):
    with Lab(instances=3) as lab, make(lab) as store, HttpServer(lab) as notices, \
            ExitStack() as stack:
        steps(lab, store, notices, stack)
