# SPDX-License-Identifier: Apache-2.0
"""The lab as its supervisor holds it: the instances, who writes, what the table and DNS show.

Commands that change anything run one at a time, under `lock`.  The table and DNS follow the truth
here each in their own time, as on Aurora.
"""
import os
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import seed
import zone
from instance import Instance, sequence
from net import FIRST, Network
from state import Events, LabError
from status import Behaviour, Table
from wire import SqlError

JOIN_LIMIT = 10.0
POLL = 0.002  # MariaDB tells of its replication threads only when asked


def together(action, things):
    """Does the same to several things at once; raises the first failure."""
    things = list(things)
    if not things:
        return []
    with ThreadPoolExecutor(len(things)) as pool:
        return list(pool.map(action, things))


class Lab:
    def __init__(self, path, config, plugin_dir, binary):
        self.path, self.config = path, config
        self.plugin_dir, self.binary = plugin_dir, binary
        self.server_options = []
        self.lock = threading.RLock()
        self.events = Events(path)
        families = {"no": {4}, "dual": {4, 6}, "only": {6}}[config["ipv6"]]
        self.network = Network(os.path.join(path, "ns"), families)
        self.zone = zone.Zone()
        self.table = Table(Behaviour(**config["table"]))
        self.instances = {}
        self.writer = None
        self.dns_frozen = False
        self.endpoints = {}
        self._changed = threading.Event()
        self._positions = deque(maxlen=600)
        self._cpu = {}
        self._table_lock = threading.Lock()
        self._number = FIRST

    # Members

    def get(self, name):
        if name not in self.instances:
            raise LabError(f"there is no instance {name}; there are " +
                           " ".join(self.instances))
        return self.instances[name]

    def readers(self):
        return [i for i in self.instances.values() if i is not self.writer]

    def live_readers(self):
        return [i for i in self.readers() if i.live]

    def create(self, name):
        """A host with a server of the seed's data, not started."""
        self._number += 1
        instance = Instance(name, self._number, self)
        instance.prepare(self.seed)
        self.network.add(name, instance.number)
        instance.on_exit = self._exited
        return instance

    def up(self):
        self.seed = seed.ensure(self.binary)
        names = [f"{self.config['name']}-{n + 1}" for n in range(self.config["instances"])]
        for name in names:
            self.instances[name] = self.create(name)
        self.publish_table()
        first, *rest = self.instances.values()
        together(lambda i: i.start("MASTER" if i is first else "SLAVE"), self.instances.values())
        self.secure(first, rest)
        self.open_for_writes(first)
        self.table.writer_is(first.id)
        self.config["custom"] = self.config["custom"] or names[1:] or names
        self.endpoints = zone.names(self.config, self.instances)
        self.apply_dns()
        self.table_tick()
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

    # Replication

    def secure(self, writer, readers):
        """Makes `readers` replicate from `writer`, and its commits wait for one of them."""
        if not readers:
            writer.sql.query("SET GLOBAL rpl_semi_sync_master_enabled = 0")
            return
        writer.sql.query("SET GLOBAL rpl_semi_sync_master_enabled = 1")
        together(lambda i: i.follow(writer), readers)
        limit = time.monotonic() + JOIN_LIMIT
        while not int(writer.sql.named("SHOW STATUS LIKE 'Rpl_semi_sync_master_clients'")["Value"]):
            if time.monotonic() > limit:
                raise LabError("no reader connects to the new writer " + writer.id)
            time.sleep(POLL)

    def open_for_writes(self, instance):
        """Returns the moment at which it takes writes."""
        instance.sql.query("SET GLOBAL read_only = 0")
        moment = Events.now()
        instance.role = "writer"
        self.writer = instance
        self.events.emit("writable", moment, id=instance.id)
        return moment

    def join(self, instance):
        """Makes a started instance a reader of the writer of this moment."""
        instance.role = "reader"
        if self.writer is None or not self.writer.live:
            return
        instance.follow(self.writer)
        if self._broken(instance):
            self.rebuild(instance)
        self.writer.sql.query("SET GLOBAL rpl_semi_sync_master_enabled = 1")

    @staticmethod
    def _broken(instance):
        """Waits until replication runs; whether it cannot, because the histories differ."""
        limit = time.monotonic() + JOIN_LIMIT
        while time.monotonic() < limit:
            state = instance.replica()
            if state["Slave_IO_Running"] == "Yes" and state["Slave_SQL_Running"] == "Yes":
                return False
            if int(state["Last_IO_Errno"]) in (1236, 1593) or int(state["Last_SQL_Errno"]):
                return True
            time.sleep(POLL)
        return True

    def rebuild(self, instance):
        """Starts over from the seed: the writer's binary logs hold everything since."""
        instance.kill()
        instance.discard_data(self.seed)
        instance.start("SLAVE")
        instance.follow(self.writer)

    def rejoined(self, instance):
        """A reader that was silent is there again: commits wait for readers again."""
        if self.writer is not None and self.writer.live and instance is not self.writer:
            self.writer.sql.query("SET GLOBAL rpl_semi_sync_master_enabled = 1")

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
                connection.query("SET GLOBAL rpl_semi_sync_master_enabled = 0")
                connection.close()
            except (OSError, SqlError):
                pass  # the writer has gone too

    # The table

    def table_tick(self):
        samples = {}
        for instance in list(self.instances.values()):
            if instance.live:
                samples[instance.id] = (
                    float(instance.overrides.get("cpu", self._cpu_of(instance))),
                    float(instance.overrides.get("lag", self._lag_of(instance))))
        with self._table_lock:
            self.table.tick(time.time(), samples)
        self.publish_table()

    def _cpu_of(self, instance):
        """Percent of one processor since the last look."""
        try:
            with open(f"/proc/{instance.process.pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0
        spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        now = time.monotonic()
        before, at = self._cpu.get(instance.process.pid, (spent, now - 1))
        self._cpu[instance.process.pid] = (spent, now)
        return 100 * (spent - before) / max(now - at, 0.1)

    def _lag_of(self, instance):
        """How long ago the writer was where this instance is now, in ms."""
        try:
            if instance.monitor is None:
                instance.monitor = instance.connect()
            position = sequence(instance.monitor.value("@@gtid_binlog_pos"))
        except (OSError, SqlError):
            instance.monitor = None
            return 0.0
        now = time.monotonic()
        if instance is self.writer:
            self._positions.append((now, position))
            return 0.0
        ahead = [at for at, writer in self._positions if writer > position]
        return 1000 * (now - ahead[0]) if ahead else 0.0

    def publish_table(self):
        name = os.path.join(self.path, "status.tsv")
        with self._table_lock:
            with open(name + ".new", "w") as file:
                file.write(self.table.text())
            os.rename(name + ".new", name)

    def table_promoted(self, instance):
        with self._table_lock:
            settles = self.table.promoted(time.time(), instance.id)
        self.publish_table()
        self._later(settles - time.time(), self._settle)

    def _settle(self):
        with self._table_lock:
            settled = self.table.settle(time.time())
        if settled:
            self.publish_table()
            self.events.emit("topology", writer=sorted(self.table.masters),
                             members=list(self.table.rows))

    def _tick_forever(self):
        while True:
            time.sleep(self.table.behaviour.period)
            self.table_tick()

    @staticmethod
    def _later(delay, action):
        timer = threading.Timer(max(delay, 0), action)
        timer.daemon = True
        timer.start()

    # DNS

    def changed(self):
        """Something that DNS shows has changed; DNS shows what is now, in its time."""
        lag = self.config["dns_lag"]
        if lag is not None and self.endpoints:
            wanted, hosts = self._dns_truth()
            self._later(lag, lambda: self.dns_frozen or self._show_dns(wanted, hosts))

    def apply_dns(self):
        """DNS shows the truth at once."""
        self._show_dns(*self._dns_truth())

    def _dns_truth(self):
        """({kind: instances' names}, {host: addresses}) of this moment."""
        instances = list(self.instances.values())
        names = zone.names(self.config, self.instances)["instances"]
        up = [i for i in instances if i.health == "up"]
        writer = [self.writer] if self.writer else []
        wanted = {"writer": writer,
                  "reader": [i for i in up if i is not self.writer] or writer,
                  "custom": [i for i in up if i.id in self.config["custom"]]}
        return ({kind: [i.id for i in members] for kind, members in wanted.items()},
                {names[i.id]: self.network.visible(i) for i in instances})

    def _show_dns(self, wanted, hosts):
        names = zone.names(self.config, [i for ids in wanted.values() for i in ids])
        before = self.zone.view.targets
        targets = dict(before)  # a name keeps what it had while nobody is there to take it
        for kind, ids in wanted.items():
            if ids:
                targets[names[kind]] = [names["instances"][i] for i in ids]
        self.zone.view = zone.View(hosts, targets)
        for kind, ids in wanted.items():
            if ids and before.get(names[kind]) != targets[names[kind]]:
                self.events.emit("dns", name=names[kind], id=ids[0], ids=ids)

    # What is told

    def status(self):
        names = zone.names(self.config, self.instances)
        short = {v: k for k, v in names["instances"].items()}
        view = self.zone.view
        dns = {kind: [short.get(t, t) for t in
                      ([self.zone.points[names[kind]]] if names[kind] in self.zone.points
                       else view.targets.get(names[kind], []))]
               for kind in ("writer", "reader", "custom")}
        return {"name": self.config["name"], "state": self.path, "port": self.config["port"],
                "pid": self.config.get("pid"), "user": "app", "password": "app",
                "database": "app", "monitor": {"user": "pelorus", "password": "pelorus"},
                "endpoints": {k: names[k] for k in ("writer", "reader", "custom")},
                "writer": self.writer.id if self.writer else None, "dns": dns,
                "dns_frozen": self.dns_frozen,
                "instances": [self._told(i, names) for i in self.instances.values()]}

    def _told(self, instance, names):
        row = self.table.rows.get(instance.id)
        return {"id": instance.id, "role": instance.role, "health": instance.health,
                "host": names["instances"][instance.id],
                "addresses": self.network.addresses(instance.number),
                "lag_ms": round(row.lag, 1) if row else None,
                "cpu": round(row.cpu, 1) if row else None,
                "firewalled": instance.firewalled, "full": instance.full}
