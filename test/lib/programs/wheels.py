# SPDX-License-Identifier: Apache-2.0
"""Wheels that scenarios use and no package of the distribution holds, unpacked in build/wheels."""
import os
import subprocess
import tempfile
import zipfile

from lib.paths import ROOT

WHEELS = os.path.join(ROOT, "build", "wheels")
PYTHON = "/usr/bin/python3"


def download(work, name, version, sha256):
    """(path of the wheel in that folder, None), or (None, why it cannot be had)."""
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
    return os.path.join(work, wheel), None


def kept(name, version, take, sha256):
    """What `take` makes of the wheel, in build/wheels, made once."""
    path = os.path.join(WHEELS, f"{name}-{version}")
    if os.path.exists(path):
        return path, None
    os.makedirs(WHEELS, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WHEELS) as work:
        wheel, why = download(work, name, version, sha256)
        if wheel:
            os.rename(take(wheel, os.path.join(work, "fresh")), path)
    return (path, None) if wheel else (None, why)


def unpack(name, version, *sha256):
    """(folder, None) of this one version, or (None, why it cannot be had).  One hash for each kind
    of machine, if it differs."""
    def take(wheel, fresh):
        zipfile.ZipFile(wheel).extractall(fresh)
        return fresh
    return kept(name, version, take, sha256)


def packed(name, version, *sha256):
    """The same of one with very many files: (the open archive, None)."""
    path, why = kept(name, version, lambda wheel, _: wheel, sha256)
    return (zipfile.ZipFile(path), None) if path else (None, why)
