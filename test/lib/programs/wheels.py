# SPDX-License-Identifier: Apache-2.0
"""Wheels that scenarios use and no package of the distribution holds, unpacked in build/wheels."""
import os
import subprocess
import tempfile
import zipfile

from lib.paths import ROOT

WHEELS = os.path.join(ROOT, "build", "wheels")
PYTHON = "/usr/bin/python3"


def unpack(name, version, *sha256):
    """(folder, None) of this one version, or (None, why it cannot be had).  One hash for each kind
    of machine, if it differs."""
    folder = os.path.join(WHEELS, f"{name}-{version}")
    if os.path.isdir(folder):
        return folder, None
    os.makedirs(WHEELS, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WHEELS) as work:
        wanted = os.path.join(work, "wanted")
        with open(wanted, "w") as out:
            hashes = " ".join(f"--hash=sha256:{one}" for one in sha256)
            out.write(f"{name}=={version} {hashes}\n")
        done = subprocess.run([PYTHON, "-m", "pip", "download", "--quiet",
                               "--disable-pip-version-check", "--no-deps",
                               "--only-binary", ":all:", "--python-version", "3.11", "--dest", work,
                               "--require-hashes", "-r", wanted],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            return None, "pip cannot download: " + (done.stderr.strip().splitlines() or ["?"])[-1]
        wheel, = (f for f in os.listdir(work) if f.endswith(".whl"))
        fresh = os.path.join(work, "fresh")
        zipfile.ZipFile(os.path.join(work, wheel)).extractall(fresh)
        os.rename(fresh, folder)
    return folder, None
