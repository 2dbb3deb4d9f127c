# SPDX-License-Identifier: Apache-2.0
"""What no real server does on demand: a MySQL server and a DNS server that say what a test wants.

Both listen on loopback, in a network namespace of their own: enter() runs the calling script again
inside one, with a resolv.conf that leads to the DNS server.
"""
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

from lib.servers.exactly import exactly

PORT = 3306


def enter(more="", users=False):
    """Runs the script again in namespaces of its own; returns inside only.  `more` is for its
    resolv.conf; with `users` (for root) there are other users inside."""
    if os.environ.get("PELORUS_FAKES"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    folder = tempfile.mkdtemp(prefix="pfake-")
    conf = os.path.join(folder, "resolv.conf")
    with open(conf, "w") as out:
        out.write("nameserver 127.0.0.53\n" + more)
    script = f"mount --bind {conf} /etc/resolv.conf && exec \"$@\""
    try:
        own = [] if users else ["--user", "--map-root-user"]
        done = subprocess.run(["unshare", *own, "--net", "--mount", "--pid", "--fork",
                               "--kill-child", "--mount-proc", "sh", "-c", script, "sh",
                               sys.executable, "-B", *sys.argv],
                              env=dict(os.environ, PELORUS_FAKES="1"))
    finally:
        os.unlink(conf)
        os.rmdir(folder)
    os._exit(done.returncode)


class Dns:
    """Answers A and AAAA questions from `addresses` (name -> list) and follows `aliases` (name ->
    name)."""

    def __init__(self):
        self.addresses, self.aliases, self.ttl, self.silent = {}, {}, 5, False
        self.truncated, self.asked = set(), []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.53", 53))
        self.tcp = socket.create_server(("127.0.0.53", 53))
        threading.Thread(target=self._serve_udp, daemon=True).start()
        threading.Thread(target=self._serve_tcp, daemon=True).start()

    def _serve_udp(self):
        while True:
            question, client = self.udp.recvfrom(2000)
            if not self.silent:
                self.udp.sendto(self.answer(question, False), client)

    def _serve_tcp(self):
        while True:
            connection, _ = self.tcp.accept()
            with connection:
                while True:
                    head = connection.recv(2)
                    if len(head) < 2:
                        break
                    answer = self.answer(connection.recv(struct.unpack("!H", head)[0]), True)
                    connection.sendall(struct.pack("!H", len(answer)) + answer)

    @staticmethod
    def _name(text):
        return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".")) + b"\0"

    def answer(self, question, tcp):
        at, labels = 12, []
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind = struct.unpack_from("!H", question, at + 1)[0]
        name = ".".join(labels).lower()
        self.asked.append((name, kind, tcp))
        records, owner = [], name
        while owner in self.aliases:
            target = self.aliases[owner]
            records.append((owner, 5, self._name(target)))
            owner = target
        if kind in (1, 28):
            records += [(owner, kind, socket.inet_pton(socket.AF_INET6 if kind == 28 else
                                                       socket.AF_INET, a))
                        for a in self.addresses.get(owner, []) if (":" in a) == (kind == 28)]
        cut = name in self.truncated and not tcp
        known = owner in self.addresses or name in self.aliases
        flags = 0x8580 | (0x200 if cut else 0) | (0 if known else 3)
        records = [] if cut else records
        body = b"".join(self._name(o) + struct.pack("!HHIH", k, 1, self.ttl, len(d)) + d
                        for o, k, d in records)
        return question[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + \
            question[12:at + 5] + body


def certificate(folder, name):
    """An SSLContext for a server that nobody vouches for."""
    pem = os.path.join(folder, f"{name}.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                    "-keyout", pem, "-out", pem + ".crt"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem + ".crt", pem)
    return context


def length_text(value):
    if value is None:
        return b"\xfb"
    data = str(value).encode()
    return (bytes([len(data)]) if len(data) < 251 else b"\xfc" +
            struct.pack("<H", len(data))) + data


class Server:
    """One MySQL server; its public fields say how it behaves, and what it has seen."""

    def __init__(self, address, server_id, read_only=True, port=PORT):
        self.address, self.id, self.read_only = address, server_id, read_only
        self.uuid = f"uuid-of-{address}"
        self.table = lambda: []  # rows: id, master, cpu, lag, age in us, age by UTC in us
        self.delay_s, self.plugin, self.infile = 0, None, False
        self.full = False  # of sha2 plugins: wants the password itself
        self.fast = False  # ... is content with the scramble
        self.tls = None  # an SSLContext, or "silent": offers TLS and says nothing more
        self.insecure = None  # (code, text) for who comes without TLS
        self.greeting_error = self.query_error = None  # (code, text)
        self.account = None  # what CURRENT_USER() tells, also of who may ask nothing else
        self.endless = self.plain = False
        self.locks = {}  # name -> the connection that holds it; None: the server gives no locks
        # Rows of MySQL 8's QUERY_SAMPLE_TEXT: schema, text; None: no such column.
        self.samples = None
        self.slow_s = 0  # what a statement takes that is none of the prober's own questions
        self.lag_s = None  # of a plain one
        self.marks = []  # more variables
        # Rows of mysql.rds_topology, or an error.
        self.topology = (1146, "Table 'mysql.rds_topology' doesn't exist")
        self.replicas = []  # (host, port) of those that replicate from it, or an error
        self.users = None  # who is let in; None: everybody
        self.logins, self.refused, self.said, self.questions = 0, 0, [], []
        self.came = []  # when somebody connected (monotonic)
        self.who = []  # the users that came so far as to say who they are
        self.accepted = 0
        self.connections, self.encrypted = set(), {}  # a socket and the TLS that took it over
        self.listener = socket.create_server((address, port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def close(self):
        if self.listener.fileno() >= 0:
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.drop()

    def _serve(self, connection):
        self.connections.add(connection)
        self.came.append(time.monotonic())
        try:
            with connection:
                self._session(connection)
        except (OSError, EOFError):
            pass
        self.connections.discard(connection)
        if connection in self.encrypted:
            self.encrypted.pop(connection).close()
        for name in [n for n, c in list((self.locks or {}).items()) if c is connection]:
            del self.locks[name]

    def drop(self):
        """Ends all connections, as a server that restarts."""
        for connection in [*self.connections, *self.encrypted.values()]:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def _read(connection):
        head = exactly(connection, 4)
        return head[3], exactly(connection, int.from_bytes(head[:3], "little"))

    @staticmethod
    def _send(connection, sequence, *payloads):
        data = b""
        for payload in payloads:
            data += len(payload).to_bytes(3, "little") + bytes([sequence & 255]) + payload
            sequence += 1
        connection.sendall(data)

    @staticmethod
    def _error(code, text):
        return b"\xff" + struct.pack("<H", code) + b"#HY000" + text.encode()

    OK = b"\0\0\0\2\0\0\0"
    EOF = b"\xfe\0\0\2\0"

    def _session(self, connection):
        if self.greeting_error:
            self.refused += 1
            self._send(connection, 0, self._error(*self.greeting_error))
            return
        caps = 0x1 | 0x8 | 0x80 | 0x200 | 0x2000 | 0x8000 | 0x80000 | (0x800 if self.tls else 0)
        self._send(connection, 0, b"\x0a5.5.5-10.6.0-fake\0" + struct.pack("<I", 7) +
                   b"saltsalt\0" + struct.pack("<HBHHB", caps & 0xffff, 33, 2, caps >> 16, 21) +
                   bytes(10) + b"saltsaltsalt\0" + b"mysql_native_password\0")
        sequence, response = self._read(connection)
        if self.tls and len(response) == 32:
            if self.tls == "silent":
                self.refused += 1
                while connection.recv(1000):
                    pass
                return
            self.encrypted[connection] = self.tls.wrap_socket(connection, server_side=True)
            connection = self.encrypted[connection]
            sequence, response = self._read(connection)
        elif self.insecure:
            self.refused += 1
            self._send(connection, sequence + 1, self._error(*self.insecure))
            return
        self.said.append(response)
        self.who.append(response[32:].split(b"\0")[0].decode())
        if self.users is not None and self.who[-1] not in self.users:
            self.refused += 1
            self._send(connection, sequence + 1, self._error(
                1045, f"Access denied for user '{self.who[-1]}'@'127.0.0.1' (using password: YES)"))
            return
        if self.plugin:
            self._send(connection, sequence + 1, b"\xfe" + self.plugin.encode() + b"\0" +
                       b"saltsaltsaltsaltsalt\0")
            sequence, response = self._read(connection)
            self.said.append(response)
        if self.fast:
            self._send(connection, sequence + 1, b"\x01\x03")
            sequence += 1
        elif self.full:
            self._send(connection, sequence + 1, b"\x01\x04")
            sequence, response = self._read(connection)
            self.said.append(response)
        self._send(connection, sequence + 1, self.OK)
        self.logins += 1
        while True:
            _, command = self._read(connection)
            if self.delay_s:
                time.sleep(self.delay_s)
            if command[:1] == b"\x01":
                return
            if command[:1] == b"\x03":
                self._answer(connection, command[1:].decode())
            else:
                self._send(connection, 1, self.OK)

    def _answer(self, connection, query):
        self.questions.append(query)
        if self.infile:
            self._send(connection, 1, b"\xfb/etc/passwd")
            self.said.append(self._read(connection)[1])
            self._send(connection, 3, self.OK)
        elif self.account and query == "SELECT CURRENT_USER()":
            self._rows(connection, 1, [(self.account,)])
        elif self.query_error:
            self._send(connection, 1, self._error(*self.query_error))
        elif "_LOCK(" in query:
            self._lock(connection, query)
        elif "performance_schema" in query:
            self._remember(connection, query)
        elif query.startswith("SET"):
            self._send(connection, 1, self.OK)
        elif query == "SHOW SLAVE HOSTS" and isinstance(self.replicas, tuple):
            self._send(connection, 1, self._error(*self.replicas))
        elif query == "SHOW SLAVE HOSTS":
            self._rows(connection, 4, [(n, *r, 1) for n, r in enumerate(self.replicas, 2)],
                       ("Server_id", "Host", "Port", "Master_id"))
        elif query in ("SHOW REPLICA STATUS", "SHOW REPLICAS"):  # none of them is so new
            self._send(connection, 1, self._error(1064, "You have an error in your SQL syntax"))
        elif query == "SHOW SLAVE STATUS":
            self._rows(connection, 1, [(self.lag_s,)], "Seconds_Behind_Master")
        elif query.startswith("SHOW"):
            role = "ON" if self.read_only else "OFF"
            own = [("read_only", role)] if self.plain else \
                [("aurora_server_id", self.id), ("innodb_read_only", role)]
            self._rows(connection, 2, [*own, *self.marks, ("server_uuid", self.uuid)])
        elif "replica_host_status" in query:
            rows = self.table() or [(None,) * 6]
            self._rows(connection, 7, [(int(self.read_only), *r) for r in rows])
        elif "rds_topology" in query and isinstance(self.topology, tuple):
            self._send(connection, 1, self._error(*self.topology))
        elif "rds_topology" in query:
            self._rows(connection, 3, [(int(self.read_only), *r) for r in self.topology])
        elif query.startswith("SELECT @@"):
            self._rows(connection, 1, [(int(self.read_only),)])
        else:
            time.sleep(self.slow_s)
            self._rows(connection, 1, [(1,)])

    def _lock(self, connection, query):
        if self.locks is None:
            self._send(connection, 1, self._error(1836, "Running in read-only mode"))
            return
        row = []
        for call, name in re.findall(r"(\w+)\('([^']+)'", query):
            holder = self.locks.get(name)
            if call == "GET_LOCK":
                row.append(int(self.locks.setdefault(name, connection) is connection))
            elif call == "IS_USED_LOCK":
                row.append(None if holder is None else 17)
            else:
                row.append(int(holder is connection))
                if holder is connection:
                    del self.locks[name]
        self._rows(connection, len(row), [row])

    def _remember(self, connection, query):
        if "QUERY_SAMPLE_TEXT" in query and self.samples is None:
            self._send(connection, 1, self._error(1054, "Unknown column 'QUERY_SAMPLE_TEXT'"))
        else:
            self._rows(connection, 2, self.samples or [])

    def _rows(self, connection, columns, rows, names="c"):
        heads = [b"\x03def" + b"\0" * 3 + length_text(name) + b"\x01c\x0c" +
                 struct.pack("<HIBHB", 33, 300, 253, 0, 0) + b"\0\0"
                 for name in ([names] * columns if isinstance(names, str) else names)]
        self._send(connection, 1, bytes([columns]), *heads, self.EOF,
                   *[b"".join(map(length_text, r)) for r in rows])
        sequence = 3 + columns + len(rows)
        while self.endless:
            row = b"".join(map(length_text, ("x" * 200,) * columns))
            self._send(connection, sequence, *[row] * 100)
            sequence += 100
        self._send(connection, sequence, self.EOF)


class Cluster:
    """Servers demo-1 (the writer) to demo-N with true tables; the stand-in for a lab."""

    options = {"port": PORT}
    kind = Server

    def __init__(self, dns, count=3, net=1, name="abc123", ports=None):
        """`ports` by id, of those that listen elsewhere."""
        domain = f"{name}.us-east-1.rds.amazonaws.com"
        self.writer_name, self.reader_name = f"demo.cluster-{domain}", f"demo.cluster-ro-{domain}"
        self.dns, self.domain = dns, domain
        self.servers = {}
        for i in range(1, count + 1):
            address = f"127.0.{net}.{i}"
            self.servers[f"demo-{i}"] = self.kind(address, f"demo-{i}", read_only=i > 1,
                                              port=(ports or {}).get(f"demo-{i}", PORT))
            dns.addresses[f"demo-{i}.{domain}"] = [address]
        for server in self.servers.values():
            server.table = self.rows
        dns.aliases[self.writer_name] = f"demo-1.{domain}"
        dns.aliases[self.reader_name] = f"demo-{count}.{domain}"

    def rows(self):
        return [(s.id, int(not s.read_only), 5, 10, 300000, 300000) for s in self.servers.values()]

    def popen(self, *command, **options):
        return subprocess.Popen(command, **options)

    def close(self):
        for server in self.servers.values():
            server.close()
