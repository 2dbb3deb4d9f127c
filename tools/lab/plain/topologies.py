# SPDX-License-Identifier: Apache-2.0
"""The kinds of `lab up --topology`: Group Replication and a Multi-AZ DB cluster of MySQL 9.7, plain
replication and Galera of MariaDB.

Where a manager has to promote somebody, commits wait until one of the others has them, and whoever
has all that any of them has is promoted: nothing that was acknowledged is lost.
"""
import shutil
import time

import mysql97
import seed
from cluster import together, until
from net import STORAGE4, storage4
from state import LabError

from plain import galera, mariadb, mysql
from plain.topology import AGAIN_LIMIT, Topology, lan_address

GROUP = "aaaaaaaa-bbbb-cccc-dddd-000000000001"
VIEW = "performance_schema.replication_group_members"
ACCOUNTS = """SET sql_log_bin = 0; SET GLOBAL read_only = OFF;
ALTER USER 'app'@'%' IDENTIFIED BY 'app'; CREATE USER 'pelorus'@'%' IDENTIFIED BY 'pelorus';
GRANT REPLICATION CLIENT ON *.* TO 'pelorus'@'%';"""
GROUP_ACCOUNTS = ACCOUNTS + f"""
GRANT SELECT ON {VIEW} TO 'pelorus'@'%';
GRANT SELECT ON performance_schema.replication_group_member_stats TO 'pelorus'@'%';
GRANT SELECT ON performance_schema.replication_applier_status_by_worker TO 'pelorus'@'%';
GRANT BACKUP_ADMIN, CONNECTION_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO 'repl'@'%';
CHANGE REPLICATION SOURCE TO SOURCE_USER='repl', SOURCE_PASSWORD='repl'
FOR CHANNEL 'group_replication_recovery';"""


def begin_server(member):
    member.server.fill()
    member.server.start()


class Mysql(Topology):
    """Of MySQL 9.7, whose passwords want TLS."""

    TLS = True

    @classmethod
    def needed(cls):
        return mysql97.fetch()


class Maria(Topology):
    @classmethod
    def needed(cls):
        return seed.server()

    def keys(self):
        return {"members": ", ".join(self.host(m) for m in self.members())}


class Group(Mysql):
    MODES = ("kill", "graceful", "shutdown", "pause", "cut", "minority", "rejoin")
    DIALECT = "group_replication"

    def make(self, member, **where):
        local, seeds = f"{storage4(member.number)}:33061", [f"{a}:33061" for a in self.groups()]
        return mysql.Server(
            self.program, self.folder, storage4(member.number), member.number,
            "--performance-schema=ON", "--plugin-load-add=group_replication.so",
            f"--group-replication-group-name={GROUP}", "--group-replication-start-on-boot=OFF",
            f"--group-replication-local-address={local}",
            f"--group-replication-group-seeds={','.join(seeds)}",
            f"--group-replication-ip-allowlist={STORAGE4}.0/24",
            "--group-replication-recovery-get-public-key=ON",
            "--group-replication-recovery-reconnect-interval=2",
            "--group-replication-member-expel-timeout=0", *self.options(member), **where)

    def begin(self):
        first, *others = self.members()
        together(begin_server, self.members())
        together(lambda m: m.sql(GROUP_ACCOUNTS), self.members())
        first.sql("SET GLOBAL group_replication_bootstrap_group=ON; START GROUP_REPLICATION; "
                  "SET GLOBAL group_replication_bootstrap_group=OFF")
        until(lambda: first.sql("SELECT @@super_read_only") == [("0",)],
              "the group does not begin", AGAIN_LIMIT)
        for member in others:
            self.join(member)
        return first

    def join(self, member):
        """Who was stopped or cut off comes back by itself, when it notices."""
        if member.sql(f"SELECT MEMBER_STATE FROM {VIEW}") == [("OFFLINE",)]:
            member.sql("START GROUP_REPLICATION")

    def settle(self):
        all_online = [("ONLINE",)] * len(self.members())

        def done():
            time.sleep(0.1)
            return all(m.server.sql(f"SELECT MEMBER_STATE FROM {VIEW}", check=False) == all_online
                       for m in self.members())
        until(done, "the group is not whole", AGAIN_LIMIT)

    def lose_graceful(self, old, target):
        target = target or next(m for m in self.members() if m is not old and m.live)
        uuid = target.sql("SELECT @@server_uuid")[0][0]
        old.sql(f"SELECT group_replication_set_as_primary('{uuid}')")


class Replicated(Topology):
    """Of one writer and its replicas."""

    MODES = ("kill", "graceful", "pause", "cut", "rejoin")
    ACCOUNTS = ""

    def begin(self):
        first, *others = self.members()
        together(self._fill, self.members())
        self._follow(others, first)
        first.server.promote()
        return first

    def _fill(self, member):
        """Out of reach until it knows its accounts: a daemon that is denied rests for 10 s."""
        self.network.cut(member.key)
        begin_server(member)
        if self.ACCOUNTS:
            member.sql(self.ACCOUNTS + " SET GLOBAL super_read_only = ON")
        self.network.heal(member.key)

    @staticmethod
    def _follow(others, writer):
        """Its commits wait for them from now on."""
        writer.server.confirm(bool(others))
        together(lambda m: m.server.follow(writer.server), others)
        until(lambda: not others or writer.server.confirmers(),
              f"nobody replicates from {writer.id}", AGAIN_LIMIT)

    def lose_graceful(self, old, _):
        """A replica that is promoted once all is told it; the old one comes back with `rejoin`."""
        self.lose_shutdown(old, None)
        old.server.end(AGAIN_LIMIT)
        old.lost = True
        self.take_over(old, _, 0)

    def take_over(self, old, target, detect):
        time.sleep(detect)
        others = [m for m in self.members() if m is not old and m.live and not m.apart]
        together(lambda m: m.server.settle(), others)
        places = [m.server.position() for m in others]
        fit = [m for m in others if all(m.server.has(p) for p in places)]
        if not fit or target and target not in fit:
            raise LabError("nobody has all that was acknowledged" if not fit else
                           f"{target.id} lacks what another has")
        new = target or fit[0]
        self._follow([m for m in others if m is not new], new)
        new.server.promote()

    def rejoin(self):
        """Who was the writer is not seen again as one."""
        for member in self.members():
            if member.lost:
                member.server.kill()
        return super().rejoin()

    def come_back(self, member):
        """Who was the writer may have what nobody heard of: it gets the data of the others, as a
        server of another id, for nobody replicates what it takes for its own."""
        if member.lost:
            member.server.server_id += 1000
            shutil.rmtree(member.server.path("data"))
            self._fill(member)
            self.join(member)
        else:
            super().come_back(member)

    def join(self, member):
        self.writer.server.confirm(True)
        member.server.follow(self.writer.server)

    def _did(self, what, member):
        """Nobody waits for replicas that do not live."""
        if self.writer.live:
            self.writer.server.confirm(bool(self.live_readers()))
        super()._did(what, member)

    def settle(self):
        """Each has what the writer has now."""
        place = self.writer.server.position()
        for member in self.readers():
            until(lambda m=member: m.server.has(place), f"{member.id} does not catch up",
                  AGAIN_LIMIT)


class MultiAz(Replicated, Mysql):
    DIALECT, ACCOUNTS = "multi_az", ACCOUNTS

    def make(self, member, **where):
        """Such a cluster tells addresses for its hosts."""
        return mysql.Server(
            self.program, self.folder, storage4(member.number), member.number,
            "--performance-schema=ON", "--plugin-load-add=semisync_source.so",
            "--plugin-load-add=semisync_replica.so", "--rpl-semi-sync-replica-enabled=ON",
            "--rpl-semi-sync-source-timeout=4294967295", "--replica-net-timeout=2",
            *self.options(member), f"--report-host={lan_address(member)}", **where)

    def begin(self):
        first = super().begin()
        rows = ", ".join(f"('{m.number}', '{self.host(m)}', {self.config['port']})"
                         for m in self.members())
        first.sql("CREATE TABLE mysql.rds_topology (id VARCHAR(20), endpoint VARCHAR(255), "
                  f"port INT); INSERT INTO mysql.rds_topology VALUES {rows}; "
                  "GRANT SELECT ON mysql.rds_topology TO 'app'@'%', 'pelorus'@'%'")
        return first

    def join(self, member):
        super().join(member)
        self.writer.sql(f"UPDATE mysql.rds_topology SET id = '{member.server.server_id}' "
                        f"WHERE endpoint = '{self.host(member)}'")


class Replication(Replicated, Maria):
    DIALECT = "read_only"

    def make(self, member, **where):
        return mariadb.Server(self.folder, storage4(member.number), member.number,
                              *self.options(member), **where)

    def begin(self):
        first = super().begin()
        first.sql("GRANT SLAVE MONITOR ON *.* TO 'pelorus'@'%'")
        return first


class Galera(Maria):
    """All may be written to; the writer is whoever was the first to let writes in again."""

    MODES = ("kill", "shutdown", "pause", "cut", "minority", "rejoin")
    DIALECT, MANY = "galera", True

    @classmethod
    def needed(cls):
        if not galera.is_here():
            raise LabError("there is no Galera here: install the package galera-4")
        return super().needed()

    def make(self, member, **where):
        return galera.Node(self.folder, storage4(member.number), member.number, self.groups(),
                           *self.options(member), **where)

    def begin(self):
        nodes = [m.server for m in self.members()]
        for node in nodes:
            node.prepare()
        galera.begin(nodes)
        return self.members()[0]

    def come_back(self, member):
        if not member.running:
            member.server.start()

    def settle(self):
        for member in self.members():
            member.server.wait_synced(len(self.members()))


TOPOLOGIES = {"group": Group, "multi-az": MultiAz, "replication": Replication, "galera": Galera}
