#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Names and roads: own domains, aliases, custom endpoints, search lists, DNS that fails or is cut
off, plain replication, other ports."""
import time

from lib import tap
from lib.prober import Prober, cluster_section
from lib.servers import fakes

NO_ENDPOINT = "[pelorus]\nuser = pelorus\npassword = pelorus\n"


class Case:
    dns = None
    number = 0

    def __init__(self, config=None, follow=(), before=None):
        Case.number += 1
        self.cluster = fakes.Cluster(self.dns, 3, Case.number, f"names{Case.number}")
        follow = before(self.cluster) if before else follow
        arguments = [word for name in follow for word in ("--follow", name)]
        text = config(self.cluster) if config else NO_ENDPOINT
        self.prober = Prober(self.cluster, text, options=arguments)

    def __enter__(self):
        self.prober.__enter__()
        return self.prober, self.cluster

    def __exit__(self, *_):
        self.prober.__exit__()
        self.cluster.close()


def find(prober, name, seconds=10, writer="demo-1"):
    return prober.view.wait(lambda v: (c := v.find(name)) and c.writer == writer and c, seconds)


def own_domain():
    def before(cluster):
        Case.dns.aliases["db.shop.example"] = cluster.writer_name
        Case.dns.aliases["db-ro.shop.example"] = cluster.reader_name
        return ["db.shop.example", "db-ro.shop.example"]
    with Case(before=before) as (prober, cluster):
        record = find(prober, "db.shop.example")
        names = prober.view.wait(lambda v: (c := v.find("db-ro.shop.example")) and c.names, 10)
        tap.ok(record.writer == "demo-1", "an own domain: the alias is followed to the cluster")
        tap.ok({"db.shop.example", cluster.writer_name} <= set(names),
               "both own names are of one cluster", list(names))
        tap.ok(names["db-ro.shop.example"].role == "reader" and
               names["db.shop.example"].role == "writer", "each with the role of its endpoint")


def custom_then_writer():
    """A custom endpoint that was followed alone turns out to be of a cluster that comes later."""
    def before(cluster):
        custom = cluster.writer_name.replace(".cluster-", ".cluster-custom-")
        Case.dns.aliases[custom] = f"demo-2.{cluster.domain}"
        cluster.custom_name = custom
        return [custom, cluster.writer_name]
    with Case(before=before) as (prober, cluster):
        find(prober, cluster.writer_name)
        merged = prober.view.wait(lambda v: (c := v.find(cluster.custom_name)) and
                                  cluster.writer_name in c.names and c, 10)
        tap.ok(merged.names[cluster.custom_name].role == "custom",
               "a custom endpoint joins the cluster of its instances")


def two_names_one_cluster():
    """Names that nothing tells to be sisters lead to the same writer: one record in the end."""
    def before(cluster):
        Case.dns.addresses["a.example"] = [cluster.servers["demo-1"].address]
        Case.dns.addresses["b.example"] = [cluster.servers["demo-1"].address]
        return ["a.example", "b.example"]

    def config(cluster):
        return NO_ENDPOINT + f"host-pattern = ?.{cluster.domain}\n"
    with Case(before=before, config=config) as (prober, _):
        find(prober, "a.example")
        merged = prober.view.wait(lambda v: (c := v.find("b.example")) and "a.example" in c.names
                                  and c, 10)
        tap.ok(merged.writer == "demo-1", "two names of one cluster end up in one record")


def search_list():
    def before(cluster):
        Case.dns.aliases["db.svc.example"] = cluster.writer_name
        return ["db"]
    with Case(before=before) as (prober, _):
        tap.ok(find(prober, "db").writer == "demo-1", "a short name is found by the search list")


def cut_off():
    def before(cluster):
        Case.dns.truncated.add(cluster.writer_name)
        return [cluster.writer_name]
    with Case(before=before) as (prober, cluster):
        find(prober, cluster.writer_name)
        tcp = [a for a in Case.dns.asked if a[0] == cluster.writer_name and a[2]]
        tap.ok(tcp, "an answer that is cut off is fetched over TCP")


def no_such_name():
    with Case(follow=["nowhere.example"]) as (prober, _):
        record = prober.view.wait(lambda v: (c := v.find("nowhere.example")) and
                                  c.why == "no-answer" and c, 15)
        tap.ok(record.state == "unknown", "a name that leads nowhere: unknown, and it says so")


def plain_replication():
    def config(cluster):
        for server in cluster.servers.values():
            server.plain, server.lag_s = True, server.address.rsplit(".", 1)[1]
        hosts = ", ".join(f"{s.address}:{fakes.PORT}" for s in cluster.servers.values())
        return cluster_section(cluster, members=hosts, dialect="read_only")
    with Case(config=config) as (prober, cluster):
        record = prober.view.wait(lambda v: (c := v.find(cluster.writer_name)) and
                                  c.state == "known" and len(c.instances) == 3 and c, 15)
        tap.ok(record.instances[record.writer].ip4 == cluster.servers["demo-1"].address,
               "plain replication: the one that is not read-only is the writer", record.writer)
        lags = {s.address: int(s.lag_s) * 1000 for s in cluster.servers.values() if s.read_only}
        prober.view.wait(lambda v: {i.ip4: i.lag_ms for i in v.find(cluster.writer_name)
                                    .instances.values() if i.role == "reader"} == lags, 15)
        tap.ok(True, "older servers are asked for their lag in older words")
        # Two a second: ten seconds, the rest after a refusal, would be twenty and more.
        asked = [len(s.questions) for s in cluster.servers.values()]
        tap.ok(max(asked) - min(asked) < 15,
               "a third member waits no longer than a credential takes to prove itself", asked)
        cluster.servers["demo-1"].read_only = True
        cluster.servers["demo-2"].read_only = False
        address = cluster.servers["demo-2"].address
        prober.view.wait(lambda v: (c := v.find(cluster.writer_name)) and c.writer and
                         c.instances[c.writer].ip4 == address, 10)
        tap.ok(True, "and its successor is found")


def dns_goes_away():
    with Case(config=cluster_section) as (prober, cluster):
        prober.wait_settled(3)
        wake = prober.view.wake
        Case.dns.silent = True
        time.sleep(4)  # longer than any question waits
        state = prober.cluster()
        Case.dns.silent = False
        tap.ok(state.state == "known" and state.writer == "demo-1" and prober.view.wake == wake,
               "without DNS the known topology stays", state.state)


fakes.enter("search svc.example\n")
Case.dns = fakes.Dns()
for job in (own_domain, custom_then_writer, two_names_one_cluster, search_list, cut_off,
            no_such_name, plain_replication, dns_goes_away):
    job()
tap.done()
