# SPDX-License-Identifier: Apache-2.0
"""The lab's network: one bridge that applications and instances share, one that is the storage.

Every instance is a host of its own: a network namespace with `eth0` on the bridge `lan` and `eth1`
on the bridge `storage`.  Replication goes over the latter, as Aurora's goes through its storage, so
that cutting an instance off from its clients does not stop commits elsewhere.  Neighbour entries on
`lan` are permanent: a host that is gone gives silence, never "host unreachable".
"""
import os
import subprocess

import ns
from state import LabError

LAN4, LAN6, STORAGE4 = "10.77.0", "fd77::", "10.78.0"
CORE, APP, LEAST, MOST = 1, 2, 10, 109
FORWARD = 100  # added to an instance's number: its address at the forwarder


def lan4(number):
    return f"{LAN4}.{number}"


def lan6(number):
    return f"{LAN6}{number:x}"


def storage4(number):
    return f"{STORAGE4}.{number}"


def _mac(number):
    return f"02:00:00:00:00:{number:02x}"


def inside(path, command, **options):
    """Runs a command in a pinned network namespace (None: the supervisor's own)."""
    if path:
        command = ["nsenter", f"--net={path}", *command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)}: {done.stdout.strip()[-400:]}")
    return done.stdout


def _batch(path, lines):
    inside(path, ["ip", "-batch", "-"], input="\n".join(lines) + "\n")


class Network:
    """`families` is a subset of {4, 6}: what applications see."""

    def __init__(self, folder, families):
        self.folder = folder
        self.families = families
        self.hosts = {}  # id -> number

    def path(self, name):
        return os.path.join(self.folder, name)

    def addresses(self, number):
        return ([lan4(number)] if 4 in self.families else []) + \
               ([lan6(number)] if 6 in self.families else [])

    def _addresses(self, number, device):
        lines = [f"addr add {lan4(number)}/24 dev {device}"] if 4 in self.families else []
        if 6 in self.families:
            lines.append(f"addr add {lan6(number)}/64 dev {device} nodad")
        return lines

    def _neighbour(self, number):
        return [f"neigh replace {a} lladdr {_mac(number)} dev eth0 nud permanent"
                for a in self.addresses(number)]

    def free_number(self, last):
        """The next number that no host has, so that addresses are not soon used again."""
        for step in range(1, MOST - LEAST + 1):
            number = LEAST + (last - LEAST + step) % (MOST - LEAST + 1)
            if number not in self.hosts.values():
                return number
        raise LabError("there are no more addresses for instances")

    def up(self):
        """The bridges, and the application's host."""
        if 6 not in self.families:
            self._forbid_ipv6(None)
        _batch(None, ["link set lo up",
                      f"link add lan address {_mac(CORE)} type bridge",
                      "link add storage type bridge",
                      "link set lan up", "link set storage up", *self._addresses(CORE, "lan")])
        self._gateway()
        self._host("app", APP)
        _batch(self.path("app"), [f"route add default via {a}" for a in self.addresses(CORE)])

    def _gateway(self):
        """The way out of the lab, which says at once that there is none; also the forwarder."""
        inside(None, ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])
        lines = ["route add unreachable default"]
        if 6 in self.families:
            inside(None, ["sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding"])
            lines.append("route add unreachable ::/0")
        _batch(None, lines)

    @staticmethod
    def _forbid_ipv6(path):
        inside(path, ["sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; "
                                  "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6"])

    def _host(self, name, number):
        path = self.path(name)
        ns.hold_net(path)
        _batch(None, [f"link add lan{number} type veth peer name eth0 address {_mac(number)} "
                      f"netns {path}", f"link set lan{number} master lan up"])
        if 6 not in self.families:
            self._forbid_ipv6(path)
        lines = ["link set lo up", *self._addresses(number, "eth0"), "link set eth0 up",
                 *self._neighbour(CORE)]
        if name != "app":
            lines += self._neighbour(APP)
        _batch(path, lines)

    def add(self, name, number):
        """A host for an instance."""
        self._host(name, number)
        path = self.path(name)
        _batch(None, [f"link add sto{number} type veth peer name eth1 netns {path}",
                      f"link set sto{number} master storage up"])
        _batch(path, [f"addr add {storage4(number)}/24 dev eth1", "link set eth1 up"])
        _batch(self.path("app"), self._neighbour(number))
        self.hosts[name] = number

    def remove(self, name):
        number = self.hosts.pop(name)
        _batch(None, [f"link del lan{number}", f"link del sto{number}"])
        ns.release(self.path(name))

    def forwarded(self, number):
        """Where the forwarder answers for an instance."""
        return self.addresses(number + FORWARD)

    def firewall(self, name, port):
        """Applications no longer reach the host itself, only by way of the forwarder."""
        number = self.hosts[name]
        sources = [f"{'ip6' if ':' in a else 'ip'} saddr {a} drop" for a in self.addresses(APP)]
        self.nft(self.path(name), "firewall", "input", sources)
        _batch(None, self._addresses(number + FORWARD, "lan"))
        to = [(f"{'ip6' if ':' in a else 'ip'} daddr {b}", f"[{a}]" if ":" in a else a)
              for a, b in zip(self.addresses(number), self.forwarded(number))]
        inside(None, ["nft", "-f", "-"], input=f"table inet forward{number} {{\n"
               "chain in { type nat hook prerouting priority dstnat;\n"
               + "".join(f"{match} tcp dport {port} dnat {'ip6' if '[' in a else 'ip'} to {a}\n"
                         for match, a in to)
               + "}\nchain out { type nat hook postrouting priority srcnat;\n"
               "ct status dnat masquerade\n}\n}\n")

    def open_firewall(self, name):
        number = self.hosts[name]
        self.no_nft(self.path(name), "firewall")
        self.no_nft(None, f"forward{number}")
        _batch(None, [line.replace("addr add", "addr del").replace(" nodad", "")
                      for line in self._addresses(number + FORWARD, "lan")])

    def loss(self, name, percent):
        """Drops that share of the packets to a host and from it."""
        path = self.path(name)
        self.no_nft(path, "loss")
        if percent:
            share = round(percent * 100)
            rule = "drop" if share == 10000 else f"numgen random mod 10000 < {share} drop"
            self.nft(path, "loss", "input", [f'iifname "eth0" {rule}'])
            self.nft(path, "loss", "output", [f'oifname "eth0" {rule}'])

    def delay(self, name, ms):
        """Delays what goes to a host."""
        device = f"lan{self.hosts[name]}"
        done = subprocess.run(["tc", "qdisc", "replace", "dev", device, "root"] +
                              (["netem", "delay", f"{ms}ms"] if ms else ["pfifo_fast"]),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0 and ms:
            raise LabError("this kernel cannot delay packets: it has no netem (module sch_netem)")

    @staticmethod
    def nft(path, table, hook, rules):
        inside(path, ["nft", "-f", "-"], input=f"table inet {table} {{\nchain {hook} {{ "
               f"type filter hook {hook} priority -100;\n" + "\n".join(rules) + "\n}\n}\n")

    @staticmethod
    def no_nft(path, table):
        """Removes a table, whether it is there or not."""
        inside(path, ["nft", "-f", "-"], input=f"table inet {table}\ndelete table inet {table}\n")

    def cut(self, name, bridge="lan"):
        """Takes the host's cable out of the bridge: what is sent to it, or by it, vanishes."""
        _batch(None, [f"link set {bridge[:3]}{self.hosts[name]} nomaster"])

    def heal(self, name, bridge="lan"):
        _batch(None, [f"link set {bridge[:3]}{self.hosts[name]} master {bridge}"])
