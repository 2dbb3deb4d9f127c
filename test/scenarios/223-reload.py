#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What a reload of the configuration changes, and what a key promises.

Members that were taken out are gone, a new port is dialled, `refresh` is kept to (or no key at
all), and `dialect = auto` asks the server what it is.  A file that others may write names no
command and no URL.
"""
import os
import subprocess
import tempfile
import time

from lib import tap, worlds
from lib.paths import PELORUS
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.worlds import expect, note, side_by_side

SECONDS = 6


class World:
    folder = None


def configure(p, text):
    """Another text for the configuration, and a reload of it."""
    p.configure(text)
    return p.ask("reload")


def looked_at(path):
    """What the command says of a configuration."""
    return subprocess.run([PELORUS, "config", "check", "--config", path], capture_output=True,
                          text=True, timeout=20)


def hosts(cluster, *numbers):
    return ", ".join(f"demo-{n}.{cluster.domain}" for n in numbers)


def plain(number, count=3):
    cluster = fakes.Cluster(dns, count, number, f"load{number}")
    for server in cluster.servers.values():
        server.plain, server.lag_s = True, 0
    return cluster


def members_removed():
    cluster = plain(1)
    with Prober(cluster, cluster_section(cluster, dialect="read_only",
                                         members=hosts(cluster, 1, 2, 3))) as p:
        p.wait_settled(3)
        configure(p, cluster_section(cluster, dialect="read_only", members=hosts(cluster, 1, 2)))
        try:
            p.wait(lambda c: set(c.instances) == {"demo-1", "demo-2"}, 10)
            expect(True, "a member that is taken out is gone")
        except TimeoutError:
            expect(False, "a member that is taken out is gone", list(p.cluster().instances))
        before = len(cluster.servers["demo-3"].questions)
        time.sleep(2)
        expect(len(cluster.servers["demo-3"].questions) == before, "and is asked no more")
        configure(p, cluster_section(cluster, dialect="read_only", members=hosts(cluster, 1, 2, 3)))
        p.wait_settled(3, 15)
        expect(True, "one that is put back is there again")
    cluster.close()


def writer_removed():
    """Also the one that is the writer at that moment."""
    cluster = plain(2)
    with Prober(cluster, cluster_section(cluster, dialect="read_only",
                                         members=hosts(cluster, 1, 2, 3))) as p:
        p.wait_settled(3)
        configure(p, cluster_section(cluster, dialect="read_only", members=hosts(cluster, 2, 3)))
        cluster.servers["demo-2"].read_only = False
        try:
            p.wait(lambda c: "demo-1" not in c.instances and c.writer == "demo-2", 12)
            expect(True, "a writer that is taken out is gone, and its successor is found")
        except TimeoutError:
            c = p.cluster()
            expect(False, "a writer that is taken out is gone, and its successor is found",
                   f"{c.state} {c.why} {c.writer} {list(c.instances)}")
    cluster.close()


def port_changed():
    """The same servers at another port; those at the old one are gone soon after."""
    cluster = fakes.Cluster(dns, 2, 3, "load3")
    others = [
        fakes.Server(s.address, i, s.read_only, port=3307) for i, s in cluster.servers.items()
    ]
    for other in others:
        other.table = cluster.rows
    with Prober(cluster, cluster_section(cluster)) as p:
        p.wait_settled(2)
        configure(p, cluster_section(cluster, port=3307))
        for server in cluster.servers.values():
            server.close()
        try:
            p.wait(lambda c: c.state == "known" and all(
                i.port == 3307 and i.health == "ok" for i in c.instances.values()), 15)
            expect(all(o.logins for o in others), "a new port is dialled")
        except TimeoutError:
            expect(False, "a new port is dialled",
                   [(i.id, i.port, i.health) for i in p.cluster().instances.values()])
    for other in others:
        other.close()
    cluster.close()


def known_by(p, text, name, condition):
    """The name's cluster is known, and so is this of it."""
    try:
        p.view.wait(lambda v: (c := v.find(name)) and c.state == "known" and condition(c), 15)
        expect(True, text)
    except TimeoutError:
        c = p.view.find(name)
        expect(False, text, f"{c and (c.state, c.why, sorted(c.names))}\n{p.log()[-400:]}")


def section_added():
    """Of a cluster that is followed by an alias already."""
    cluster = fakes.Cluster(dns, 2, 9, "load9")
    alias = "db.load9.example"
    dns.aliases[alias] = cluster.writer_name
    with Prober(cluster, "[pelorus]\n", options=["--follow", alias]) as p:
        p.view.wait(lambda v: (c := v.find(alias)) and c.why == "no-credentials", 15)
        configure(p, cluster_section(cluster))
        known_by(p, "a new section counts for a cluster that is followed by an alias", alias,
                 lambda c: True)
    cluster.close()


def endpoint_changed():
    """A section has another endpoint: its own name leads to that one's cluster."""
    a, b = fakes.Cluster(dns, 2, 10, "load10"), fakes.Cluster(dns, 2, 11, "load11")
    for server in b.servers.values():
        server.uuid = "b-" + server.uuid
    own = "db.load10.example"

    def text(cluster):
        return cluster_section(cluster).replace("[cluster lab]", f"[cluster {own}]")
    with Prober(a, text(a), options=["--follow", own]) as p:
        known_by(p, "the name of a section is its endpoint's", own, lambda c: a.writer_name in
                 c.names)
        configure(p, text(b))
        known_by(p, "a section's new endpoint takes its name along", own,
                 lambda c: b.writer_name in c.names and
                 c.instances[c.writer].ip4 == b.servers["demo-1"].address)
        expect("level=warning" not in p.log(), "... without a warning", p.log()[-400:])
    a.close()
    b.close()


def refresh():
    """A key that is documented does what it says; else it is refused as one that is not known."""
    cluster = fakes.Cluster(dns, 2, 4, "load4")
    text = cluster_section(cluster, refresh="5s")
    path = os.path.join(World.folder, "refresh.conf")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
        out.write(text)
    check = looked_at(path)
    if "refresh: expected a key" in check.stderr:
        expect(True, "refresh is no key any more")
    else:
        with Prober(cluster, text) as p:
            p.wait_settled(2)
            before = {i: len(s.questions) for i, s in cluster.servers.items()}
            time.sleep(SECONDS)
            rate = max(len(s.questions) - before[i] for i, s in cluster.servers.items()) / SECONDS
            note(f"refresh = 5s: {rate:.1f} statements a second at the one that is asked most")
            expect(rate <= 1.5, "refresh = 5s: readers are asked each 5 s, the writer each second",
                   rate)
    cluster.close()


def auto(text, number, prepare, expected, **keys):
    """No dialect is told: the server tells."""
    cluster = fakes.Cluster(dns, 3, number, f"load{number}")
    prepare(cluster)
    own = f"db.load{number}.example"
    dns.aliases[own] = f"demo-1.{cluster.domain}"
    keys = {k: v(cluster) if callable(v) else v for k, v in keys.items()}
    with Prober(cluster, cluster_section(cluster, endpoint=own, **keys)) as p:
        try:
            c = p.view.wait(lambda v: (c := v.find(own)) and c.state == "known" and c.writer and c,
                            12)
            expect(c.instances[c.writer].ip4 == cluster.servers["demo-1"].address and
                   len(c.instances) == expected, f"dialect = auto: {text}", list(c.instances))
        except TimeoutError:
            c = p.view.find(own)
            expect(False, f"dialect = auto: {text}",
                   f"{c and (c.state, c.why)}\n{p.log()[-500:]}")
    cluster.close()


def make_plain(cluster):
    for server in cluster.servers.values():
        server.plain, server.lag_s = True, 0


def make_rds(cluster, *members, denied=False):
    make_plain(cluster)
    for server in cluster.servers.values():
        server.marks = [("basedir", "/rdsdbbin/mysql-8.4.7.R1/"), ("report_host", server.address)]
        if members:
            server.topology = [(f"{i}.{cluster.domain}", fakes.PORT) for i in members]
        if denied:
            server.topology = (1142, "SELECT command denied to user 'pelorus'@'%' for table "
                               "'rds_topology'")


def refused(text, mode, said, **keys):
    path = os.path.join(World.folder, f"{mode:o}-{'-'.join(keys)}.conf")
    with open(path, "w") as out:
        out.write(
            "[pelorus]\n"
            + "".join(f"{k.replace('_', '-')} = {v}\n" for k, v in keys.items())
            + "[cluster one]\nendpoint = localhost\n"
        )
    os.chmod(path, mode)
    done = looked_at(path)
    expect((done.returncode != 0) == said, text, f"{done.returncode} {done.stderr}")


def written_by_others():
    for mode in (0o606, 0o620, 0o666):
        refused(f"mode {mode:o}: a file that others may write names no command", mode, True,
                notify_command="/bin/true")
        refused(f"mode {mode:o}: and no URL that is told of everything", mode, True,
                notify="https://hooks.example/x")
    refused("mode 644: a file that others may read names a command", 0o644, False,
            notify_command="/bin/true")


fakes.enter()
dns = worlds.Dns()
with tempfile.TemporaryDirectory() as World.folder:
    side_by_side(
        (members_removed,), (writer_removed,), (port_changed,), (refresh,),
        (section_added,), (endpoint_changed,),
        (lambda: auto("members that are plain servers", 5, make_plain, 3,
                      members=lambda c: hosts(c, 1, 2, 3)),),
        (lambda: auto("an own name of an Aurora cluster", 6, lambda c: None, 3,
                      host_pattern=lambda c: f"?.{c.domain}"),),
        (lambda: auto("an own name of a plain server", 7, make_plain, 1),),
        (lambda: auto("members that turn out to be an Aurora cluster's", 8, lambda c: None, 3,
                      members=lambda c: hosts(c, 1, 2, 3),
                      host_pattern=lambda c: f"?.{c.domain}"),),
        (lambda: auto("servers of RDS whose table names three", 12, lambda c: make_rds(
            c, "demo-1", "demo-2", "demo-3"), 3, allowed_hosts=lambda c: f"*.{c.domain}"),),
        (lambda: auto("servers of RDS without that table", 13, make_rds, 3,
                      members=lambda c: hosts(c, 1, 2, 3)),),
        (lambda: auto("instances of RDS that may not be asked for it", 14, lambda c: make_rds(
            c, denied=True), 3, members=lambda c: hosts(c, 1, 2, 3)),), (written_by_others,))
tap.done()
