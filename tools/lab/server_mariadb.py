# SPDX-License-Identifier: Apache-2.0
"""The distribution's MariaDB: the words of its replication, and an instance."""
import seed
from instance import Instance

OPTIONS = [
    "--no-defaults", "--user=root", "--skip-name-resolve", "--skip-external-locking",
    "--bind-address=*", "--max-connections=400", "--performance-schema=0",
    "--character-set-server=utf8mb4", "--key-buffer-size=1M", "--aria-pagecache-buffer-size=1M",
    "--query-cache-size=0", "--table-open-cache=200", "--innodb-temp-data-file-path="
    "ibtmp1:2M:autoextend", "--innodb-buffer-pool-dump-at-shutdown=0",
    "--innodb-buffer-pool-load-at-startup=0", "--innodb-flush-log-at-trx-commit=2",
    "--innodb-fast-shutdown=1", "--sync-binlog=0", "--log-bin=binlog", "--binlog-format=ROW",
    "--log-slave-updates=1", "--gtid-strict-mode=1", "--relay-log=relay", "--skip-slave-start=1",
    "--slave-parallel-threads=2", "--slave-net-timeout=2", "--master-retry-count=0",
    "--rpl-semi-sync-slave-enabled=1", "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
    "--rpl-semi-sync-master-timeout=18446744073709551615",
    "--rpl-semi-sync-master-wait-no-slave=1",
    "--plugin-maturity=unknown", "--plugin-load-add=pelorus_lab.so", *seed.STORAGE,
]


class Words:
    REPLICA, SOURCE, POSITION = "SLAVE", "MASTER", "@@gtid_binlog_pos"

    @staticmethod
    def sequence(position):
        """That of a GTID position of one domain: 0-2-17 is 17, nothing is 0."""
        return max((int(p.rsplit("-", 1)[1]) for p in (position or "").split(",") if p), default=0)

    @staticmethod
    def following(host, port, tls, user="lab_replica"):
        """Everything that it has is in its own binary log; it replicates the rest."""
        return ["STOP SLAVE", "SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos",
                f"CHANGE MASTER TO MASTER_HOST='{host}', MASTER_PORT={port}, "
                f"MASTER_USER='{user}', MASTER_PASSWORD='{user}', MASTER_USE_GTID=slave_pos, "
                "MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=0.5, "
                f"MASTER_SSL={int(tls)}", "START SLAVE"]


class MariaDB(Words, Instance):
    PLUGIN = "pelorus_lab.so"

    find = staticmethod(seed.server)   # what it is made of
    seed = staticmethod(seed.ensure)   # what it begins with

    def program(self, role):
        return [self.lab.program, *OPTIONS, f"--plugin-dir={self.lab.plugin_dir}",
                f"--init-rpl-role={role}"]

    def received(self):
        return max(self.sequence(self.replica().get("Gtid_IO_Pos")), self.position())
