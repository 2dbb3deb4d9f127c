#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What an RDS Multi-AZ DB cluster looks like from outside (dialect = multi_az), of real MySQL 9.7:
a writer and two semi-synchronous readers, whose mysql.rds_topology names all three.

Its writer is killed again and again, and one of the readers promoted; DNS stays where it was.
"""
import contextlib
import os
import statistics
import subprocess
import tempfile

from lib import tap, worlds
from lib.prober import Prober, Watch
from lib.programs import peers
from lib.servers import fakes, mysql97
from lib.trials.floors import Floor, now_ns
from lib.waiting import within

DOMAIN = "abc123.us-east-1.rds.amazonaws.com"
HOST = f"shop.cluster-{DOMAIN}"
ADDRESSES = tuple(f"127.0.1.{n}" for n in (1, 2, 3))
HOSTS = tuple(f"shop-instance-{n}.{DOMAIN}" for n in (1, 2, 3))
TABLE = "app.floor"
ROUNDS = 15 if os.environ.get("PELORUS_LONG") else 3
LATE = 0.5  # seconds from writable to published
ROWS = ", ".join(f"({n}, '{h}', 3306)" for n, h in enumerate(HOSTS, 1))


class Cluster:
    """What a Prober takes for a lab, and the servers by address."""

    writer_name, options = HOST, {"port": 3306}

    def __init__(self, stack, binaries, folder):
        self.ca = worlds.authority(folder)
        cert, key = worlds.certificate(folder, self.ca, HOST, *HOSTS)
        self.servers = {a: stack.enter_context(mysql97.Server(
            binaries, folder, a, n, "--performance-schema=ON", f"--ssl-ca={self.ca}",
            f"--ssl-cert={cert}", f"--ssl-key={key}", f"--report-host={a}",
            "--plugin-load-add=semisync_source.so", "--plugin-load-add=semisync_replica.so",
            "--rpl-semi-sync-replica-enabled=ON", "--rpl-semi-sync-source-timeout=4294967295",
            "--replica-net-timeout=2")) for n, a in enumerate(ADDRESSES, 1)}
        writer = self.servers[ADDRESSES[0]]
        writer.promote()
        writer.sql("CREATE TABLE mysql.rds_topology (id INT, endpoint VARCHAR(255), "
                   f"port INT); INSERT INTO mysql.rds_topology VALUES {ROWS}; CREATE TABLE {TABLE} "
                   "(id BINARY(16) PRIMARY KEY DEFAULT (UUID_TO_BIN(UUID())))")
        self.follow(writer)

    def popen(self, *command, **options):
        return subprocess.Popen(command, **options)

    def follow(self, writer):
        """All others from now on; then its commits wait for one of them."""
        for server in self.servers.values():
            if server is not writer:
                server.follow(writer)
        writer.sql("SET GLOBAL rpl_semi_sync_source_enabled = ON")

    def fail_over(self, old):
        """kill -9; who takes over applies first what it has received.  The new one."""
        self.servers[old].kill()
        new = next(s for a, s in self.servers.items() if a != old)
        new.settle()
        new.promote()
        return new


def section(cluster, **keys):
    keys = {"endpoint": HOST, "dialect": "multi_az", "user": "app", "password": "app-secret",
            "ssl": "on", "ssl_ca": cluster.ca, "ssl_verify_server_cert": "on", **keys}
    return "\n".join(["[cluster shop]", *(f"{k.replace('_', '-')} = {v}" for k, v in keys.items()),
                      ""])


def recognised():
    peers.recognise(HOST, {peers.JAVA: "MultiAzClusterMysqlDialect",
                           peers.NODE: "RdsMultiAZClusterMySQLDatabaseDialect"},
                    [HOSTS[0]], HOSTS, password="app-secret", options=["sslMode=REQUIRED"])


def address_of_writer(c):
    return c.instances[c.writer].ip4 if c and c.state == "known" and c.writer else None


def is_whole(c):
    """All three, and both readers tell their lag and have none."""
    readers = [i for i in c.instances.values() if i.role == "reader"]
    return c.state == "known" and c.writer and len(readers) == 2 and \
        all(i.lag_ms == 0 and not i.lagged for i in readers)


def await_whole(cluster, p, seconds):
    """The cluster, once it is; what keeps it from that is told."""
    try:
        return p.wait(lambda c: is_whole(c) and c, seconds)
    except TimeoutError:
        tap.note(p.log()[-2000:])
        for instance in p.cluster().instances.values():
            tap.note(vars(instance))
        for address, server in cluster.servers.items():
            tap.note((address, server.sql("SELECT @@read_only, @@gtid_executed"),
                      server.sql("SHOW REPLICA STATUS")))
        raise


def without_rights(cluster):
    with Prober(cluster, section(cluster)) as p:
        p.view.wait(lambda _: "code=question-refused" in p.log(), 20)
        tap.ok("GRANT SELECT ON mysql.rds_topology TO 'app'@'%'" in p.log() and
               p.cluster().why == "denied", "without rights: the log says what to grant",
               p.log()[-600:])
        cluster.servers[ADDRESSES[0]].sql("GRANT SELECT ON mysql.rds_topology TO 'app'@'%'")
        c = p.wait_settled(3, 30)
        tap.ok(sorted(i.ip4 for i in c.instances.values()) == sorted(ADDRESSES) and
               address_of_writer(c) == ADDRESSES[0], "once it may: the table names the members",
               p.log()[-600:])


def crash(cluster, p, watch, floor):
    """One round; milliseconds from the first write that was let in to the new one published."""
    old = address_of_writer(await_whole(cluster, p, 60))
    begin = now_ns()
    new = cluster.fail_over(old)
    writable, address = floor.first(begin, old)
    told = watch.wait_first(begin, lambda c: address_of_writer(c) == new.address)
    cluster.servers[old].start()
    cluster.follow(new)
    return (told - writable) / 1e6 if told and address == new.address else None


def crashes(cluster):
    with Prober(cluster, section(cluster)) as p:
        p.wait_settled(3, 30)
        watch, floor = Watch(p), Floor(ADDRESSES, TABLE)
        try:
            late = [crash(cluster, p, watch, floor) for _ in range(ROUNDS)]
        finally:
            floor.end()
            watch.end()
        tap.ok(None not in late and within(max(late), LATE * 1000),
               "a crash: the new writer is published at once", f"{late} {p.log()[-900:]}")
        if None not in late:
            tap.note(f"published after it was writable, ms: median {statistics.median(late):.0f} "
                     f"of {[round(ms) for ms in late]}")
        await_whole(cluster, p, 30)
        tap.ok(True, "and the old one is a reader, with a lag that is known")


try:
    binaries_ = mysql97.fetch()  # where there is a network: inside the namespace there is none
except mysql97.Unavailable as error:
    tap.skip("a Multi-AZ cluster of MySQL 9.7", error)
    tap.done()
peers.fetch()
fakes.enter()
dns = worlds.Dns()
for host, address_ in zip(HOSTS, ADDRESSES):
    dns.addresses[host] = [address_]
dns.addresses[HOST] = [ADDRESSES[0]]
with tempfile.TemporaryDirectory() as folder_, contextlib.ExitStack() as stack_:
    os.chmod(folder_, 0o755)
    cluster_ = Cluster(stack_, binaries_, folder_)
    without_rights(cluster_)
    recognised()
    crashes(cluster_)
tap.done()
