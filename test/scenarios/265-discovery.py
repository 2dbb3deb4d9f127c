#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Plain replication whose members nobody names: the writer tells who replicates from it, and by
what host, and is believed inside `allowed-hosts`; where that is not set it is not asked.

Real servers of MySQL 9.7 (209 has MariaDB's), and a writer that tells whatever it likes.
"""
import contextlib
import os
import signal
import subprocess
import tempfile
import time

from lib import tap, worlds
from lib.paths import PELORUS
from lib.prober import Prober, Watch, cluster_section
from lib.servers import fakes, mysql97
from lib.trials.floors import Floor, now_ns
from lib.waiting import wait_for, within
from lib.worlds import expect, side_by_side

METADATA = "169.254.169.254"
DENIED = (1227, "Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s) for "
          "this operation")
ROOM = 32  # members of one cluster
ASKED = 14  # seconds that questions are counted in, of whom may be asked each 10 s
DOMAIN = "shop.example"
TABLE = "app.floor"
LATE = 1.0  # seconds from writable to published


# What a writer tells

class Plain(fakes.Cluster):
    """Plain servers: the first is the writer, known by the endpoint alone, and has the others for
    its replicas."""

    def __init__(self, number, count=3):
        super().__init__(dns, count, number, f"find{number}")
        for server in self.servers.values():
            server.plain, server.lag_s = True, 0
        self.writer = self.servers["demo-1"]
        self.writer.replicas = [self.told(i) for i in self.servers if i != "demo-1"]

    def host(self, instance):
        return f"{instance}.{self.domain}"

    def told(self, instance):
        return self.host(instance), fakes.PORT

    def section(self, **keys):
        return cluster_section(self, **{"dialect": "read_only", **keys})

    def found(self, **keys):
        return self.section(allowed_hosts=f"*.{self.domain}", **keys)


def address_of_writer(c):
    return c.instances[c.writer].ip4 if c and c.state == "known" and c.writer else None


def ids(c):
    return {i.ip4 for i in c.instances.values()}


def not_asked(number):
    cluster = Plain(number)
    with Prober(cluster, cluster.section()) as p:
        p.wait_known(seconds=15)
        asked = len(cluster.writer.questions)
        wait_for(lambda: len(cluster.writer.questions) > asked + 8, 15)
        expect(len(p.cluster().instances) == 1 and
               not any("REPLICAS" in q or "HOSTS" in q for q in cluster.writer.questions),
               "without allowed-hosts the writer is not asked, and nobody is found",
               list(p.cluster().instances))
    cluster.close()


def lies(number):
    """Hosts elsewhere, the machine's secrets by name and by address, and more of them than fit."""
    cluster = Plain(number)
    evil = fakes.Server(f"127.9.8.{number}", "evil")
    dns.addresses["evil.example.org"] = [evil.address]
    dns.addresses[cluster.host("secret")] = [METADATA]
    with Prober(cluster, cluster.section(allowed_hosts=f"*{number}.us-east-1.rds.*")) as p:
        p.wait_settled(3)
        good = list(cluster.writer.replicas)
        cluster.writer.replicas = [("evil.example.org", 3306), (METADATA, 3306),
                                   ("../etc", 3306), *good, (cluster.host("secret"), 3306)]
        p.view.wait(lambda _: "code=table-odd" in p.log(), 15)
        p.wait(lambda c: "secret" in c.instances and c, 15)
        wait_for(lambda: dns.look_ups(0, {cluster.host("secret")}), 15)
        asked = len(cluster.writer.questions)
        cluster.writer.replicas = [(cluster.host(f"no-{n}"), 3306) for n in range(300)]
        wait_for(lambda: len(cluster.writer.questions) > asked + 8, 15)
        c = p.cluster()
        expect(c.writer == "demo-1" or c.instances[c.writer].ip4 == cluster.writer.address,
               "a list that is huge: the writer stays", c.writer)
        expect(len(c.instances) <= ROOM, "... and no more are taken than there is room for",
               len(c.instances))
        expect({s.address for s in cluster.servers.values()} <= ids(c),
               "... and who was a member before is one all the same", ids(c))
        expect(not evil.came, "hosts outside allowed-hosts get no connection", len(evil.came))
        cluster.writer.replicas = good
        p.wait(lambda c: len(c.instances) == 3, 20)
        expect(True, "and all of them are gone when they are told no more")
    evil.close()
    cluster.close()


def machine(number):
    """Also with a pattern that has everything."""
    cluster = Plain(number)
    secret = fakes.Server(METADATA, "secret")
    secret.plain = True
    dns.addresses[cluster.host("secret")] = [METADATA]
    dns.addresses[cluster.host("mapped")] = [f"::ffff:{METADATA}"]
    cluster.writer.replicas += [(METADATA, 3306), cluster.told("secret"), cluster.told("mapped")]
    with Prober(cluster, cluster.section(allowed_hosts="*")) as p:
        p.wait(lambda c: len(c.instances) == 6 and c, 20)
        asked = len(cluster.writer.questions)
        wait_for(lambda: len(cluster.writer.questions) > asked + 12, 15)
        expect(not secret.came, "link-local addresses get no connection whatever is allowed",
               len(secret.came))
    secret.close()
    cluster.close()


def denied(number):
    cluster = Plain(number)
    cluster.writer.replicas = DENIED
    with Prober(cluster, cluster.found(members=cluster.host("demo-1"))) as p:
        p.wait_known(seconds=15)
        p.view.wait(lambda _: "code=replicas-unknown" in p.log(), 15)
        begin = len(cluster.writer.questions)
        time.sleep(ASKED)
        asked = cluster.writer.questions[begin:].count("SHOW SLAVE HOSTS")
        expect(asked <= 2, "who may not ask does so each 10 s", asked)
        expect(p.log().count("code=replicas-unknown") == 1 and
               "GRANT REPLICATION SLAVE ON *.* TO" in p.log(),
               "... and the log says once what to grant", p.log()[-600:])
        expect(p.cluster().state == "known", "... and what is configured is followed")
        told = p.execute([PELORUS, "doctor", "--wait", "2", cluster.writer_name])
        expect("GRANT REPLICATION SLAVE ON *.*" in told.stdout, "... and so does doctor",
               told.stdout + told.stderr)
    cluster.close()


def writable(number):
    """A replica that takes writes, as some do for reports, is no second writer, nor the next."""
    cluster = Plain(number)
    odd = cluster.servers["demo-3"]
    odd.read_only = False
    with Prober(cluster, cluster.found()) as p:
        c = p.wait(lambda c: c.state == "known" and len(c.instances) == 3 and
                   all(i.routable for i in c.instances.values()) and c, 15)
        watch = Watch(p)
        asked = len(odd.questions)
        wait_for(lambda: len(odd.questions) > asked + 8, 15)
        c = p.cluster()
        role = next(i.role for i in c.instances.values() if i.ip4 == odd.address)
        expect(c.state == "known" and c.instances[c.writer].ip4 == cluster.writer.address and
               role == "unknown", "a replica that takes writes disputes nothing, and serves not",
               f"{c.state} {c.why} {role}")
        cluster.writer.close()
        p.wait(lambda c: c.state == "writerless", 15)
        cluster.servers["demo-2"].read_only = False
        p.wait(lambda c: c.state == "known" and c.writer and
               c.instances[c.writer].ip4 == cluster.servers["demo-2"].address, 15)
        watch.end()
        expect(not any(c.writer and c.instances[c.writer].ip4 == odd.address
                       for _, c in watch.seen), "and does not become the writer without a word")
    cluster.close()


def begun_anew(number):
    """A worker that begins while the endpoint leads to the writer that was: whom that one had found
    is known from the map, within allowed-hosts."""
    cluster = Plain(number)
    first, second, third = cluster.servers.values()
    with Prober(cluster, cluster.found(dialect="auto", members=cluster.host("demo-1"))) as p:
        p.wait_settled(3)
        first.close()
        second.read_only, second.replicas = False, [cluster.told("demo-3")]
        p.wait(lambda c: address_of_writer(c) == second.address, 20)
        p.wait(lambda c: first.address not in ids(c) or len(c.instances) == 3, 20)
        logins, old = second.logins, p.worker()
        os.kill(old, signal.SIGKILL)
        p.view.wait(lambda view: view.pid not in (0, old), 20)
        wait_for(lambda: second.logins > logins, 20)
        watch = Watch(p)
        asked = len(second.questions)
        wait_for(lambda: len(second.questions) > asked + 12, 20)
        watch.end()
        expect(all(address_of_writer(c) == second.address for _, c in watch.seen),
               "a worker that begins anew knows whom the writer told the last one",
               [(c.state, c.why, c.writer) for _, c in watch.seen])
    cluster.close()


# Real servers

class Replication:
    """What a Prober takes for a lab, and the servers by address."""

    hosts = {f"127.0.77.{n}": f"my{n}.{DOMAIN}" for n in (1, 2, 3)}
    writer_name, options = f"db.{DOMAIN}", {"port": 3306}

    def __init__(self, stack, binaries, folder):
        self.ca = worlds.authority(folder)
        cert, key = worlds.certificate(folder, self.ca, self.writer_name, *self.hosts.values())
        self.servers = {a: stack.enter_context(mysql97.Server(
            binaries, folder, a, n, "--performance-schema=ON", f"--ssl-ca={self.ca}",
            f"--ssl-cert={cert}", f"--ssl-key={key}", f"--report-host={h}", "--report-port=3306",
            "--replica-net-timeout=2")) for n, (a, h) in enumerate(self.hosts.items(), 1)}
        for address, host in self.hosts.items():
            dns.addresses[host] = [address]
        first = next(iter(self.servers.values()))
        dns.addresses[self.writer_name] = [first.address]
        first.promote()
        first.sql(f"CREATE TABLE {TABLE} (id BINARY(16) PRIMARY KEY DEFAULT "
                  "(UUID_TO_BIN(UUID())))")
        self.follow(first)

    def popen(self, *command, **options):
        return subprocess.Popen(command, **options)

    def follow(self, writer):
        for server in self.servers.values():
            if server is not writer and server.process.poll() is None:
                server.follow(writer)


def section(cluster, **keys):
    keys = {"endpoint": cluster.writer_name, "dialect": "read_only", "user": "app",
            "password": "app-secret", "ssl": "on", "ssl_ca": cluster.ca,
            "ssl_verify_server_cert": "on", "allowed_hosts": f"my*.{DOMAIN}", **keys}
    return "\n".join(["[cluster shop]", *(f"{k.replace('_', '-')} = {v}" for k, v in keys.items()),
                      ""])


def mysql(cluster):
    first, second, third = cluster.servers.values()
    with Prober(cluster, section(cluster)) as p:
        p.view.wait(lambda _: "code=replicas-unknown" in p.log(), 30)
        tap.ok("GRANT REPLICATION SLAVE ON *.*" in p.log(), "MySQL 9.7: without the right: the "
               "log says what to grant", p.log()[-600:])
    first.sql("GRANT REPLICATION SLAVE ON *.* TO 'app'@'%'")
    with Prober(cluster, section(cluster)) as p:
        c = p.wait_settled(3, 30)
        tap.ok(ids(c) == set(cluster.servers), "the endpoint alone is known, and the writer tells "
               "its replicas", ids(c))
        watch, floor = Watch(p), Floor(tuple(cluster.servers), TABLE)
        try:
            begin = now_ns()
            first.kill()
            second.promote()
            writable, _ = floor.first(begin, first.address)
            told = watch.wait_first(begin, lambda c: address_of_writer(c) == second.address)
        finally:
            floor.end()
            watch.end()
        late = (told - writable) / 1e9 if told else None
        tap.note(f"published {1000 * (late or 0):.0f} ms after it was writable")
        tap.ok(within(late, LATE), "one of them that is promoted is published",
               f"{late} {p.log()[-600:]}")
        cluster.follow(second)
        first.start()
        cluster.follow(second)
        p.wait(lambda c: sum(i.role == "reader" for i in c.instances.values()) == 2, 30)
        tap.ok(address_of_writer(p.cluster()) == second.address, "the old one is told as its "
               "replica")
        third.sql("STOP REPLICA")
        third.kill()
        p.wait(lambda c: third.address not in ids(c), 90)
        tap.ok(address_of_writer(p.cluster()) == second.address and
               first.address in ids(p.cluster()), "one that is gone is forgotten")


def run_mysql():
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        os.chmod(folder, 0o755)
        mysql(Replication(stack, binaries_, folder))


try:
    binaries_ = mysql97.fetch()  # where there is a network: inside the namespace there is none
except mysql97.Unavailable as error:
    binaries_ = None
    tap.skip("replication of MySQL 9.7", error)
fakes.enter()
subprocess.run(["ip", "address", "add", f"{METADATA}/32", "dev", "lo"], check=True)
dns = worlds.Dns()
side_by_side((not_asked, 1), (lies, 2), (machine, 3), (denied, 4), (writable, 5),
             (begun_anew, 6))
if binaries_:
    run_mysql()
tap.done()
