# SPDX-License-Identifier: Apache-2.0
"""The lab as its supervisor holds it: the instances, who writes, what the table and DNS show.

Commands that change anything run one at a time, under `lock`.  The table and DNS follow the truth
here each in their own time, as on Aurora.
"""
import os
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import tls
import zone
from board import Board, later
from net import LEAST, Network
from servers import KINDS
from state import Events, LabError
from status import Behaviour
from wire import SqlError

JOIN_LIMIT = 10.0
CATCH_UP_LIMIT = 60.0
POLL = 0.002  # a server tells of its replication threads only when asked


def together(action, things):
    """Does the same to several things at once; raises the first failure."""
    things = list(things)
    if not things:
        return []
    with ThreadPoolExecutor(len(things)) as pool:
        return list(pool.map(action, things))


def until(done, problem, limit):
    """Asks again and again, up to `limit` seconds; then LabError(problem)."""
    end = time.monotonic() + limit
    while not done():
        if time.monotonic() > end:
            raise LabError(problem)
        time.sleep(POLL)


class Lab:
    commands = None  # its own ones, where it has other ones than commands.py

    def __init__(self, path, config, plugin_dir, program):
        self.path, self.config = path, config
        self.plugin_dir, self.program = plugin_dir, program
        self.kind = KINDS[config["kind"]]
        self.lock = threading.RLock()
        self.events = Events(path)
        families = {"no": {4}, "dual": {4, 6}, "only": {6}}[config["ipv6"]]
        self.network = Network(os.path.join(path, "ns"), families)
        self.zone = zone.Zone()
        self.behaviour = Behaviour(**config["table"])
        self.board = Board(os.path.join(path, "status.tsv"), self.behaviour, self.events)
        self.retired = []  # boards of clusters that a switchover has put aside
        self.instances = {}
        self.beside = {}  # host: addresses of instances that are none of the cluster's yet
        self.writer = None
        self.dns_frozen = False
        self.dns_era = 0
        self.seed = None
        self._number = LEAST

    # Members

    def get(self, name):
        if name not in self.instances:
            raise LabError(f"there is no instance {name}; there are " +
                           " ".join(self.instances))
        return self.instances[name]

    def members(self):
        """The cluster's instances, without those that a switchover has put aside."""
        return [i for i in self.instances.values() if not i.retired]

    def readers(self):
        return [i for i in self.members() if i is not self.writer]

    def live_readers(self):
        return [i for i in self.readers() if i.live]

    def create(self, name, board=None):
        """A host with a server of the seed's data, not started."""
        self._number = self.network.free_number(self._number)
        instance = self.kind(name, self._number, self, (board or self.board).file)
        instance.prepare(self.seed)
        self.network.add(instance.key, instance.number)
        if self.config["tls"]:
            tls.certify(self.path, name, self.names())
        instance.on_exit = self._exited
        return instance

    def hold(self, instances, board=None):
        """These are the cluster's instances from now on, in this order."""
        self.instances = {i.id: i for i in instances}
        (board or self.board).instances = [i for i in instances if not i.retired]

    def names(self):
        return zone.names(self.config, self.instances)

    def up(self):
        self.seed = self.kind.seed(self.program)
        if self.config["tls"]:
            tls.authority(self.path)
        names = [f"{self.config['name']}-{n + 1}" for n in range(self.config["instances"])]
        self.hold([self.create(name) for name in names])
        first, *rest = self.members()
        self.board.show_writer(first)
        together(lambda i: i.start("MASTER" if i is first else "SLAVE"), self.members())
        self.secure(first, rest)
        self.open_for_writes(first)
        self.config["custom"] = self.config["custom"] or names[1:] or names
        self.apply_dns()
        self.board.tick()
        self._check_table(first)
        threading.Thread(target=self._tick_forever, daemon=True).start()

    def _check_table(self, instance):
        """Fails early, with the plugin's own sentence, on a server that it does not fit."""
        try:
            rows = instance.sql.query("SELECT server_id FROM "
                                      "information_schema.replica_host_status")
        except SqlError as error:
            raise LabError(str(error)) from None
        if len(rows) != len(self.instances):
            raise LabError(f"REPLICA_HOST_STATUS shows {len(rows)} rows")

    def _tick_forever(self):
        while True:
            time.sleep(self.behaviour.period)
            for board in (self.board, *self.retired):
                try:
                    board.tick()
                except Exception:
                    traceback.print_exc()  # one odd measurement must not stop the table

    # Replication

    def secure(self, writer, readers):
        """Makes `readers` replicate from `writer`, and its commits wait for one of them."""
        if not readers:
            writer.wait_for_readers(False)
            return
        writer.wait_for_readers(True)
        together(lambda i: i.follow(writer), readers)
        until(writer.readers_waited_for, f"no reader connects to the new writer {writer.id}",
              JOIN_LIMIT)

    def open_for_writes(self, instance):
        """Returns the moment at which it takes writes; it may have taken some since
        `opening_ns`."""
        _, opening_ns = Events.now()
        instance.sql.query("SET GLOBAL read_only = 0")
        moment = Events.now()
        instance.role = "writer"
        self.writer = instance
        self.events.emit("writable", moment, id=instance.id, opening_ns=opening_ns)
        return moment

    def join(self, instance):
        """Makes a started instance a reader of the writer of this moment."""
        instance.role = "reader"
        if self.writer is None or not self.writer.live:
            return
        instance.follow(self.writer)
        if self._broken(instance):
            self.rebuild(instance)
        self.rejoined(instance)

    def catch_up(self, instances):
        """Waits until instances have what the writer has now."""
        if self.writer is None or not self.writer.live:
            return
        position = self.writer.position()
        for instance in instances:
            until(lambda i=instance: i.position() >= position,
                  f"{instance.id} does not catch up", CATCH_UP_LIMIT)

    def _broken(self, instance):
        """Waits until replication runs; whether it cannot, because the histories differ."""
        limit = time.monotonic() + JOIN_LIMIT
        while time.monotonic() < limit:
            replicates = instance.replicates(self.writer)
            if replicates is not None:
                return not replicates
            time.sleep(POLL)
        return True

    def rebuild(self, instance):
        """Starts over from the seed: the writer's binary logs hold everything since."""
        self.events.emit("rebuild", id=instance.id)
        instance.kill()
        instance.discard_data(self.seed)
        instance.start("SLAVE")
        instance.follow(self.writer)

    def rejoined(self, instance):
        """A reader is there again: commits wait for readers again, and it gets what it lacks, so
        that from now on it may be promoted."""
        if self.writer is not None and self.writer.live and instance is not self.writer:
            self.writer.wait_for_readers(True)
            self.catch_up([instance])

    def _exited(self, instance):
        if not instance.expected:
            self.events.emit("exit", id=instance.id, status=instance.process.returncode)
        self.lost_reader()
        self.changed()

    def lost_reader(self):
        """Nobody waits for readers that do not live: without any, commits are the writer's own."""
        writer = self.writer
        if writer is not None and writer.live and not self.live_readers():
            try:
                connection = writer.connect()
                writer.wait_for_readers(False, connection)
                connection.close()
            except (OSError, SqlError):
                pass  # the writer has gone too

    # DNS

    def changed(self):
        """Something that DNS shows has changed; DNS shows what is now, in its time."""
        lag = self.config["dns_lag"]
        if lag is not None and self.zone.view.targets:
            era, (wanted, hosts) = self.dns_era, self.dns_truth()
            later(lag, lambda: self.dns_frozen or era != self.dns_era or
                  self.show_dns(wanted, hosts))

    def apply_dns(self):
        """DNS shows the truth at once; what it was about to show is outdated."""
        self.dns_era += 1
        self.show_dns(*self.dns_truth())

    def dns_truth(self):
        """({kind: names that it may lead to}, {host: addresses}) of this moment."""
        names = self.names()["instances"]
        up = [i for i in self.members() if i.health == "up"]
        writer = [self.writer] if self.writer else []
        wanted = {"writer": writer,
                  "reader": [i for i in up if i is not self.writer] or writer,
                  "custom": [i for i in up if i.id in self.config["custom"]]}
        hosts = {names[i.id]: self.network.addresses(i.number) for i in self.instances.values()}
        hosts.update(self.beside)
        for instance in self.members():
            if instance.firewalled:
                hosts["through-" + names[instance.id]] = self.network.forwarded(instance.number)
        return ({kind: [("through-" if i.firewalled else "") + names[i.id] for i in members]
                 for kind, members in wanted.items()}, hosts)

    def show_dns(self, wanted, hosts):
        names = self.names()
        before = self.zone.view.targets
        targets = dict(before)  # a name keeps what it had while nobody is there to take it
        targets.update({names[kind]: found for kind, found in wanted.items() if found})
        self.zone.view = zone.View(hosts, targets)
        for kind in wanted:
            if before.get(names[kind]) != targets.get(names[kind]):
                self.tell_dns(names[kind])

    def show_hosts(self):
        """The instances' own names do not lag: they come and go with the instances."""
        _, hosts = self.dns_truth()
        self.zone.view = zone.View(hosts, self.zone.view.targets)

    def tell_dns(self, name):
        """An event with what a name leads to now."""
        ids = self._short(name)
        self.events.emit("dns", name=name, id=ids[0] if ids else None, ids=ids)

    def _short(self, name):
        """The ids, or else names, that a name leads to."""
        found = ([self.zone.points[name]] if name in self.zone.points
                 else self.zone.view.targets.get(name, []))
        return [t.removeprefix("through-").removesuffix("." + self.names()["domain"])
                for t in found]

    # What is told

    def status(self):
        names = self.names()
        kinds = ("writer", "reader", "custom")
        told = {"name": self.config["name"], "state": self.path, "port": self.config["port"],
                "user": "app", "password": "app", "database": "app",
                "monitor": {"user": "pelorus", "password": "pelorus"},
                "endpoints": {kind: names[kind] for kind in kinds},
                "writer": self.writer.id if self.writer else None,
                "dns": {kind: self._short(names[kind]) for kind in kinds},
                "dns_frozen": self.dns_frozen,
                "instances": [self._told(i, names) for i in self.instances.values()]}
        if self.config["tls"]:
            told["ca"] = tls.ca(self.path)
        return told

    def _told(self, instance, names):
        row = self.board.row(instance)
        return {"id": instance.id, "role": "retired" if instance.retired else instance.role,
                "health": instance.health, "host": names["instances"][instance.id],
                "addresses": self.network.addresses(instance.number),
                "lag_ms": round(row.lag, 1) if row else None,
                "cpu": round(row.cpu, 1) if row else None,
                "firewalled": instance.firewalled, "full": instance.slots is not None}
