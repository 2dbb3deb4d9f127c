#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The programs of every day run under the preload as if it were not there.

Each runs without and with LD_PRELOAD, and what a user sees of it (exit status, output, error
output) must be the same.  No cluster is followed and no prober runs: this is about being a guest.
"""
import os
import shutil
import stat
import subprocess
import tempfile

from lib import environ
from lib.paths import LIBRARY, ROOT
from lib.programs import guests
from lib.programs.unchanged import compare, environment, short
from lib.servers import fastcgi
from lib.tap import done, ok, skip

SOURCES = os.path.join(ROOT, "test", "guests")
HOST = guests.host()
NOBODY = 65534


def tools(folder):
    """What a shell finds anywhere."""
    repository = os.path.join(folder, "repository")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.invalid"]
    dates = {"GIT_AUTHOR_DATE": "1700000000 +0000", "GIT_COMMITTER_DATE": "1700000000 +0000",
             "HOME": folder, "PATH": os.environ["PATH"]}
    script = ("set -e; for i in 1 2 3; do echo $i | cat; done; (exit 5) || echo $?; "
              "x=$(ls / | wc -l); [ $x -gt 3 ]; kill -l 13; trap 'echo end' EXIT; false | true; "
              "exit 7")
    rows = [("ls", ["ls", "-la", "/usr/include"]), ("ls of nothing", ["ls", "/nonexistent"]),
            ("bash", ["bash", "-c", script]), ("a shell's pipe", ["sh", "-c", "yes | head -3"]),
            ("env", ["env", "-i", "A=1", "env"]),
            ("getent", ["getent", "hosts", "localhost"]),
            ("perl", ["perl", "-e", "use Socket; print inet_ntoa(inet_aton('localhost'))"]),
            ("python",
             ["python3", "-c", "import socket; print(socket.gethostbyname('localhost'))"])]
    for text, command in rows:
        if not shutil.which(command[0]):
            skip(f"{text} is unchanged", f"no {command[0]}")
            continue
        compare(HOST, f"{text} is unchanged", command, folder)
    if not shutil.which("git"):
        skip("git is unchanged", "no git")
        return
    done_in = []
    for env in ({}, environment(HOST, folder)):
        shutil.rmtree(repository, ignore_errors=True)
        steps = (["git", "init", "-q", repository],
                 [*git, "-C", repository, "commit", "-q", "--allow-empty", "-m", "x"],
                 [*git, "-C", repository, "log", "--format=%H %s"],
                 [*git, "-C", repository, "gc", "-q"], [*git, "-C", repository, "show", "no-such"],
                 [*git, "clone", "-q", repository, repository + "/clone"])
        done_in.append([guests.run(s, {**dates, **env}) for s in steps])
    ok(done_in[0] == done_in[1] and done_in[0][2][0] == 0, "glibc: git is unchanged", done_in)


def compilers(folder, port):
    """gcc, and what it makes; musl's; Go; Rust."""
    source = os.path.join(SOURCES, "list.c")
    objects = []
    for env in ({}, environment(HOST, folder)):
        out = os.path.join(folder, "list.o")
        got = guests.run(["gcc", "-O2", "-c", "-o", out, source], env)
        with open(out, "rb") as made:
            objects.append((got, made.read()))
    ok(objects[0] == objects[1] and objects[0][0] == (0, b"", b""),
       "glibc: gcc compiles the same object")
    compare(HOST, "gcc's errors are unchanged",
            ["gcc", "-c", "-x", "c", "-", "-o", "/dev/null"], folder, stdin=b"int main(")
    static = HOST.build("list-static", folder)
    compare(HOST, "a static program is unchanged", [static, "/"], folder)
    go(folder, port)
    rust(folder, port)


def go(folder, port):
    for cgo, text in ((False, "a static Go program"),
                      (True, "a Go program that looks up through libc")):
        out, why = guests.build_go(folder, cgo)
        if not out:
            skip(f"glibc: {text} is unchanged", why)
            continue
        for netdns in ("go", "cgo"):
            got = compare(HOST, f"{text}, netdns={netdns}, is unchanged",
                          ["env", f"GODEBUG=netdns={netdns}", out, str(port)], folder)
            ok(got[0] == 0 and b"hello" in got[1], f"glibc: {text}, netdns={netdns}, does dial",
               short(got))


def rust(folder, port):
    out, why = guests.build_rust(folder)
    if not out:
        skip("glibc: a Rust program is unchanged", why)
        return
    got = compare(HOST, "a Rust program is unchanged", [out, str(port)], folder)
    ok(got[0] == 0 and b"hello" in got[1], "glibc: the Rust program does dial", short(got))


def privileged(folder):
    """Set-user-ID programs ignore the preload: the loader does, and so must nothing else change."""
    if os.getuid() != 0:
        skip("glibc: a set-user-ID program is unchanged", "needs root to make one")
        return
    os.chmod(folder, 0o755)
    program = HOST.build("maps", folder)
    os.chown(program, 0, 0)
    os.chmod(program, 0o755 | stat.S_ISUID)
    got = compare(HOST, "a set-user-ID program is unchanged", [program, "libpelorus"], folder,
                  user=NOBODY, group=NOBODY, extra_groups=[])
    ok(got == (0, b"", b""), "glibc: and the library is not in it", short(got))
    if shutil.which("sudo"):
        compare(HOST, "sudo is unchanged", ["sudo", "-n", "-u", "nobody", "id"], folder)
    else:
        skip("glibc: sudo is unchanged", "no sudo")


def runtimes(folder, port):
    rows = [("node", ["node", os.path.join(SOURCES, "guest.js"), str(port)]),
            ("node's failure", ["node", "-e", "process.exitCode = 9; throw new Error('x')"]),
            ("java", ["java", "-version"]),
            ("php", ["php", "-r", "echo gethostbyname('localhost'), PHP_VERSION; "
                     f"echo fread(stream_socket_client('tcp://localhost:{port}'), 5); exit(4);"])]
    for text, command in rows:
        if shutil.which(command[0]):
            compare(HOST, f"{text} is unchanged", command, folder)
        else:
            skip(f"glibc: {text} is unchanged", f"no {command[0]}")


def fpm_binary():
    found = [f for f in sorted(os.listdir("/usr/sbin")) if f.startswith("php-fpm")]
    return os.path.join("/usr/sbin", found[-1]) if found else None


def fpm_serves(binary, config, sock, script, env):
    """Starts a master, asks it four times once it says that it is ready: (answers, exit status)."""
    master = subprocess.Popen([binary, "-F", "-y", config], env=environ.plain(**env),
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    answers = "never ready"
    try:
        if any("ready to handle connections" in line for line in master.stderr):
            answers = [fastcgi.request(sock, script) for _ in range(4)]
    finally:
        master.terminate()
        master.communicate(timeout=30)
    return answers, master.returncode


def fpm(folder, port):
    binary = fpm_binary()
    if not binary:
        skip("glibc: php-fpm is unchanged", "no php-fpm")
        return
    sock, config, script = (os.path.join(folder, n) for n in ("fpm.sock", "fpm.conf", "x.php"))
    user = "user = nobody\ngroup = nogroup\n" if os.getuid() == 0 else ""
    with open(config, "w") as out:
        out.write(f"[global]\nerror_log = /proc/self/fd/2\n[www]\n{user}listen = {sock}\n"
                  "listen.mode = 0666\npm = static\npm.max_children = 2\nclear_env = yes\n")
    with open(script, "w") as out:
        out.write("<?php header_remove('X-Powered-By'); echo gethostbyname('localhost'), "
                  f"fread(stream_socket_client('tcp://127.0.0.1:{port}'), 5), "
                  "getenv('LD_PRELOAD') === false ? 'clear' : 'not clear';")
    os.chmod(folder, 0o755)
    compare(HOST, "php-fpm -t is unchanged", [binary, "-t", "-y", config], folder,
            differs=rb"\[\d+-\w+-\d+ \d+:\d+:\d+\]")
    plain = fpm_serves(binary, config, sock, script, {})
    under = fpm_serves(binary, config, sock, script, environment(HOST, folder))
    ok(plain == under, "glibc: php-fpm serves unchanged", f"{plain}\n{under}")
    ok(b"127.0.0.1hello" in plain[0][0], "glibc: and it does serve", plain)


def main():
    if not ok(os.path.exists(LIBRARY), "the build makes libpelorus.so", LIBRARY):
        done()
    listener = guests.Listener(greeting=b"hello")
    with tempfile.TemporaryDirectory(prefix="pelorus-guests-") as folder:
        tools(folder)
        compilers(folder, listener.port)
        privileged(folder)
        runtimes(folder, listener.port)
        fpm(folder, listener.port)
    listener.close()
    done()


main()
