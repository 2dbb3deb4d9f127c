#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""etcd's watch and Consul's blocking queries: a change arrives by push, and none is missed."""
import base64
import os
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", d)
                for d in ("lib", "bench")]

import publish  # noqa: E402
import tap  # noqa: E402
from etcd import Etcd  # noqa: E402
from http_server import HttpServer  # noqa: E402
from lab import Lab, now  # noqa: E402
from prober import Prober, cluster_section  # noqa: E402

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
    median = publish.quantile(figures, 0.5)
    tap.note(f"{what}: change to published, median {median:.1f} ms, max {max(figures):.1f} ms, "
             f"{len(figures)} changes")
    tap.ok(median <= PUSH_MS, f"{what}: a change is published within {PUSH_MS} ms", figures)


def etcd(lab, hosts):
    with Etcd(lab) as server:
        def change(host):
            server.put(KEY, lab.host(host) + ":3306")
            return server.sent_ns

        change(hosts[0])
        config = cluster_section(lab, user=None, source="http", format="etcd",
                                 url=f"{server.url}/{KEY}")
        with Prober(lab, config) as p:
            tap.ok(p.wait_known(hosts[0]), "etcd: what the key holds is followed")
            judge("etcd", pushed(p, change, hosts))
            last = p.cluster().writer
            server.delete(KEY)
            tap.ok(p.view.wait(lambda _: "names nobody" in p.log(), 20) and
                   p.cluster().writer == last, "etcd: a key that is deleted changes nothing",
                   p.log()[-500:])
            change(hosts[0])
            tap.ok(p.wait_known(hosts[0]), "etcd: and its return is seen")
    with Etcd(lab) as server:
        with Prober(lab, config) as p:
            tap.ok(p.view.wait(lambda _: "names nobody" in p.log(), 20),
                   "etcd: a key that is not there is said")
            change = server.put(KEY, lab.host(hosts[1]))
            tap.ok(change and p.wait_known(hosts[1], 30), "etcd: and its coming is seen")


def consul(lab, hosts):
    with HttpServer(lab) as server:
        index = [10]

        def change(host):
            index[0] += 1
            value = base64.b64encode((lab.host(host) + ":3306").encode()).decode()
            sent_ns = now()
            server.answer("/v1/kv/" + KEY, [{"Value": value, "ModifyIndex": index[0]}],
                          index=index[0])
            return sent_ns

        change(hosts[0])
        config = cluster_section(lab, user=None, source="http", format="consul",
                                 url=f"{server.url}/v1/kv/{KEY}")
        with Prober(lab, config) as p:
            tap.ok(p.wait_known(hosts[0]), "Consul: what the key holds is followed")
            judge("Consul", pushed(p, change, hosts))
            asked = len(server.seen)
            tap.ok(asked <= 3 * ROUNDS + 5, "Consul: and is not asked without need", asked)


with Lab(instances=3) as lab_:
    ids = sorted(i["id"] for i in lab_.status()["instances"])
    etcd(lab_, ids)
    consul(lab_, ids)
tap.done()
