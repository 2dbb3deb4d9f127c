#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A rogue that plays its part to the end: it names each plugin in turn, gives out a key of its own
where one asks for it, decrypts what comes, and offers TLS with a certificate of nobody's.  It never
learns the password, and one line of the log names what it wanted.

What a rogue may see is a scramble: of the password's hash, with a salt that it chose.
"""
import os
import struct
import subprocess
import tempfile

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.worlds import expect, side_by_side

PASSWORD = "not-for-everybody"
SALT = b"abcdefghijklmnopqrst"
PLUGINS = ("caching_sha2_password", "sha256_password", "mysql_clear_password", "mysql_old_password",
           "dialog", "authentication_ldap_sasl_client")
SAYS_WHY = "code=login"


class Rogue(fakes.Server):
    """`plugin` is what it insists on; `passwords` is what it has learnt."""

    folder = None

    def _session(self, connection):
        caps = 0x1 | 0x8 | 0x80 | 0x200 | 0x2000 | 0x8000 | 0x80000 | (0x800 if self.tls else 0)
        self._send(connection, 0, b"\x0a8.4.0\0" + struct.pack("<I", 7) + SALT[:8] + b"\0" +
                   struct.pack("<HBHHB", caps & 0xffff, 33, 2, caps >> 16, 21) + bytes(10) +
                   SALT[8:] + b"\0" + b"caching_sha2_password\0")
        sequence, response = self._read(connection)
        if self.tls and len(response) == 32:
            connection = self.tls.wrap_socket(connection, server_side=True)
            sequence, response = self._read(connection)
        self.said.append(response)
        self._send(connection, sequence + 1, b"\xfe" + self.plugin.encode() + b"\0" + SALT + b"\0")
        sequence, response = self._read(connection)
        self.said.append(response)
        if self.plugin == "caching_sha2_password":
            self._send(connection, sequence + 1, b"\x01\x04")
            sequence, response = self._read(connection)
            self.said.append(response)
        if response in (b"\x01", b"\x02"):
            with open(os.path.join(self.folder, "rogue.pub"), "rb") as key:
                self._send(connection, sequence + 1, b"\x01" + key.read())
            sequence, response = self._read(connection)
            self.said.append(self.decrypted(response))
        self._send(connection, sequence + 1, self._error(1045, "Access denied"))

    def decrypted(self, message):
        done = subprocess.run(["openssl", "pkeyutl", "-decrypt", "-inkey",
                               os.path.join(self.folder, "rogue.key"), "-pkeyopt",
                               "rsa_padding_mode:oaep"], input=message, capture_output=True)
        return bytes(b ^ SALT[i % len(SALT)] for i, b in enumerate(done.stdout)) or message


class Cluster(fakes.Cluster):
    kind = Rogue


def makes_keys(folder):
    Rogue.folder = folder
    subprocess.run(["openssl", "genrsa", "-out", os.path.join(folder, "rogue.key"), "2048"],
                   check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", os.path.join(folder, "rogue.key"), "-pubout", "-out",
                    os.path.join(folder, "rogue.pub")], check=True, capture_output=True)


def rogue(number, plugin, text, tls, **keys):
    cluster = Cluster(dns, 1, number, f"rogue{number}")
    server = cluster.servers["demo-1"]
    server.plugin, server.tls = plugin, tls
    with Prober(cluster, cluster_section(cluster, password=PASSWORD, **keys)) as p:
        try:
            p.view.wait(lambda _: SAYS_WHY in p.log() or "access-denied" in p.log(), 15)
        except TimeoutError:
            pass  # what it said is shown below
        said = b"\n".join(server.said)
        lines = [line for line in p.log().splitlines() if "level=info" not in line and
                 "topology-unknown" not in line]
        where = f"{plugin}, {text}"
        expect(server.said, f"{where}: it was talked to", len(server.came))
        expect(
            PASSWORD.encode() not in said, f"{where}: it does not learn the password", server.said
        )
        expect(p.cluster().writer is None, f"{where}: and nobody is believed")
        expect(len(lines) == 1 and ("password" in lines[0] or plugin in lines[0]) and
               "CREATE USER" not in lines[0], f"{where}: one line says what it wanted",
               "\n".join(lines[:3]) or p.log())
    cluster.close()


fakes.enter()
dns = worlds.Dns()
with tempfile.TemporaryDirectory() as folder_:
    makes_keys(folder_)
    ca = worlds.authority(folder_)
    context = worlds.certified(folder_, ca, "rogue.example.com")
    jobs = []
    for n, name in enumerate(PLUGINS):
        jobs.append((rogue, 10 + n, name, "without TLS", None))
        jobs.append(
            (
                lambda n=n, name=name: rogue(
                    30 + n, name, "TLS that nobody vouches for", context, ssl="on"
                ),
            )
        )
    side_by_side(*jobs)
tap.done()
