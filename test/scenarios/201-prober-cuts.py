#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Black holes: what is unreachable is said within its time, and nothing else is said.

The limits leave room for a machine that is busy; the figures are in the notes.

An instance that vanishes, a cluster of one, a cluster of two of which both die, a whole cluster,
the prober's own network for three seconds, a writer that is silent when a prober starts, and one
whose successor fails too.
"""
import time
from concurrent.futures import ThreadPoolExecutor

from lib import tap
from lib.lab import Lab, now
from lib.prober import Prober, Watch, cluster_section
from lib.waiting import within

OWN_CUT = ("add table inet cut; add chain inet cut in { type filter hook input priority 0; };"
           " add rule inet cut in iifname eth0 drop")


def unreachable(cluster, *ids):
    return all(cluster.instances[i].health == "unreachable" for i in ids)


def cut_until(lab, prober, ids, condition, limit):
    """Cuts, and the seconds from the last cut until the condition holds in the map."""
    begin, watch = now(), Watch(prober)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda i: lab.run("cut", i), ids))
    prober.wait(condition, limit)
    watch.end()
    cut = max(e["boot_ns"] for e in lab.events() if e["event"] == "cut" and e["boot_ns"] > begin)
    return (watch.first(begin, condition) - cut) / 1e9


def one_of_three(lab, prober):
    victim = lab.writer
    took = cut_until(lab, prober, [victim], lambda c: unreachable(c, victim), 20)
    tap.note(f"silence of the writer to unreachable: {took:.2f} s")
    tap.ok(within(took, 3), "a writer behind a black hole is unreachable within its time", took)
    others = [i for i in prober.cluster().instances.values() if i.id != victim]
    tap.ok(all(i.health == "ok" for i in others), "its readers are well",
           [(i.id, i.health) for i in others])
    lab.run("heal", victim)
    prober.wait_known(victim)
    tap.ok(True, "healed, it is the writer again")


def own_network(lab, prober):
    if not tap.as_root("3 s without any network of our own: nothing is declared"):
        return
    before = prober.wait_settled(3)
    wake = prober.view.wake
    lab.exec("nft", OWN_CUT)
    time.sleep(3)  # the length of the trouble is what is tested
    during = prober.cluster()
    lab.exec("nft", "delete table inet cut")
    healed = now()
    prober.wait(lambda c: all(i.evidence_ns > healed for i in c.instances.values()), 30)
    after = prober.wait_settled(3)
    tap.ok(not any(i.health == "unreachable" for i in during.instances.values()),
           "3 s without any network of our own: nothing is declared",
           [(i.id, i.health) for i in during.instances.values()])
    tap.ok(after.writer == before.writer and prober.view.wake == wake,
           "and nobody was woken", f"{wake} {prober.view.wake}")


def whole_cluster(lab, prober):
    ids = [i["id"] for i in lab.status()["instances"]]
    took = cut_until(lab, prober, ids, lambda c: unreachable(c, *ids), 30)
    tap.note(f"the whole cluster cut, DNS alive: {took:.2f} s")
    tap.ok(within(took, 3), "a whole cluster is unreachable while DNS answers", took)
    for instance in ids:
        lab.run("heal", instance)
    prober.wait_settled(3, 60)
    tap.ok(True, "healed, it is known again")


def cluster_of_one():
    with Lab(instances=1) as lab, Prober(lab) as prober:
        prober.wait_settled(1)
        took = cut_until(lab, prober, ["demo-1"], lambda c: unreachable(c, "demo-1"), 30)
        tap.note(f"a cluster of one cut: {took:.2f} s")
        tap.ok(within(took, 3), "a cluster of one is unreachable within its time", took)
        lab.run("heal", "demo-1")
        prober.wait_known("demo-1", 60)
        tap.ok(True, "healed, it is the writer again")


def both_of_two():
    with Lab(instances=2) as lab, Prober(lab, cluster_section(lab)) as prober:
        prober.wait_settled(2)
        begin = now()
        lab.run("kill", "demo-2")
        lab.run("kill", "demo-1")
        prober.wait(lambda c: unreachable(c, "demo-1", "demo-2"), 10)
        tap.ok(prober.cluster().writer is None, "with both killed there is no writer")
        lab.run("start", "demo-2")
        lab.run("failover", "--to", "demo-2", check=False)
        event = lab.wait_event("writable", begin)
        prober.wait_known(event["id"], 30)
        tap.ok(event["id"] == "demo-2", "one comes back as the writer, and is found")


def silent_first_contact():
    """What DNS names as the writer is silent for as long as it lasts: its readers tell of the
    cluster."""
    with Lab(instances=3) as lab:
        writer, begin = lab.writer, now()
        lab.run("cut", writer)
        with Prober(lab) as prober:
            readers = prober.wait(lambda c: [i.id for i in c.instances.values()
                                             if i.id != writer and i.health == "ok"], 20)
            tap.note(f"a start beside a silent writer: {(now() - begin) / 1e9:.2f} s to the first "
                     "reader")
            tap.ok(readers, "who starts beside a silent writer meets its readers", readers)
            lab.run("heal", writer)
            prober.wait_known(writer)
            tap.ok(True, "and the writer when it speaks")


def successor_fails():
    """Before it is known whether the former writer is gone or only silent, which has its time
    here."""
    with Lab(instances=4) as lab, \
            Prober(lab, cluster_section(lab, failure_detection_time="5s")) as prober:
        former, begin = lab.writer, now()
        prober.wait_settled(4)
        watch = Watch(prober)
        lab.failover("blackhole")
        successor = lab.writer
        prober.wait_known(successor)
        lab.run("kill", successor)
        prober.wait(lambda c: c.writer != successor)
        silent = prober.cluster().instances[former].health != "unreachable"
        prober.wait(lambda c: unreachable(c, former))
        watch.end()
        known = watch.first(begin, lambda c: c.writer == successor)
        tap.ok(silent, "a successor fails while the former writer is only silent")
        tap.ok(not watch.first(known, lambda c: c.writer == former),
               "and the former writer is not taken for the writer")


with Lab(instances=3) as lab, Prober(lab) as prober:
    prober.wait_settled(3)
    one_of_three(lab, prober)
    own_network(lab, prober)
    whole_cluster(lab, prober)
cluster_of_one()
both_of_two()
silent_first_contact()
successor_fails()
tap.done()
