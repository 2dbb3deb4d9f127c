#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A group of three real MySQL 9.7 servers (dialect = group_replication), known by one name alone:
the servers tell each other's hosts.

Its primary is handed over, stopped and resumed, cut off, killed, left alone with a minority, and
shut down.  At each moment whoever is published commits or is withdrawn within seconds; a primary
that was expelled and does not know it yet disturbs nobody, for its view is an older one; and beside
a client that tries all servers all the time the new one is published at once.
"""
import contextlib
import os
import signal
import subprocess
import tempfile
import time

from lib import apart, tap, worlds
from lib.prober import Prober, Watch
from lib.servers import fakes, mysql97
from lib.trials.floors import Commits, Floor, now_ns
from lib.waiting import wait_for, within

HOST = "group.shop.example"
HOSTS = tuple(f"my{n}.shop.example" for n in (1, 2, 3))
ADDRESSES = apart.ADDRESSES
GROUP = "aaaaaaaa-bbbb-cccc-dddd-000000000001"
LOCALS = [f"{a}:{33060 + n}" for n, a in enumerate(ADDRESSES, 1)]  # each listens at all addresses
TABLE = "app.floor"
LATE = 2.0  # seconds from writable to published; for what breaks nothing
LATE_ALARM = 1.0  # ... for what does
UNKNOWN = 0xFFFFFFFF  # a lag
COMMITS = 8  # seconds that somebody may be published who lets no write in; the group takes 5 to 6
GRANTS = [f"GRANT SELECT ON performance_schema.{t} TO 'app'@'%'" for t in (
    "replication_group_members", "replication_group_member_stats",
    "replication_applier_status_by_worker")]
USERS = """SET sql_log_bin = 0; SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF;
GRANT REPLICATION SLAVE, BACKUP_ADMIN, CONNECTION_ADMIN, GROUP_REPLICATION_STREAM ON *.*
TO 'repl'@'%';
CHANGE REPLICATION SOURCE TO SOURCE_USER='repl', SOURCE_PASSWORD='repl'
FOR CHANNEL 'group_replication_recovery';"""
BOOTSTRAP = ("SET GLOBAL group_replication_bootstrap_group=ON; START GROUP_REPLICATION; "
             "SET GLOBAL group_replication_bootstrap_group=OFF")
MEMBERS = "SELECT MEMBER_STATE FROM performance_schema.replication_group_members"


class Group:
    """What a Prober takes for a lab, and the servers by number."""

    writer_name, options = HOST, {"port": 3306}

    def __init__(self, stack, binaries, folder):
        inside = apart.network(stack, folder, dict(zip(HOSTS, ADDRESSES)))
        ca = worlds.authority(folder)
        cert, key = worlds.certificate(folder, ca, HOST, *HOSTS)
        self.ca, self.servers = ca, {}
        for n, address in enumerate(ADDRESSES, 1):
            self.servers[address] = stack.enter_context(mysql97.Server(
                binaries, folder, address, n, "--performance-schema=ON", f"--ssl-ca={ca}",
                f"--ssl-cert={cert}", f"--ssl-key={key}", f"--report-host={HOSTS[n - 1]}",
                "--report-port=3306", "--plugin-load-add=group_replication.so",
                f"--group-replication-group-name={GROUP}",
                "--group-replication-start-on-boot=OFF",
                f"--group-replication-local-address={LOCALS[n - 1]}",
                f"--group-replication-group-seeds={','.join(LOCALS)}",
                "--group-replication-ip-allowlist=10.77.0.0/24",
                "--group-replication-recovery-get-public-key=ON",
                "--group-replication-recovery-reconnect-interval=2",
                "--group-replication-member-expel-timeout=0", prefix=inside if n == 3 else ()))

    def popen(self, *command, **options):
        return subprocess.Popen(command, **options)

    def begin(self):
        first, *others = self.servers.values()
        for server in self.servers.values():
            server.sql(USERS)
        first.sql(BOOTSTRAP)
        wait_for(lambda: first.sql("SELECT @@super_read_only") == [("0",)], 20)
        first.sql(f"CREATE TABLE {TABLE} (id BIGINT AUTO_INCREMENT PRIMARY KEY)")
        for server in others:
            server.sql("START GROUP_REPLICATION")
        self.wait_online(3)

    def wait_online(self, n, among=None):
        for server in among or self.servers.values():
            wait_for(lambda server=server: server.sql(MEMBERS) == [("ONLINE",)] * n, 60)

    def others(self, address):
        return [s for a, s in self.servers.items() if a != address]


def section(group, **keys):
    keys = {"endpoint": HOST, "dialect": "group_replication", "user": "app",
            "password": "app-secret", "ssl": "on", "ssl_ca": group.ca,
            "ssl_verify_server_cert": "on", **keys}
    return "\n".join(["[cluster shop]", *(f"{k.replace('_', '-')} = {v}" for k, v in keys.items()),
                      ""])


def address_of_writer(c):
    return c.instances[c.writer].ip4 if c and c.state == "known" and c.writer else None


def without_rights(group):
    """The application's user sees no member: it is said what to grant, and that mends it."""
    with Prober(group, section(group)) as p:
        p.view.wait(lambda _: "code=question-refused" in p.log(), 20)
        said = [line for line in p.log().splitlines() if "code=question-refused" in line][-1]
        tap.ok(all(g.split(" TO ")[0] in said for g in GRANTS) and p.cluster().why == "denied",
               "without rights: the log says what to grant", said)
        group.servers[ADDRESSES[0]].sql("; ".join(GRANTS))
        c = p.wait_settled(3, 30)
        tap.ok(sorted(i.ip4 for i in c.instances.values()) == sorted(ADDRESSES) and
               address_of_writer(c) == ADDRESSES[0],
               "once it may: the servers tell each other's hosts", p.log()[-600:])


def not_of_these_hosts(group):
    """Hosts that a server tells are believed inside `allowed-hosts`."""
    with Prober(group, section(group, allowed_hosts="*.elsewhere.example")) as p:
        p.view.wait(lambda _: "code=table-odd" in p.log(), 20)
        tap.ok(not p.cluster().instances, "hosts outside allowed-hosts are not logged in to",
               list(p.cluster().instances))


def lags(group, p):
    """A reader that may not apply what its group commits, and is let go on."""
    writer, late = group.servers[ADDRESSES[0]], group.servers[ADDRESSES[1]]
    with late.held("FLUSH TABLES WITH READ LOCK"):
        writer.sql(f"INSERT INTO {TABLE} () VALUES ()")
        p.wait(lambda c: UNKNOWN > lag_of(c, late.address) > 1000 > lag_of(c, ADDRESSES[2]), 20)
        tap.ok(True, "a reader that falls behind is told from one that does not")
    p.wait(lambda c: lag_of(c, late.address) < 1000, 20)
    tap.ok(True, "and that it has caught up")


def lag_of(c, address):
    return next(i.lag_ms for i in c.instances.values() if i.ip4 == address)


def met_outside(group, server):
    """The one that is left is in no group when it is met."""
    server.sql("STOP GROUP_REPLICATION")
    dns.addresses[HOST] = [server.address]
    with Prober(group, section(group)) as p:
        wait_for(lambda: p.status()["clusters"][0]["credentials"] == "good", 20)
        time.sleep(1)  # in which it says so
        server.sql(BOOTSTRAP)
        c = p.wait_known(seconds=30)
        tap.ok(address_of_writer(c) == server.address, "who is in no group when it is met is met "
               "again", p.log()[-600:])


class Trial:
    def __init__(self, group, prober):
        self.group, self.prober = group, prober
        self.watch, self.floor = Watch(prober), Floor(ADDRESSES, TABLE)

    def writer(self):
        return address_of_writer(self.prober.wait_known(seconds=30))

    def published(self, text, old, since_ns, limit):
        """A new writer, and how long after the first write that it let in."""
        writable, new = self.floor.first(since_ns, old)
        told = new and self.watch.wait_first(since_ns, lambda c: address_of_writer(c) == new)
        late = (told - writable) / 1e9 if told else None
        tap.note(f"{text}: published {(late or 0) * 1000:.0f} ms after it was writable, "
                 f"{(writable or 0) / 1e9 - since_ns / 1e9:.2f} s after it began")
        tap.ok(within(late, limit), f"{text}: the new writer is published at once",
               f"{late} {self.prober.log()[-900:]}")
        return new

    def quiet(self, text, since_ns, writer):
        """Nobody else, and nobody at all, was published since."""
        odd = [(t, c.state, address_of_writer(c)) for t, c in list(self.watch.seen)
               if t > since_ns and address_of_writer(c) != writer]
        tap.ok(not odd, text, odd[:5])

    def planned(self):
        old, begin = self.writer(), now_ns()
        self.make_primary(self.group.others(old)[0])
        self.published("set_as_primary", old, begin, LATE)

    def stopped(self):
        """Its group goes on without it; resumed, it takes itself for the primary for seconds."""
        old, begin = self.writer(), now_ns()
        server = self.group.servers[old]
        server.process.send_signal(signal.SIGSTOP)
        new = self.published("SIGSTOP", old, begin, LATE_ALARM)
        resumed = now_ns()
        server.process.send_signal(signal.SIGCONT)
        self.group.wait_online(3)
        self.quiet("SIGCONT: who was expelled disturbs nobody", resumed + 100_000_000, new)

    def cut(self):
        """Cut off from its group, not from us, it goes on saying that it is the primary."""
        third = self.group.servers[ADDRESSES[2]]
        if self.writer() != third.address:
            self.make_primary(third)
            self.prober.wait(lambda c: address_of_writer(c) == third.address)
        begin = now_ns()
        with apart.cut_off("33061-33063"):
            new = self.published("cut off", third.address, begin, LATE_ALARM)
        healed = now_ns()
        self.group.wait_online(3)
        self.quiet("healed: who was expelled disturbs nobody", healed, new)

    def many(self):
        """Each member may be written to: one of them is the writer, and stays it."""
        writer = self.writer()
        self.group.servers[writer].sql("SELECT group_replication_switch_to_multi_primary_mode()")
        begin = now_ns()
        c = self.prober.wait_settled(3)
        time.sleep(2)  # that something does not happen
        self.quiet("of several primaries one is the writer, and stays", begin, writer)
        roles = sorted(i.role for i in c.instances.values())
        tap.ok(roles == ["reader", "reader", "writer"], "and the others are readers", roles)
        uuid = self.group.servers[writer].sql("SELECT @@server_uuid")[0][0]
        self.group.servers[writer].sql(
            f"SELECT group_replication_switch_to_single_primary_mode('{uuid}')")
        self.prober.wait_settled(3)

    def make_primary(self, server):
        uuid = server.sql("SELECT @@server_uuid")[0][0]
        server.sql(f"SELECT group_replication_set_as_primary('{uuid}')")

    def left_alone(self):
        """The other of two is silent: what it is asked to commit waits, so it is no writer."""
        old, begin = self.writer(), now_ns()
        others = [s for s in self.group.others(old) if s.process.poll() is None]
        for server in others:
            server.process.send_signal(signal.SIGSTOP)
        gone = self.watch.wait_first(begin, lambda c: c.state != "known", 15)
        for server in others:
            server.process.send_signal(signal.SIGCONT)
        healed = now_ns()
        tap.ok(gone is not None, "a primary with a minority is withdrawn", self.prober.log()[-600:])
        self.group.wait_online(2, others)
        back = self.watch.wait_first(healed, lambda c: c.state == "known", 15)
        tap.ok(back is not None, "and is back when the other is", self.prober.log()[-600:])
        time.sleep(2)  # that something does not happen
        self.quiet("from then on it stays", back or healed, old)

    def killed(self):
        old, begin = self.writer(), now_ns()
        self.group.servers[old].kill()
        self.published("kill -9", old, begin, LATE_ALARM)

    def shut_down(self):
        """The last but one leaves in good order: one is a majority of one."""
        old, begin = self.writer(), now_ns()
        self.group.servers[old].sql("SHUTDOWN")
        self.published("SHUTDOWN", old, begin, LATE)

    def end(self):
        self.floor.end()
        self.watch.end()


def run(group):
    without_rights(group)
    not_of_these_hosts(group)
    with Prober(group, section(group, dialect="auto")) as p:
        c = p.wait_settled(3, 30)
        tap.ok(p.status()["clusters"][0]["dialect"] == "group_replication" and c.writer,
               "dialect = auto finds a group", p.status()["clusters"])
        lags(group, p)
        trial = Trial(group, p)
        try:
            with Commits(p, TABLE) as commits:
                for part in (trial.planned, trial.stopped, trial.cut, trial.many,
                             trial.killed, trial.left_alone, trial.shut_down):
                    begin = time.monotonic()
                    part()
                    tap.note(f"{part.__name__}: {time.monotonic() - begin:.1f} s")
            seconds, address = commits.longest()
            tap.ok(seconds < COMMITS, "whoever is published commits, or is withdrawn soon",
                   f"{seconds:.1f} s at {address}")
            tap.note(f"published, and let no write in: {seconds:.2f} s at the most")
            left = group.servers[trial.writer()]
        finally:
            trial.end()
    met_outside(group, left)


try:
    binaries_ = mysql97.fetch()  # where there is a network: inside the namespace there is none
except mysql97.Unavailable as error:
    tap.skip("a group of MySQL 9.7", error)
    tap.done()
fakes.enter()
dns = worlds.Dns()
for host, address_ in zip(HOSTS, ADDRESSES):
    dns.addresses[host] = [address_]
dns.addresses[HOST] = list(ADDRESSES)
with tempfile.TemporaryDirectory() as folder_, contextlib.ExitStack() as stack_:
    os.chmod(folder_, 0o755)
    group_ = Group(stack_, binaries_, folder_)
    group_.begin()
    run(group_)
tap.done()
