#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""etcd's watch and Consul's blocking queries: a change arrives by push, and none is missed."""
import base64

from lib import tap
from lib.lab import Lab
from lib.prober import Prober, cluster_section
from lib.servers.consul import Consul
from lib.servers.etcd import Etcd
from lib.servers.http_server import HttpServer
from lib.trials.pushes import KEY, follow, source


def comes_late(lab, host):
    """A key that is not there when one begins to follow it."""
    with Etcd(lab) as store:
        with Prober(lab, source(lab, store)) as p:
            tap.ok(p.view.wait(lambda _: "names nobody" in p.log(), 20),
                   "etcd: a key that is not there is said")
            tap.ok(store.put(KEY, lab.host(host)) and p.wait_known(host, 30),
                   "etcd: and its coming is seen")


def asked_without_need(lab, hosts):
    """A question that is held is not asked again."""
    with HttpServer(lab) as server:
        path = f"/v1/kv/{KEY}"

        def change(host, index):
            value = base64.b64encode((lab.host(host) + ":3306").encode()).decode()
            server.answer(path, [{"Value": value, "ModifyIndex": index}], index=index)

        change(hosts[0], 11)
        config = cluster_section(lab, user=None, source="http", format="consul",
                                 url=server.url + path)
        with Prober(lab, config) as p:
            for i in range(1, 7):
                change(hosts[i % 3], 11 + i)
                p.wait_known(hosts[i % 3])
            asked = len(server.seen)
            tap.ok(asked <= 3 * 6 + 5, "Consul: and is not asked without need", asked)


with Lab(instances=3) as lab_:
    ids = sorted(i["id"] for i in lab_.status()["instances"])
    for kind in (Etcd, Consul):
        with kind(lab_) as store_:
            follow(lab_, store_, ids)
    comes_late(lab_, ids[1])
    asked_without_need(lab_, ids)
tap.done()
