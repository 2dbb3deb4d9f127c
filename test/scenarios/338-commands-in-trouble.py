#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What operators' commands do when something is wrong already: a daemon that is stopped or says
what it should not, a full disk, no output, files that are not what they should be.
"""
import os
import socket
import subprocess
import tempfile
import threading

from lib import tap
from lib.paths import PELORUS
from lib.prober import Prober
from lib.terminal import Terminal, shows
from lib.waiting import LIMIT, wait_for

NAME = "demo.cluster-trouble.us-east-1.rds.amazonaws.com"
EVENT = r'{"seq":1,"time":"2026-01-31T12:00:00.000Z","code":"login-failed","cluster":"a",' \
        r'"text":"denied \u001b]0;mine\u0007 \u009b2J"}'


class Daemon:
    """What stands where the daemon's socket is; `answer` is None for one that is stopped."""

    def __init__(self, folder, answer):
        self.path, self.answer, self.asked = os.path.join(folder, "control"), answer, ""
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.asked = connection.recv(9000).decode()
                if self.asked:
                    connection.send(self.answer)

    def __enter__(self):
        self.listener.bind(self.path)
        self.listener.listen()
        if self.answer is not None:
            threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)


def run(env, *words, **options):
    """(code, output, errors), or (None, ...) of one that never ends."""
    try:
        done = subprocess.run([PELORUS, *words], env=env, capture_output=True, text=True,
                              timeout=3 * LIMIT, check=False, **options)
        return done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        return None, "", "it does not end"


def check_stopped(env, folder):
    with Daemon(folder, None):
        said = run(env, "disable")
        tap.ok(said[0] == 1 and "timed out" in said[2],
               "a daemon that is stopped is not waited for", said)
        said = run(env, "run", "--cluster", NAME, "--", "echo", "there")
        tap.ok(said[0] == 0 and said[1] == "there\n" and "timed out" in said[2],
               "and keeps no program from its start", said)
        with Terminal(env) as terminal:
            terminal.type(f"{PELORUS} watch")
            terminal.wait(lambda s: shows(s, "no prober is at work"), "watch says so, and goes on")
            terminal.key("q")


def check_orders(env, folder):
    with Daemon(folder, f"ok\n{EVENT}\n".encode()):
        _, text, _ = run(env, "events")
        tap.ok("denied ?]0;mine? ??2J" in text, "what a server says is no order to a terminal",
               text)
        tap.ok(run(env, "events", "--json")[1] == EVENT + "\n", "and stays itself in JSON")
    with Daemon(folder, b"error failed \x1b[2J\n"):
        _, _, text = run(env, "reload")
        tap.ok(text == "pelorus reload: ?[2J\n", "nor is what the daemon says", text)


def check_relative(env, folder):
    """The daemon is in a directory of its own."""
    with open(os.path.join(folder, "ca.pem"), "w") as out, Daemon(folder, b"ok\n") as daemon:
        said = run(env, "follow", "--user", "u", "--ssl-ca", out.name.rpartition("/")[2], NAME,
                   cwd=folder)
        tap.ok(said[0] == 0 and f"\nssl-ca={folder}/ca.pem\n" in daemon.asked,
               "--ssl-ca is taken from where it was said", (said, daemon.asked))


def check_outputs(p):
    for words in (["status"], ["metrics"], ["config", "show"], ["--version"], ["help"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PELORUS, *words], env=p.environment, stdout=full, text=True,
                                  stderr=subprocess.PIPE, check=False)
        tap.ok(done.returncode == 1 and "No space left" in done.stderr,
               f"{words[0]}: output that is lost is a failure", (done.returncode, done.stderr))
    done = subprocess.run(["sh", "-c", '"$0" status >&-', PELORUS], env=p.environment, text=True,
                          stderr=subprocess.PIPE, check=False)
    tap.ok(done.returncode == 1 and "could not be written" in done.stderr,
           "so is one that is closed", (done.returncode, done.stderr))


def check_full_disk(p, folder):
    """Room for a part of the text."""
    place = os.path.join(folder, "small")
    os.mkdir(place)
    done = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                           'mount -t tmpfs -o size=4k small "$1" && '
                           '"$0" metrics --textfile "$1/x.prom"; echo $?; ls "$1"', PELORUS, place],
                          env=p.environment, capture_output=True, text=True, check=False)
    tap.ok(done.stdout == "1\n" and "No space left on device" in done.stderr,
           "metrics --textfile: a full disk is called one, and nothing is left there",
           done.stdout + done.stderr)


def check_follow(p, folder):
    password = os.path.join(folder, "password")
    for text, expected in (("", "no password"), ("x" * 5000, "too long")):
        with open(password, "w") as out:
            out.write(text)
        done = p.pelorus("follow", "--user", "u", "--password-file", password, NAME)
        tap.ok(done.returncode == 2 and expected in done.stderr,
               f"a password file of {len(text)} bytes: {expected}", done.stderr)
    done = p.pelorus("follow", "--user", "u", "--ssl-ca", "nowhere.pem", NAME)
    tap.ok(done.returncode == 2 and "nowhere.pem: No such file" in done.stderr,
           "and one that is not there is told at once", done.stderr)


def check_followers(p):
    """What cannot be read tells nothing, least of all that nobody is there."""
    slots = os.path.join(p.directory, "clients.slots")
    p.ask("follow", name=NAME)
    wait_for(lambda: p.pelorus("check", NAME).stdout.find("not followed") < 0)
    os.unlink(slots)
    os.mkdir(slots)
    done = p.pelorus("check", "--follows", NAME)
    tap.ok(done.returncode == 3 and "cannot be read" in done.stdout,
           "check --follows knows nothing where it cannot look", done.stdout + done.stderr)
    os.rmdir(slots)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o700)
        env = {**os.environ, "PELORUS_RUNTIME_DIR": folder}
        check_stopped(env, folder)
        check_orders(env, folder)
        check_relative(env, folder)
    with Prober() as p, tempfile.TemporaryDirectory() as folder:
        p.begin()
        check_outputs(p)
        check_full_disk(p, folder)
        check_follow(p, folder)
        check_followers(p)
    tap.done()


main()
