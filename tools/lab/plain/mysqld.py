# SPDX-License-Identifier: Apache-2.0
"""What real servers of MySQL and its relatives have in common: a process with a folder of its own
that is started, awaited, asked by its socket and killed."""
import os
import shutil
import subprocess
import time


class Mysqld:
    """One on an address; those of a kind tell in `with` how they begin."""

    KIND, START_LIMIT = "mysqld", 60

    def __init__(self, folder, address, number, port=3306, bind=None):
        """Its address is where others of its kind find it; it listens at `bind`, else there."""
        self.folder = os.path.join(folder, f"{self.KIND}{number}")
        self.address, self.number, self.port, self.bind = address, number, port, bind or address
        self.client = ["mariadb", "--no-defaults", "-N", "-B", "-uroot", "-S", self.path("sock")]
        self.server_id, self.process = number, None

    def __enter__(self):
        os.makedirs(self.path("tmp"))
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def own_options(self):
        """Where it lives, and as whom."""
        return [f"--datadir={self.path('data')}", f"--tmpdir={self.path('tmp')}",
                f"--socket={self.path('sock')}", f"--pid-file={self.path('pid')}",
                f"--bind-address={self.bind}", f"--port={self.port}",
                f"--server-id={self.server_id}"]

    def command(self):
        """The words that start it, in the foreground."""
        raise NotImplementedError

    def run(self, command, **options):
        with open(self.path("out.log"), "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out, cwd=self.folder, **options)

    def wait_until(self, holds):
        """Returns when that is so, of a process that lives on."""
        end = time.monotonic() + self.START_LIMIT
        while not holds():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.KIND}{self.number} does not start: "
                                   f"{self.log()[-1500:]}")
            time.sleep(0.05)

    def start(self):
        """Returns when it answers by its socket."""
        self.run(self.command())
        self.wait_until(lambda: self.sql("SELECT 1", check=False) is not None)

    def log(self):
        with open(self.path("out.log"), errors="replace") as log:
            return log.read()

    def kill(self):
        """kill -9."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def end(self, limit):
        """Waits for its end; one that takes longer is killed."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()

    def sql(self, statement, check=True):
        """Rows of texts, as root by the socket."""
        done = subprocess.run([*self.client, "-e", statement], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        if done.returncode != 0:
            if check:
                raise RuntimeError(f"{statement}: {done.stderr.strip()}")
            return None
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]
