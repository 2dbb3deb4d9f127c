# SPDX-License-Identifier: Apache-2.0
"""One connection of a program in some language, led line by line inside a lab.

    handle = Handle(lab, "Python mysqlclient", env)
    handle("connect " + lab.writer_name)          "ok", or "error ERRNO SQLSTATE TEXT"
    handle("query SELECT 5")                      "ok 5"

What can be said is told in the head of each program.
"""
import glob
import os
import select
import subprocess
import sys
import time

from lib import mapview
from lib.lab import module
from lib.paths import BUILD, CLIENTS
from lib.programs import wheels

Connection = module("wire").Connection
PROGRAMS = {
    "C": [os.path.join(BUILD, "test", "clients", "c", "shell")],
    "C, asynchronous": [os.path.join(BUILD, "test", "clients", "c", "handle_async")],
    "Python mysqlclient": ["/usr/bin/python3", os.path.join(CLIENTS, "python", "handle.py")],
    "Ruby mysql2": ["/usr/bin/ruby", os.path.join(CLIENTS, "ruby", "handle.rb")],
    "Perl DBD::MariaDB": ["/usr/bin/perl", os.path.join(CLIENTS, "perl", "handle.pl")],
    "PHP mysqli": ["php", os.path.join(CLIENTS, "php", "handle.php")],
}
LIMIT = 90


class Handle:
    def __init__(self, lab, kind, env, command=None):
        self.kind, self.buffer = kind, b""
        self.process = lab.popen(*(command or PROGRAMS[kind]), env=env, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def hear(self, limit=LIMIT):
        """The next answer; None if there is none within the limit."""
        end = time.monotonic() + limit
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return f"ended with {self.process.wait()}"
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        text = line.decode(errors="replace")
        return text if text.startswith(("ok", "error")) else self.hear(limit)

    def __call__(self, line, limit=LIMIT):
        try:
            self.say(line)
        except BrokenPipeError:
            return f"ended with {self.process.wait()}"
        return self.hear(limit)

    def end(self):
        """Its exit status; one that does not end by itself is killed."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.process.stdout.close()


def number(answer):
    """The number of an error, 0 if it went well."""
    words = (answer or "").split(" ")
    return int(words[1]) if words[0] == "error" and words[1].isdigit() else 0


def as_root(lab, instance, *statements):
    """By the instance's socket; the last one's rows."""
    folder, = glob.glob(os.path.join(lab.state, "servers", instance + ".*"))
    connection = Connection(os.path.join(folder, "sock"))
    rows = [connection.query(statement) for statement in statements]
    return rows[-1]


def logged(lab, instance, needle):
    """Lines of an instance's general log, which `server=GENERAL_LOG` has it write."""
    lines = 0
    for path in glob.glob(os.path.join(lab.state, "servers", instance + ".*", "data",
                                       "general.log")):
        with open(path, errors="replace") as log:
            lines += sum(needle in line and "information_schema" not in line for line in log)
    return lines


GENERAL_LOG = ["general-log=1", "general-log-file=general.log"]


def await_published(lab, directory, limit=LIMIT):
    """Until the prober of that directory knows who is the writer now."""
    view = mapview.MapView(directory)
    return view.wait(lambda v: (c := v.find(lab.writer_name)) and c.state == "known" and
                     c.writer == lab.writer, limit)


def await_writer(lab, env, limit=LIMIT):
    """Until a new connection by the writer's name is on it."""
    end, heard = time.monotonic() + limit, None
    while time.monotonic() < end:
        canary = Handle(lab, "C", env)
        heard = [canary("connect " + lab.writer_name), canary("query SELECT @@innodb_read_only")]
        canary.end()
        if heard == ["ok", "ok 0"]:
            return
    raise TimeoutError(f"no writer again: {heard}")


# Versions of Connector/Python, whose extension holds a libmysqlclient: the last one that may be
# moved, and one that may not.
MYSQL_8_0_33 = ("8.0.33", "984f5649e6abee04461d6f52fbc77387d7137b8fd003c54bac66505006f17183")
MYSQL_9_7_0 = ("9.7.0", "b8d3d6f32b95ae1d0a2f29d1a2b4e628849bcf7e84a70dc56c85b4929361d86b")


def libmysqlclient(version, directory):
    """The command of a program on that library, or None and why there is none."""
    if sys.version_info[:2] != (3, 11):
        return None, "the wheels are for Python 3.11"
    folder, problem = wheels.unpack("mysql-connector-python", *version)
    if problem:
        return None, problem
    extension, = glob.glob(os.path.join(folder, "_mysql_connector.*.so"))
    out = os.path.join(directory, f"caller-{version[0]}.so")
    sources = [os.path.join(CLIENTS, "standin", name + ".c")
               for name in ("caller", "caller_more")]
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", out, *sources, extension], check=True)
    script = os.path.join(CLIENTS, "python", "handle_libmysqlclient.py")
    return [wheels.PYTHON, script, folder, out], None
