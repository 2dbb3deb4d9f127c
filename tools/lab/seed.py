# SPDX-License-Identifier: Apache-2.0
"""The data directory that every instance starts from: made once per server version, then copied.

It is kept in the user's cache folder.  It holds the system tables, the empty database `app`, the
accounts, and no binary log: what a lab writes later is all in the binary logs of its instances, so
a new instance is a copy of the seed that replicates from the beginning.
"""
import hashlib
import os
import shutil
import subprocess
import tempfile

from state import LabError

STORAGE = ["--innodb-log-file-size=24M", "--innodb-data-file-path=ibdata1:10M:autoextend",
           "--innodb-autoextend-increment=1", "--innodb-undo-tablespaces=0",
           "--innodb-buffer-pool-size=24M", "--innodb-doublewrite=0", "--aria-log-file-size=8M",
           "--innodb-use-native-aio=0"]

ACCOUNTS = """
flush privileges;
create database app;
create user 'app'@'%' identified by 'app';
grant all privileges on app.* to 'app'@'%';
create user 'pelorus'@'%' identified by 'pelorus';
create table mysql.rds_topology (id int primary key, endpoint varchar(255) not null,
    port int not null, role varchar(64), status varchar(64), version varchar(16)) engine=InnoDB;
grant select on mysql.rds_topology to 'app'@'%';
grant select on mysql.rds_topology to 'pelorus'@'%';
create user 'lab_replica'@'%' identified by 'lab_replica';
grant replication slave on *.* to 'lab_replica'@'%';
"""


def server():
    """Path of the server, or a clear sentence."""
    for folder in os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/usr/local/sbin",
                                                           "/usr/libexec"]:
        path = os.path.join(folder, "mariadbd")
        if os.access(path, os.X_OK):
            return path
    raise LabError("there is no mariadbd here: install the package mariadb-server "
                   "(tools/setup does)")


def cache():
    for folder in (os.environ.get("XDG_CACHE_HOME"), os.path.expanduser("~/.cache"),
                   os.path.join(tempfile.gettempdir(), f"pelorus-lab-{os.getuid()}", ".cache")):
        if not folder or not os.path.isabs(folder):
            continue
        try:
            os.makedirs(os.path.join(folder, "pelorus-lab"), mode=0o700, exist_ok=True)
        except OSError:
            continue
        if os.access(os.path.join(folder, "pelorus-lab"), os.W_OK):
            return os.path.join(folder, "pelorus-lab")
    raise LabError("there is no writable cache folder; set XDG_CACHE_HOME")


def _run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    if done.returncode != 0:
        raise LabError(f"{os.path.basename(command[0])} failed: {done.stdout.strip()[-400:]}")


def _make(path, binary):
    """Runs inside the lab's namespaces, where this process is root.

    A server that starts deletes all temporary tables in its tmpdir, those of other servers too.
    """
    elsewhere = {**os.environ, "TMPDIR": path}
    install = shutil.which("mariadb-install-db")
    if not install:
        raise LabError("there is no mariadb-install-db here: install the package mariadb-server")
    # By force: it would look its host's name up, which a bare machine does not know.
    _run([install, "--no-defaults", f"--datadir={path}", "--user=root", "--skip-test-db", "--force",
          "--auth-root-authentication-method=normal", *STORAGE], env=elsewhere)
    _run([binary, "--no-defaults", "--bootstrap", "--user=root", f"--datadir={path}", *STORAGE],
         env=elsewhere,
         input="".join(" ".join(s.split()) + ";\n" for s in ACCOUNTS.split(";") if s.strip()))


def keep(recipe, make):
    """Path of a seed of this recipe, which `make` makes if it is not in the cache."""
    key = hashlib.sha1(repr(recipe).encode()).hexdigest()[:16]
    seed = os.path.join(cache(), "seed-" + key)
    if not os.path.isdir(seed):
        fresh = tempfile.mkdtemp(prefix="new-", dir=os.path.dirname(seed))
        try:
            make(fresh)
            os.rename(fresh, seed)
        except OSError:
            if not os.path.isdir(seed):  # else another lab was quicker
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return seed


def ensure(binary):
    """Path of the seed for this MariaDB."""
    version = subprocess.run([binary, "--no-defaults", "--version"], stdout=subprocess.PIPE,
                             text=True).stdout
    return keep((version, STORAGE, ACCOUNTS), lambda path: _make(path, binary))


def copy(seed, path):
    _run(["cp", "-r", "--reflink=auto", "--sparse=always", seed, path])
