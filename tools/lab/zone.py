# SPDX-License-Identifier: Apache-2.0
"""What the endpoint names resolve to.

dnsmasq, the distribution's DNS server, is what applications ask; it caches nothing and asks this
module for each query, because an Aurora zone is a thing that no static zone file can express: a
cluster name is a CNAME to the instance of this very moment, and a reader name leads to another
reader at each lookup.  A change is the replacement of one object, so no lookup sees half of it.
"""
import socket
import struct
import subprocess
import threading

from state import LabError

A, CNAME, SOA, AAAA, ANY = 1, 5, 6, 28, 255
NOERROR, NXDOMAIN = 0, 3
TTL = 5
CHAIN_MAX = 8
BEHIND = ("127.0.0.1", 5353)


class View:
    """One consistent state of the zone.  Names are lower-case, without a trailing dot."""

    def __init__(self, hosts, targets):
        self.hosts = hosts      # instance's name -> [addresses]
        self.targets = targets  # cluster's name -> [names it may lead to]


class Zone:
    def __init__(self):
        self.view = View({}, {})
        self.points = {}  # name -> name: what the user forced
        self._turn = {}

    def target(self, name, kind):
        """The name that a cluster name leads to now.  The A and the AAAA query of one lookup
        come in pairs, so each kind takes its own turn."""
        if name in self.points:
            return self.points[name]
        names = self.view.targets.get(name)
        if not names:
            return None
        turn = self._turn[name, kind] = self._turn.get((name, kind), -1) + 1
        return names[turn % len(names)]

    def answer(self, name, kind):
        """(rcode, [(name, type, data)]) for one question."""
        records = []
        name = name.lower()
        for _ in range(CHAIN_MAX):
            target = self.target(name, kind)
            if target is None:
                break
            records.append((name, CNAME, target))
            name = target
        hosts = self.view.hosts.get(name)
        if hosts is None:
            return (NOERROR if name in self.view.targets else NXDOMAIN), records
        if kind != CNAME:
            for address in hosts:
                family = AAAA if ":" in address else A
                if kind in (family, ANY):
                    records.append((name, family, address))
        return NOERROR, records


def _encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _record(name, kind, data):
    if kind == CNAME:
        raw = _encode_name(data)
    else:
        raw = socket.inet_pton(socket.AF_INET6 if kind == AAAA else socket.AF_INET, data)
    return _encode_name(name) + struct.pack(">HHIH", kind, 1, TTL, len(raw)) + raw


def _question(packet):
    """(name, type, offset behind it) of a query's only question."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    kind, = struct.unpack_from(">H", packet, at + 1)
    return ".".join(labels), kind, at + 5


def respond(zone, packet):
    """The reply to one query, as bytes; None for what is no query."""
    try:
        number, flags, questions = struct.unpack_from(">HHH", packet)
        if flags & 0x8000 or questions != 1:
            return None
        name, kind, end = _question(packet)
    except (struct.error, IndexError, UnicodeDecodeError):
        return None
    rcode, records = zone.answer(name, kind)
    body = b"".join(_record(*r) for r in records)
    authority = b""
    if not any(r[1] == kind for r in records):
        raw = _encode_name("ns.lab") * 2 + struct.pack(">IIIII", 1, TTL, TTL, TTL, 1)
        head = struct.pack(">HHIH", SOA, 1, TTL, len(raw))
        authority = _encode_name("amazonaws.com") + head + raw
    return struct.pack(">HHHHHH", number, 0x8480 | (flags & 0x100) | rcode, 1, len(records),
                       1 if authority else 0, 0) + packet[12:end] + body + authority


def _serve_datagrams(zone, sock):
    while True:
        packet, peer = sock.recvfrom(4096)
        reply = respond(zone, packet)
        if reply:
            sock.sendto(reply, peer)


def _serve_streams(zone, sock):
    """dnsmasq asks over TCP what it was asked over TCP."""
    while True:
        peer, _ = sock.accept()
        with peer, peer.makefile("rb") as stream:
            peer.settimeout(2)
            try:
                while len(head := stream.read(2)) == 2:
                    reply = respond(zone, stream.read(int.from_bytes(head, "big")))
                    if reply:
                        peer.sendall(len(reply).to_bytes(2, "big") + reply)
            except OSError:
                continue


def serve(zone, addresses):
    """Starts dnsmasq at the bridge's addresses, and what it asks.  Returns dnsmasq's process."""
    for kind, loop in ((socket.SOCK_DGRAM, _serve_datagrams), (socket.SOCK_STREAM, _serve_streams)):
        sock = socket.socket(socket.AF_INET, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(BEHIND)
        if kind == socket.SOCK_STREAM:
            sock.listen()
        threading.Thread(target=loop, args=(zone, sock), daemon=True).start()
    command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts",
               "--no-resolv", "--cache-size=0", "--no-negcache", "--user=", "--group=",
               "--pid-file=", "--bind-interfaces", "--except-interface=lo",
               "--dns-forward-max=2000",
               f"--server={BEHIND[0]}#{BEHIND[1]}", "--log-facility=-",
               *(f"--listen-address={a}" for a in addresses)]
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise LabError("there is no dnsmasq here: install the package dnsmasq-base") from None
    _await(process, addresses[0])
    return process


def _await(process, address):
    """Until dnsmasq answers; it tells nobody when it is ready."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    query = struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + _encode_name("ready.lab") + b"\0\1\0\1"
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.02)
        for _ in range(500):
            try:
                sock.sendto(query, (address, 53))
                sock.recv(512)
                return
            except OSError:
                if process.poll() is not None:
                    raise LabError(f"dnsmasq ended with {process.returncode}") from None
    raise LabError("dnsmasq does not answer")


def names(config, ids):
    """The endpoint names of a lab: fixed ones and one per instance."""
    domain = f"{config['cluster_id']}.{config['region']}.rds.amazonaws.com"
    name = config["name"]
    return {"writer": f"{name}.cluster-{domain}", "reader": f"{name}.cluster-ro-{domain}",
            "custom": f"{name}.cluster-custom-{domain}",
            "instances": {i: f"{i}.{domain}" for i in ids}, "domain": domain}
