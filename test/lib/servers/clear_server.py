# SPDX-License-Identifier: Apache-2.0
"""A server that speaks just enough of MySQL's protocol to be logged in to as RDS wants it: TLS,
then the password in clear text.  `with ClearServer(folder) as server:`; server.passwords is what
came."""
import os
import socket
import ssl
import struct
import subprocess
import threading

from lib.servers.exactly import exactly

SSL, CAPABILITIES = 0x800, 0x000FAA05 | 0x800
OK = b"\x00\x00\x00\x02\x00\x00\x00"
REFUSED = b"\xff" + struct.pack("<H", 1045) + b"#28000no"
UNKNOWN = b"\xff" + struct.pack("<H", 1193) + b"#HY000this server has no variables"


def certificates(folder, name):
    """An authority of our own and a certificate for `name`; their paths."""
    ca, key, cert = (os.path.join(folder, n) for n in ("ca.pem", "key.pem", "cert.pem"))
    request, ca_key = os.path.join(folder, "req.pem"), os.path.join(folder, "ca-key.pem")
    extra = os.path.join(folder, "extra")
    with open(extra, "w") as out:
        out.write(f"subjectAltName=DNS:{name}\n")
    for words in (["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                   "/CN=test authority", "-keyout", ca_key, "-out", ca],
                  ["req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key,
                   "-out", request],
                  ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
                   "-days", "2", "-extfile", extra, "-out", cert]):
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    return ca, cert, key


def read_packet(stream):
    head = exactly(stream, 4)
    return head[3], exactly(stream, int.from_bytes(head[:3], "little"))


def send_packet(stream, number, body):
    stream.sendall(len(body).to_bytes(3, "little") + bytes([number]) + body)


def greeting(tls):
    capabilities = CAPABILITIES if tls else CAPABILITIES & ~SSL
    low, high = capabilities & 0xFFFF, capabilities >> 16
    return (b"\x0a8.0.36\0" + struct.pack("<I", 7) + b"12345678\0" + struct.pack("<H", low) +
            b"\x2d" + struct.pack("<H", 2) + struct.pack("<H", high) + bytes([21]) + bytes(10) +
            b"123456789012\0" + b"mysql_native_password\0")


class ClearServer:
    def __init__(self, folder, name="localhost", tls=True):
        self.ca, cert, key = certificates(folder, name)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.tls = tls
        self.passwords = []
        self.accepts = lambda password: True

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with connection:
            try:
                self._login(connection)
            except (OSError, ssl.SSLError):
                pass

    def _login(self, stream):
        send_packet(stream, 0, greeting(self.tls))
        number, body = read_packet(stream)
        if struct.unpack_from("<I", body)[0] & SSL:
            stream = self.context.wrap_socket(stream, server_side=True)
            number, body = read_packet(stream)
        send_packet(stream, number + 1, b"\xfemysql_clear_password\0")
        number, body = read_packet(stream)
        password = body.rstrip(b"\0").decode()
        self.passwords.append(password)
        if not self.accepts(password):
            send_packet(stream, number + 1, REFUSED)
            return
        send_packet(stream, number + 1, OK)
        while True:
            _, body = read_packet(stream)
            send_packet(stream, 1, OK if body[1:4].upper() == b"SET" else UNKNOWN)
