# SPDX-License-Identifier: Apache-2.0
"""MariaDB servers that are what they are: read-only until they are promoted, with the lab's
accounts.

    with mariadb.Server(folder, "127.0.1.1", 1) as server:
        server.sql("SELECT 1")
"""
import seed
import wire
from server_mariadb import Words

from plain.mysqld import Replica

OPTIONS = [
    "--no-defaults", "--user=root", "--skip-name-resolve", "--max-connections=400",
    "--performance-schema=0", "--key-buffer-size=1M", "--aria-pagecache-buffer-size=1M",
    "--query-cache-size=0", "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0",
    "--log-bin=binlog", "--binlog-format=ROW", "--log-slave-updates=1", "--gtid-strict-mode=1",
    "--relay-log=relay", "--skip-slave-start=1", "--slave-net-timeout=2",
    "--master-retry-count=0", "--rpl-semi-sync-slave-enabled=1",
    "--rpl-semi-sync-master-wait-point=AFTER_SYNC", "--rpl-semi-sync-master-wait-no-slave=1",
    "--rpl-semi-sync-master-timeout=18446744073709551615", *seed.STORAGE]


class Server(Words, Replica):
    KIND = "mariadb"

    def fill(self):
        seed.copy(seed.ensure(seed.server()), self.path("data"))

    def command(self):
        return [*self.prefix, seed.server(), *OPTIONS, *self.own_options(), "--read-only=1",
                *self.options]

    def settle(self):
        """Receives no more, and applies all that it has received."""
        self.sql("STOP SLAVE IO_THREAD")
        connection = wire.Connection(self.socket_path)
        received = connection.named("SHOW SLAVE STATUS").get("Gtid_IO_Pos")
        connection.close()
        if received:
            self.sql(f"SELECT MASTER_GTID_WAIT('{received}', 5)")

    def has(self, position):
        return self.sequence(self.position()) >= self.sequence(position)
