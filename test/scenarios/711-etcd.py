#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""etcd's watch and Consul's blocking queries: a change arrives by push, and none is missed."""
import base64
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import tap  # noqa: E402
from consul import Consul  # noqa: E402
from etcd import Etcd  # noqa: E402
from http_server import HttpServer  # noqa: E402
from lab import Lab  # noqa: E402
from prober import Prober, cluster_section  # noqa: E402
from pushes import KEY, consul, judge, pushed  # noqa: E402


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
    etcd(lab_, ids)
    with Consul(lab_) as store_:
        consul(lab_, store_, ids)
    asked_without_need(lab_, ids)
tap.done()
