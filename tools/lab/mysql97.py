# SPDX-License-Identifier: Apache-2.0
"""Oracle's MySQL 9.7: fetched once, unpacked into the user's cache folder, run by its own libc.

Debian has it in sid alone.  apt fetches it, from the archive that this machine's own sources name
and with apt's own check of signature and sums, into a set of lists beside the system's; nothing is
installed.
"""
import os
import shutil
import subprocess
import sys
import tempfile

import seed
from state import LabError

VERSION = "9.7"
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
WANTED = ("mysql-server-core", "mysql-client-core")
FETCH_LIMIT = 300

SMALL = [
    "--performance-schema=OFF",
    "--max-connections=200",
    "--table-open-cache=200",
    "--table-definition-cache=400",
    "--innodb-buffer-pool-size=24M",
    "--innodb-log-buffer-size=1M",
    "--innodb-redo-log-capacity=16M",
    "--innodb-doublewrite=OFF",
    "--innodb-ft-cache-size=1600000",
    "--innodb-ft-total-cache-size=32000000",
    "--innodb-purge-threads=1",
    "--innodb-read-io-threads=1",
    "--innodb-write-io-threads=1",
    "--innodb-flush-log-at-trx-commit=2",
    "--mysqlx=0",
    "--secure-file-priv=",
    "--skip-name-resolve",
]


def _run(command, limit=FETCH_LIMIT, **options):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=limit, stdin=subprocess.DEVNULL, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{command[0]}: {error}") from None
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:"))]
        raise LabError(f"{command[0]}: {(lines or done.stdout.splitlines() or ['failed'])[-1]}")
    return done.stdout


def _archive():
    """Where this machine gets Debian's packages from."""
    told = _run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(SUITE) $(REPO_URI)",
                 "Created-By: Packages"])
    for line in told.splitlines():
        origin, suite, uri = line.split(" ", 2)
        if origin == "Debian" and "-" not in suite:
            return uri
    raise LabError("apt knows no archive of Debian here, to have MySQL from")


class Apt:
    """apt with lists of its own, for sid, and no packages that it takes for installed."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("lists/partial", "cache/archives/partial"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        for name, text in (("status", ""), ("sources.list",
                                            f"deb [signed-by={KEYS}] {_archive()} sid main\n")):
            with open(os.path.join(folder, name), "w") as out:
                out.write(text)
        self.options = [w for option in (
            f"Dir::State::lists={folder}/lists", f"Dir::State::status={folder}/status",
            f"Dir::Cache={folder}/cache", f"Dir::Etc::sourcelist={folder}/sources.list",
            "Dir::Etc::sourceparts=-", "Dir::Etc::preferencesparts=-", "Dir::Etc::preferences=-",
            "APT::Architecture=amd64", "APT::Architectures::=amd64", "APT::Sandbox::User=root",
            "Acquire::Languages=none", "APT::Get::List-Cleanup=false") for w in ("-o", option)]

    def __call__(self, program, *words, **options):
        return _run([program, *self.options, *words], **options)

    def version(self):
        for line in self("apt-cache", "policy", WANTED[0]).splitlines():
            if line.strip().startswith("Candidate:"):
                return line.split(":", 1)[1].strip()
        return "none"

    def packages(self):
        """The wanted ones and the libraries that they need."""
        told = self("apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests",
                    "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", *WANTED)
        names = {line.strip() for line in told.splitlines() if not line.startswith((" ", "|"))}
        return sorted(n for n in names if n in WANTED or
                      (n.startswith("lib") and not n.endswith("-perl") and ":" not in n))


def _unpack(folder):
    apt = Apt(os.path.join(folder, "apt"))
    apt("apt-get", "update", "-qq", "--error-on=any")
    version = apt.version()
    if not version.startswith(VERSION + "."):
        raise LabError(f"Debian's sid has {version} of {WANTED[0]}, and no {VERSION}")
    debs = os.path.join(folder, "debs")
    os.makedirs(debs)
    apt("apt-get", "download", "-qq", *apt.packages(), cwd=debs)
    for deb in sorted(os.listdir(debs)):
        _run(["dpkg-deb", "-x", os.path.join(debs, deb), os.path.join(folder, "root")])
    shutil.rmtree(debs)
    shutil.rmtree(apt.folder)


class Binaries:
    def __init__(self, folder):
        self.root = os.path.join(folder, "root")
        self.plugins = os.path.join(self.root, "usr", "lib", "mysql", "plugin")

    def command(self, *words, plugins=None):
        """mysqld under the libc that it was made for."""
        libraries = os.path.join(self.root, "usr", "lib", "x86_64-linux-gnu")
        return [
            os.path.join(libraries, "ld-linux-x86-64.so.2"),
            "--library-path",
            libraries,
            os.path.join(self.root, "usr", "sbin", "mysqld"),
            "--no-defaults",
            "--user=root",
            f"--basedir={self.root}/usr",
            f"--plugin-dir={plugins or self.plugins}",
            *words,
        ]

    def version(self):
        return _run(self.command("--version"), 20).strip().rsplit("mysqld", 1)[-1].strip()

    def seed(self, statements):
        """Path of a data directory in which these were executed, and that has no history."""
        return seed.keep((self.version(), SMALL, statements),
                         lambda path: self._make_seed(path, statements))

    def _make_seed(self, path, statements):
        with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as beside:
            init = os.path.join(beside, "init.sql")
            with open(init, "w") as out:
                out.writelines(" ".join(s.split()) + ";\n" for s in statements.split(";")
                               if s.strip())
                out.write("SHUTDOWN;\n")
            _run(self.command("--initialize-insecure", f"--datadir={path}",
                              "--innodb-redo-log-capacity=16M"), 120)
            _run(self.command(f"--datadir={path}", "--skip-networking", f"--init-file={init}",
                              f"--socket={beside}/sock", f"--tmpdir={beside}",
                              "--disable-log-bin", *SMALL), 120)
        os.unlink(os.path.join(path, "auto.cnf"))


def fetch():
    """The binaries, from the cache or by apt."""
    if os.uname().machine != "x86_64":
        raise LabError(f"Debian's package of MySQL {VERSION} is for x86_64")
    folder = os.path.join(seed.cache(), "mysql-" + VERSION)
    if os.path.isdir(folder):
        return Binaries(folder)
    print(f"Fetching MySQL {VERSION} from Debian, once: about 60 MB", file=sys.stderr)
    fresh = tempfile.mkdtemp(prefix="new-mysql-", dir=os.path.dirname(folder))
    try:
        _unpack(fresh)
        os.chmod(fresh, 0o755)
        try:
            os.rename(fresh, folder)
        except OSError:
            if not os.path.isdir(folder):  # else another was quicker
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Binaries(folder)
