# SPDX-License-Identifier: Apache-2.0
"""Guests: the programs of test/guests built for each libc that libpelorus.so must live in.

A Libc is a way to build and to run: the machine's glibc, Debian 11's unpacked beside it
(tools/oldlibc), musl, and aarch64's glibc under qemu-user.  One that is absent says why.
"""
import os
import shutil
import socket
import subprocess
import threading

from lib import environ
from lib.paths import BUILD, LIBRARY, ROOT

OLD = os.path.join(ROOT, "build", "oldlibc")
ARCH = "x86_64-linux-gnu"


class Libc:
    def __init__(self, name, compiler, emulator=(), absent=None, library=LIBRARY):
        self.name, self.compiler, self.emulator = name, compiler, list(emulator)
        self.absent, self.library = absent, library

    def build(self, guest, folder):
        """test/guests/GUEST.c for this libc; the path of the program."""
        if not self.compiler:
            return os.path.join(BUILD, "test", "guests", guest)
        # One build of meson has one libc, so those for the others are compiled here.
        out = os.path.join(folder, f"{guest}-{self.name}")
        subprocess.run([*self.compiler, "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror",
                        "-o", out, os.path.join(ROOT, "test", "guests", guest + ".c"),
                        "-pthread", "-ldl"], check=True)
        return out

    def command(self, command, environment):
        """(argv, environment): an emulator's own loader must not see what its guest preloads."""
        if not self.emulator:
            return list(command), environment
        passed = [word for k, v in environment.items() for word in ("-E", f"{k}={v}")]
        return [*self.emulator, *passed, *command], {}

    def run(self, command, environment=None, **kw):
        argv, env = self.command(command, environment or {})
        return run(argv, env, **kw)


def host():
    return Libc("glibc", None)


def musl():
    missing = None if shutil.which("musl-gcc") else "musl-gcc is not installed"
    return Libc("musl", ["musl-gcc"], absent=missing)


def glibc_in(root, name, absent=None):
    """One that is unpacked in a folder, as Debian's and Ubuntu's packages lay it out."""
    return Libc(name, [
        "gcc", f"--sysroot={root}", f"-B{root}/usr/lib/{ARCH}",
        f"-Wl,--dynamic-linker={root}/lib64/ld-linux-x86-64.so.2",
        # an RPATH, unlike a RUNPATH, also serves what libc itself opens (libnss_files)
        f"-Wl,--disable-new-dtags,-rpath,{root}/lib/{ARCH}",
    ], absent=absent)


def old_glibc():
    """Debian 11's; the folder is made once, and needs apt and its network then."""
    made = subprocess.run([os.path.join(ROOT, "tools", "oldlibc"), OLD], capture_output=True,
                          text=True)
    return glibc_in(OLD, "glibc-2.31", None if made.returncode == 0 else
                    f"no older glibc: {made.stderr.strip()[-200:]}")


def given_glibc():
    """The one in the folder $PELORUS_TEST_GLIBC, for versions that no registry has any more."""
    root = os.environ.get("PELORUS_TEST_GLIBC", "").rstrip("/")
    return glibc_in(root, os.path.basename(root) or "a still older glibc",
                    None if root else "no folder in $PELORUS_TEST_GLIBC")


def aarch64():
    missing = [p for p in ("aarch64-linux-gnu-gcc", "qemu-aarch64") if not shutil.which(p)]
    return Libc("aarch64", ["aarch64-linux-gnu-gcc"],
                ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"],
                absent=f"{', '.join(missing)} not installed" if missing else None,
                library=os.path.join(ROOT, "build", "aarch64", "lib", "libpelorus.so"))


def build_go(folder, cgo, *flags, name="dial"):
    """test/guests/dial.go, or another, static or (cgo) with libc's resolver: (path, None) or
    (None, why not)."""
    binary = shutil.which("go") or "/usr/local/go/bin/go"
    out = os.path.join(folder, f"{name}-go{int(cgo)}{''.join(flags)}")
    if not os.access(binary, os.X_OK):
        return None, "no go"
    source = os.path.join(ROOT, "test", "guests", name + ".go")
    made = run([binary, "build", *flags, "-o", out, source],
               {"CGO_ENABLED": str(int(cgo)), "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local",
                "GO111MODULE": "off", "GOCACHE": os.path.join(ROOT, "build", "cache-go")})
    return (out, None) if made[0] == 0 else (None, made[2].decode(errors="replace")[-500:])


def build_rust(folder):
    """test/guests/dial.rs: (path, None) or (None, why not)."""
    out = os.path.join(folder, "dial-rust")
    if not shutil.which("rustc"):
        return None, "no rustc"
    made = run(["rustc", "-o", out, os.path.join(ROOT, "test", "guests", "dial.rs")])
    return (out, None) if made[0] == 0 else (None, made[2].decode(errors="replace")[-500:])


class Listener:
    """A TCP port that accepts, says `greeting`, and lets go of whom the peer has left.

    A deaf one says nothing and never looks at whom it has accepted, so that it costs no time when
    many connections end at once.
    """

    def __init__(self, host="127.0.0.1", greeting=b"", port=0, deaf=False):
        self.held = [] if deaf else None
        self.socket = socket.create_server((host, port), backlog=512)
        self.port = self.socket.getsockname()[1]
        self.greeting = greeting
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            if self.held is not None:
                self.held.append(peer)
                continue
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            with peer:
                peer.sendall(self.greeting)
                while peer.recv(4096):
                    pass
        except OSError:
            pass

    def close(self):
        # shutdown, for close alone does not wake who waits in accept()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        self.forget()

    def forget(self):
        """Lets go of those that a deaf one has."""
        while self.held:
            self.held.pop().close()


def run(command, environment=None, limit=120, stdin=b"", **kw):
    """What a user sees of a command: (exit status, stdout, stderr)."""
    done = subprocess.run(command, env=environ.plain(**(environment or {})), input=stdin,
                          capture_output=True, timeout=limit, **kw)
    return done.returncode, done.stdout, done.stderr
