#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a program is told is of its last call, and a statement's own trouble is the statement's own.

Behind a failover: a duplicate key is told as one; mysql_errno() is that of the call before it, also
where we look at none such; and a MYSQL_STMT of the lost connection, which can never be prepared
again, costs no other statement its connection.
"""
import shutil
import tempfile

from lib.lab import Lab
from lib.programs import writer as w
from lib.programs.handles import (
    GENERAL_LOG,
    MYSQL_8_0_33,
    Handle,
    await_writer,
    libmysqlclient,
    logged,
    number,
)
from lib.tap import done, note, ok, skip

SCHEMA = ["CREATE TABLE keyed (n INT PRIMARY KEY)", "INSERT INTO keyed VALUES (1)"]
LOST = (2006, 2013, 2055)


def logins(lab):
    return sum(logged(lab, i["id"], "Connect\tapp@") for i in lab.status()["instances"])


def check_duplicate(handle):
    heard = handle("query INSERT INTO keyed VALUES (1)")
    ok(heard.startswith("error 1062 23000"), "a write that is executed on the new writer, and is a "
       "duplicate, is told so", heard)
    handle.end()


def check_stat(handle):
    lost, stat = handle("query SELECT 5"), handle("stat")
    up, code = stat.split()[1:]
    note(f"a dirty session: {lost}; mysql_stat(): {stat}")
    ok(number(lost) in LOST and (up == "1") == (code == "0"),
       "mysql_errno() behind mysql_stat() is that of mysql_stat()", f"{lost}; {stat}")
    handle.end()


def check_jump(handle):
    """What the library remembers of a thread does not outlive a call that never returned."""
    heard = handle("query INSERT INTO keyed VALUES (2)")
    ok(heard == "ok", "behind a longjmp() out of a callback the thread's next handle is served as "
       "ever", heard)
    handle.end()


def check_statement(lab, handle):
    heard = [handle("query SELECT 5"), handle("id")]
    before = logins(lab)
    prepared = [handle("prepare SELECT 1"), handle("prepare SELECT 1")]
    after = [handle("query SELECT 5"), handle("id")]
    tried = logins(lab) - before
    note(f"an old MYSQL_STMT: {heard}, {prepared}, {after}, {tried} logins")
    ok(tried == 0, "a MYSQL_STMT of the lost connection is prepared in vain: nobody logs in for it",
       f"{tried} logins")
    ok(after[1] == heard[1], "... and the connection is the same behind it", f"{heard} {after}")
    handle.end()


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-told-")
    env = dict(w.environment(directory), PELORUS_USER="pelorus", PELORUS_PASSWORD="pelorus")
    command, problem = libmysqlclient(MYSQL_8_0_33, directory)
    with Lab(instances=3, name="told", dns_lag="never", server=GENERAL_LOG) as lab:
        for statement in SCHEMA:
            lab.sql("writer", statement)
        duplicate = Handle(lab, "C", env)
        stat = Handle(lab, None, env, [w.program("c/handle_unseen")])
        jump = Handle(lab, None, env, [w.program("c/handle_unseen")])
        statement = Handle(lab, None, env, command) if command else None
        heard = [h("connect " + lab.writer_name) for h in (duplicate, stat, jump, statement)
                 if h]
        heard.append(stat("query SET @a = 5"))
        jumped = [jump("jump keyed"), jump("connect " + lab.writer_name)]
        ok(jumped == ["ok jumped", "ok"], "one has jumped out of a callback", jumped)
        if statement:
            heard.append(statement("prepare SELECT 1"))
        ok(set(heard) == {"ok"}, "the programs are connected", heard)
        lab.failover("crash")
        await_writer(lab, env)
        check_duplicate(duplicate)
        check_stat(stat)
        check_jump(jump)
        if statement:
            check_statement(lab, statement)
        else:
            skip("an old MYSQL_STMT", problem)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
