#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real libmysqlclients, opaque handles and all, through a crash of the writer.

They are the ones in Connector/Python's wheels, whose extension exports what it has linked in.  A
program whose library warns of nothing is failed over on its handle; where each touch of
MYSQL_OPT_RECONNECT would print a warning the error is told as ever, the reason is said once, and
the next connection is on the new writer.  Beside them, in the same process, libmariadb is served
too.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

from lib.lab import Lab
from lib.paths import CLIENTS
from lib.programs import wheels
from lib.programs import writer as w
from lib.tap import done, ok, skip

NAME = "mysql-connector-python"
QUIET = ("8.0.33", "984f5649e6abee04461d6f52fbc77387d7137b8fd003c54bac66505006f17183")
WARNING = ("9.7.0", "b8d3d6f32b95ae1d0a2f29d1a2b4e628849bcf7e84a70dc56c85b4929361d86b")
LOST = ("2006", "2013")


def build_caller(folder, directory):
    """What is linked with the extension finds its libmysqlclient, whatever else is in the process;
    the extension comes from a registry, so meson cannot."""
    extension, = glob.glob(os.path.join(folder, "_mysql_connector.*.so"))
    out = os.path.join(directory, os.path.basename(folder) + ".so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", out,
                    os.path.join(CLIENTS, "standin", "caller.c"), extension], check=True)
    return out


class Program:
    def __init__(self, lab, folder, directory):
        script = os.path.join(CLIENTS, "python", "libmysqlclient.py")
        caller = build_caller(folder, directory)
        self.stderr = tempfile.TemporaryFile("w+")
        self.process = lab.popen(wheels.PYTHON, script, folder, caller,
                                 env=w.environment(directory, PYTHONPATH=folder),
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr,
                                 text=True)

    def __call__(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def close(self):
        """Its status, and what it has written to stderr."""
        self.process.stdin.close()
        self.process.stdout.close()
        status = self.process.wait(60)
        self.stderr.seek(0)
        return status, self.stderr.read()


def begin(lab, program, version):
    found = program("version")
    ok(found == version, f"the library is libmysqlclient {version}", found)
    heard = program("connect " + lab.writer_name)
    ok(heard == "ok", "... it connects by the cluster's name", heard)
    for statement in ("SET time_zone = '+05:00'", "INSERT INTO journal (writer, n) VALUES (1, 1)"):
        heard = program("query " + statement)
        ok(heard == "ok", "... and executes: " + statement.split()[0], heard)
    heard = program("beside connect " + lab.writer_name)
    ok(heard == "ok", "libmariadb connects in the same process", heard)


def go_on_beside(program):
    heard = program("beside query SELECT @@innodb_read_only")
    ok(heard == "ok 0", "libmariadb's handle beside it is on the new writer, without an error",
       heard)


def moved(lab, folder, directory):
    program = Program(lab, folder, directory)
    begin(lab, program, QUIET[0])
    lab.failover("crash")
    heard = program("query SELECT @@innodb_read_only")
    ok(heard == "ok 0", "after a crash a read on the same handle is answered by the new writer",
       heard)
    heard = program("query SELECT @@time_zone")
    ok(heard == "ok +05:00", "... with the session's settings", heard)
    heard = program("query INSERT INTO journal (writer, n) VALUES (1, 2)")
    ok(heard == "ok", "... and it writes", heard)
    go_on_beside(program)
    status, said = program.close()
    ok(status == 0 and said == "", "... and nothing is said", said)


def told(lab, folder, directory):
    program = Program(lab, folder, directory)
    begin(lab, program, WARNING[0])
    lab.failover("crash")
    heard = program("query SELECT 1")
    ok(heard.split()[1:2] and heard.split()[1] in LOST,
       "after a crash the next statement is told of the loss", heard)
    heard = program("connect " + lab.writer_name)
    ok(heard == "ok", "... the next connection is made", heard)
    heard = program("query SELECT @@innodb_read_only")
    ok(heard == "ok 0", "... to the new writer", heard)
    go_on_beside(program)
    status, said = program.close()
    ok(status == 0 and "WARNING" not in said and said.count("pelorus[L20]") == 1,
       "... the library's warning is not provoked, and the reason is said once", said)


def main():
    if sys.version_info[:2] != (3, 11):
        skip("a real libmysqlclient fails over", "the wheels are for Python 3.11")
        return done()
    directory = tempfile.mkdtemp(prefix="pelorus-libmysqlclient-")
    with Lab(instances=3, name="mysqlclient") as lab:
        lab.sql("writer", w.TABLE)
        for pinned, run in ((QUIET, moved), (WARNING, told)):
            folder, problem = wheels.unpack(NAME, *pinned)
            if problem:
                skip(f"a real libmysqlclient {pinned[0]} fails over", problem)
            else:
                run(lab, folder, directory)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
