# SPDX-License-Identifier: Apache-2.0
"""Real MariaDB servers that look like Aurora's, without a lab around them: for clusters that are no
lab, as one of several regions.  They begin with the lab's data and load its plugin.

with mariadb.Server(folder, "127.0.1.1", 1, "demo-1") as server:
    server.sql("SELECT 1")
"""
import os
import shutil
import subprocess
import time

from lib.lab import module
from lib.paths import BUILD

PLUGINS = os.path.join(BUILD, "tools", "lab")
START_LIMIT = 60

seed, instance = module("seed"), module("instance")


class Server:
    """One mariadbd on an address, read-only until it is promoted."""

    def __init__(self, folder, address, number, name, *options):
        self.folder = os.path.join(folder, f"mariadb{number}")
        self.address, self.number, self.name = address, number, name
        self.options = [*(o for o in instance.OPTIONS if "semi-sync" not in o and
                          "bind-address" not in o), *options]
        self.process = None

    def __enter__(self):
        os.makedirs(os.path.join(self.folder, "tmp"))
        seed.copy(seed.ensure(seed.server()), self.path("data"))
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        """Returns when it answers by its socket."""
        with open(self.path("out.log"), "ab") as out:
            self.process = subprocess.Popen([
                seed.server(), *self.options, f"--datadir={self.folder}/data",
                f"--tmpdir={self.folder}/tmp", f"--socket={self.folder}/sock",
                f"--pid-file={self.folder}/pid", f"--bind-address={self.address}", "--port=3306",
                f"--server-id={self.number}", f"--plugin-dir={PLUGINS}",
                f"--aurora-server-id={self.name}", "--read-only=1"], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, cwd=self.folder)
        end = time.monotonic() + START_LIMIT
        while self.sql("SELECT 1", check=False) is None:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"mariadbd does not start: {self.log()[-600:]}")
            time.sleep(0.05)

    def log(self):
        with open(self.path("out.log"), errors="replace") as log:
            return log.read()

    def kill(self):
        """kill -9."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def sql(self, statement, check=True):
        """Rows of texts, as root by the socket."""
        done = subprocess.run(["mariadb", "--no-defaults", "-N", "-B", "-uroot", "-S",
                               self.path("sock"), "-e", statement], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        if done.returncode != 0:
            if check:
                raise RuntimeError(f"{statement}: {done.stderr.strip()}")
            return None
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]

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
