#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The tarball for musl: twice the same bytes; unpacked where there is no glibc, and nothing else
besides, its daemon follows a cluster by TLS and through a failover, its command tells of it, and
its trap leads a static program.

By hand, with PELORUS_LONG: what it is linked with is built from Debian's sources, which takes
minutes and the network.
"""
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile

from lib.lab import Lab
from lib.paths import CLIENTS, ROOT
from lib.prober import Prober, cluster_section
from lib.programs import guests
from lib.tap import done, ok, skip

# What is run within finds the kernel's folders and the lab's names; nothing of this machine's.
INSIDE = """
for d in proc dev tmp; do mount --rbind /$d "$0/$d"; done
mount --bind /etc/resolv.conf "$0/etc/resolv.conf"
mount --bind "$1" "$0/etc/hosts"
shift
exec chroot "$0" "$@"
"""


def build(folder):
    """Two of them; the first's path."""
    sums = []
    for i in (1, 2):
        out = os.path.join(folder, f"out{i}")
        made = subprocess.run([os.path.join(ROOT, "tools/packaging/build-musl"), out],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if not ok(made.returncode == 0, f"it is built, {i}", made.stdout[-2000:]):
            done()
        path = os.path.join(out, os.listdir(out)[0])
        with open(path, "rb") as file:
            sums.append(hashlib.sha256(file.read()).hexdigest())
    ok(sums[0] == sums[1], "twice the same bytes", sums)
    return path


def unpack(path, folder):
    """The root of what is run, with an empty file and folder for each that is mounted there."""
    root = os.path.join(folder, "root")
    with tarfile.open(path) as tar:
        ok(all(m.uid == m.gid == 0 for m in tar), "its files are root's")
        tar.extractall(folder)
    made, = (name for name in os.listdir(folder) if name.startswith("pelorus-"))
    os.rename(os.path.join(folder, made), root)
    for name in ("proc", "dev", "tmp"):
        os.mkdir(os.path.join(root, name))
    for name in ("resolv.conf", "hosts"):
        open(os.path.join(root, "etc", name), "w").close()
    return root


class Musl(Prober):
    """A prober, and commands, that have the root for theirs; /tmp is this machine's."""

    def __init__(self, lab, root, config, hosts):
        self.inside = ["unshare", "-m", "sh", "-euc", INSIDE, root, hosts]
        super().__init__(lab, config, prefix=self.inside)

    def command(self, *words):
        program = len(self.prefix)
        made = super().command(*words)
        return [*made[:program], "/libexec/pelorusd", *made[program + 1:]]

    def pelorus(self, *words, **options):
        return self.execute([*self.inside, "/bin/pelorus", *words], **options)


def client(root):
    """A static program that asks its libc for names."""
    libc = guests.musl()
    out = os.path.join(root, "bin", "wire")
    subprocess.run([*libc.compiler, "-static", "-D_GNU_SOURCE", "-O1", "-o", out,
                    os.path.join(CLIENTS, "c", "wire.c")], check=True)


def check(lab, prober, hosts):
    made = prober.pelorus("version")
    ok(made.returncode == 0 and "\nlibrary /lib/libpelorus.so\n" in made.stdout and
       "\nprober /libexec/pelorusd\n" in made.stdout, "the command finds library and daemon",
       made.stdout + made.stderr)
    ok(prober.wait_settled(3), "the daemon logs in to all instances", prober.log())
    made = prober.pelorus("topology", "--format", "tsv")
    ok(made.returncode == 0 and lab.writer in made.stdout, "the command reads its map",
       made.stdout + made.stderr)
    made = prober.pelorus("doctor")
    ok(made.returncode == 0 and "linked statically" in made.stdout,
       "doctor finds nothing amiss, and says what it cannot know", made.stdout + made.stderr)
    made = prober.pelorus("hosts", lab.writer_name, lab.reader_name)
    with open(hosts, "a") as file:
        file.write(made.stdout)
    check_trap(lab, prober, "")
    old = lab.writer
    lab.failover("crash")
    ok(lab.writer != old and prober.wait_known(lab.writer, 60), "the daemon follows a failover")
    check_trap(lab, prober, ", after it too")


def check_trap(lab, prober, when):
    made = prober.pelorus("run", "--trap", "--", "/bin/wire", lab.writer_name, lab.reader_name,
                          input="w 1 SELECT @@server_id\n", limit=60)
    ok('"ok": 1' in made.stdout, f"a static program writes in the trap{when}",
       made.stdout + made.stderr)


def main():
    if not os.environ.get("PELORUS_LONG"):
        skip("a tarball for musl", "PELORUS_LONG is not set")
        done()
    if libc := guests.musl().absent:
        skip("a tarball for musl", libc)
        done()
    with tempfile.TemporaryDirectory(prefix="pelorus-musl-") as folder:
        root = unpack(build(folder), folder)
        client(root)
        hosts = os.path.join(folder, "hosts")
        with open(hosts, "w") as file:
            file.write("127.0.0.1 localhost\n")
        with Lab(instances=3, tls=True) as lab:
            shutil.copy(lab.status()["ca"], os.path.join(root, "etc", "ca.pem"))
            config = cluster_section(lab, ssl="on", ssl_ca="/etc/ca.pem",
                                     ssl_verify_server_cert="on")
            with Musl(lab, root, config, hosts) as prober:
                check(lab, prober, hosts)
    done()


main()
