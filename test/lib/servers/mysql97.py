# SPDX-License-Identifier: Apache-2.0
"""Oracle's MySQL 9.7, real servers of it: fetched once, unpacked into build/, run by its own libc.

binaries = mysql97.fetch()                  Unavailable(reason) where it cannot be had
    with mysql97.Server(binaries, folder, "127.0.1.1", 1) as server:
server.sql("SELECT 1")

Debian has it in sid alone.  apt fetches it, from the archive that this machine's own sources name
and with apt's own check of signature and sums, into a set of lists beside the system's; nothing is
installed.
"""
import contextlib
import os
import shutil
import subprocess
import tempfile

from lib.paths import ROOT
from lib.servers.mysqld import Mysqld

VERSION = "9.7"
FOLDER = os.path.join(ROOT, "build", "mysql-" + VERSION)
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
SEED = """CREATE DATABASE app;
CREATE USER 'app'@'%' IDENTIFIED WITH caching_sha2_password BY 'app-secret';
GRANT ALL ON app.* TO 'app'@'%';
GRANT REPLICATION CLIENT ON *.* TO 'app'@'%';
CREATE USER 'repl'@'%' IDENTIFIED BY 'repl';
GRANT REPLICATION SLAVE ON *.* TO 'repl'@'%';
RESET BINARY LOGS AND GTIDS;
SHUTDOWN;
"""


class Unavailable(Exception):
    """MySQL cannot be had here; the text says why."""


def _run(command, limit=FETCH_LIMIT, **options):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=limit, stdin=subprocess.DEVNULL, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]}: {error}") from None
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:"))]
        raise Unavailable(f"{command[0]}: {(lines or done.stdout.splitlines() or ['failed'])[-1]}")
    return done.stdout


def _archive():
    """Where this machine gets Debian's packages from."""
    told = _run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(SUITE) $(REPO_URI)",
                 "Created-By: Packages"])
    for line in told.splitlines():
        origin, suite, uri = line.split(" ", 2)
        if origin == "Debian" and "-" not in suite:
            return uri
    raise Unavailable("apt knows no archive of Debian here")


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
        raise Unavailable(f"Debian's sid has {version} of {WANTED[0]}, and no {VERSION}")
    debs = os.path.join(folder, "debs")
    os.makedirs(debs)
    apt("apt-get", "download", "-qq", *apt.packages(), cwd=debs)
    for deb in sorted(os.listdir(debs)):
        _run(["dpkg-deb", "-x", os.path.join(debs, deb), os.path.join(folder, "root")])
    shutil.rmtree(debs)
    shutil.rmtree(apt.folder)


class Binaries:
    def __init__(self, folder):
        self.root, self.seed = os.path.join(folder, "root"), os.path.join(folder, "seed")

    def command(self, *words):
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
            f"--plugin-dir={self.root}/usr/lib/mysql/plugin",
            *words,
        ]

    def version(self):
        return _run(self.command("--version"), 20).strip().rsplit("mysqld", 1)[-1].strip()

    def make_seed(self):
        init = self.seed + ".sql"
        with open(init, "w") as out:
            out.write(SEED)
        _run(self.command("--initialize-insecure", f"--datadir={self.seed}",
                          "--innodb-redo-log-capacity=16M"), 120)
        _run(self.command(f"--datadir={self.seed}", "--skip-networking", f"--init-file={init}",
                          f"--socket={self.seed}.sock", "--log-bin=binlog", "--gtid-mode=ON",
                          "--enforce-gtid-consistency=ON", *SMALL), 120)
        os.unlink(os.path.join(self.seed, "auto.cnf"))


def fetch():
    """The binaries and a data directory to begin with, from the cache or made now."""
    if os.uname().machine != "x86_64":
        raise Unavailable("Debian's package of it is for x86_64")
    if os.path.isdir(FOLDER):
        return Binaries(FOLDER)
    os.makedirs(os.path.dirname(FOLDER), exist_ok=True)
    fresh = tempfile.mkdtemp(prefix="new-mysql-", dir=os.path.dirname(FOLDER))
    try:
        _unpack(fresh)
        Binaries(fresh).make_seed()
        os.chmod(fresh, 0o755)
        try:
            os.rename(fresh, FOLDER)
        except OSError:
            if not os.path.isdir(FOLDER):  # else another was quicker
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Binaries(FOLDER)


class Server(Mysqld):
    """One mysqld on an address, read-only until it is promoted; `prefix` is a command to run it
    under."""

    KIND = "mysql"

    def __init__(self, binaries, folder, address, number, *options, port=3306, prefix=()):
        super().__init__(folder, address, number, port)
        self.binaries, self.options, self.prefix = binaries, options, prefix

    def __enter__(self):
        super().__enter__()
        subprocess.run(["cp", "-r", "--reflink=auto", "--sparse=always", self.binaries.seed,
                        self.path("data")], check=True)
        self.start()
        return self

    def command(self):
        return [*self.prefix, *self.binaries.command(
            *self.own_options(), "--log-bin=binlog", "--gtid-mode=ON",
            "--enforce-gtid-consistency=ON", "--skip-replica-start", "--super-read-only=ON",
            "--tls-version=TLSv1.2,TLSv1.3", *SMALL, *self.options)]

    @contextlib.contextmanager
    def held(self, statement):
        """A session of root that has executed this, and is open as long as the block is."""
        with subprocess.Popen([*self.client, "-n"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as session:
            session.stdin.write(f"{statement}; SELECT 1;\n")
            session.stdin.flush()
            session.stdout.readline()
            yield
            session.stdin.close()

    def promote(self):
        """Writable from the end of this on."""
        self.sql("STOP REPLICA; SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF")

    def follow(self, source):
        self.sql(f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='{source.address}', "
                 f"SOURCE_PORT={source.port}, SOURCE_USER='repl', SOURCE_PASSWORD='repl', "
                 "SOURCE_SSL=1, SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1; START REPLICA")
