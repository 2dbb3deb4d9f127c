# SPDX-License-Identifier: Apache-2.0
"""Oracle's MySQL 9.7: the words of its replication, and an instance."""
import contextlib
import os

import mysql97
import seed
import wire
from instance import Instance

OPTIONS = [
    *mysql97.SMALL, "--max-connections=400", "--bind-address=*", "--innodb-use-native-aio=OFF",
    "--innodb-buffer-pool-dump-at-shutdown=OFF", "--innodb-buffer-pool-load-at-startup=OFF",
    "--event-scheduler=OFF", "--sync-binlog=0", "--log-bin=binlog", "--gtid-mode=ON",
    "--enforce-gtid-consistency=ON", "--relay-log=relay", "--skip-replica-start",
    "--replica-parallel-workers=2", "--replica-net-timeout=2",
    "--plugin-load-add=semisync_source.so", "--plugin-load-add=semisync_replica.so",
    "--plugin-load-add=pelorus_lab_mysql.so", "--rpl-semi-sync-replica-enabled=ON",
    "--rpl-semi-sync-source-wait-point=AFTER_SYNC", "--rpl-semi-sync-source-timeout=4294967295",
    "--rpl-semi-sync-source-wait-no-replica=ON",
]
OTHERS = ("SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() "
          "AND user <> 'system user'")


class Words:
    REPLICA, SOURCE, POSITION = "REPLICA", "SOURCE", "@@global.gtid_executed"

    @staticmethod
    def sequence(position):
        """How many transactions are in a set: UUID:1-5:8,UUID:1-3 are 9."""
        spans = {}
        for part in (position or "").replace("\n", "").split(","):
            uuid, *ranges = part.strip().split(":")
            for numbers in ranges:
                first, _, last = numbers.partition("-")
                spans.setdefault(uuid, []).append((int(first), int(last or first)))
        return sum(map(_length, spans.values()))

    @staticmethod
    def following(host, port, tls, user="lab_replica"):
        return ["STOP REPLICA",
                f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='{host}', SOURCE_PORT={port}, "
                f"SOURCE_USER='{user}', SOURCE_PASSWORD='{user}', SOURCE_AUTO_POSITION=1, "
                "SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=0, SOURCE_HEARTBEAT_PERIOD=0.5, "
                f"GET_SOURCE_PUBLIC_KEY=1, SOURCE_SSL={int(tls)}", "START REPLICA"]


class MySQL(Words, Instance):
    PLUGIN = "pelorus_lab_mysql.so"

    find = staticmethod(mysql97.fetch)  # what it is made of

    @staticmethod
    def seed(binaries):
        """What it begins with."""
        return binaries.seed(seed.ACCOUNTS)

    def program(self, role):
        return self.lab.program.command(*OPTIONS, plugins=os.path.join(self.folder, "plugins"))

    def prepare(self, source):
        """There is one folder of plugins, so the server's own are led to from there."""
        super().prepare(source)
        os.mkdir(os.path.join(self.folder, "plugins"))
        own, server = self.lab.plugin_dir, self.lab.program.plugins
        for folder, names in ((server, os.listdir(server)), (own, [self.PLUGIN])):
            for name in names:
                os.symlink(os.path.join(folder, name), os.path.join(self.folder, "plugins", name))

    @contextlib.contextmanager
    def _closed(self):
        """Nobody gets in by the network: no application, and no replica, which MySQL 9.7 crashes
        if it comes again to a server that ends."""
        path = self.lab.network.path(self.key)
        self.lab.network.nft(path, "closed", "input", [
            f'iifname != "lo" tcp dport {self.lab.config["port"]} reject with tcp reset'])
        try:
            yield
        finally:
            self.lab.network.no_nft(path, "closed")

    def start(self, role="SLAVE"):
        """Nobody gets in before the server knows the accounts: it lets those whose password it has
        seen log in without TLS, as their programs do, and those alone."""
        with self._closed():
            super().start(role)
            for user in ("app", "pelorus"):
                wire.Connection(self.socket_path, user, user).close()

    def stop(self):
        """A server that is to end waits 10 s for clients that say nothing.  So they go first."""
        with self._closed():
            for ident, in self.sql.query(OTHERS):
                with contextlib.suppress(OSError, wire.SqlError):  # it has gone by itself
                    self.sql.query(f"KILL CONNECTION {ident}")
            self.sql.close()
            super().stop()

    def received(self):
        state = self.replica()
        return self.sequence(state.get("Retrieved_Gtid_Set", "") + "," +
                             self.sql.value(self.POSITION))

    def replicates(self, master):
        """A writer that dies may have what no reader has: that nobody was told of, and it goes."""
        mine, theirs = self.sql.value(self.POSITION), master.sql.value(self.POSITION)
        if self.sql.value(f"GTID_SUBTRACT('{mine}', '{theirs}')"):
            return False
        return super().replicates(master)


def _length(spans):
    """Of what is in any of these."""
    length, end = 0, 0
    for first, last in sorted(spans):
        length += max(0, last - max(first, end + 1) + 1)
        end = max(end, last)
    return length
