# SPDX-License-Identifier: Apache-2.0
"""Real MariaDB servers that look like Aurora's, without a lab around them: for clusters that are no
lab, as one of several regions.  They begin with the lab's data and load its plugin.

with mariadb.Server(folder, "127.0.1.1", 1, "demo-1") as server:
    server.sql("SELECT 1")
"""
import os

from lib.lab import module
from lib.paths import BUILD

PLUGINS = os.path.join(BUILD, "tools", "lab")

mariadb = module("plain.mariadb")


class Server(mariadb.Server):
    """One mariadbd on an address, read-only until it is promoted."""

    def __init__(self, folder, address, number, name, *options):
        super().__init__(folder, address, number, "--plugin-maturity=unknown",
                         "--plugin-load-add=pelorus_lab.so", f"--plugin-dir={PLUGINS}",
                         f"--aurora-server-id={name}", "--rpl-semi-sync-slave-enabled=0",
                         *options)
        self.name = name
