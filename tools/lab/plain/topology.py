# SPDX-License-Identifier: Apache-2.0
"""A lab of real servers with nothing imitated: what such clusters have in common.

Names, hosts, DNS and events are those of the lab of cluster.py.  Applications come by `lan`; the
servers find each other by `storage`, so that one can be cut off from its group alone.  Who lets
writes in is found out by writing (floor.py), whatever the servers say.
"""
import functools
import os
import signal

import commands
import tls
from cluster import Lab, together
from net import lan4, storage4
from state import LabError

from plain.floor import MADE, Floor

AGAIN_LIMIT = 90.0
LEAVE_LIMIT = 10.0  # what hangs in a member of a group keeps it for a minute
ALSO = {"crash": "kill"}  # other words for a mode


class Member:
    """One server on a host of its own; its fields are those of an instance."""

    firewalled = retired = False
    slots = None

    def __init__(self, name, number):
        self.id, self.number, self.key = name, number, f"{name}.{number}"
        self.role = "reader"
        self.paused = self.cut = self.apart = False
        self.lost = False  # was the writer when it failed
        self.server = None

    @property
    def running(self):
        return self.server.running

    @property
    def live(self):
        return self.running and not self.paused

    @property
    def health(self):
        if not self.live:
            return "paused" if self.running else "down"
        return "cut" if self.cut else "apart" if self.apart else "up"

    @property
    def socket_path(self):
        return self.server.socket_path

    def sql(self, statement):
        return self.server.sql(statement)


class Topology(Lab):
    """`make`, `begin`, `join`, `settle` are those of a kind; `lose_*` may be."""

    MODES = ("kill", "shutdown", "pause", "cut", "rejoin")
    TLS, DIALECT = False, None
    MANY = False  # all are written to, up to the failure

    def __init__(self, path, config, plugin_dir, program):
        super().__init__(path, {**config, "tls": self.TLS or config["tls"]}, plugin_dir, program)
        self.program, self.folder = program, os.path.join(path, "servers")
        own = (self.failover, self.kill, self.stop, self.start, self.pause, self.resume, self.cut,
               self.heal)
        self.commands = {f.__name__: f for f in own}
        self.commands.update({n: functools.partial(f, self) for n, f in commands.LOCKED.items()
                              if n.startswith("dns ")})

    # What a kind is

    @classmethod
    def needed(cls):
        """Its servers' program, or a clear sentence."""
        raise NotImplementedError

    def make(self, member, **where):
        """Its server, not begun."""
        raise NotImplementedError

    def begin(self):
        """All are begun; returns the first writer, whose group the others are in."""
        raise NotImplementedError

    def join(self, member):
        """A member is there again, as one of the others."""

    def settle(self):
        """Returns when all members serve."""

    def keys(self):
        """What the prober has to be told besides."""
        return {}

    # Its beginning

    def up(self):
        if self.config["tls"]:
            tls.authority(self.path)
        names = [f"{self.config['name']}-{n + 1}" for n in range(self.config["instances"])]
        self.hold([self._host(name) for name in names])
        for member in self.instances.values():
            self._prepare(member)
        self.config["custom"] = self.config["custom"] or names[1:] or names
        self.apply_dns()  # before anybody is there: they look each other up
        self.writer = self.begin()
        self.writer.sql(MADE)
        self.settle()
        self._show_roles()
        self.apply_dns()
        self._write_configuration()

    def _host(self, name):
        self._number = self.network.free_number(self._number)
        member = Member(name, self._number)
        self.network.add(member.key, member.number)
        return member

    def _prepare(self, member):
        if self.config["tls"]:
            tls.certify(self.path, member.id, self.names())
        member.server = self.make(
            member, port=self.config["port"], bind="*",
            prefix=["nsenter", f"--net={self.network.path(member.key)}"])
        os.makedirs(member.server.path("tmp"))

    def dns_truth(self):
        wanted, hosts = super().dns_truth()
        if self.writer is None:
            first = next(iter(self.instances.values()))
            wanted["writer"] = [self.host(first)]
        return wanted, hosts

    def host(self, member):
        return self.names()["instances"][member.id]

    def groups(self):
        """Where the members find each other."""
        return [storage4(m.number) for m in self.instances.values()]

    def options(self, member):
        """TLS, and by what name it is known."""
        host = self.host(member)
        return [*tls.options(self, member.id), f"--report-host={host}",
                f"--report-port={self.config['port']}",
                *(o.replace("{host}", host) for o in self.config["server"])]

    def _write_configuration(self):
        """What a prober is told of it, for those who want to use it as it is."""
        keys = {"endpoint": self.names()["writer"], "port": self.config["port"],
                "dialect": self.DIALECT, "user": "pelorus", "password": "pelorus", **self.keys()}
        if self.config["tls"]:
            keys.update({"ssl": "on", "ssl-ca": tls.ca(self.path), "ssl-verify-server-cert": "on"})
        path = os.path.join(self.path, "pelorus.conf")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            out.write("\n".join([f"[cluster {self.config['name']}]",
                                 *(f"{k} = {v}" for k, v in keys.items()), ""]))

    # Failovers

    def failover(self, mode="kill", to=None, lost=None, promote=True, detect=None, **other):
        """The writer, or `lost`, is lost in some way; returns when another lets writes in."""
        mode = ALSO.get(mode, mode)
        if mode not in self.MODES or other:
            raise LabError(f"there is no mode {' '.join([mode, *other])} here; there are "
                           f"{' '.join(self.MODES)}")
        if mode == "rejoin":
            return self.rejoin()
        old, target = self.get(lost) if lost else self.writer, self.get(to) if to else None
        if not old.live or target and (target is old or not target.live):
            raise LabError(f"{(target if old.live else old).id} cannot do that: it is "
                           f"{'the writer' if target is old else 'not live'}")
        with Floor([m for m in self.instances.values() if m.live]) as floor:
            moment = floor.begin(old)
            self.events.emit("failure", moment, id=old.id, mode=mode)
            getattr(self, "lose_" + mode)(old, target)
            if self.MANY:
                floor.again()
            if not promote:
                return {"failed": old.id}
            if mode != "graceful":
                old.lost = True
                self.take_over(old, target, self.config["detect"] if detect is None else detect)
            self.writer, (_, opening_ns), moment = floor.wait(AGAIN_LIMIT)
        self.events.emit("writable", moment, id=self.writer.id, opening_ns=opening_ns)
        self._show_roles()
        self.changed()
        if mode == "shutdown":
            old.server.end(LEAVE_LIMIT)
        return {"writer": self.writer.id, "failed": old.id}

    def take_over(self, old, target, detect):
        """What a manager of the cluster does then; a group does it by itself."""

    def lose_kill(self, old, _):
        old.server.kill()

    def lose_shutdown(self, old, _):
        old.sql("SHUTDOWN")

    def lose_pause(self, old, _):
        old.paused = True
        old.server.process.send_signal(signal.SIGSTOP)

    def lose_minority(self, old, _):
        """Cut off from the others, not from applications."""
        old.apart = True
        self.network.cut(old.key, "storage")

    def lose_cut(self, old, _):
        """Cut off from everybody."""
        old.cut = True
        self.network.cut(old.key)
        self.lose_minority(old, None)

    def rejoin(self):
        """Whoever was lost comes back, and all serve."""
        for member in self.instances.values():
            self._reconnect(member)
        back = [m for m in self.instances.values() if m.lost or not m.running]
        together(self.come_back, back)
        self.settle()
        for member in back:
            member.lost = False
            self.events.emit("back", id=member.id, role=member.role)
        self.changed()
        return {"writer": self.writer.id}

    def _reconnect(self, member):
        if member.cut:
            self.network.heal(member.key)
        if member.apart:
            self.network.heal(member.key, "storage")
        if member.paused:
            member.server.process.send_signal(signal.SIGCONT)
        member.cut = member.apart = member.paused = False

    def come_back(self, member):
        if not member.running:
            member.server.start()
        self.join(member)

    def _show_roles(self):
        for member in self.instances.values():
            member.role = "writer" if member is self.writer else "reader"

    # By hand, one at a time

    def _running(self, id, wanted):
        member = self.get(id)
        if member.running != wanted:
            raise LabError(f"{id} is {member.health}")
        return member

    def _did(self, what, member):
        self.events.emit(what, id=member.id)
        self.changed()

    def kill(self, id):
        member = self._running(id, True)
        self.lose_kill(member, None)
        self._did("failure", member)

    def stop(self, id):
        member = self._running(id, True)
        self._reconnect(member)
        self.lose_shutdown(member, None)
        member.server.end(AGAIN_LIMIT)
        self._did("stop", member)

    def start(self, id):
        self.come_back(self._running(id, False))
        self._did("back", self.get(id))

    def pause(self, id):
        self.lose_pause(self._running(id, True), None)
        self._did("pause", self.get(id))

    def resume(self, id):
        self._reconnect(self._running(id, True))
        self._did("resume", self.get(id))

    def cut(self, id):
        self.lose_cut(self.get(id), None)
        self._did("cut", self.get(id))

    def heal(self, id):
        self._reconnect(self.get(id))
        self._did("heal", self.get(id))

    def status(self):
        return {**super().status(), "topology": self.config["topology"],
                "configuration": os.path.join(self.path, "pelorus.conf")}


def lan_address(member):
    return lan4(member.number)
