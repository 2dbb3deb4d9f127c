#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The runtime directory: deleted, replaced, squatted, shared with other users."""
import os
import shutil
import stat
import subprocess
import sys
import time

from lib.paths import PELORUS
from lib.prober import Prober
from lib.tap import done, note, ok, skip
from lib.waiting import LIMIT, alive, wait_for

NOBODY, OTHER = 65534, 65533
ROOT = os.geteuid() == 0
SWEEPS_OFTEN = "[pelorus]\nidle-exit = 1s\n"


def as_user(uid):
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]


def inode(path):
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None


def deleted():
    with Prober(config=SWEEPS_OFTEN) as p:
        p.start("--follow", "localhost:1")
        pids = p.note_pids()
        path = os.path.join(p.directory, "topology.map")
        wait_for(lambda: p.pelorus("topology", "localhost").returncode == 5)
        before = inode(path)
        begin = time.monotonic()
        os.unlink(path)
        wait_for(lambda: inode(path) not in (None, before))
        note(f"a deleted map was published anew after {time.monotonic() - begin:.2f} s")
        wait_for(lambda: p.pelorus("topology", "localhost").returncode == 5)
        ok(p.note_pids() == pids, "a deleted map is published anew by the same prober")
        copy = path + ".copy"
        shutil.copy(path, copy)
        os.truncate(copy, 5000)
        os.rename(copy, path)
        wait_for(lambda: p.pelorus("topology", "localhost").returncode == 5)
        ok(os.stat(path).st_size > 5000, "so is one that a truncated copy replaced")
        with open(path + ".other", "w") as other:
            other.write("no map")
        os.rename(path + ".other", path)
        wait_for(lambda: p.pelorus("topology", "localhost").returncode == 5)
        ok(p.note_pids() == pids, "and one that something else replaced")
        os.unlink(os.path.join(p.directory, "clients.slots"))
        wait_for(lambda: inode(os.path.join(p.directory, "clients.slots")), 15)
        ok(True, "deleted slots come back, too")
        for name in ("lock", "control"):
            os.unlink(os.path.join(p.directory, name))
            wait_for(lambda name=name: inode(os.path.join(p.directory, name)))
            wait_for(p.is_up)
            ok(p.start().returncode == 0 and p.note_pids()[0] == pids[0],
               f"a deleted {name} does not make two probers")
        shutil.rmtree(p.directory)
        wait_for(p.is_up)
        ok(any(c["key"] == "localhost" for c in wait_for(lambda: p.status()["clusters"])),
           "when all is deleted the prober takes its place anew, with its names")


def moved_away():
    """Another prober has taken the place: the first one ends."""
    with Prober() as p:
        p.start()
        first = p.note_pids()
        os.rename(p.directory, p.directory + ".away")
        second = p.start()
        pids = p.note_pids()
        ok(second.returncode == 0 and pids != first, "where a directory is new, so may a prober be")
        wait_for(lambda: not any(alive(pid) for pid in first))
        ok(all(alive(pid) for pid in pids), "and the one of the old directory ends")
        shutil.rmtree(p.directory + ".away")


def untrusted():
    with Prober() as p:
        os.symlink(p.folder, p.directory)
        run = p.start()
        ok(run.returncode == 1 and "pelorusd:" in run.stderr, "a symbolic link is refused",
           run.stderr)
        os.unlink(p.directory)
        for mode in (0o770, 0o707, 0o777, 0o1777):
            os.mkdir(p.directory)
            os.chmod(p.directory, mode)
            run = p.start()
            ok(run.returncode == 1 and "cannot be trusted" in run.stderr and
               not os.listdir(p.directory), f"mode {mode:o} is refused, and nothing is put there",
               run.stderr)
            os.rmdir(p.directory)
        with open(p.directory, "w"):
            pass
        ok(p.start().returncode == 1, "a file in its place is refused")
        os.unlink(p.directory)
        os.mkdir(p.directory, 0o700)
        os.symlink("/etc/passwd", os.path.join(p.directory, "lock"))
        ok(p.start().returncode == 1, "a symbolic link for a lock is refused")
    with Prober() as p:
        os.mkdir(p.directory, 0o700)
        os.symlink("/etc/passwd", os.path.join(p.directory, "topology.map"))
        os.symlink("/etc/passwd", os.path.join(p.directory, "clients.slots"))
        before = os.stat("/etc/passwd")
        ok(p.start().returncode == 0, "links for map and slots are replaced")
        after = os.stat("/etc/passwd")
        ok((before.st_size, before.st_mtime, before.st_mode) ==
           (after.st_size, after.st_mtime, after.st_mode), "what they led to is untouched")


def squatted():
    """The directory that the rule gives, taken by another user before; then the next one too."""
    directory, second = f"/dev/shm/pelorus-{OTHER}", f"/tmp/pelorus-{OTHER}"
    for place in (directory, second):
        shutil.rmtree(place, ignore_errors=True)
        os.mkdir(place, 0o755)
        os.chown(place, NOBODY, NOBODY)
    os.rmdir(second)
    with Prober(prefix=as_user(OTHER), directory=second) as p:
        del p.environment["PELORUS_RUNTIME_DIR"]
        os.chmod(p.config, 0o644)
        ok(p.start().returncode == 0 and os.stat(second).st_uid == OTHER,
           "where it is squatted another place is taken")
        ok(p.pelorus("topology").returncode != 3, "where the command finds it")
    os.mkdir(second, 0o755)
    os.chown(second, NOBODY, NOBODY)
    with Prober(prefix=as_user(OTHER), directory=directory) as p:
        del p.environment["PELORUS_RUNTIME_DIR"]
        os.chmod(p.config, 0o644)
        run = p.start()
        ok(run.returncode == 1 and "cannot be trusted" in run.stderr,
           "where that is squatted too it is refused", run.stderr)
        run = p.pelorus("topology")
        ok(run.returncode == 3 and "cannot be trusted" in run.stderr, "the command says so, too",
           run.stderr)
        run = p.pelorus("follow", "--user=u", "--password-file=-", "a.example", input="secret\n")
        ok(run.returncode == 3, "and hands no password over there", run.stderr)
        os.rmdir(directory)
        ok(p.start().returncode == 0, "without the squatter all is well")
        ok(os.stat(directory).st_uid == OTHER, "in a directory of its own")
        with Prober() as mine:
            mine.start()
            ok(mine.note_pids() != p.note_pids(), "two users have two probers")
    os.rmdir(second)


def shared():
    """A directory that others may enter: the system's prober, or a sidecar's volume."""
    with Prober(config=SWEEPS_OFTEN + "[cluster localhost]\nport = 1\n") as p:
        os.mkdir(p.directory)
        os.chmod(p.directory, 0o755)
        p.start("--follow", "localhost:1")
        p.note_pids()
        wait_for(lambda: p.pelorus("topology", "localhost").returncode == 5)
        modes = {name: stat.S_IMODE(os.stat(os.path.join(p.directory, name)).st_mode)
                 for name in ("topology.map", "control", "clients.slots", "lock")}
        ok(modes == {"topology.map": 0o444, "control": 0o666, "clients.slots": 0o666,
                     "lock": 0o600}, "others may read the map and ask", str(modes))

        def foreign(*words, **options):
            return subprocess.run([*as_user(NOBODY), PELORUS, *words], env=p.environment, text=True,
                                  stdin=options.pop("stdin", subprocess.DEVNULL), timeout=LIMIT,
                                  capture_output=True, **options)

        ok(foreign("topology", "localhost").returncode == 5, "another user reads the map")
        ok(foreign("status").returncode == 0, "sees the status")
        ok(foreign("follow", "localhost").returncode == 0, "may follow what is configured")
        run = foreign("follow", "other.example")
        ok(run.returncode == 1 and "does not name it" in run.stderr, "but nothing else", run.stderr)
        run = foreign("follow", "--user=u", "--password-file=-", "localhost", input="x\n",
                      stdin=None)
        ok(run.returncode == 5, "its credentials are not taken", run.stderr)
        ok(p.status()["clusters"][0]["credentials"] == "none", "really not")
        for verb in ("stop", "reload", "refresh"):
            run = foreign(verb)
            ok(run.returncode == 1 and "own user and root" in run.stderr, f"it may not {verb}",
               run.stderr)
        ok(p.status()["control"]["foreign"] >= 3, "what it tried is counted")
        script = ("import socket,sys\nn=0\n"
                  "s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)\ns.connect(sys.argv[1])\n"
                  "for _ in range(100):\n s.send(b'hint\\nname=localhost'); n+=b'limited' in "
                  "s.recv(999)\n"
                  "print(n)")
        run = subprocess.run([*as_user(NOBODY), sys.executable, "-c", script,
                              os.path.join(p.directory, "control")], capture_output=True, text=True)
        ok(run.stdout and int(run.stdout) > 60, "it may not ask often", run.stdout + run.stderr)
        ok(p.ask("refresh").startswith("ok"), "which does not disturb the others")
        os.truncate(os.path.join(p.directory, "clients.slots"), 10)
        pids = p.note_pids()
        wait_for(lambda: os.stat(os.path.join(p.directory, "clients.slots")).st_size > 10, 15)
        ok(p.note_pids() == pids, "it cannot hurt the prober by truncating the slots")


def sidecar():
    """The prober runs under another uid than the application, which names the directory."""
    with Prober(prefix=as_user(NOBODY)) as p:
        os.chmod(p.config, 0o644)
        os.mkdir(p.directory)
        os.chmod(p.directory, 0o755)
        os.chown(p.directory, NOBODY, NOBODY)
        run = p.start()
        ok(run.returncode == 0, "a prober of another uid", run.stderr)
        run = subprocess.run([*as_user(OTHER), PELORUS, "topology"], env=p.environment,
                             capture_output=True, text=True)
        ok(run.returncode == 4, "is known to those who name its directory", run.stderr)
        worker = p.note_pids()[1]
        ok(os.stat(f"/proc/{worker}/environ").st_uid == 0,
           "and nobody of its own user may look into its memory")


def foreign_without_share():
    """A foreign user cannot even get in; who passes the directory some other way is refused."""
    with Prober() as p:
        p.start()
        pids = p.note_pids()
        os.chmod(p.directory, 0o711)
        os.chmod(os.path.join(p.directory, "control"), 0o666)
        script = ("import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)\n"
                  "s.settimeout(9)\ns.connect(sys.argv[1])\n"
                  "try:\n s.send(b'status')\n print(s.recv(99))\nexcept OSError: print(b'')\n")
        run = subprocess.run([*as_user(NOBODY), sys.executable, "-c", script,
                              os.path.join(p.directory, "control")], capture_output=True, text=True)
        ok(run.stdout == "b''\n", "a foreign user is not served where nothing is shared",
           run.stdout + run.stderr)
        ok(p.note_pids() == pids and p.status()["control"]["foreign"] == 1, "and counted")


def rootless():
    """A user who is root in a namespace of his own, as in a rootless container."""
    run = subprocess.run(["unshare", "-Urn", "true"], capture_output=True, text=True)
    if run.returncode != 0:
        return skip("rootless namespace", run.stderr.strip())
    with Prober(prefix=["unshare", "-Ur", "--map-root-user"]) as p:
        p.start("--follow", "localhost:1")
        p.note_pids()
        wait_for(lambda: p.pelorus("topology", "localhost").returncode == 5)
        return ok(p.ask("refresh") == "ok\n", "a rootless namespace: prober and clients meet there")


for part in (deleted, moved_away, untrusted, rootless):
    part()
for part in (squatted, shared, sidecar, foreign_without_share):
    if ROOT:
        part()
    else:
        skip(part.__name__, "needs root, to be two users")
done()
