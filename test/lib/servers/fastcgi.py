# SPDX-License-Identifier: Apache-2.0
"""One FastCGI request over a unix socket, as a web server would send it to php-fpm."""
import socket
import struct

from lib.servers.exactly import exactly

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


def _record(kind, body):
    return struct.pack(">BBHHBx", 1, kind, 1, len(body), 0) + body


def _pair(name, value):
    name, value = name.encode(), value.encode()
    return struct.pack(">II", len(name) | 1 << 31, len(value) | 1 << 31) + name + value


def request(path, script, query="", limit=30):
    """The standard output of one GET: headers and body."""
    params = {"SCRIPT_FILENAME": script, "REQUEST_METHOD": "GET", "QUERY_STRING": query,
              "SCRIPT_NAME": "/x.php", "SERVER_PROTOCOL": "HTTP/1.1",
              "GATEWAY_INTERFACE": "CGI/1.1"}
    out = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(limit)
        peer.connect(path)
        peer.sendall(_record(BEGIN, struct.pack(">HB5x", 1, 0)) +
                     _record(PARAMS, b"".join(_pair(k, v) for k, v in params.items())) +
                     _record(PARAMS, b"") + _record(STDIN, b""))
        while True:
            _, kind, _, size, pad = struct.unpack(">BBHHBx", exactly(peer, 8))
            body = exactly(peer, size)
            exactly(peer, pad)
            if kind == STDOUT:
                out += body
            elif kind == END:
                return out
