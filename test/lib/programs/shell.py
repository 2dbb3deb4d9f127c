# SPDX-License-Identifier: Apache-2.0
"""test/clients/c/shell.c inside a lab: one connection, led line by line."""
import os
import subprocess

from lib.paths import BUILD


class Shell:
    def __init__(self, lab, env, *wrapper):
        program = os.path.join(BUILD, "test", "clients", "c", "shell")
        self.process = lab.popen(*wrapper, program, env=env, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self):
        return self.process.stdout.readline().rstrip("\n")

    def __call__(self, line):
        """The answer: "ok ..." or "error ERRNO SQLSTATE TEXT"."""
        self.say(line)
        return self.hear()

    def query(self, sql):
        return self("query " + sql)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(60)


def state(answer):
    """The SQLSTATE of an error, "" if it went well."""
    return answer.split(" ", 3)[2] if answer.startswith("error") else ""
