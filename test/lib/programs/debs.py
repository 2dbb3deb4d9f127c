# SPDX-License-Identifier: Apache-2.0
"""Single programs of packages that are too large to be installed for them, unpacked in
build/debs."""
import glob
import os
import subprocess
import tempfile

from lib.paths import ROOT

DEBS = os.path.join(ROOT, "build", "debs")


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    return done.returncode == 0, (done.stderr.strip().splitlines() or ["?"])[-1]


def unpack(package, path):
    """(the file, None) from the package of the distribution, or (None, why it cannot be had)."""
    out = os.path.join(DEBS, os.path.basename(path))
    if os.path.exists(out):
        return out, None
    os.makedirs(DEBS, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DEBS) as work:
        held, why = run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package],
                        work)
        if not held:
            return None, "apt cannot download: " + why
        deb, = glob.glob(os.path.join(work, "*.deb"))
        held, why = run(["sh", "-c", f'dpkg-deb --fsys-tarfile "{deb}" | tar -x ".{path}"'], work)
        if not held:
            return None, "tar cannot unpack: " + why
        os.rename(os.path.join(work, path.lstrip("/")), out)
    return out, None
