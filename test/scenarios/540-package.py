#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The packages by the one command that the README prints: built from the committed tree, looked
into, installed by dpkg, run, upgraded, removed.  The system that it is installed into is this one,
seen through an overlay that nobody else sees and that is gone afterwards.
"""
import os
import shutil
import subprocess
import tempfile

from lib import documents
from lib.paths import ROOT
from lib.programs import debs, overlay
from lib.tap import done, note, ok, skip

INSIDE = r"""
# No list is fetched: what the package needs is here, for it was built here.
printf '%s\n' 'Dir::Etc::sourcelist "/dev/null";' 'Dir::Etc::sourceparts "/dev/null";' \
    'APT::Sandbox::User "root";' 'DPkg::Options:: "--force-not-root";' >/tmp/apt.conf
mkdir /debs
cp /tmp/*.deb /debs
rm /tmp/libpelorus-dev_*.deb /tmp/pelorus-lab_*.deb
step container env APT_CONFIG=/tmp/apt.conf sh -c "$1"
step unloaded env APT_CONFIG=/tmp/apt.conf apt-get remove -y pelorus libpelorus0
step again env APT_CONFIG=/tmp/apt.conf sh -c "$1"
step preloaded env "$2" sh -c "grep -o /usr/lib.*/libpelorus.so /proc/self/maps"
step purge dpkg --force-not-root -P pelorus libpelorus0
step install dpkg --force-not-root -i /debs/*.deb
step example pelorus config check --config /etc/pelorus/pelorus.conf.example
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
echo "# mine" >>/etc/pelorus/pelorus.conf.example
step upgrade dpkg --force-not-root -i /debs/*.deb
step kept grep mine /etc/pelorus/pelorus.conf.example
all="pelorus libpelorus0 libpelorus-dev pelorus-lab pelorus-zookeeper"
dpkg -L $all | while read -r f; do [ -d "$f" ] || echo "$f"; done >/listed
step remove dpkg --force-not-root -r $all
step configured ls /etc/pelorus
step purge dpkg --force-not-root -P $all
step left sh -c "while read -r f; do [ -e \"\$f\" ] && echo \"left: \$f\"; done </listed; true"
"""

# What each has, and what it may need; nothing else asks for a server.
PACKAGES = {
    "pelorus": ("./usr/bin/pelorus", "./usr/libexec/pelorusd", "./usr/libexec/pelorus-trap",
                "./usr/libexec/pelorus-http.so",
                "./lib/systemd/system/pelorusd.service", "./usr/lib/systemd/user/pelorusd.service",
                "./etc/pelorus/pelorus.conf.example", "./usr/share/man/man8/pelorusd.8.gz"),
    "pelorus-zookeeper": ("./usr/libexec/pelorus-zookeeper.so",),
    "libpelorus0": ("/libpelorus.so", "/libpelorus.so.0", "./etc/apparmor.d/abstractions/pelorus"),
    "libpelorus-dev": ("./usr/include/pelorus.h", "/pkgconfig/pelorus.pc",
                       "./usr/share/man/man3/pelorus.3.gz"),
    "pelorus-lab": ("./usr/libexec/pelorus/lab/lab", "./usr/libexec/pelorus/lab/pelorus_lab.so"),
}
RATING = 30  # tenths, of systemd-analyze security

# Section, what it must say, and what that shows.
CLAIMS = (
    ("container", "Setting up pelorus", "the README's RUN installs it into a container"),
    ("unloaded", "Removing libpelorus0", "apt removes it as operations.md says"),
    ("again", "Setting up pelorus", "it is installed once more"),
    ("preloaded", "/libpelorus.so", "and its ENV preloads it there"),
    ("install", "Setting up pelorus-lab", "dpkg installs all of them"),
    ("example", "", "the example of a configuration is right"),
    ("version", "library /usr/lib/", "pelorus finds the library where it is installed"),
    ("doctor", "loads the library for", "doctor sees it loaded under node"),
    ("lab", "usage:", "the lab is there"),
    ("preload", "", "the library is preloaded by its name alone"),
    ("link", "", "a program is linked with it by pkg-config"),
    ("manual", "pelorus.conf.5", "man finds the pages"),
    ("pelorusd", "pelorusd ", "the prober runs"),
    ("files", "/lib/systemd/system/pelorusd.service", "it has the unit"),
    ("upgrade", "Setting up pelorus ", "dpkg puts the same in their place"),
    ("kept", "# mine", "what was changed in /etc/pelorus stays"),
    ("remove", "Removing pelorus ", "dpkg removes them"),
    ("configured", "pelorus.conf.example", "but for the configuration"),
    ("purge", "Purging configuration files for pelorus ", "dpkg purges them"),
    ("left", "", "nothing of them is left"),
)
# doctor has nothing to find wrong but the prober, which is forbidden here
FAILS = ("doctor",)


def look_into(folder, packages):
    seen = set()
    for name, path in packages.items():
        files = {line.split()[5] for line in overlay.output_of("dpkg-deb", "-c", path).splitlines()
                 if not line.startswith("d") and "/share/doc/" not in line}
        missing = [f for f in PACKAGES[name] if not any(have.endswith(f) for have in files)]
        ok(not missing and not files & seen, f"{name} has what it is for", (missing, files & seen))
        seen |= files
        needs = overlay.output_of("dpkg-deb", "-f", path, "Depends", "Recommends")
        ok(("mariadb-server" in needs) == (name == "pelorus-lab"), f"and needs {needs!r}")
    needs = overlay.output_of("dpkg-deb", "-f", packages["libpelorus0"], "Depends")
    ok(needs.startswith("libc6") and "," not in needs, "the library needs libc alone", needs)
    script = overlay.output_of("dpkg-deb", "-I", packages["pelorus"], "postinst")
    ok("deb-systemd-invoke" in script and "pelorusd.service" in script,
       "a daemon that runs is restarted by an upgrade", script)
    parse_abstraction(folder)
    compile_module(folder)
    rate(folder, packages["pelorus"])


def parse_abstraction(folder):
    """By AppArmor's parser, in a profile that has nothing else."""
    parser, why = debs.unpack("apparmor", "/sbin/apparmor_parser")
    if not parser:
        skip("AppArmor's parser takes the abstraction", why)
        return
    place = os.path.join(folder, "apparmor", "abstractions")
    os.makedirs(place)
    shutil.copy(os.path.join(ROOT, "tools", "packaging", "apparmor", "pelorus"), place)
    profile = os.path.join(folder, "apparmor", "profile")
    with open(profile, "w") as out:
        out.write("@{PROC} = /proc/\n@{pid} = [0-9]*\n"
                  "profile p /usr/bin/p { include <abstractions/pelorus> }\n")
    made = subprocess.run([parser, "-QK", "--base", os.path.join(folder, "apparmor"),
                           "--config-file", "/dev/null", profile], capture_output=True, text=True)
    ok(made.returncode == 0, "AppArmor's parser takes the abstraction", made.stderr)


def compile_module(folder):
    """SELinux's, by the two commands that it prints."""
    text = "SELinux's compiler takes the module"
    where = os.path.join(ROOT, "tools", "packaging", "selinux", "pelorus.te")
    with open(where) as module:
        lines = [line[4:].split() for line in module if line.startswith("#   ")]
    for package, words in zip(("checkpolicy", "semodule-utils"), lines[:2]):
        program, why = debs.unpack(package, "/usr/bin/" + words[0])
        if not program:
            skip(text, why)
            return
        sources = [os.path.join(os.path.dirname(where), w) if w.endswith((".te", ".fc")) else w
                   for w in words[1:]]
        made = subprocess.run([program, *sources], cwd=folder, capture_output=True, text=True)
        if made.returncode != 0:
            break
    ok(made.returncode == 0 and os.path.getsize(os.path.join(folder, "pelorus.pp")) > 100, text,
       made.stdout + made.stderr)


def rate(folder, package):
    tree = os.path.join(folder, "tree")
    subprocess.run(["dpkg-deb", "-x", package, tree], check=True)
    if not shutil.which("systemd-analyze"):
        skip("the unit is well guarded", "no systemd-analyze here")
        return
    told = overlay.output_of("systemd-analyze", "security", "--offline=true",
                             f"--threshold={RATING}", os.path.join(
                                 tree, "lib", "systemd", "system", "pelorusd.service"))
    note(told.splitlines()[-1])
    level = float(told.split("Overall exposure level for", 1)[1].split(":")[1].split()[0])
    ok(level < RATING / 10, "the unit is well guarded", told)


def build(folder):
    made = subprocess.run([os.path.join(ROOT, "tools", "packaging", "build-deb"), folder],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    packages = {f.split("_")[0]: os.path.join(folder, f) for f in os.listdir(folder)
                if f.endswith(".deb") and "-dbgsym_" not in f}
    ok(made.returncode == 0 and set(packages) == set(PACKAGES),
       "tools/packaging/build-deb builds five packages", made.stdout[-3000:] + str(packages))
    if set(packages) != set(PACKAGES):
        return None
    printed = [text for label, text in documents.blocks("README.md") if label == "sh package"]
    ok(all(os.path.basename(packages[p]) in printed[0] for p in ("pelorus", "libpelorus0")) and
       "tools/packaging/build-deb" in printed[0], "and the README prints their names")
    removed = [text for label, text in documents.blocks("docs/operations.md")
               if label == "sh package"]
    ok(removed == ["sudo apt remove pelorus libpelorus0\n"], "as operations.md has those to remove")
    return packages


def container_lines(packages):
    """What RUN runs and ENV sets in the README's lines for a container; COPY is done for them."""
    text = next(t for label, t in documents.blocks("README.md") if label == "Dockerfile")
    lines = dict(line.split(" ", 1) for line in text.splitlines())
    ok(sorted(lines) == ["COPY", "ENV", "RUN"] and
       lines["COPY"].split() == [*(os.path.basename(packages[p]) for p in
                                   ("pelorus", "libpelorus0")), "/tmp/"],
       "the README's lines for a container copy these packages", text)
    return lines["RUN"], lines["ENV"]


def try_out(packages, folder):
    debs = os.path.join(folder, "debs")
    os.mkdir(debs)
    for package in packages.values():
        os.rename(package, os.path.join(debs, os.path.basename(package)))
    return overlay.run(INSIDE, folder, debs, *container_lines(packages))


def main():
    if not shutil.which("dpkg-buildpackage") or not shutil.which("dh"):
        skip("the package", "dpkg-dev and debhelper are not installed")
        done()
    with tempfile.TemporaryDirectory(prefix="pelorus-deb-") as folder:
        packages = build(folder)
        if packages:
            note(", ".join(f"{p}: {os.path.getsize(f)} bytes" for p, f in packages.items()))
            look_into(folder, packages)
            overlay.judge(try_out(packages, folder), CLAIMS, FAILS)
    done()


main()
