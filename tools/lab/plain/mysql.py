# SPDX-License-Identifier: Apache-2.0
"""MySQL 9.7 as it is: read-only until it is promoted, with accounts of caching_sha2_password.

binaries = mysql97.fetch()
    with mysql.Server(binaries, folder, "127.0.1.1", 1) as server:
        server.sql("SELECT 1")
"""
import contextlib
import subprocess

import seed
from mysql97 import SMALL
from server_mysql import Words

from plain.mysqld import Replica

RECEIVED = ("SELECT WAIT_FOR_EXECUTED_GTID_SET(RECEIVED_TRANSACTION_SET, 10) "
            "FROM performance_schema.replication_connection_status")
SEED = """CREATE DATABASE app;
CREATE USER 'app'@'%' IDENTIFIED WITH caching_sha2_password BY 'app-secret';
GRANT ALL ON app.* TO 'app'@'%';
GRANT REPLICATION CLIENT ON *.* TO 'app'@'%';
CREATE USER 'repl'@'%' IDENTIFIED BY 'repl';
GRANT REPLICATION SLAVE ON *.* TO 'repl'@'%';
"""


class Server(Words, Replica):
    """One mysqld on an address, made of the binaries."""

    KIND, ACCOUNT, TLS = "mysql", "repl", True

    def __init__(self, binaries, *where, **more):
        super().__init__(*where, **more)
        self.binaries = binaries

    def fill(self):
        seed.copy(self.binaries.seed(SEED), self.path("data"))

    def command(self):
        return [*self.prefix, *self.binaries.command(
            *self.own_options(), "--log-bin=binlog", "--gtid-mode=ON",
            "--enforce-gtid-consistency=ON", "--skip-replica-start", "--super-read-only=ON",
            "--tls-version=TLSv1.2,TLSv1.3", *SMALL, *self.options)]

    @contextlib.contextmanager
    def held(self, statement):
        """A session of root that has executed this, and is open as long as the block is."""
        with subprocess.Popen([*self.client, "-n"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as session:
            session.stdin.write(f"{statement}; SELECT 1;\n")
            session.stdin.flush()
            session.stdout.readline()
            yield
            session.stdin.close()

    def settle(self):
        """Receives no more, and applies all that it has received."""
        self.sql("STOP REPLICA IO_THREAD; " + RECEIVED)

    def has(self, position):
        return self.sql(f"SELECT GTID_SUBSET('{position}', @@gtid_executed)") == [("1",)]
