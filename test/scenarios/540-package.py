#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The .deb by the one command that the README prints: built from the committed tree, installed by
dpkg, run, removed.  The system that it is installed into is this one, seen through an overlay that
nobody else sees and that is gone afterwards.
"""
import os
import shutil
import subprocess
import tempfile

from lib import documents
from lib.paths import ROOT
from lib.tap import done, note, ok, skip

# Inside: the overlay is the root, and what it keeps of changes is listed at the end.
INSIDE = r"""
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" "$1/root"
mount --rbind /proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
cp "$2" "$1/root/pelorus.deb"
mount -t tmpfs tmpfs "$1/root/tmp"
cp "$2" "$1/root/tmp"
# No list is fetched: what the package needs is here, for it was built here.
printf '%s\n' 'Dir::Etc::sourcelist "/dev/null";' 'Dir::Etc::sourceparts "/dev/null";' \
    'APT::Sandbox::User "root";' 'DPkg::Options:: "--force-not-root";' >"$1/root/tmp/apt.conf"
exec chroot "$1/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive PELORUS_PROBER=off PELORUS_RUNTIME_DIR=/nonexistent bash -euc '
step() { echo "== $1"; shift; "$@" 2>&1; echo "== status $?"; }
set +e
step container env APT_CONFIG=/tmp/apt.conf sh -c "$0"
step preloaded env "$1" sh -c "grep -o /usr/lib.*/libpelorus.so /proc/self/maps"
step purge dpkg --force-not-root -P pelorus
step install dpkg --force-not-root -i /pelorus.deb
step version pelorus version
step doctor pelorus doctor -- node
step lab pelorus lab --help
step preload env LD_PRELOAD=libpelorus.so true
step link sh -c "echo \"#include <pelorus.h>
int main(void) { return !pelorus_version(); }\" |
cc -x c - -o /linked \$(pkg-config --cflags --libs pelorus) && /linked"
step manual man -w pelorus pelorusd pelorus.conf
step pelorusd /usr/libexec/pelorusd --version
step files dpkg -L pelorus
dpkg -L pelorus | while read -r f; do [ -d "$f" ] || echo "$f"; done >/listed
step purge dpkg --force-not-root -P pelorus
step left sh -c "while read -r f; do [ -e \"\$f\" ] && echo \"left: \$f\"; done </listed; true"
' "$3" "$4"
"""


def sections(text):
    """name -> (status, output)"""
    found, name, lines = {}, None, []
    for line in text.splitlines():
        if line.startswith("== status "):
            found[name] = (int(line[10:]), "\n".join(lines))
        elif line.startswith("== "):
            name, lines = line[3:], []
        else:
            lines.append(line)
    return found


def build(folder):
    made = subprocess.run([os.path.join(ROOT, "tools", "packaging", "build-deb"), folder],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    packages = [os.path.join(folder, f) for f in os.listdir(folder)
                if f.startswith("pelorus_") and f.endswith(".deb")]
    ok(made.returncode == 0 and len(packages) == 1, "tools/packaging/build-deb builds one package",
       made.stdout[-3000:])
    printed = [text for label, text in documents.blocks("README.md") if label == "sh package"]
    ok(packages and os.path.basename(packages[0]).split("_")[1] in printed[0] and
       "tools/packaging/build-deb" in printed[0], "and the README prints its name")
    return packages[0] if packages else None


def container_lines(package):
    """What RUN runs and ENV sets in the README's lines for a container; COPY is done for them."""
    text = next(t for label, t in documents.blocks("README.md") if label == "Dockerfile")
    lines = dict(line.split(" ", 1) for line in text.splitlines())
    ok(sorted(lines) == ["COPY", "ENV", "RUN"] and
       lines["COPY"] == f"{os.path.basename(package)} /tmp/",
       "the README's lines for a container copy this package", text)
    return lines["RUN"], lines["ENV"]


def try_out(package, folder):
    mounts = os.path.join(folder, "system")
    os.mkdir(mounts)
    words = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
    if os.getuid() != 0:
        words += ["--user", "--map-root-user"]
    return subprocess.run([*words, "bash", "-euc", INSIDE, "inside", mounts, package,
                           *container_lines(package)], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120)


def judge(made):
    got = sections(made.stdout)
    if "install" not in got:
        skip("the package is installed, runs, is removed",
             f"no overlay here: {made.stderr.strip().splitlines()[-1:]}")
        return
    for name, wanted, text in (
            ("container", "Setting up pelorus", "the README's RUN installs it into a container"),
            ("preloaded", "/libpelorus.so", "and its ENV preloads it there"),
            ("install", "Setting up pelorus", "dpkg installs it"),
            ("version", "library /usr/lib/", "pelorus finds the library where it is installed"),
            ("doctor", "loads the library for", "doctor sees it loaded under node"),
            ("lab", "usage:", "the lab is there"),
            ("preload", "", "the library is preloaded by its name alone"),
            ("link", "", "a program is linked with it by pkg-config"),
            ("manual", "pelorus.conf.5", "man finds the pages"),
            ("pelorusd", "pelorusd ", "the prober runs"),
            ("files", "/usr/lib/systemd/system/pelorusd.service", "it has the unit"),
            ("purge", "Removing pelorus", "dpkg removes it"),
            ("left", "", "nothing of it is left")):
        status, output = got.get(name, (-1, ""))
        # doctor has nothing to find wrong but the prober, which is forbidden here
        good = status == (1 if name == "doctor" else 0) and wanted in output and \
            "left:" not in output and "cannot be preloaded" not in output
        ok(good, text, f"{name}: {status}\n{output}\n{made.stderr[-800:]}")


def main():
    if not shutil.which("dpkg-buildpackage") or not shutil.which("dh"):
        skip("the package", "dpkg-dev and debhelper are not installed")
        done()
    with tempfile.TemporaryDirectory(prefix="pelorus-deb-") as folder:
        package = build(folder)
        if package:
            note(f"{os.path.getsize(package)} bytes")
            judge(try_out(package, folder))
    done()


main()
