# SPDX-License-Identifier: Apache-2.0
"""What real servers of MySQL and its relatives have in common besides what every server is: they
listen at an address, and are asked, as root, by their own socket."""
import os
import shutil
import subprocess
import time

from server import Server


class Mysqld(Server):
    """One on an address; `prefix` is a command to run it under, `options` are some of its own."""

    KIND = "mysqld"

    def __init__(self, folder, address, number, *options, port=3306, bind=None, prefix=()):
        """Its address is where others of its kind find it; it listens at `bind`, else there."""
        super().__init__(os.path.join(folder, f"{self.KIND}{number}"))
        self.address, self.number, self.port, self.bind = address, number, port, bind or address
        self.options, self.prefix = options, list(prefix)
        self.client = ["mariadb", "--no-defaults", "-N", "-B", "-uroot", "-S", self.socket_path]
        self.server_id = number

    def __enter__(self):
        os.makedirs(self.path("tmp"))
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def own_options(self):
        """Where it lives, and as whom."""
        return [*self.places(), f"--bind-address={self.bind}", f"--port={self.port}",
                f"--server-id={self.server_id}"]

    def command(self):
        """The words that start it, in the foreground."""
        raise NotImplementedError

    def start(self):
        """Returns when it takes connections."""
        self.launch(self.command())

    def wait_until(self, holds):
        """Returns when that is so, of a process that lives on."""
        end = time.monotonic() + self.START_LIMIT
        while not holds():
            if not self.running or time.monotonic() > end:
                raise RuntimeError(f"{self.name()} does not start: {self.log()[-1500:]}")
            time.sleep(0.05)

    def sql(self, statement, check=True):
        """Rows of texts, as root by the socket."""
        done = subprocess.run([*self.client, "-e", statement], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        if done.returncode != 0:
            if check:
                raise RuntimeError(f"{statement}: {done.stderr.strip()}")
            return None
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


class Replica(Mysqld):
    """One that is read-only until it is promoted, of a kind with words and fill()."""

    ACCOUNT, TLS = "lab_replica", False  # by which others replicate from it

    def __enter__(self):
        super().__enter__()
        self.fill()
        self.start()
        return self

    def promote(self):
        """Writable from the end of this on."""
        self.sql(f"STOP {self.REPLICA}; RESET {self.REPLICA} ALL; SET GLOBAL read_only = 0")

    def demote(self):
        self.sql("SET GLOBAL read_only = 1")

    def follow(self, source):
        self.sql("; ".join(self.following(source.address, source.port, self.TLS, self.ACCOUNT)))

    def position(self):
        return self.sql(f"SELECT REPLACE({self.POSITION}, '\n', '')")[0][0]

    def confirm(self, on):
        """Commits wait until a replica has them, or do not."""
        self.sql(f"SET GLOBAL rpl_semi_sync_{self.SOURCE.lower()}_enabled = {int(on)}")

    def confirmers(self):
        status = f"Rpl_semi_sync_{self.SOURCE.lower()}_clients"
        return int(self.sql(f"SHOW STATUS LIKE '{status}'")[0][1])
