#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A cluster's name leads every runtime to the writer of the moment, though DNS does not know it.

Each program connects by name and says by whom it was greeted: first by one instance, then, the map
having named another writer, by that.  Without the library the name leads nowhere.  Go connects by
raw system calls: its lookups through libc are given the real address.
"""
import os
import shutil
import tempfile

from lib import published
from lib.paths import LIBRARY, ROOT
from lib.programs import guests
from lib.programs.unchanged import environment, short
from lib.tap import done, ok, skip

HOST = guests.host()
NODE = """require('net').connect(process.argv[2], process.argv[1])
    .on('data', function (d) { console.log(String(d)); this.destroy(); })
    .on('error', (e) => { console.log(e.code); process.exit(1); });"""
PHP = """$s = @stream_socket_client("tcp://$argv[1]:$argv[2]", $n, $e, 10) or exit(1);
    echo fread($s, 5);"""
PYTHON = """import socket, sys
print(socket.create_connection((sys.argv[1], int(sys.argv[2])), 10).recv(5).decode())"""
PERL = """use IO::Socket::INET;
my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1]) or exit 1;
read($s, my $t, 5); print $t;"""
RUBY = "require 'socket'; print TCPSocket.new(ARGV[0], ARGV[1].to_i).read(5)"


def interpreted(name, port):
    """Commands of the runtimes that need no compiler; None for one that is absent."""
    rows = [("Node", "node", ["-e", NODE, name, port]),
            ("PHP", "php", ["-d", "display_errors=0", "-r", PHP, name, port]),
            ("Python", "python3", ["-c", PYTHON, name, port]),
            ("Perl", "perl", ["-e", PERL, name, port]),
            ("Ruby", "ruby", ["-e", RUBY, name, port]),
            ("bash", "bash", ["-c", 'exec 3<>"/dev/tcp/$0/$1" && head -c 5 <&3', name, port])]
    for text, program, words in rows:
        if shutil.which(program):
            yield text, [program, *words]
        else:
            skip(f"{text} is led to the writer", f"no {program}")


def compiled(folder, name, port):
    rust, why = guests.build_rust(folder)
    if rust:
        yield "Rust", [rust, port, name]
    else:
        skip("Rust is led to the writer", why)
    go, why = guests.build_go(folder, True)
    if go:
        yield "Go with libc's resolver", ["env", "GODEBUG=netdns=cgo", go, port, name]
    else:
        skip("Go with libc's resolver is led to the writer", why)
    if shutil.which("javac"):
        yield "Java", ["java", os.path.join(ROOT, "test", "guests", "Dial.java"), port, name]
    else:
        skip("Java is led to the writer", "no javac")
    for libc in (HOST, guests.musl(), guests.old_glibc()):
        if libc.absent:
            skip(f"C on {libc.name} is led to the writer", libc.absent)
        else:
            yield f"C on {libc.name}", [libc.build("follow", folder), name, port, "1"]


def main():
    if not ok(os.path.exists(LIBRARY), "the build makes libpelorus.so", LIBRARY):
        done()
    one = guests.Listener("127.0.0.1", greeting=b"one..\n")
    two = guests.Listener("127.0.0.2", greeting=b"two..\n", port=one.port)
    with tempfile.TemporaryDirectory(prefix="pelorus-runtimes-") as folder:
        with published.Map(folder) as published_map:
            name = published_map.cluster(0, [("one", "127.0.0.1"), ("two", "127.0.0.2")], one.port)
            env = {**environment(HOST, folder), "PELORUS_CLUSTER": name}
            rows = [*interpreted(name, str(one.port)), *compiled(folder, name, str(one.port))]
            for writer, greeting in ((0, b"one.."), (1, b"two..")):
                published_map.tell(f"writer 0 {writer}")
                for text, command in rows:
                    got = guests.run(command, env)
                    ok(got[0] == 0 and greeting in got[1],
                       f"{text} is led to writer {greeting.decode()[:3]}", short(got))
            for text, command in rows:
                got = guests.run(command)
                ok(b"one.." not in got[1] and b"two.." not in got[1],
                   f"{text} is led nowhere without the library", short(got))
    one.close()
    two.close()
    done()


main()
