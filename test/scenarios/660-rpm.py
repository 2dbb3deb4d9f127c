#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The .rpm: built from the committed tree by the distribution's rpmbuild, looked into for what the
targets lack, installed, upgraded and removed by rpm."""
import os
import re
import shutil
import subprocess
import tempfile

from lib.paths import ROOT
from lib.programs import overlay
from lib.tap import done, note, ok, skip

FLOOR = (2, 34)  # glibc of Amazon Linux 2023 and of RHEL 9

# What they have for the daemon and the command; libcurl's version of symbols is Debian's own.
LIBRARIES = {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libcrypto.so.3",
             "libcurl.so.4", "libexpat.so.1", "libjson-c.so.5", "libmariadb.so.3",
             "libsmartcols.so.1"}

WANTED = {
    "pelorus": ("/usr/bin/pelorus", "/usr/libexec/pelorusd", "/usr/libexec/pelorus-trap",
                "/usr/libexec/pelorus-http.so",
                "/usr/lib/systemd/system/pelorusd.service",
                "/usr/lib/systemd/user/pelorusd.service", "/etc/pelorus/pelorus.conf.example",
                "/usr/share/man/man8/pelorusd.8", "/usr/share/licenses/pelorus-0.1.0/LICENSE"),
    "libpelorus": ("/usr/lib64/libpelorus.so", "/usr/lib64/libpelorus.so.0"),
    "libpelorus-devel": ("/usr/include/pelorus.h", "/usr/lib64/pkgconfig/pelorus.pc",
                         "/usr/share/man/man3/pelorus.3"),
}

INSIDE = r"""
rpm --initdb
# Debian's rpm wants to be told that it is meant; what packages need is not in its database.
rpm_() { rpm --force-debian --nodeps "$@"; }
step install rpm_ -i /tmp/*.rpm
step verified rpm -V --nodeps pelorus libpelorus libpelorus-devel
step version pelorus version
step pelorusd /usr/libexec/pelorusd --version
step example pelorus config check --config /etc/pelorus/pelorus.conf.example
step preloaded env LD_PRELOAD=/usr/lib64/libpelorus.so grep -c libpelorus.so /proc/self/maps
echo "# mine" >>/etc/pelorus/pelorus.conf.example
step upgrade rpm_ -U --replacepkgs /tmp/*.rpm
step kept grep mine /etc/pelorus/pelorus.conf.example
rpm -ql pelorus libpelorus libpelorus-devel | while read -r f; do
	[ -d "$f" ] || echo "$f"; done >/listed
step remove rpm_ -e pelorus libpelorus libpelorus-devel
step left sh -c "while read -r f; do [ -e \"\$f\" ] && echo \"left: \$f\"; done </listed; true"
"""

# Section, what it must say, and what that shows.
CLAIMS = (
    ("install", "", "rpm installs all of them"),
    ("verified", "", "and finds them as they were made"),
    ("version", "library /usr/lib64/", "pelorus finds the library"),
    ("pelorusd", "pelorusd ", "the daemon runs"),
    ("example", "", "the example of a configuration is right"),
    ("preloaded", "", "the library is preloaded"),
    ("upgrade", "", "rpm puts the same in their place"),
    ("kept", "# mine", "what was changed in /etc/pelorus stays"),
    ("remove", "", "rpm removes them"),
    ("left", "", "nothing of them is left"),
)


def build(folder):
    made = subprocess.run([os.path.join(ROOT, "tools", "packaging", "build-rpm"), folder],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    found = {re.sub(r"-\d.*", "", f): os.path.join(folder, f) for f in os.listdir(folder)
             if f.endswith(".rpm") and not f.endswith(".src.rpm")}
    ok(made.returncode == 0 and set(found) == set(WANTED),
       "tools/packaging/build-rpm builds three packages", made.stdout[-3000:] + str(found))
    ok(any(f.endswith(".src.rpm") for f in os.listdir(folder)),
       "and their source, which a target builds anew", os.listdir(folder))
    return found if set(found) == set(WANTED) else None


def look_into(packages):
    for name, path in packages.items():
        files = overlay.output_of("rpm", "-qpl", path).splitlines()
        missing = [f for f in WANTED[name] if f not in files]
        ok(not missing, f"{name} has what it is for", missing)
    needs = overlay.output_of("rpm", "-qp", "--requires", *packages.values())
    versions = {tuple(map(int, v.split("."))) for v in re.findall(r"\(GLIBC_([\d.]+)\)", needs)}
    ok(versions and max(versions) <= FLOOR,
       f"its programs need glibc {'.'.join(map(str, FLOOR))} at most", max(versions, default=""))
    libraries = set(re.findall(r"^(\S+\.so[.\d]*)\(", needs, re.M)) - \
        {"libdl.so.2", "libpthread.so.0"}
    ok(libraries <= LIBRARIES, "and no library that the targets lack", libraries - LIBRARIES)
    scripts = overlay.output_of("rpm", "-qp", "--scripts", packages["pelorus"])
    ok("try-restart pelorusd" in scripts and "disable --now pelorusd" in scripts,
       "a daemon that runs is restarted by an upgrade, and ended by a removal", scripts)


def main():
    if not shutil.which("rpmbuild"):
        skip("the package", "rpmbuild is not installed")
        done()
    with tempfile.TemporaryDirectory(prefix="pelorus-rpm-") as folder:
        files = os.path.join(folder, "rpms")
        os.mkdir(files)
        packages = build(files)
        if packages:
            note(", ".join(f"{p}: {os.path.getsize(f)} bytes" for p, f in packages.items()))
            look_into(packages)
            for name in os.listdir(files):
                if name.endswith(".src.rpm"):
                    os.unlink(os.path.join(files, name))
            overlay.judge(overlay.run(INSIDE, folder, files), CLAIMS)
    done()


main()
