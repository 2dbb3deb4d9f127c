# SPDX-License-Identifier: Apache-2.0
"""A blue/green switchover: it is a rename.

New instances, complete copies at other addresses, exist beside the old ones under names of their
own, ID-green-abc123, and take over the old ones' ids and names.  Those become ID-old1: read-only,
without clients, still up.  mysql.rds_topology tells on either side how far it is: the old side's
table stops at IN_PROGRESS, for nothing reaches it any more.  The names move last.
"""
import random
import time

import wire
import zone
from board import Board
from cluster import together
from state import LabError

GREEN = "-green-abc123"
DNS_SECONDS = 2.0  # in which all names move, one after another
STATUSES = ("all", "freeze", "rollback", "off")
AVAILABLE, INITIATED, IN_PROGRESS, POST, COMPLETED = (
    "AVAILABLE", "SWITCHOVER_INITIATED", "SWITCHOVER_IN_PROGRESS",
    "SWITCHOVER_IN_POST_PROCESSING", "SWITCHOVER_COMPLETED")

# Seconds from IN_PROGRESS on, but for the first, which is from INITIATED to it.  The slow ones are
# those of an example that AWS has published; when the new writer opens it does not tell.
FAST = {"initiated": 1.5, "writable": 0.2, "post": 0.2, "renamed": 0.4, "moved": 2.5,
        "removed": 3.0}
SLOW = {"initiated": 7.4, "writable": 2.8, "post": 3.1, "renamed": 16.7, "moved": 33.1,
        "removed": 65.4}


class Switchover:
    def __init__(self, lab, statuses, slow, available):
        self.lab, self.statuses, self.times = lab, statuses, SLOW if slow else FAST
        self.available, self.begun = available, None
        self.blue, self.old = lab.members(), lab.writer
        generation = len(lab.retired) + 1
        self.suffix = f"-old{generation}"
        self.board = Board(f"{lab.path}/status{generation}.tsv", lab.behaviour, lab.events)
        self.green, self.new = [], None

    def run(self):
        self.provision()
        self.show(AVAILABLE)
        time.sleep(self.available)
        self.show(INITIATED)
        time.sleep(self.times["initiated"])
        self.show(IN_PROGRESS)
        self.begun = time.monotonic()
        if not self.cut_over():
            return self.roll_back()
        self.open()
        self.until("post")
        self.show(POST, self.green)
        self.until("renamed")
        self.rename()
        self.until("moved", DNS_SECONDS)
        _move_names(self.lab, self.lab.zone.view)
        self.show(COMPLETED, self.green)
        self.until("removed")
        self.forget_green()
        self.tell("over", self.new)
        return {"writer": self.new.id}

    def until(self, moment, before=0.0):
        time.sleep(max(0.0, self.begun + self.times[moment] - before - time.monotonic()))

    def tell(self, state, instance=None, **details):
        known = {"id": instance.id, "addresses": self.lab.network.addresses(instance.number)} \
            if instance else {}
        self.lab.events.emit("switchover", state=state, **known, **details)

    def provision(self):
        """As many new instances that follow the old writer, and names that lead to them."""
        lab = self.lab
        self.tell("provisioning")
        self.green = [lab.create(i.id + GREEN, self.board) for i in self.blue]
        self.new = self.green[self.blue.index(self.old)]
        self.board.instances = self.green
        try:
            together(lambda i: i.start("SLAVE"), self.green)
            together(lambda i: i.follow(self.old), self.green)
            lab.catch_up(self.green)
        except BaseException:
            self.dispose()
            raise
        self.board.show_writer(self.new)
        lab.retired.append(self.board)
        names = zone.names(lab.config, [i.id for i in self.green])["instances"]
        lab.beside = {names[i.id]: lab.network.addresses(i.number) for i in self.green}
        lab.zone.points = {**lab.zone.points, _green(lab.names()["writer"]): names[self.new.id]}
        lab.show_hosts()

    def show(self, status, servers=None):
        """The table on these servers, or on all of them."""
        told = {"all": status, "rollback": status, "off": None,
                "freeze": min(status, IN_PROGRESS, key=_rank)}[self.statuses]
        rows = self.rows(told) if told else []
        together(lambda i: _write(i, rows), servers or [*self.blue, *self.green])
        self.tell(status.removeprefix("SWITCHOVER_").lower(), self.new)

    def rows(self, status):
        names = self.lab.names()
        domain, rows = names["domain"], []
        for role, members in (("SOURCE", self.blue), ("TARGET", self.green)):
            first = self.old if role == "SOURCE" else self.new
            if role == "SOURCE" and status == COMPLETED:
                continue
            tail = first.id.removeprefix(self.old.id.removesuffix(self.suffix))
            name, _, rest = names["writer"].partition(".")
            rows += [(f"{name}{tail}.{rest}", role, status)]
            rows += [(f"{i.id}.{domain}", role, status)
                     for i in sorted(members, key=lambda i: i is not first)]
        return rows

    def cut_over(self):
        """The old writer stops to write, the new one has all of it; False if it goes on instead."""
        lab = self.lab
        self.old.sql.query("FLUSH TABLES WITH READ LOCK")
        try:
            lab.catch_up(self.green)
            self.until("writable")
            if self.statuses == "rollback":
                return False
            self.new.leave()
            lab.secure(self.new, [i for i in self.green if i is not self.new])
            self.old.sql.query("SET GLOBAL read_only = 1")
        finally:
            self.old.sql.query("UNLOCK TABLES")
        self.old.wait_for_readers(False)
        self.tell("read_only", self.old)
        together(_drop_clients, [i for i in self.blue if i.live])
        return True

    def open(self):
        lab = self.lab
        for instance in self.blue:
            instance.retired, instance.role = True, "reader"
        lab.retired.remove(self.board)
        lab.retired.append(lab.board)
        lab.board = self.board
        lab.hold([*self.green, *(i for i in lab.instances.values() if i not in self.green)])
        lab.open_for_writes(self.new)
        self.board.tick()

    def rename(self):
        """The old ones give their ids up, the new ones take them, at some moment since
        `renaming_ns`."""
        lab, names = self.lab, {}
        _, renaming_ns = lab.events.now()
        for instance in (*self.blue, *self.green):
            names[instance.id] = instance.id + self.suffix if instance.retired else \
                instance.id.removesuffix(GREEN)
            instance.id = names[instance.id]
            if instance.live:
                instance.sql.query(f"SET GLOBAL aurora_server_id = '{instance.id}'")
        together(_drop_clients, [i for i in self.blue if i.live])
        lab.retired[-1].rename(names)
        lab.board.rename(names)
        lab.hold([*self.green, *(i for i in lab.instances.values() if i not in self.green)])
        self.tell("renamed", self.new, renaming_ns=renaming_ns)

    def roll_back(self):
        """Nothing has happened; and the deployment is given up."""
        self.show(AVAILABLE)
        time.sleep(self.available)
        self.lab.retired.remove(self.board)
        self.dispose()
        self.green = []
        self.forget_green()
        self.tell("rolled-back", self.old)
        return {"writer": self.old.id}

    def dispose(self):
        for instance in self.green:
            instance.kill()
            self.lab.network.remove(instance.key)
            instance.delete()

    def forget_green(self):
        lab = self.lab
        lab.beside = {}
        lab.zone.points = {n: t for n, t in lab.zone.points.items()
                           if n != _green(lab.names()["writer"])}
        lab.show_hosts()
        together(lambda i: _write(i, []), self.green or self.blue)


def switchover(lab, statuses="all", slow=False, available=1.0):
    if lab.writer is None or not lab.writer.live:
        raise LabError("a switchover needs a writer that lives")
    if statuses not in STATUSES:
        raise LabError(f"statuses are one of {' '.join(STATUSES)}")
    if len(lab.instances) + len(lab.members()) > 64:
        raise LabError("too many retired instances; remove some first")
    return Switchover(lab, statuses, slow, available).run()


def _rank(status):
    return (AVAILABLE, INITIATED, IN_PROGRESS, POST, COMPLETED).index(status)


def _green(endpoint):
    name, _, rest = endpoint.partition(".")
    return f"{name}{GREEN}.{rest}"


def _write(instance, rows):
    """All of mysql.rds_topology at once, on this server alone."""
    if not instance.live:
        return
    connection = instance.connect()
    values = ", ".join(f"({n}, '{endpoint}', {instance.lab.config['port']}, "
                       f"'BLUE_GREEN_DEPLOYMENT_{role}', '{status}', '1.0')"
                       for n, (endpoint, role, status) in enumerate(rows, 1))
    for statement in ("SET sql_log_bin = 0", "BEGIN", "DELETE FROM mysql.rds_topology",
                      values and f"INSERT INTO mysql.rds_topology VALUES {values}", "COMMIT"):
        if statement:
            connection.query(statement)
    connection.close()


def _drop_clients(instance):
    for ident, in instance.sql.query("SELECT id FROM information_schema.processlist "
                                     "WHERE user IN ('app', 'pelorus')"):
        try:
            instance.sql.query(f"KILL CONNECTION {ident}")
        except wire.SqlError:
            pass  # it has gone by itself


def _move_names(lab, before):
    """One name after another, in any order, leads to its new address."""
    lab.dns_era += 1
    wanted, hosts = lab.dns_truth()
    moving = [name for name in hosts if hosts[name] != before.hosts.get(name)]
    random.shuffle(moving)
    shown = dict(before.hosts)
    for name in moving:
        time.sleep(DNS_SECONDS / len(moving))
        if lab.dns_frozen:
            return
        shown = {**shown, name: hosts[name]}
        lab.zone.view = zone.View(shown, before.targets)
        lab.events.emit("dns", name=name, addresses=hosts[name])
    lab.show_dns(wanted, hosts)
