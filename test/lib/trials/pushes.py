# SPDX-License-Identifier: Apache-2.0
"""Stores that push: how soon a change of a key is in the map."""
import os

from lib import tap
from lib.lab import now
from lib.prober import Prober, cluster_section
from lib.trials import publishing

KEY = "mysql/master/lab"
ROUNDS = int(os.environ.get("PELORUS_ROUNDS", "12"))
PUSH_MS = 50


def pushed(p, change, hosts):
    """How long after each change the map had it, in ms."""
    figures = []
    for i in range(ROUNDS):
        wanted = hosts[(i + 1) % len(hosts)]
        sent_ns = change(wanted)
        if not p.wait_known(wanted, 20):
            return figures + [float("inf")]
        figures.append((now() - sent_ns) / 1e6)
    return figures


def judge(what, figures):
    median = publishing.quantile(figures, 0.5)
    tap.note(f"{what}: change to published, median {median:.1f} ms, max {max(figures):.1f} ms, "
             f"{len(figures)} changes")
    tap.ok(median <= PUSH_MS, f"{what}: a change is published within {PUSH_MS} ms", figures)


def source(lab, store):
    return cluster_section(lab, user=None, source="http", format=store.NAME.lower(),
                           url=store.url_of(KEY))


def follow(lab, store, hosts):
    """A key of it is followed, whether it is there or not."""
    def change(host):
        store.put(KEY, lab.host(host) + ":3306")
        return store.sent_ns

    change(hosts[0])
    with Prober(lab, source(lab, store)) as p:
        tap.ok(p.wait_known(hosts[0]), f"{store.NAME}: what the key holds is followed")
        judge(store.NAME, pushed(p, change, hosts))
        last = p.cluster().writer
        store.delete(KEY)
        tap.ok(p.view.wait(lambda _: "names nobody" in p.log(), 20) and
               p.cluster().writer == last, f"{store.NAME}: a key that is deleted changes nothing",
               p.log()[-500:])
        back = next(h for h in hosts if h != last)
        change(back)
        tap.ok(p.wait_known(back), f"{store.NAME}: and its return is seen")
