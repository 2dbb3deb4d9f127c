#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pelorus run: the command's own status, one preload in front, one prober, and honest warnings."""
import os
import shutil
import signal
import stat
import subprocess
import tempfile

from lib.paths import BUILD, LIBRARY, PELORUS, ROOT
from lib.programs import guests
from lib.programs.unchanged import short
from lib.tap import as_root, done, ok, skip
from lib.terminal import Terminal, shows

SOURCES = os.path.join(ROOT, "test", "guests")
NOBODY = 65534
OFF = {"PELORUS_PROBER": "off"}


def run(*words, env=OFF, command=PELORUS, **kw):
    return guests.run([command, "run", *words], env, **kw)


def check_status():
    rows = [("success", ["true"], 0), ("the command's own status", ["sh", "-c", "exit 3"], 3),
            ("a death by signal", ["sh", "-c", "kill -TERM $$"], -signal.SIGTERM),
            ("no such command", ["no-such-command"], 127),
            ("no such path", ["/nonexistent/command"], 127),
            ("what may not be executed", ["/etc/passwd"], 126), ("a directory", ["/etc"], 126),
            ("no command", [], 125), ("an unknown option", ["--nonsense", "true"], 125),
            ("a command behind --", ["--", "sh", "-c", "exit 4"], 4)]
    for text, words, status in rows:
        got = run(*words)
        ok(got[0] == status, f"{text} ends with {status}", short(got))
    got = run("sh", "-c", "cat; echo error >&2", stdin=b"input")
    ok(got == (0, b"input", b"error\n"), "input, output and errors are the command's", short(got))
    got = run("--help")
    ok(got[0] == 0 and got[1].startswith(b"usage: pelorus run"), "--help explains itself",
       short(got))
    got = run("sh", "-c", "echo \"$0\"", "--require")
    ok(got[1] == b"--require\n", "options behind the command are the command's", short(got))


def value(name, *words, env=OFF):
    """A variable as the command sees it."""
    code, out, err = run(*words, "sh", "-c", f"printf %s \"${name}\"", env=env)
    return out.decode() if code == 0 and not err else f"status {code}, {err!r}"


def check_environment(folder):
    ok(value("LD_PRELOAD") == LIBRARY, "the library is preloaded", value("LD_PRELOAD"))
    other = os.path.join(BUILD, "test", "lib", "wall_clock.so")
    got = value("LD_PRELOAD", env={**OFF, "LD_PRELOAD": other})
    ok(got == f"{LIBRARY}:{other}", "what was preloaded stays, behind it", got)
    got = value("LD_PRELOAD", PELORUS, "run")
    ok(got == LIBRARY, "a run within a run preloads once", got)
    got = value("PELORUS_CLUSTER", "--cluster", "db.example", "--cluster", "reader:ro.example")
    ok(got == "db.example,reader:ro.example", "clusters are named to the library", got)
    got = value("PELORUS_CLUSTER", "--cluster", "a", env={**OFF, "PELORUS_CLUSTER": "b,c"})
    ok(got == "a,b,c", "clusters named before stay", got)
    got = value("LD_PRELOAD", env={**OFF, "PELORUS_LIBRARY": "/nonexistent.so"})
    ok(got.startswith("status 0") and "libpelorus.so cannot be found" in got,
       "a missing library is told", got)
    got = run("--require", "true", env={**OFF, "PELORUS_LIBRARY": "/nonexistent.so"})
    ok(got[0] == 125, "and refused with --require", short(got))


ENV_FILE = """# of the database
export DB_HOST=db.cluster-abc.us-east-1.rds.amazonaws.com
DB_USERNAME=app
DB_PASSWORD='p@ss#word' # and
"""


def check_env_file(folder):
    path = os.path.join(folder, "env")
    with open(path, "w") as out:
        out.write(ENV_FILE)
    got = value("PELORUS_DATABASE_URL", "--env-file", path)
    ok(got == "mysql://app:p%40ss%23word@db.cluster-abc.us-east-1.rds.amazonaws.com/",
       "what .env says of the database is there for the library", got)
    ok(value("DB_HOST", "--env-file", path) == "", "and nothing else of it")
    with open(path, "w") as out:
        out.write("DB_USERNAME=app\n")
    for file, said in ((path, "no host together with a user"), (folder + "/none", "No such file"),
                       (folder, "directory")):
        got = run("--env-file", file, "true")
        ok(got[0] == 0 and said.encode() in got[2], f"a file of no use is told: {said}", short(got))
        got = run("--require", "--env-file", file, "true")
        ok(got[0] == 125, "and refused with --require", short(got))


def check_asking(environment):
    """On a terminal: who has given no credentials is told, and asked for some."""
    name = "db.cluster-abc.us-east-1.rds.amazonaws.com"
    told = "IS FOLLOWED BY DNS ALONE"
    with Terminal(environment, width=200) as terminal:
        terminal.type(f"{PELORUS} run --cluster localhost -- echo it ran")
        terminal.wait(lambda s: "it ran" in s and shows(s, f"localhost {told}"),
                      "run tells that a cluster is followed by DNS alone, and runs")
        terminal.type(f"clear; PELORUS_USER=u {PELORUS} run --cluster localhost -- echo it ran")
        terminal.wait(lambda s: "it ran" in s and not shows(s, told),
                      "and not where there are credentials")
        terminal.type(f"clear; {PELORUS} run -- echo it ran")
        terminal.wait(lambda s: "it ran" in s and not shows(s, told), "nor where nothing is known")
        terminal.type(f"clear; {PELORUS} follow --ask {name}")
        terminal.wait(lambda s: shows(s, "User:"), "follow --ask asks for the user")
        terminal.type("app")
        terminal.wait(lambda s: shows(s, "Password:"), "and for the password")
        terminal.key("C-c")
        terminal.type("echo status $?; stty -a | grep -o -e '-\\?echo '")
        terminal.wait(lambda s: "status 130" in s and "echo" in s and "-echo" not in s,
                      "Ctrl-C ends that, and the terminal echoes as before")
        terminal.type(f"clear; {PELORUS} follow --ask --user app {name}")
        # The question before this one is on the screen until it is cleared.
        terminal.wait(lambda s: shows(s, "Password:") and not shows(s, "status 130"),
                      "with a user it asks for the password alone")
        terminal.type("very secret")
        terminal.type("echo status $?")
        terminal.wait(lambda s: "status 0" in s and not shows(s, "very secret"),
                      "which is not shown")
    with open("/dev/null") as null:
        got = subprocess.run([PELORUS, "follow", "--ask", name], env={**os.environ, **environment},
                             stdin=null, stderr=subprocess.PIPE, start_new_session=True)
    ok(got.returncode == 2 and b"no terminal" in got.stderr, "without one it says so", got.stderr)
    got = guests.run([PELORUS, "status", "--json"], environment)
    ok(f'"key":"{name}"'.encode() in got[1] and b'"credentials":"untried"' in got[1],
       "the daemon has what was typed", short(got))


def check_hindrance(text, word, guest, trap=False, **kw):
    """Warned of, with what would help, and run all the same; refused with --require."""
    got = run(*guest, **kw)
    lines = got[2].decode(errors="replace").splitlines()
    ok(got[0] == 0 and len(lines) == 1 and word in lines[0] and
       ("--trap follows" in lines[0]) == trap, f"{text} is told, and run", short(got))
    got = run("--require", *guest, **kw)
    ok(got[0] == 125 and not got[1], f"{text} is refused with --require", short(got))


def check_hindrances(folder):
    static = guests.host().build("list-static", folder)
    check_hindrance("a static program", "statically", [static, "/"], trap=True)
    script = os.path.join(folder, "script")
    with open(script, "w") as out:
        out.write(f"#!{static}\n")
    os.chmod(script, 0o755)
    got = run(script)
    ok(b"statically" in got[2], "a script's interpreter is looked at", short(got))
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if os.access(go, os.X_OK):
        check_hindrance("a Go program", "Go program", [go, "version"], trap=True)
    else:
        skip("a Go program is told", "no go")
    for libc, text in ((guests.musl(), "a musl program is run without a word"),
                       (guests.old_glibc(), "a program of an older glibc is, too")):
        if libc.absent:
            skip(text, libc.absent)
            continue
        got = run("--require", libc.build("list", folder), "/")
        ok(got[0] == 0 and not got[2], text, short(got))
    foreign = guests.aarch64()
    if foreign.absent:
        skip("a program of another architecture is told", foreign.absent)
    else:
        got = run("--require", foreign.build("list", folder), "/")
        ok(got[0] == 125 and b"architecture" in got[2],
           "a program of another architecture is refused with --require", short(got))
    check_privileged(folder)


def check_privileged(folder):
    if os.getuid() != 0:
        skip("a set-user-ID program is told", "needs root to make one")
        return
    os.chmod(folder, 0o755)
    program = guests.host().build("maps", folder)
    os.chmod(program, 0o755 | stat.S_ISUID)
    # Copies, for the tree may be where nobody else may look, as root's own folder is.
    command, library = (shutil.copy(path, folder) for path in (PELORUS, LIBRARY))
    check_hindrance("a set-user-ID program", "privileges", [program, "none"], command=command,
                    env={**OFF, "PELORUS_LIBRARY": library}, user=NOBODY, group=NOBODY,
                    extra_groups=[], cwd=folder)
    got = run("--require", program, "none")
    ok(got[0] == 0, "set-user-ID is nothing to its own user", short(got))


def probers(folder):
    """Processes of this test's runtime directory, by their environment."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as comm, open(f"/proc/{pid}/environ") as environ:
                if comm.read().startswith("pelorusd") and folder in environ.read():
                    found.append(int(pid))
        except OSError:
            continue
    return found


def check_prober(folder):
    env = {"PELORUS_RUNTIME_DIR": os.path.join(folder, "run"),
           "PELORUS_CONFIG": os.path.join(folder, "pelorus.conf"), "HOME": folder}
    with open(env["PELORUS_CONFIG"], "w"):
        pass
    os.mkdir(env["PELORUS_RUNTIME_DIR"], 0o700)
    try:
        many = [subprocess.Popen([PELORUS, "run", "--require", "true"],
                                 env={**os.environ, **env}, stderr=subprocess.PIPE)
                for _ in range(8)]
        ended = [(p.communicate(timeout=60)[1], p.returncode) for p in many]
        ok(all(e == (b"", 0) for e in ended), "eight at once find or start a prober", ended)
        got = guests.run([PELORUS, "status"], env)
        ok(got[0] == 0, "a prober is at work behind them", short(got))
        text = "and only one: a supervisor with its worker"
        if as_root(text):
            found = probers(env["PELORUS_RUNTIME_DIR"])
            ok(len(found) == 2, text, found)
        got = run("--require", "true", env=env)
        ok(got[0] == 0 and not got[2], "the next finds it", short(got))
        check_asking(env)
        guests.run([PELORUS, "stop"], env)
    finally:
        for pid in probers(env["PELORUS_RUNTIME_DIR"]):
            os.kill(pid, signal.SIGTERM)
    got = run("--require", "true", env={**env, "PELORUS_PROBER": "/nonexistent/pelorusd"})
    ok(got[0] == 125 and b"prober" in got[2], "without a prober --require refuses", short(got))
    got = run("true", env={**env, "PELORUS_PROBER": "/nonexistent/pelorusd"})
    ok(got[0] == 0 and b"prober" in got[2], "without a prober it is told", short(got))


def main():
    if not ok(os.access(PELORUS, os.X_OK), "the build makes pelorus", PELORUS):
        done()
    with tempfile.TemporaryDirectory(prefix="pelorus-run-") as folder:
        check_status()
        check_environment(folder)
        check_env_file(folder)
        check_hindrances(folder)
        check_prober(folder)
    done()


main()
