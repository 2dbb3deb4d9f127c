# SPDX-License-Identifier: Apache-2.0
"""A lab's state directory, and the list of the user's labs.

The directory holds everything of one lab:

    lab.json        what it is: name, port, endpoints, the PID of its init as the host sees it
    control.sock    where the supervisor takes commands
    events.jsonl    one JSON line per event, appended
    daemon.log      what the supervisor says
    status.tsv      the rows of REPLICA_HOST_STATUS; statusN.tsv after the Nth switchover
    servers/ID.N/   data directory, socket and error log of one instance
    ns/             pinned network namespaces, one per instance and `app` (visible inside only)
    etc/            resolv.conf and nsswitch.conf as seen inside
    tls/            certificates, with --tls
    pelorus.conf    with --topology: what a prober is told of it

The list of labs is a directory of one small file per lab, so that commands find the only one.
"""
import contextlib
import fcntl
import glob
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time

PATH_MAX = 60  # the sockets below it must fit into 108 bytes, with names of ID_MAX
ID_MAX = 28


class LabError(Exception):
    """One clear sentence for the user; exit status 2."""


def _base():
    """The user's own directory for labs that are not told where to live, and for the list."""
    return os.path.join(tempfile.gettempdir(), f"pelorus-lab-{os.getuid()}")


def _make_base():
    base = _base()
    try:
        os.mkdir(base, 0o700)
    except FileExistsError:
        pass
    found = os.lstat(base)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise LabError(f"{base} belongs to somebody else; set TMPDIR to a place of your own")


def default_dir(name):
    _make_base()
    return os.path.join(_base(), name)


def _list():
    return os.path.join(_base(), ".labs")


def _entry(path):
    return os.path.join(_list(), hashlib.sha1(path.encode()).hexdigest()[:16])


def register(path):
    while True:
        try:
            _make_base()
            with contextlib.suppress(FileExistsError):
                os.mkdir(_list())
            with open(_entry(path), "w") as file:
                file.write(path)
            return
        except FileNotFoundError:
            pass  # the last one out has just removed the list


def _listed():
    """The labs of the list, which others may leave meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        if os.lstat(_base()).st_uid != os.getuid():
            return
        for name in os.listdir(_list()):
            with contextlib.suppress(FileNotFoundError), \
                    open(os.path.join(_list(), name)) as file:
                yield file.read()


def unregister(path):
    """The last one out removes the list."""
    try:
        os.unlink(_entry(path))
    except FileNotFoundError:
        pass
    for folder in (_list(), _base()):
        try:
            os.rmdir(folder)
        except OSError:
            pass


def read(path):
    """lab.json of a lab that runs, or None."""
    try:
        with open(os.path.join(path, "lab.json")) as file:
            config = json.load(file)
    except (OSError, ValueError):
        return None
    return config if config.get("pid") and alive(config["pid"], config["started"]) else None


def write(path, config):
    name = os.path.join(path, "lab.json")
    with open(name + ".new", "w") as file:
        json.dump(config, file, indent=1)
        file.write("\n")
    os.rename(name + ".new", name)


def started(pid):
    """When a process began, in ticks since boot: together with the PID it names the process."""
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[19])


def alive(pid, since):
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return False
    return fields[0] not in "ZX" and int(fields[19]) == since


def find(path=None, ended=False):
    """The state directory and lab.json of the lab that is meant; with `ended` also one that was
    killed and has left files, and None."""
    path = path or os.environ.get("PELORUS_LAB_STATE")
    if path:
        path = os.path.abspath(path)
        config = read(path)
        if not config and not (ended and os.path.exists(os.path.join(path, "lab.json"))):
            raise LabError(f"no lab is up in {path}")
        return path, config
    up, left = {}, {}
    for path in _listed():
        config = read(path)
        (up if config else left)[path] = config
    found = up or (left if ended else up)
    if not found:
        raise LabError("no lab is up; start one with: lab up")
    if len(found) > 1:
        raise LabError("several labs are up, name one with --state: " + " ".join(sorted(found)))
    return next(iter(found.items()))


@contextlib.contextmanager
def claim(path):
    """An empty directory for one lab that comes up; it is claimed for as long as a process of the
    lab lives."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise LabError(f"{path} cannot be made: {error.strerror}") from None
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(f"a lab is up already in {path}") from None
        _empty(path)
        os.fchmod(fd, 0o755)
        yield
    finally:
        os.close(fd)


def clear(path):
    """Removes what a lab left in its directory; the directory itself too if it is then empty."""
    _empty(path)
    try:
        os.rmdir(path)
    except OSError:
        pass


def _empty(path):
    for name in ("servers", "ns", "etc", "tls"):
        shutil.rmtree(os.path.join(path, name), ignore_errors=True)
    for pattern in ("lab.json*", "control.sock", "events.jsonl", "daemon.log", "status*.tsv*",
                    "pelorus.conf"):
        for name in glob.glob(os.path.join(glob.escape(path), pattern)):
            os.unlink(name)


class Events:
    """The append-only file of events."""

    def __init__(self, path):
        self.fd = os.open(os.path.join(path, "events.jsonl"),
                          os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    @staticmethod
    def now():
        """The moment, to be handed to emit() by those for whom microseconds count."""
        return time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def emit(self, kind, moment=None, **details):
        wall, boot = moment or self.now()
        line = {"t": round(wall / 1e9, 6), "boot_ns": boot, "event": kind, **details}
        os.write(self.fd, (json.dumps(line) + "\n").encode())
