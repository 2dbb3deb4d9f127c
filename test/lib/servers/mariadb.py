# SPDX-License-Identifier: Apache-2.0
"""Real MariaDB servers that look like Aurora's, without a lab around them: for clusters that are no
lab, as one of several regions.  They begin with the lab's data and load its plugin.

with mariadb.Server(folder, "127.0.1.1", 1, "demo-1") as server:
    server.sql("SELECT 1")
"""
import os

from lib.lab import module
from lib.paths import BUILD
from lib.servers.mysqld import Mysqld

PLUGINS = os.path.join(BUILD, "tools", "lab")

seed, instance = module("seed"), module("instance")


class Server(Mysqld):
    """One mariadbd on an address, read-only until it is promoted."""

    KIND = "mariadb"

    def __init__(self, folder, address, number, name, *options):
        super().__init__(folder, address, number)
        self.name = name
        self.options = [*(o for o in instance.OPTIONS if "semi-sync" not in o and
                          "bind-address" not in o), *options]

    def __enter__(self):
        super().__enter__()
        seed.copy(seed.ensure(seed.server()), self.path("data"))
        self.start()
        return self

    def command(self):
        return [seed.server(), *self.options, *self.own_options(), f"--plugin-dir={PLUGINS}",
                f"--aurora-server-id={self.name}", "--read-only=1"]

    def promote(self):
        """Writable from the end of this on."""
        self.sql("STOP SLAVE; SET GLOBAL read_only = 0")

    def demote(self):
        self.sql("SET GLOBAL read_only = 1")

    def follow(self, source):
        self.sql("STOP SLAVE; SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos; "
                 f"CHANGE MASTER TO MASTER_HOST='{source.address}', MASTER_PORT=3306, "
                 "MASTER_USER='lab_replica', MASTER_PASSWORD='lab_replica', "
                 "MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE")
