# SPDX-License-Identifier: Apache-2.0
"""One instance: a server in its own network namespace, and a connection to it kept open.

What is different with MariaDB and with MySQL is in the modules server_mariadb and server_mysql.
"""
import os
import shutil
import signal

import seed
import tls
import wire
import zone
from net import storage4
from server import Server


class Instance(Server):
    """A kind of server has find(), seed(), program(), received() and the words of its replication
    besides."""

    def __init__(self, name, number, lab, status_file):
        self.id = name  # may change: a switchover renames
        # Never changes; names its folder and its host.
        self.key = f"{name.partition('-green-')[0]}.{number}"
        self.number = number
        self.lab = lab
        self.status_file = status_file
        super().__init__(os.path.join(lab.path, "servers", self.key))
        self.sql = None
        self.role = "reader"
        self.paused = self.cut = self.firewalled = self.retired = False
        self.slots = None  # connections that take every slot, while `full`
        self.overrides = {}  # what `lab set` says of lag and cpu
        self.monitor = None  # the connection by which its lag is measured

    @property
    def live(self):
        """Whether its server runs and can answer."""
        return self.running and not self.paused

    @property
    def health(self):
        if not self.running:
            return "down"
        return "paused" if self.paused else "cut" if self.cut else "up"

    def prepare(self, source):
        os.makedirs(os.path.join(self.folder, "tmp"))
        seed.copy(source, os.path.join(self.folder, "data"))

    def delete(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def discard_data(self, source):
        shutil.rmtree(os.path.join(self.folder, "data"))
        seed.copy(source, os.path.join(self.folder, "data"))

    def _command(self, role):
        host = zone.names(self.lab.config, [self.id])["instances"][self.id]
        return ["nsenter", f"--net={self.lab.network.path(self.key)}", "unshare", "--uts",
                "sh", "-c", 'hostname "$1"; shift; exec "$@"', "sh", self.id,
                *self.program(role),
                *(o.replace("{host}", host) for o in self.lab.config["server"]),
                *self.places(), f"--log-error={self.path('error.log')}",
                f"--port={self.lab.config['port']}", f"--server-id={self.number}",
                f"--aurora-server-id={self.id}", f"--aurora-status-file={self.status_file}",
                "--read-only=1", *tls.options(self.lab, self.id)]

    def start(self, role="SLAVE"):
        """Starts the server, always read-only, and returns when it takes connections."""
        self.paused = False
        self.launch(self._command(role))
        self.sql = wire.Connection(self.socket_path)

    def name(self):
        return f"the server of {self.id}"

    def stop(self):
        self.expected = True
        self.signal(signal.SIGTERM)
        self.end(30)

    def end(self, limit):
        super().end(limit)
        if self.sql:
            self.sql.close()
            self.sql = None
            self.monitor = None
            self.slots = None

    def connect(self, timeout=20.0):
        """Another connection, for work beside the main one."""
        return wire.Connection(self.socket_path, timeout=timeout)

    # Replication

    def position(self, connection=None):
        """Sequence number of the last transaction that is in its binary log."""
        return self.sequence((connection or self.sql).value(self.POSITION))

    def replica(self):
        return self.sql.named(f"SHOW {self.REPLICA} STATUS")

    def replicates(self, master):
        """Whether it does; None: not yet."""
        state, word = self.replica(), self.REPLICA.capitalize()
        if state[f"{word}_IO_Running"] == "Yes" and state[f"{word}_SQL_Running"] == "Yes":
            return True
        broken = int(state["Last_IO_Errno"]) in (1236, 1593) or int(state["Last_SQL_Errno"])
        return False if broken else None

    def waits(self):
        """Whether it has applied all that it can of what it has received."""
        word = self.REPLICA.capitalize()
        return self.replica()[f"{word}_SQL_Running_State"].startswith(
            f"{word} has read all relay log")

    def stop_receiving(self):
        """The sequence number up to which it has received."""
        self.sql.query(f"STOP {self.REPLICA} IO_THREAD")
        return self.received()

    def follow(self, master):
        """Replicates from `master` from now on, all that it does not have."""
        for statement in self.following(master.storage_address, self.lab.config["port"],
                                        self.lab.config["secure_transport"]):
            self.sql.query(statement)

    def leave(self):
        """Replicates from nobody any more."""
        self.sql.query(f"STOP {self.REPLICA}")
        self.sql.query(f"RESET {self.REPLICA} ALL")

    def wait_for_readers(self, on, connection=None):
        """Whether its commits wait until a reader has them."""
        (connection or self.sql).query(
            f"SET GLOBAL rpl_semi_sync_{self.SOURCE.lower()}_enabled = {int(on)}")

    def readers_waited_for(self):
        status = f"Rpl_semi_sync_{self.SOURCE.lower()}_clients"
        return int(self.sql.named(f"SHOW STATUS LIKE '{status}'")["Value"])

    @property
    def storage_address(self):
        return storage4(self.number)
