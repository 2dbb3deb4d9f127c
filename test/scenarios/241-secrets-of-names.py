#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Credentials that programs gave with a followed name, when DNS leads it to another cluster.

What was given for it goes along, and logs in there, also where nobody could so far.  What was given
for other names of the old cluster is never shown to the new one.
"""
from lib import tap, worlds
from lib.prober import Prober
from lib.servers import fakes

WITHIN = 30  # seconds: DNS is steady, and the name has moved

fakes.enter()
dns = worlds.Dns()
own = "db.shop.example"
a, b = fakes.Cluster(dns, 2, 1, "aaa"), fakes.Cluster(dns, 2, 2, "bbb")
for letter, cluster in (("a", a), ("b", b)):
    for server in cluster.servers.values():
        server.uuid = f"{letter}-{server.uuid}"
for server in b.servers.values():
    server.users = {"app1"}
dns.aliases[own] = a.writer_name


def users(cluster):
    return {user for server in cluster.servers.values() for user in server.who}


with Prober(a, "[pelorus]\n") as p:
    p.ask("follow", name=b.writer_name)
    p.view.wait(lambda v: (c := v.find(b.writer_name)) and c.why == "no-credentials", WITHIN)
    p.ask("follow", name=a.writer_name, user="payroll", password="secret")
    p.view.wait(lambda v: (c := v.find(a.writer_name)) and c.is_settled(2), WITHIN)
    p.ask("follow", name=own, user="app1", password="pw1")
    p.view.wait(lambda v: (c := v.find(own)) and c.is_settled(2), WITHIN)
    dns.aliases[own] = b.writer_name
    try:
        p.view.wait(lambda v: (c := v.find(own)) and b.writer_name in c.names and
                    c.state == "known", WITHIN)
        tap.ok(True, "a name's credential logs in to the cluster that it moves to")
    except TimeoutError:
        c = p.view.find(own)
        tap.ok(False, "a name's credential logs in to the cluster that it moves to",
               f"{c.state} {c.why} {sorted(c.names)}\n{p.log()[-600:]}")
    tap.ok(users(b) == {"app1"}, "... and those of other names are not shown to it", users(b))
    tap.ok(p.view.find(a.writer_name).state == "known", "the old cluster is as it was")
a.close()
b.close()
tap.done()
