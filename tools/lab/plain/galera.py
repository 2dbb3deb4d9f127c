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
import subprocess

import seed

from plain.mysqld import Mysqld

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
SMALL = ["--no-defaults", "--user=root", "--skip-name-resolve", "--max-connections=200",
         "--performance-schema=0", "--innodb-flush-log-at-trx-commit=0", *seed.STORAGE]


def is_here():
    return os.path.exists(PROVIDER)


class Node(Mysqld):
    KIND, START_LIMIT = "galera", 90

    def __init__(self, folder, address, number, addresses, *options, detect="PT5S", **where):
        super().__init__(folder, address, number, *options, **where)
        self.transfer = os.path.join(folder, "wsrep_sst_place")
        self.binary, self.history = seed.server(), False
        self.group = [
            "--wsrep-on=ON", f"--wsrep-provider={PROVIDER}", "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2", "--wsrep-cluster-name=shop",
            f"--wsrep-node-name=node{number}", f"--wsrep-node-address={address}",
            "--wsrep-cluster-address=gcomm://" + ",".join(addresses), "--wsrep-sst-method=place",
            f"--wsrep-provider-options=gcache.size=16M;gmcast.listen_addr=tcp://{address}:4567;"
            f"ist.recv_addr={address}:4568;evs.suspect_timeout={detect}"]

    def __enter__(self):
        self.prepare()
        return super().__enter__()

    def prepare(self):
        with open(self.transfer, "w") as out:
            out.write(TRANSFER)
        os.chmod(self.transfer, 0o755)

    def command(self, *words):
        return [*self.prefix, self.binary, *SMALL, *self.own_options(), *self.group,
                *self.options, *words]

    def _stopped_at(self):
        """Where in its history it was when it ended."""
        told = subprocess.run(self.command("--wsrep-recover"), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=self.START_LIMIT).stdout
        return re.search(r"Recovered position:? *([-0-9a-f]+:-?\d+)", told)[1]

    def begin(self, first=False):
        """The first begins a group alone, in the history that it has."""
        words = [f"--wsrep-start-position={self._stopped_at()}"] if self.history else []
        if first:
            words.append("--wsrep-new-cluster")
            self._allow_to_begin()
        self.history = True
        self.run(self.command(*words),
                 PATH=f"{os.path.dirname(self.transfer)}:{os.environ['PATH']}")

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
        self.wait_until(lambda: self.is_synced(nodes))

    def start(self, first=False):
        self.begin(first)
        self.wait_synced()

    def is_synced(self, nodes=None):
        now = self.status()
        return now.get("wsrep_ready") == "ON" and now["wsrep_local_state"] == "4" and \
            nodes in (None, int(now["wsrep_cluster_size"]))

    def status(self):
        """Of a value that goes over several lines the first one counts."""
        rows = self.sql("SHOW GLOBAL STATUS LIKE 'wsrep%'", check=False) or ()
        return dict(row for row in rows if len(row) == 2)

    def shut_down(self):
        self.sql("SHUTDOWN")
        self.process.wait(self.START_LIMIT)


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
