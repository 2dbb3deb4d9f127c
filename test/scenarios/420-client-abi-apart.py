#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The client ABI in less usual company: no prober, no configured credentials, many threads, event
loops, two client libraries in one process, the C API, and moves under valgrind.
"""
import glob
import os
import re
import shutil
import tempfile

from lib.lab import Lab, module, now
from lib.programs import writer as w
from lib.programs.shell import Shell
from lib.tap import done, note, ok, skip

Connection = module("wire").Connection
THREADS = 64
MOVES = 8
LOST = ("2006", "2013", "2026", "2055", "1053")


def admin(lab):
    """Root on the writer, by its socket."""
    folder, = glob.glob(os.path.join(lab.state, "servers", lab.writer + ".*"))
    return Connection(os.path.join(folder, "sock"))


def without_credentials(directory):
    """The prober has nothing to log in with but what an application hands over."""
    env = w.environment(directory)
    return {k: v for k, v in env.items() if k not in ("PELORUS_USER", "PELORUS_PASSWORD")}


def fail_over(lab, writers, mode):
    begin = now()
    writable = lab.failover(mode)["writable"]["boot_ns"]
    for writer in writers:
        ok(writer.wait_for(writable), f"{writer.kind}, {mode}: writes again", writer.stderr)
        first = next((ns for ns, word, n, _ in writer.lines if ns > writable and word == "ok"), 0)
        note(f"{writer.kind}, {mode}: {(first - writable) / 1e6:.1f} ms from writable to written")
    return begin


def judge(writer, begin, handles=1):
    """One error at most for each handle and failover, of a statement that was under way."""
    errors = writer.errors(after_ns=begin)
    by_handle = {}
    for _, _, n, rest in errors:
        by_handle.setdefault(n // 1000000, []).append(rest)
    worst = max(map(len, by_handle.values()), default=0)
    strange = [e for e in errors if e[3].split()[0] not in LOST]
    ok(worst <= 1 and not strange,
       f"{writer.kind}: one error at most on each of {handles} handles",
       "\n".join(map(str, errors)))


def many(lab, directory):
    handed = w.Writer(lab, "credentials handed over", 2,
                      without_credentials(os.path.join(directory, "handed")),
                      command=[w.program("c/writer")])
    crowd = w.Writer(lab, f"{THREADS} threads", 3, w.environment(os.path.join(directory, "crowd")),
                     command=[w.program("c/writers")], pause_ms=50, more=[str(THREADS)])
    writers = [handed, crowd]
    for writer in writers:
        ok(writer.wait_for(), f"{writer.kind}: writes", writer.stderr)
    for mode in ("crash", "graceful"):
        begin = fail_over(lab, writers, mode)
        for writer in writers:
            judge(writer, begin, THREADS if writer is crowd else 1)
    for writer in writers:
        ok(writer.end() == 0, f"{writer.kind}: ends well", writer.stderr)
    for writer, twice, lost, rows in w.count(lab, writers):
        ok(not twice and not lost, f"{writer.kind}: no row twice, none lost", (twice, lost))
        note(f"{writer.kind}: {len(writer.acknowledged())} acknowledged, {rows} rows")


def asynchronous(lab, directory):
    """An event loop is told at once, as often as there is no writer, and is never made to wait."""
    env = w.environment(os.path.join(directory, "crowd"))
    writer = w.Writer(lab, "asynchronous", 4, env, command=[w.program("c/async")], pause_ms=10)
    ok(writer.wait_for(), "asynchronous: writes", writer.stderr)
    for mode in ("crash", "graceful"):
        judge_asynchronous(writer, fail_over(lab, [writer], mode), mode)
    ok(writer.end() == 0, "asynchronous: ends well", writer.stderr)
    blocked = [line for line in writer.lines if line[1] == "blocked"]
    ok(not blocked, "asynchronous: no call blocks", blocked)
    for _, twice, lost, _ in w.count(lab, [writer]):
        ok(not twice and not lost, "asynchronous: no row twice, none lost", (twice, lost))


def judge_asynchronous(writer, begin, mode):
    errors = writer.errors(after_ns=begin)
    lost = [e for e in errors if e[3].split()[0] not in ("2002", "2003", "1290")]
    ok(len(lost) <= 2 and all(e[3].split()[0] in LOST for e in lost),
       f"{writer.kind}, {mode}: told of the loss, and that there is no writer",
       "\n".join(map(str, errors)))
    note(f"{writer.kind}, {mode}: {len(errors)} errors, {len(lost)} of them of a lost connection")


def alone(lab, directory):
    """Nobody publishes the topology, and DNS still leads to a reader: whose own table has the
    writer.  There is no evidence of a failover without a prober, so a loss is told."""
    reader = next(i["id"] for i in lab.status()["instances"]
                  if i["health"] == "up" and i["id"] != lab.writer)
    lab.run("dns", "point", "writer", reader)
    shell = Shell(lab, dict(w.environment(os.path.join(directory, "alone")), PELORUS_PROBER="off"))
    heard = [shell("connect " + lab.writer_name), shell("query SELECT @@aurora_server_id")]
    ok(heard == ["ok", f"ok {lab.writer}"],
       "without a prober a connection that DNS leads to a reader is brought to the writer", heard)
    admin(lab).query(f"KILL {shell('session').split()[2]}")
    heard = [shell("query SELECT 5"), shell("ping")]
    ok(all(h.split()[1] in LOST for h in heard), "... and when it is lost its handle is dead",
       heard)
    shell.close()
    lab.run("dns", "follow")


def told(program, said, writer):
    """Reads on until it has told both of this writer; it waits 60 s for a change at most."""
    wanted = [["writer", writer], ["connected", writer, "writer"]]
    for line in program.stdout:
        said.append(line.split())
        wanted = [words for words in wanted if words != said[-1]]
        if not wanted:
            return True
    return False


def api(lab, directory):
    program = lab.popen(w.program("c/topology"), lab.writer_name, "1000", stdout=-1, text=True,
                        env=w.environment(os.path.join(directory, "crowd"), preload=False))
    old, said = lab.writer, []
    ok(told(program, said, old), "the C API tells the writer, and where the handle is", said)
    ok(["larger", "1", "0"] in said and ["unsized", "-22", "1"] in said,
       "... fills no more of a struct than it has, and none that has no size", said)
    new = lab.failover("crash")["writable"]["id"]
    ok(told(program, said, new), "... and again when it has changed", said)
    program.kill()
    program.wait()


def two_libraries(lab, directory):
    env = w.environment(os.path.join(directory, "crowd"))
    run = lab.exec(w.program("standin/both"), lab.writer_name, w.program("standin/module.so"),
                   env=env, check=False)
    said = run.stdout.splitlines()
    ok([line for line in said if line.startswith("main")] ==
       ["main SELECT 1: 1", "main SELECT 2: 2", "main SELECT oops: failed 1054 42S22"],
       "of two client libraries, the program's serves the program", run.stdout)
    ok([line for line in said if line.startswith("module")] ==
       ["module anything: went well 0 00000 ",
        "module fail 1064: failed 1064 HY000 the stand-in says so",
        "module fail 2013: failed 2013 HY000 the stand-in says so",
        "module anything: went well 0 00000 "],
       "... and the module's serves the module, its errors as they are", run.stdout)
    ok("symbol: went well" in said, "a call through dlsym() goes well", run.stdout)
    ok("WARNING" not in run.stderr and run.stderr.count("pelorus[L20]") == 1,
       "its warning is not provoked: failing over in place is off there, said once", run.stderr)


def moves(lab, shell, n):
    """A connection whose writer fails over again and again; the first answer that is not right."""
    for _ in range(n):
        lab.failover("graceful")
        heard = shell("query SELECT 5")
        if heard != "ok 5":
            return heard
    return "ok"


def leaks(lab, directory):
    if not shutil.which("valgrind"):
        return skip(f"{MOVES} moves leak nothing", "valgrind is not installed")
    log = os.path.join(directory, "valgrind")
    shell = Shell(lab, w.environment(os.path.join(directory, "crowd")), "valgrind",
                  "--leak-check=full", f"--log-file={log}.%p", "--trace-children=no")
    heard = shell("connect " + lab.writer_name)
    ok(heard == "ok", "a program under valgrind connects", heard)
    shell("prepare 1 SELECT 1")
    shell("unprepare 1")
    heard = moves(lab, shell, MOVES)
    ok(heard == "ok", f"one handle moves {MOVES} times", heard)
    shell.close()
    said = "".join(open(f).read() for f in glob.glob(log + ".*"))
    lost = re.search(r"definitely lost: ([\d,]+) bytes", said)
    note("\n".join(re.findall(r"(?:definitely|still reachable|total heap).*", said)))
    clean = "no leaks are possible" in said or (lost and lost[1] == "0")
    ok(clean, "... and leaks nothing", said[-3000:])
    ok("Invalid" not in said, "... and touches nothing that is not its own", said[-3000:])


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-abi-")
    for name in ("handed", "crowd", "alone"):
        os.mkdir(os.path.join(directory, name), 0o700)
    with Lab(instances=3, name="apart") as lab:
        lab.sql("writer", w.TABLE)
        many(lab, directory)
        asynchronous(lab, directory)
        api(lab, directory)
        alone(lab, directory)
        two_libraries(lab, directory)
        leaks(lab, directory)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
