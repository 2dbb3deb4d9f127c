# SPDX-License-Identifier: Apache-2.0
"""One instance: a server in its own network namespace, and a connection to it kept open.

What is different with MariaDB and with MySQL is in the modules server_mariadb and server_mysql.
"""
import os
import shutil
import signal
import socket
import subprocess
import threading

import seed
import tls
import wire
import zone
from net import storage4
from state import LabError

START_LIMIT = 60.0


class Instance:
    # The words of a kind of server, which has find(), seed(), sequence(), program(), received() and
    # follow() besides.
    REPLICA, SOURCE, POSITION = "SLAVE", "MASTER", "@@gtid_binlog_pos"

    def __init__(self, name, number, lab, status_file):
        self.id = name  # may change: a switchover renames
        # Never changes; names its folder and its host.
        self.key = f"{name.partition('-green-')[0]}.{number}"
        self.number = number
        self.lab = lab
        self.status_file = status_file
        self.folder = os.path.join(lab.path, "servers", self.key)
        self.process = None
        self.sql = None
        self.role = "reader"
        self.paused = self.cut = self.firewalled = self.retired = False
        self.slots = None  # connections that take every slot, while `full`
        self.overrides = {}  # what `lab set` says of lag and cpu
        self.expected = False  # whether the running process is meant to end
        self.monitor = None  # the connection by which its lag is measured
        self.on_exit = lambda instance: None

    @property
    def live(self):
        """Whether its server runs and can answer."""
        return self.process is not None and self.process.poll() is None and not self.paused

    @property
    def health(self):
        if self.process is None or self.process.poll() is not None:
            return "down"
        return "paused" if self.paused else "cut" if self.cut else "up"

    @property
    def socket_path(self):
        return os.path.join(self.folder, "sock")

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
                f"--datadir={self.folder}/data", f"--tmpdir={self.folder}/tmp",
                f"--socket={self.socket_path}",
                f"--pid-file={self.folder}/pid", f"--log-error={self.folder}/error.log",
                f"--port={self.lab.config['port']}", f"--server-id={self.number}",
                f"--aurora-server-id={self.id}", f"--aurora-status-file={self.status_file}",
                "--read-only=1", *tls.options(self.lab, self.id)]

    def start(self, role="SLAVE"):
        """Starts the server, always read-only, and returns when it takes connections."""
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready = os.path.join(self.folder, "ready")
        if os.path.exists(ready):
            os.unlink(ready)
        notify.bind(ready)
        environment = {"PATH": os.environ["PATH"], "TZ": "UTC", "NOTIFY_SOCKET": ready}
        self.expected = self.paused = False
        with notify, open(os.path.join(self.folder, "out.log"), "ab") as out:
            self.process = subprocess.Popen(self._command(role), stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out, env=environment,
                                            cwd=self.folder)
            process = self.process
            threading.Thread(target=self._watch, args=(process, ready), daemon=True).start()
            notify.settimeout(START_LIMIT)
            try:
                while True:
                    message = notify.recv(4096)
                    if message == ended(process) or b"READY=1" in message.split(b"\n"):
                        break
            except TimeoutError:
                message = b"LATE"
        if process.poll() is not None or b"READY=1" not in message:
            raise LabError(f"the server of {self.id} does not start: {self._complaint()}")
        self.sql = wire.Connection(self.socket_path)

    def _watch(self, process, ready):
        """Waits for the server's end; wakes one who waits for its start."""
        process.wait()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            try:
                sock.sendto(ended(process), ready)
            except OSError:
                pass
        if process is self.process:
            self.on_exit(self)

    def _complaint(self):
        try:
            with open(os.path.join(self.folder, "error.log"), errors="replace") as file:
                lines = file.read().splitlines()
        except OSError:
            return "it says nothing"
        errors = [line for line in lines if "[ERROR]" in line or "lab plugin" in line]
        return (errors or lines or ["it says nothing"])[-1]

    def signal(self, number):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self):
        """kill -9, and waits until the process is gone."""
        self.expected = True
        self.signal(signal.SIGKILL)
        self.wait_end(10)

    def stop(self):
        self.expected = True
        self.signal(signal.SIGTERM)
        self.wait_end(30)

    def wait_end(self, limit):
        if self.process is not None:
            try:
                self.process.wait(limit)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
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


def ended(process):
    """What wakes one who waits for a start; by the PID, for an earlier process may be meant."""
    return b"ENDED %d" % process.pid
