#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is executed once stays so: counted in the servers' general logs.

A statement that was killed, that ran into the program's own time limit, or that is larger than the
server takes, has failed; nothing failed over.  Each handle answers line by line as it does by an
instance's own name, where nothing is led anywhere.  Nor is a failover of long ago what has ended a
statement of today, or one of a connection that the library itself has made anew since.  A read that
takes its server with it may be executed once more after the failover, and takes no third server
with it.
"""
import os
import shutil
import tempfile
import time

from lib.lab import Lab
from lib.programs import writer as w
from lib.programs.handles import GENERAL_LOG, Handle, as_root, await_published, logged, number
from lib.tap import done, note, ok

KIND = "Python mysqlclient"
SCHEMA = ["CREATE TABLE numbers (n INT)", "CREATE TABLE large (t LONGTEXT)",
          "INSERT INTO numbers WITH RECURSIVE c AS (SELECT 1 n UNION ALL SELECT n + 1 FROM c WHERE "
          "n < 1000) SELECT n FROM c"]
# Of a kind that may be read twice without harm, and that takes as long as anybody could wait.
LONG = "SELECT SUM(a.n + b.n + c.n + d.n) FROM numbers a, numbers b, numbers c, numbers d " \
       "WHERE a.n <> '{}'"
LOST = (2006, 2013)
KILLS, APPEARS_S = 6, 30


def running(lab, instance, mark):
    """The connections that execute the marked statement now."""
    rows = lab.sql(instance, "SELECT id FROM information_schema.processlist WHERE info LIKE "
                   f"'%{mark}%' AND id <> CONNECTION_ID()", check=False)
    return [row[0] for row in rows] if isinstance(rows, list) else []


def wait_running(lab, handle, instance, mark):
    """The connection that executes it; None if the handle has answered before."""
    end = time.monotonic() + APPEARS_S
    while time.monotonic() < end:
        found = running(lab, instance, mark)
        if found:
            return found[0], None
        heard = handle.hear(0.05)
        if heard:
            return None, heard
    raise TimeoutError(f"{mark} neither runs on {instance} nor was answered")


def kill(lab, handle, mark):
    """Kills it as often as it comes again; the answer, and how often that was."""
    handle.say("query " + LONG.format(mark))
    for kills in range(KILLS):
        found, heard = wait_running(lab, handle, lab.writer, mark)
        if not found:
            return heard, kills
        lab.sql(lab.writer, f"KILL {found}")
        while found in running(lab, lab.writer, mark):
            time.sleep(0.02)
    return handle.hear(), KILLS


def afterwards(handle):
    """Whether the handle is dead: what each next call says, by its number."""
    return [number(handle(line)) for line in ("query SELECT 5", "ping", "query SELECT 5")]


def both(lab, env, run):
    """run(handle, mark) by the cluster's name under the preload, and by an instance's name."""
    told = []
    for name, host, environment in (("led", lab.writer_name, env),
                                    ("plain", lab.host(lab.writer), dict(os.environ))):
        handle = Handle(lab, KIND, environment)
        told.append(run(handle, host, f"{run.__name__}-{name}"))
        handle.end()
    return told


def check_kill(lab, env):
    def killed(handle, host, mark):
        handle("connect " + host)
        heard, kills = kill(lab, handle, mark)
        return number(heard), kills, logged(lab, lab.writer, mark), afterwards(handle)

    led, plain = both(lab, env, killed)
    note(f"killed: {led}, plain {plain} (error, kills, executions, afterwards)")
    ok(led[2] == 1, "a read that was killed is executed once", f"{led[2]} times, {led[1]} kills")
    ok(led == plain, "... and its handle answers as without us", f"{led} {plain}")


def check_own_reconnect(lab, env):
    def reconnected(handle, host, mark):
        handle("connect " + host)
        as_root(lab, lab.writer, "KILL " + handle("id").split()[1])
        again = handle("again")
        heard, kills = kill(lab, handle, mark)
        return again, number(heard), kills, logged(lab, lab.writer, mark), afterwards(handle)

    led, plain = both(lab, env, reconnected)
    note(f"connected anew by the library, then killed: {led}, plain {plain}")
    ok(led[3] == 1, "a read that was killed behind a reconnect of the library's own is executed "
       "once", f"{led[3]} times, {led[2]} kills")
    ok(led == plain, "... and its handle answers as without us", f"{led} {plain}")


def check_promoted(lab, env, directory):
    """A reader's connection that lives on on the new writer."""
    handle, mark = Handle(lab, KIND, env), "promoted"
    handle("connect " + lab.reader_name)
    reader = handle("query SELECT @@aurora_server_id").split()[-1]
    lab.failover("graceful", "--to", reader, "--keep-connections")
    await_published(lab, directory)
    before = handle("query SELECT @@aurora_server_id")
    heard, kills = kill(lab, handle, mark)
    times = sum(logged(lab, i["id"], mark) for i in lab.status()["instances"])
    note(f"on a reader that was promoted: {before}; killed: {heard}, {kills} kills")
    ok(before == f"ok {reader}", "a reader's connection stays where it is promoted", before)
    ok(times == 1, "... and a read that was killed there later is executed once",
       f"{times} times, {kills} kills")
    handle.end()


def check_timeout(lab, env):
    def timed_out(handle, host, mark):
        handle(f"connect {host} read_timeout=1")
        heard = handle("query " + LONG.format(mark))
        times = logged(lab, lab.writer, mark)
        for found in running(lab, lab.writer, mark):
            lab.sql(lab.writer, f"KILL {found}", check=False)
        return number(heard), times, afterwards(handle)

    led, plain = both(lab, env, timed_out)
    note(f"read time-out: {led}, plain {plain} (error, executions, afterwards)")
    ok(led[1] == 1, "a read that ran into the program's own time limit is executed once",
       f"{led[1]} times")
    ok(led == plain, "... and its handle answers as without us", f"{led} {plain}")


def check_large(lab, env):
    def large(handle, host, mark):
        handle("connect " + host)
        before = logged(lab, lab.writer, " on app using ")
        heard = handle("large 3000000 INSERT INTO large VALUES (%s)")
        again = logged(lab, lab.writer, " on app using ") - before
        return number(heard) in LOST + (1153,), again, [n in LOST for n in afterwards(handle)]

    led, plain = both(lab, env, large)
    note(f"too large: {led}, plain {plain} (told, connected again, dead afterwards)")
    ok(led[1] == 0, "a write larger than the server takes is sent once",
       f"connected {led[1]} times more")
    ok(led[0] and led == plain, "... and its handle answers as without us", f"{led} {plain}")


def check_crash(lab, env):
    """The statement is on the server whenever that dies."""
    handle, mark, executed = Handle(lab, KIND, env), "crashes", 0
    handle("connect " + lab.writer_name)
    handle.say("query " + LONG.format(mark))
    heard = None
    for _ in range(3):
        found, heard = wait_running(lab, handle, lab.writer, mark)
        if not found:
            break
        executed += 1
        if executed < 3:
            lab.failover("crash")
    note(f"a read that crashes its server: on {executed} servers; then {heard}")
    ok(executed <= 2, "a read that crashes its server takes no third one with it",
       f"on {executed} servers")
    for found in running(lab, lab.writer, mark):
        lab.sql(lab.writer, f"KILL {found}", check=False)
    handle.end()


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-once-")
    env = w.environment(directory)
    with Lab(instances=4, name="once", dns_lag="0",
             server=[*GENERAL_LOG, "max-allowed-packet=1M"]) as lab:
        for statement in SCHEMA:
            lab.sql("writer", statement)
        check_kill(lab, env)
        check_own_reconnect(lab, env)
        check_promoted(lab, env, directory)
        check_timeout(lab, env)
        check_large(lab, env)
        check_crash(lab, env)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
