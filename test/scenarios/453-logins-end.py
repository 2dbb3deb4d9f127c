#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What waiting cannot cure is not waited for, and what it can, once.

After a failover the new writer lets a program in no more, has not its database or its time zone:
the handle has one try and is dead. Where there is no writer, a call waits, and the next one has no
time of its own; and a connection by the writer's name that leads to a reader only is not handed
over. Logins are counted in the servers' general logs.
"""
import os
import shutil
import tempfile
import threading
import time

from lib.lab import Lab
from lib.programs import writer as w
from lib.programs.handles import GENERAL_LOG, Handle, as_root, await_published, logged, number
from lib.tap import done, note, ok

HANDLES = 20
LOST = (2006, 2013, 2055)
# One that meets the loss, one that connects anew, and one to spare.
LOGINS_EACH = 2
SOON_S, WAIT_S, LONG_S = 5, 3, 12
LOGINS_A_SECOND = 4
ZONE = [
    "SET sql_log_bin = 0",
    "INSERT INTO mysql.time_zone (Time_zone_id, Use_leap_seconds) VALUES (9999, 'N')",
    "INSERT INTO mysql.time_zone_name (Name, Time_zone_id) VALUES ('Made/Up', 9999)",
    "INSERT INTO mysql.time_zone_transition_type VALUES (9999, 0, 3600, 0, 'UP')"]


def timed(handle, line):
    begin = time.monotonic()
    return handle(line), time.monotonic() - begin


def at_once(handles, line):
    """What all of them answer to a line that they are told together, and how long that took."""
    heard = [None] * len(handles)

    def ask(i):
        heard[i] = handles[i](line)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(handles))]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return heard, time.monotonic() - begin


def logins(lab):
    """By a program, good and bad, on all instances; the prober is another user."""
    return sum(logged(lab, i["id"], "Connect\tapp@") for i in lab.status()["instances"])


def check_dead(handle, text):
    told = [timed(handle, line) for line in ("query SELECT 5", "ping")]
    ok(all(number(h) in LOST for h, _ in told) and sum(s for _, s in told) < SOON_S,
       f"{text}: then the handle is dead, at once", told)


def check_password(lab, env, directory):
    handles = [Handle(lab, "C", env) for _ in range(HANDLES)]
    heard = {h("connect " + lab.writer_name) for h in handles}
    ok(heard == {"ok"}, f"{HANDLES} handles are connected", heard)
    as_root(lab, lab.writer, "ALTER USER app IDENTIFIED BY 'another'")
    lab.failover("crash")
    await_published(lab, directory)
    before = logins(lab)
    heard, seconds = at_once(handles, "query SELECT 5")
    tried = logins(lab) - before
    note(f"a password that was changed: {tried} logins of {HANDLES} handles in {seconds:.1f} s; "
         f"{sorted({number(h) for h in heard})}")
    ok(all(h.startswith("error") for h in heard), "a password that was changed: each is told",
       heard)
    ok(tried <= HANDLES * LOGINS_EACH,
       f"... and tries to log in {LOGINS_EACH} times at most", f"{tried} logins")
    ok(seconds < SOON_S, f"... within {SOON_S} s", f"{seconds:.1f} s")
    check_dead(handles[0], "a password that was changed")
    for handle in handles:
        handle.end()
    as_root(lab, lab.writer, "ALTER USER app IDENTIFIED BY 'app'")


def check_setting(lab, env, directory, text, prepare, lines, never):
    """A session with what only its own server has; `never` asks for what must not be answered."""
    as_root(lab, lab.writer, *prepare)
    handle = Handle(lab, "C", env)
    heard = [handle(line) for line in ["connect " + lab.writer_name, *lines]]
    ok(all(h.startswith("ok") for h in heard), f"{text}: a session has it", heard)
    lab.failover("crash")
    await_published(lab, directory)
    before = logins(lab)
    heard, seconds = timed(handle, "query SELECT 5")
    tried = logins(lab) - before
    after = handle("query " + never)
    note(f"{text}: {heard} after {seconds:.1f} s and {tried} logins; then {after}")
    ok(heard.startswith("error"), f"{text}: the program is told", heard)
    ok(seconds < SOON_S and tried <= LOGINS_EACH,
       f"... within {SOON_S} s, after {LOGINS_EACH} logins at most",
       f"{seconds:.1f} s, {tried} logins")
    ok(after.startswith("error"), "... and does not go on without it", after)
    check_dead(handle, text)
    handle.end()


def check_no_writer(lab, env):
    """A clean handle waits for a writer, once."""
    handle = Handle(lab, "C", dict(env, PELORUS_FAILOVER_TIMEOUT=f"{WAIT_S}s"))
    heard = handle("connect " + lab.writer_name)
    ok(heard == "ok", "a handle is connected", heard)
    lab.run("failover", "--mode", "crash", "--no-promote")
    told = [timed(handle, line) for line in ("query SELECT 5", "ping", "query SELECT 5", "ping")]
    note("no writer: " + ", ".join(f"{number(h)} after {s:.1f} s" for h, s in told))
    ok(all(h.startswith("error") for h, _ in told), "without a writer every call fails", told)
    later = sum(s for _, s in told[1:])
    ok(later < WAIT_S / 2, "... and those behind the first do not wait again", f"{later:.1f} s")
    handle.end()


def check_wrong_server(lab, env, directory):
    """No prober, no writer, and DNS leads to a reader."""
    reader = next(i["id"] for i in lab.status()["instances"] if i["health"] == "up")
    lab.run("dns", "point", "writer", reader)
    handle = Handle(lab, "C", dict(env, PELORUS_PROBER="off", PELORUS_FAILOVER_TIMEOUT=f"{WAIT_S}s",
                                   PELORUS_RUNTIME_DIR=os.path.join(directory, "none")))
    before = logins(lab)
    heard, seconds = timed(handle, "connect " + lab.writer_name)
    tried = logins(lab) - before
    note(f"a wrong server: {heard} after {seconds:.1f} s and {tried} logins")
    ok(heard.startswith("error"), "by the writer's name no reader is handed over in silence", heard)
    ok(tried <= LOGINS_A_SECOND * max(1, seconds),
       f"... and {LOGINS_A_SECOND} logins a second are enough", f"{tried} in {seconds:.1f} s")
    handle.end()


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-logins-")
    env = dict(w.environment(directory), PELORUS_USER="pelorus", PELORUS_PASSWORD="pelorus",
               PELORUS_FAILOVER_TIMEOUT=f"{LONG_S}s")
    with Lab(instances=4, name="logins", dns_lag="never", server=GENERAL_LOG) as lab:
        check_password(lab, env, directory)
        check_setting(lab, env, directory, "a database that is gone",
                      ["SET sql_log_bin = 0", "CREATE DATABASE gone", "GRANT ALL ON gone.* TO app"],
                      ["db gone"], "SELECT DATABASE()")
        check_setting(lab, env, directory, "a time zone that is not known",
                      ZONE, ["query SET time_zone = 'Made/Up'"], "SELECT @@time_zone")
        check_no_writer(lab, env)
        check_wrong_server(lab, env, directory)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
