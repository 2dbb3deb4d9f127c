# SPDX-License-Identifier: Apache-2.0
"""One instance: a MariaDB server in its own network namespace, and a connection to it kept open."""
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


class Instance:
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

    def _command(self, role, extra):
        host = zone.names(self.lab.config, [self.id])["instances"][self.id]
        return ["nsenter", f"--net={self.lab.network.path(self.key)}", "unshare", "--uts",
                "sh", "-c", 'hostname "$1"; shift; exec "$@"', "sh", self.id,
                self.lab.binary, *OPTIONS,
                *(o.replace("{host}", host) for o in self.lab.config["server"]),
                f"--datadir={self.folder}/data", f"--tmpdir={self.folder}/tmp",
                f"--socket={self.socket_path}",
                f"--pid-file={self.folder}/pid", f"--log-error={self.folder}/error.log",
                f"--port={self.lab.config['port']}", f"--server-id={self.number}",
                f"--plugin-dir={self.lab.plugin_dir}", f"--aurora-server-id={self.id}",
                f"--aurora-status-file={self.status_file}", "--read-only=1",
                f"--init-rpl-role={role}", *extra]

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
            command = self._command(role, tls.options(self.lab, self.id))
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out, env=environment, cwd=self.folder)
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

    def position(self):
        """Sequence number of the last transaction that is in its binary log."""
        return sequence(self.sql.value("@@gtid_binlog_pos"))

    def replica(self):
        return self.sql.named("SHOW SLAVE STATUS")

    def follow(self, master):
        """Replicates from `master` from now on.  Everything it has is in its own binary log."""
        self.sql.query("STOP SLAVE")
        self.sql.query("SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos")
        self.sql.query(
            f"CHANGE MASTER TO MASTER_HOST='{master.storage_address}', "
            f"MASTER_PORT={self.lab.config['port']}, MASTER_USER='lab_replica', "
            "MASTER_PASSWORD='lab_replica', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, "
            f"MASTER_HEARTBEAT_PERIOD=0.5, MASTER_SSL={int(self.lab.config['secure_transport'])}")
        self.sql.query("START SLAVE")

    @property
    def storage_address(self):
        return storage4(self.number)


def ended(process):
    """What wakes one who waits for a start; by the PID, for an earlier process may be meant."""
    return b"ENDED %d" % process.pid


def sequence(position):
    """The sequence number of a GTID position of one domain: 0-2-17 is 17, nothing is 0."""
    return max((int(p.rsplit("-", 1)[1]) for p in (position or "").split(",") if p), default=0)
