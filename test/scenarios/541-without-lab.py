#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""-Dlab=false: built where there are no headers of a server, and nothing of the lab is
installed."""
import os
import subprocess
import tempfile

from lib.paths import ROOT
from lib.tap import done, ok


def variable(name):
    return subprocess.run(["pkg-config", f"--variable={name}", "libmariadb"], check=True, text=True,
                          capture_output=True).stdout.strip()


def hide_server(folder):
    """libmariadb as pkg-config tells it, without the folder of a server's headers."""
    real, headers = variable("includedir"), os.path.join(folder, "include")
    os.mkdir(headers)
    for name in os.listdir(real):
        if name != "server":
            os.symlink(os.path.join(real, name), os.path.join(headers, name))
    with open(os.path.join(variable("pcfiledir"), "libmariadb.pc")) as told:
        lines = [f"includedir={headers}\n" if line.startswith("includedir=") else line
                 for line in told]
    with open(os.path.join(folder, "libmariadb.pc"), "w") as out:
        out.writelines(lines)
    return dict(os.environ, PKG_CONFIG_PATH=folder)


def meson(environment, *words):
    return subprocess.run(["meson", *words], cwd=ROOT, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def main():
    with tempfile.TemporaryDirectory(prefix="pelorus-no-lab-") as folder:
        environment, build = hide_server(folder), os.path.join(folder, "build")
        made = meson(environment, "setup", "-Dtests=disabled", os.path.join(folder, "with"))
        ok(made.returncode != 0 and "libmariadbd-dev" in made.stdout and
           "-Dlab=false" in made.stdout, "with the lab it says what is missing", made.stdout[-500:])
        made = meson(environment, "setup", "-Dtests=disabled", "-Dlab=false", "-Dwerror=true",
                     build)
        if made.returncode == 0:
            made = meson(environment, "compile", "-C", build)
        if not ok(made.returncode == 0, "without it, it is built", made.stdout[-2000:]):
            done()
        run = subprocess.run([os.path.join(build, "tools", "pelorus", "pelorus"), "lab", "up"],
                             capture_output=True, text=True)
        ok(run.returncode == 1 and "-Dlab=false" in run.stderr, "`pelorus lab` says so", run.stderr)
        made = meson(dict(environment, DESTDIR=os.path.join(folder, "dest")), "install", "-C",
                     build,
                     "--no-rebuild")
        files = [os.path.join(at, name) for at, _, names in os.walk(os.path.join(folder, "dest"))
                 for name in names]
        ok(made.returncode == 0 and any(f.endswith("/pelorusd") for f in files) and
           not any("/lab/" in f or "pelorus_lab" in f for f in files),
           "and nothing of it is installed", made.stdout[-500:])
    done()


main()
