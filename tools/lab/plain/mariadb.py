# SPDX-License-Identifier: Apache-2.0
"""MariaDB servers that are what they are: read-only until they are promoted, with the lab's
accounts.

    with mariadb.Server(folder, "127.0.1.1", 1) as server:
        server.sql("SELECT 1")
"""
import seed
import wire

from plain.mysqld import Mysqld

OPTIONS = [
    "--no-defaults", "--user=root", "--skip-name-resolve", "--max-connections=400",
    "--performance-schema=0", "--key-buffer-size=1M", "--aria-pagecache-buffer-size=1M",
    "--query-cache-size=0", "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0",
    "--log-bin=binlog", "--binlog-format=ROW", "--log-slave-updates=1", "--gtid-strict-mode=1",
    "--relay-log=relay", "--skip-slave-start=1", "--slave-net-timeout=2",
    "--master-retry-count=0", "--rpl-semi-sync-slave-enabled=1",
    "--rpl-semi-sync-master-wait-point=AFTER_SYNC", "--rpl-semi-sync-master-wait-no-slave=1",
    "--rpl-semi-sync-master-timeout=18446744073709551615", *seed.STORAGE]


class Server(Mysqld):
    KIND = "mariadb"

    def __init__(self, folder, address, number, *options, port=3306, prefix=(), bind=None):
        super().__init__(folder, address, number, port, bind)
        self.options, self.prefix = options, list(prefix)

    def __enter__(self):
        super().__enter__()
        self.fill()
        self.start()
        return self

    def fill(self):
        seed.copy(seed.ensure(seed.server()), self.path("data"))

    def command(self):
        return [*self.prefix, seed.server(), *OPTIONS, *self.own_options(), "--read-only=1",
                *self.options]

    def promote(self):
        """Writable from the end of this on."""
        self.sql("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0")

    def demote(self):
        self.sql("SET GLOBAL read_only = 1")

    def follow(self, source):
        self.sql("STOP SLAVE; SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos; "
                 f"CHANGE MASTER TO MASTER_HOST='{source.address}', MASTER_PORT={source.port}, "
                 "MASTER_USER='lab_replica', MASTER_PASSWORD='lab_replica', "
                 "MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=0.5; "
                 "START SLAVE")

    def settle(self):
        """Receives no more, and applies all that it has received."""
        self.sql("STOP SLAVE IO_THREAD")
        connection = wire.Connection(self.path("sock"))
        received = connection.named("SHOW SLAVE STATUS").get("Gtid_IO_Pos")
        connection.close()
        if received:
            self.sql(f"SELECT MASTER_GTID_WAIT('{received}', 5)")

    def position(self):
        return self.sql("SELECT @@gtid_binlog_pos")[0][0]

    def has(self, position):
        """Of one domain: 0-2-17 is the 17th."""
        own, other = (int(p.rpartition("-")[2] or 0) for p in (self.position(), position))
        return own >= other

    def confirm(self, on):
        """Commits wait until a replica has them, or do not."""
        self.sql(f"SET GLOBAL rpl_semi_sync_master_enabled = {int(on)}")

    def confirmers(self):
        return int(self.sql("SHOW STATUS LIKE 'Rpl_semi_sync_master_clients'")[0][1])
