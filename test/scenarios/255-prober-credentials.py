#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Credentials: refused ones rest and are told once, good ones are not disturbed by bad ones, and no
secret shows up anywhere."""
import contextlib
import glob
import os
import resource
import signal
import subprocess
import time

from lib.lab import Lab
from lib.paths import PELORUSD
from lib.prober import Prober
from lib.tap import as_root, done, note, ok
from lib.waiting import wait_for

WRONG = "n0t-the-passw0rd-of-anyone"
SECRETS = (WRONG, "app-secret-in-a-file")


class Inside(Prober):
    """A prober within the lab's network, spoken to from outside by its socket."""

    def __init__(self, lab, config="", **options):
        super().__init__(config=config, prefix=lab.command("exec", "--"), **options)

    def note_pids(self):
        """As this test sees them: the lab has process ids of its own."""
        status = self.status()
        inside = {status["supervisor"]: None, status["pid"]: None}
        for path in glob.glob("/proc/[0-9]*"):
            with contextlib.suppress(OSError):
                with open(path + "/cmdline", "rb") as f:
                    if PELORUSD.encode() not in f.read().split(b"\0")[0:1]:
                        continue
                with open(path + "/status") as f:
                    ids = next(line for line in f if line.startswith("NSpid")).split()[1:]
                with open(path + "/environ", "rb") as f:
                    ours = f"PELORUS_RUNTIME_DIR={self.directory}".encode() in f.read().split(b"\0")
                if ours and int(ids[-1]) in inside:
                    inside[int(ids[-1])] = int(ids[0])
        self.seen |= set(filter(None, inside.values()))
        return inside[status["supervisor"]], inside[status["pid"]]


def denials(lab):
    """How many logins each server has refused so far."""
    return [int(lab.sql(i["id"], "SHOW GLOBAL STATUS LIKE 'Access_denied_errors'",
                        user="app")[0][1])
            for i in lab.status()["instances"]]


def state(p, name):
    return next((c for c in p.status()["clusters"] if any(n["name"] == name for n in c["names"])),
                {})


def follow(p, lab, user, password):
    return p.ask("follow", name=lab.writer_name, user=user, password=password)


def refused(lab):
    with Inside(lab) as p:
        p.start()
        p.note_pids()
        before = sum(denials(lab))
        begin = time.monotonic()
        follow(p, lab, "app", WRONG)
        wait_for(lambda: state(p, lab.writer_name).get("why") == "denied")
        ok(p.pelorus("topology", lab.writer_name).returncode == 5, "a refused credential: status 5")
        for _ in range(50):
            follow(p, lab, "app", WRONG)
            p.ask("hint", name=lab.writer_name)
            p.ask("refresh", name=lab.writer_name)
            time.sleep(0.22)
        took, tries = time.monotonic() - begin, sum(denials(lab)) - before
        note(f"{tries} attempts within {took:.1f} s of hints, refreshes and repeated follows")
        ok(1 <= tries <= 2 + took / 10, "is tried at most once in ten seconds", str(tries))
        lines = [line for line in p.log().splitlines() if "CREATE USER" in line]
        ok(len(lines) == 1 and "GRANT" in lines[0] and "'app'@'%'" in lines[0],
           "and told once, with the SQL that mends it", p.log())
        begin = time.monotonic()
        follow(p, lab, "app", "app")
        wait_for(lambda: state(p, lab.writer_name).get("state") == "known")
        note(f"a good one helped after {1000 * (time.monotonic() - begin):.0f} ms")
        ok(True, "a good one that comes later helps at once")


def side_by_side(lab):
    """A bad client beside a good one; two applications with different users."""
    with Inside(lab) as p:
        p.start()
        p.note_pids()
        follow(p, lab, "app", "app")
        wait_for(lambda: state(p, lab.writer_name).get("state") == "known")
        before = sum(denials(lab))
        for i in range(20):
            follow(p, lab, "app", f"{WRONG}{i}")
        follow(p, lab, "pelorus", "pelorus")
        p.ask("refresh", name=lab.writer_name)
        time.sleep(1)
        c = state(p, lab.writer_name)
        ok(c["state"] == "known" and c["credentials"] == "good",
           "bad ones do no harm to a good one")
        ok(sum(denials(lab)) == before, "they are not even tried")
        if not as_root("a new worker finds a good one among them"):
            return
        old = p.status()["pid"]
        os.kill(p.note_pids()[1], signal.SIGKILL)
        wait_for(lambda: (p.is_up() or {}).get("pid", old) != old)
        p.note_pids()
        wait_for(lambda: state(p, lab.writer_name).get("state") == "known")
        ok(True, "a new worker finds a good one among them")


def replayed(lab):
    """Old passwords come first, then the right one: a new worker knows which it was."""
    if not as_root("a new worker tries no password that was refused"):
        return
    with Inside(lab) as p:
        p.start()
        p.note_pids()
        for i in range(3):
            follow(p, lab, "app", f"{WRONG}{i}")
        follow(p, lab, "app", "app")
        wait_for(lambda: state(p, lab.writer_name).get("state") == "known", 60)
        time.sleep(6)  # a sweep
        before, old = sum(denials(lab)), p.status()["pid"]
        os.kill(p.note_pids()[1], signal.SIGKILL)
        wait_for(lambda: (p.is_up() or {}).get("pid", old) != old)
        p.note_pids()
        wait_for(lambda: state(p, lab.writer_name).get("credentials") == "good")
        ok(sum(denials(lab)) == before, "a new worker tries no password that was refused",
           str(sum(denials(lab)) - before))


def everything_about(pid):
    for name in ("cmdline", "environ"):
        with open(f"/proc/{pid}/{name}", "rb") as f:
            yield f"{name} of {pid}", f.read()


def no_secret(lab):
    if not as_root("no secret in command line, environment, log, map, slots, status, events"):
        return
    with Inside(lab) as p:
        path = os.path.join(p.folder, "password")
        with open(path, "w") as out:
            out.write(SECRETS[1] + "\n")
        os.chmod(path, 0o600)
        p.configure(f"[cluster {lab.writer_name}]\nuser = app\npassword-file = {path}\n")
        resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
        p.start("--verbose")
        pids = p.note_pids()
        follow(p, lab, "app", WRONG)
        p.ask("follow", name=lab.writer_name, password=WRONG, port="x" + WRONG)
        wait_for(lambda: state(p, lab.writer_name).get("why") == "denied")
        places = [("status", p.ask("status").encode()), ("events", p.ask("events").encode())]
        for pid in pids:
            places += everything_about(pid)
        for file in glob.glob(os.path.join(p.directory, "*")):
            if os.path.isfile(file):
                with open(file, "rb") as f:
                    places.append((os.path.basename(file), f.read()))
        names = [name for name, text in places for s in SECRETS if s.encode() in text]
        ok(not names and len(places) > 8,
           "no secret in command line, environment, log, map, slots, "
           "status, events", str(names))
        with open(f"/proc/{pids[1]}/limits") as f:
            limit = next(line for line in f if "core file" in line).split()[4:6]
        ok(limit == ["0", "0"], "no core is written, whatever its starter allowed", str(limit))
        maps = subprocess.run(["grep", "-c", "^VmFlags:.* dd", f"/proc/{pids[0]}/smaps"],
                              capture_output=True, text=True).stdout
        ok(int(maps) >= 3, "what holds secrets is left out of dumps", maps)


def option_files(lab):
    """my.cnf, as libmariadb reads it: [client], then [pelorus]."""
    with Inside(lab) as p:
        path = os.path.join(p.folder, "my.cnf")
        with open(path, "w") as out:
            out.write(f"[client]\nuser = app\npassword = {WRONG}\n[pelorus]\npassword = app\n")
        os.chmod(path, 0o600)
        p.command = lambda *words: [*p.prefix, PELORUSD, "--config", p.config, "--defaults-file",
                                    path, *words]
        p.start("--follow", lab.writer_name)
        p.note_pids()
        wait_for(lambda: state(p, lab.writer_name).get("state") == "known")
        ok(True, "credentials of an option file are used")
        for words in (["-f", "tsv"], ["--json"], ["-f", "tree"], []):
            run = p.pelorus("topology", *words, lab.writer_name)
            ok(run.returncode == 0 and "demo-1" in run.stdout,
               f"pelorus topology {' '.join(words)}",
               run.stdout + run.stderr)
        waited = p.pelorus("topology", "--wait=15", lab.custom_name)
        ok(waited.returncode == 0 and waited.stdout.startswith(lab.custom_name + ": the writer is"),
           "--wait has a name followed and waits for its topology", waited.stdout + waited.stderr)
        direct = p.pelorus("topology", "--host", lab.writer_name, "--defaults-file", path)
        ok(direct.returncode == 0 and "the writer is demo-1, with 2 readers" in direct.stdout,
           "and so they are straight from a server", direct.stdout + direct.stderr)
        direct = p.pelorus("topology", "--host", lab.writer_name, "-uapp", f"-p{WRONG}")
        ok(direct.returncode == 5 and "Access denied" in direct.stderr, "which may refuse them")


with Lab(instances=3) as the_lab:
    for part in (refused, side_by_side, replayed, no_secret, option_files):
        begin = time.monotonic()
        part(the_lab)
        note(f"{part.__name__}: {time.monotonic() - begin:.1f} s")
done()
