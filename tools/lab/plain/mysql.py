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

from plain.mysqld import Mysqld

RECEIVED = ("SELECT WAIT_FOR_EXECUTED_GTID_SET(RECEIVED_TRANSACTION_SET, 10) "
            "FROM performance_schema.replication_connection_status")
SEED = """CREATE DATABASE app;
CREATE USER 'app'@'%' IDENTIFIED WITH caching_sha2_password BY 'app-secret';
GRANT ALL ON app.* TO 'app'@'%';
GRANT REPLICATION CLIENT ON *.* TO 'app'@'%';
CREATE USER 'repl'@'%' IDENTIFIED BY 'repl';
GRANT REPLICATION SLAVE ON *.* TO 'repl'@'%';
"""


class Server(Mysqld):
    """One mysqld on an address, read-only until it is promoted; `prefix` is a command to run it
    under."""

    KIND = "mysql"

    def __init__(self, binaries, folder, address, number, *options, port=3306, prefix=(),
                 bind=None):
        super().__init__(folder, address, number, port, bind)
        self.binaries, self.options, self.prefix = binaries, options, prefix

    def __enter__(self):
        super().__enter__()
        self.fill()
        self.start()
        return self

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

    def promote(self):
        """Writable from the end of this on."""
        self.sql("STOP REPLICA; RESET REPLICA ALL; SET GLOBAL read_only = OFF")

    def follow(self, source):
        self.sql("STOP REPLICA; "
                 f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='{source.address}', "
                 f"SOURCE_PORT={source.port}, SOURCE_USER='repl', SOURCE_PASSWORD='repl', "
                 "SOURCE_SSL=1, SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1, "
                 "SOURCE_HEARTBEAT_PERIOD=0.5; START REPLICA")

    def settle(self):
        """Receives no more, and applies all that it has received."""
        self.sql("STOP REPLICA IO_THREAD; " + RECEIVED)

    def position(self):
        return self.sql("SELECT REPLACE(@@gtid_executed, '\n', '')")[0][0]

    def has(self, position):
        return self.sql(f"SELECT GTID_SUBSET('{position}', @@gtid_executed)") == [("1",)]

    def confirm(self, on):
        """Commits wait until a replica has them, or do not."""
        self.sql(f"SET GLOBAL rpl_semi_sync_source_enabled = {int(on)}")

    def confirmers(self):
        return int(self.sql("SHOW STATUS LIKE 'Rpl_semi_sync_source_clients'")[0][1])
