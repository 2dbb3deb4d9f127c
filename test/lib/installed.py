# SPDX-License-Identifier: Apache-2.0
"""An installation of our own: `with Installed() as tree:`, by meson with DESTDIR, in a new
folder."""
import os
import shutil
import subprocess
import tempfile

from lib.paths import BUILD


class Installed:
    def __enter__(self):
        self.base = tempfile.mkdtemp(prefix="pelorus-installed-")
        os.chmod(self.base, 0o755)
        self.dest = os.path.join(self.base, "dest")
        self.done = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild"],
                                   env=dict(os.environ, DESTDIR=self.dest), text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.prefix = os.path.join(self.dest, "usr", "local")
        self.bin = os.path.join(self.prefix, "bin")
        self.files = sorted(os.path.relpath(os.path.join(folder, name), self.prefix)
                            for folder, _, names in os.walk(self.prefix) for name in names)
        self.library = next((f for f in self.files if f.endswith("/libpelorus.so")), None)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.base, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.prefix, name)

    def environment(self, **more):
        """As if it were installed for the whole system."""
        lib = os.path.dirname(self.path(self.library))
        return dict(os.environ, PATH=f"{self.bin}:{os.environ['PATH']}", LD_LIBRARY_PATH=lib,
                    PKG_CONFIG_PATH=os.path.join(lib, "pkgconfig"),
                    PKG_CONFIG_SYSROOT_DIR=self.dest,
                    MANPATH=self.path("share/man"), **more)
