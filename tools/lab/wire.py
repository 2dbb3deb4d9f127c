# SPDX-License-Identifier: Apache-2.0
"""A small MySQL client over a server's Unix socket: login, text queries, nothing else.

The supervisor keeps such connections open to every server, so that a promotion costs no login.
"""
import hashlib
import socket
import struct
import threading

LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, SECURE, PLUGIN_AUTH = 1, 8, 0x200, 0x8000, 0x80000
ASKED_FOR_PASSWORD = b"\1\4"


class SqlError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{message} ({code})")
        self.code = code


def _mixed(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


def _scramble(method, password, salt):
    if not password:
        return b""
    if method == b"caching_sha2_password":
        first = hashlib.sha256(password.encode()).digest()
        twice = hashlib.sha256(first).digest()
        return _mixed(first, hashlib.sha256(twice + salt).digest())
    first = hashlib.sha1(password.encode()).digest()
    return _mixed(first, hashlib.sha1(salt + hashlib.sha1(first).digest()).digest())


def _length(data, at):
    """A length-encoded integer (None for NULL) and the offset behind it."""
    first = data[at]
    if first < 0xfb:
        return first, at + 1
    if first == 0xfb:
        return None, at + 1
    size = {0xfc: 2, 0xfd: 3, 0xfe: 8}[first]
    return int.from_bytes(data[at + 1:at + 1 + size], "little"), at + 1 + size


class Connection:
    def __init__(self, path, user="root", password="", timeout=20.0):
        self.sequence = 0
        self.lock = threading.Lock()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(path)
            self.stream = self.socket.makefile("rb")
            self._login(user, password)
        except BaseException:
            self.socket.close()
            raise

    def close(self):
        self.stream.close()  # it holds the socket, too
        self.socket.close()

    def _receive(self):
        head = self.stream.read(4)
        if len(head) < 4:
            raise ConnectionError("the server closed the connection")
        self.sequence = head[3] + 1
        data = self.stream.read(int.from_bytes(head[:3], "little"))
        if data[:1] == b"\xff":
            text = data[9:] if data[3:4] == b"#" else data[3:]
            raise SqlError(struct.unpack_from("<H", data, 1)[0], text.decode(errors="replace"))
        return data

    def _send(self, data):
        self.socket.sendall(len(data).to_bytes(3, "little") + bytes([self.sequence & 255]) + data)

    def _login(self, user, password):
        hello = self._receive()
        at = hello.index(b"\0", 1) + 5
        salt, method = hello[at:at + 8] + hello[at + 27:at + 39], hello[at + 40:].split(b"\0")[0]
        answer = _scramble(method, password, salt)
        self._send(struct.pack("<IIB23x", LONG_PASSWORD | PROTOCOL_41 | SECURE | PLUGIN_AUTH,
                               1 << 24, 45)
                   + user.encode() + b"\0" + bytes([len(answer)]) + answer + method + b"\0")
        reply = self._receive()
        if reply[:1] == b"\xfe":
            method, salt = reply[1:].split(b"\0", 1)
            self._send(_scramble(method, password, salt[:20]))
            reply = self._receive()
        if reply == ASKED_FOR_PASSWORD:  # which nobody else reads on a Unix socket
            self._send(password.encode() + b"\0")
        if reply[:1] == b"\1":
            self._receive()

    def _result(self, statement):
        """(column names, rows of texts) of one statement."""
        self.sequence = 0
        self._send(b"\x03" + statement.encode())
        first = self._receive()
        if first[0] == 0:
            return [], []
        columns, _ = _length(first, 0)
        names = [self._texts(self._receive(), 5)[4] for _ in range(columns)]
        self._receive()
        rows = []
        while True:
            data = self._receive()
            if data[0] == 0xfe and len(data) < 9:
                return names, rows
            rows.append(self._texts(data, columns))

    @staticmethod
    def _texts(data, count):
        texts, at = [], 0
        for _ in range(count):
            size, at = _length(data, at)
            texts.append(None if size is None else data[at:at + size].decode(errors="replace"))
            at += size or 0
        return tuple(texts)

    def query(self, statement):
        """Runs one statement.  Rows of texts (None for NULL); [] for one without rows."""
        with self.lock:
            return self._result(statement)[1]

    def named(self, statement):
        """The first row as {column: text}, or {} if there is none."""
        with self.lock:
            names, rows = self._result(statement)
        return dict(zip(names, rows[0])) if rows else {}

    def value(self, expression):
        return self.query(f"SELECT {expression}")[0][0]
