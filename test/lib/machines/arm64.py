# SPDX-License-Identifier: Apache-2.0
"""Debian for 64-bit ARM in a folder, with a kernel, and Pelorus built for it: for machine.py.

It is unpacked only: no program of it has run here.
"""
import os
import subprocess

from lib.paths import CLIENTS, ROOT

PACKAGES = ("linux-image-cloud-arm64 libc6-dev libc-bin bash dash coreutils findutils grep sed mawk"
            " python3 iproute2 mount util-linux procps netbase strace gdb tmux"
            " libmariadb-dev libcurl4-openssl-dev libjson-c-dev libexpat1-dev libsmartcols-dev"
            " libssl-dev libcmocka-dev").split()
# What Go's programs are built by there: they were, here.
GO = """#!/bin/sh
out=
while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
[ "$CGO_ENABLED" = 0 ] || { echo no cgo >&2; exit 1; }
mkdir -p "${out%/*}" && rm -f "$out" && cp /opt/writer-static "$out"
"""
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/resolv.conf": "",
    "usr/local/bin/go": GO,
}
CROSS = """[constants]
root = '{root}'
[binaries]
c = ['aarch64-linux-gnu-gcc', '--sysroot=' + root]
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-aarch64', '-L', root]
[properties]
sys_root = root
pkg_config_libdir = root / 'usr/lib/aarch64-linux-gnu/pkgconfig'
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'armv8-a'
endian = 'little'
"""


def _run(*words, **more):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **more)


def _apt(folder, *words):
    """With a state and lists of its own, so that this machine's are as they were."""
    _run("apt-get", "-qq", "-y", "-o", "APT::Architecture=arm64", "-o", "APT::Architectures=arm64",
         "-o", f"Dir::State={folder}/state", "-o", f"Dir::State::status={folder}/status",
         "-o", f"Dir::Cache={folder}/cache", "-o", "APT::Sandbox::User=root",
         "-o", "APT::Install-Recommends=false", *words)


def _unpack(folder, root):
    for below in ("state/lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(folder, below), exist_ok=True)
    with open(os.path.join(folder, "status"), "w"):
        pass
    _apt(folder, "update")
    _apt(folder, "--download-only", "install", *PACKAGES)
    archives = os.path.join(folder, "cache", "archives")
    for name in filter(lambda n: n.endswith(".deb"), sorted(os.listdir(archives))):
        _run("dpkg", "-x", os.path.join(archives, name), root)
    for name, text in FILES.items():
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        with open(os.path.join(root, name), "w") as file:
            file.write(text)
    os.makedirs(os.path.join(root, "opt"), exist_ok=True)
    os.chmod(os.path.join(root, "usr/local/bin/go"), 0o755)
    for link, to in (("bin/sh", "dash"), ("usr/bin/awk", "mawk")):
        if not os.path.lexists(os.path.join(root, link)):
            os.symlink(to, os.path.join(root, link))


def make(folder):
    """(the tree, the build): made there, or what is there already brought up to date."""
    folder = os.path.abspath(folder)
    root, build = os.path.join(folder, "root"), os.path.join(ROOT, "build", "arm64")
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(os.path.join(root, "opt", "writer-static")):
        os.makedirs(root, exist_ok=True)
        _unpack(folder, root)
        _run("go", "build", "-trimpath", "-o", f"{root}/opt/writer-static", "./writer",
             cwd=os.path.join(CLIENTS, "go"),
             env={**os.environ, "CGO_ENABLED": "0", "GOARCH": "arm64"})
    if not os.path.exists(os.path.join(build, "build.ninja")):
        with open(os.path.join(folder, "cross.ini"), "w") as file:
            file.write(CROSS.format(root=root))
        _run("meson", "setup", build, "--cross-file", os.path.join(folder, "cross.ini"),
             "-Dlab=false", "-Dwerror=true", cwd=ROOT)
    _run("meson", "compile", "-C", build)
    return root, build
