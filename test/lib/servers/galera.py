# SPDX-License-Identifier: Apache-2.0
"""Real nodes of a Galera cluster: MariaDB and Debian's galera-4.

    if not galera.is_here(): ...
with galera.Node(folder, "10.77.0.1", 1, ADDRESSES) as node:
galera.begin(nodes)                    all of them, as one cluster
node.kill(); node.start()              returns when it takes writes again
node.sql("SELECT 1")

All begin with copies of one data directory, at the same place of one history, and one that was
killed where it stopped: so nobody needs more of the others than what was written since (IST).
"""
import os
import re
import shutil
import subprocess
import time

from lib.lab import module

seed = module("seed")

TRANSFER = """#!/bin/sh
# How a node tells another where it is in their history; there is no more to it than that.
bypass= place=$(dirname "$0")
while [ $# -gt 0 ]; do
	case $1 in
	--role) role=$2 ;;
	--address) address=$2 ;;
	--gtid) gtid=$2 ;;
	--bypass) bypass=1 ;;
	esac
	shift
done
if [ "$role" = joiner ]; then
	rm -f "$place/$address"
	echo "ready $address"
	until [ -s "$place/$address" ]; do sleep 0.05; done
	cat "$place/$address"
else
	[ -n "$bypass" ] || exit 1
	echo continue
	echo "$gtid" >"$place/$address.new"
	mv "$place/$address.new" "$place/$address"
	echo "done $gtid"
fi
"""

PROVIDER = "/usr/lib/galera/libgalera_smm.so"
START_LIMIT = 90
SMALL = ["--no-defaults", "--user=root", "--skip-name-resolve", "--max-connections=200",
         "--performance-schema=0", "--innodb-flush-log-at-trx-commit=0", *seed.STORAGE]


def is_here():
    return os.path.exists(PROVIDER)


class Node:
    """One on an address; `prefix` is a command to run it under, `more` are options of its own."""

    def __init__(self, folder, address, number, addresses, *more, prefix=(), detect="PT5S"):
        self.address, self.number, self.more, self.prefix = address, number, more, list(prefix)
        self.folder = os.path.join(folder, f"galera{number}")
        self.transfer = os.path.join(folder, "wsrep_sst_place")
        self.process, self.binary, self.history = None, seed.server(), False
        self.group = [
            "--wsrep-on=ON", f"--wsrep-provider={PROVIDER}", "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2", "--wsrep-cluster-name=shop",
            f"--wsrep-node-name=node{number}", f"--wsrep-node-address={address}",
            "--wsrep-cluster-address=gcomm://" + ",".join(addresses), "--wsrep-sst-method=place",
            f"--wsrep-provider-options=gcache.size=16M;gmcast.listen_addr=tcp://{address}:4567;"
            f"ist.recv_addr={address}:4568;evs.suspect_timeout={detect}"]

    def __enter__(self):
        os.makedirs(self.path("tmp"))
        with open(self.transfer, "w") as out:
            out.write(TRANSFER)
        os.chmod(self.transfer, 0o755)
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def _command(self, *words):
        return [*self.prefix, self.binary, *SMALL, f"--datadir={self.path('data')}",
                f"--tmpdir={self.path('tmp')}", f"--socket={self.path('sock')}",
                f"--pid-file={self.path('pid')}", f"--bind-address={self.address}", "--port=3306",
                f"--server-id={self.number}", *self.group, *self.more, *words]

    def _stopped_at(self):
        """Where in its history it was when it ended."""
        told = subprocess.run(self._command("--wsrep-recover"), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=START_LIMIT).stdout
        return re.search(r"Recovered position:? *([-0-9a-f]+:-?\d+)", told)[1]

    def begin(self, first=False):
        """The first begins a group alone, in the history that it has."""
        words = [f"--wsrep-start-position={self._stopped_at()}"] if self.history else []
        if first:
            words.append("--wsrep-new-cluster")
            self._allow_to_begin()
        self.history = True
        with open(self.path("out.log"), "ab") as out:
            self.process = subprocess.Popen(
                self._command(*words),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder, env={
                    **os.environ, "PATH": f"{os.path.dirname(self.transfer)}:{os.environ['PATH']}"})

    def _allow_to_begin(self):
        """As an operator does who knows that it was the last."""
        path = self.path("data/grastate.dat")
        if not os.path.exists(path):
            return
        with open(path) as state:
            text = state.read()
        with open(path, "w") as out:
            out.write(text.replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))

    def wait_synced(self, nodes=None):
        """Returns when it takes writes, in a group of so many."""
        end = time.monotonic() + START_LIMIT
        while not self.is_synced(nodes):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"node {self.number} does not join: {self.log()[-1500:]}")
            time.sleep(0.05)

    def start(self, first=False):
        self.begin(first)
        self.wait_synced()

    def is_synced(self, nodes=None):
        now = self.status()
        return now.get("wsrep_ready") == "ON" and now["wsrep_local_state"] == "4" and \
            nodes in (None, int(now["wsrep_cluster_size"]))

    def status(self):
        return dict(self.sql("SHOW GLOBAL STATUS LIKE 'wsrep%'", check=False) or ())

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

    def shut_down(self):
        self.sql("SHUTDOWN")
        self.process.wait(START_LIMIT)


def begin(nodes):
    """The first writes the beginning of a history; all go on from there."""
    first, *others = nodes
    seed.copy(seed.ensure(first.binary), first.path("data"))
    first.start(first=True)
    first.shut_down()
    for node in others:
        seed.copy(first.path("data"), node.path("data"))
        node.history = True
    first.start(first=True)
    for node in others:
        node.start()
