#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One connection by mysqlclient, led by lines on its input; each is answered by one line: "ok
WORDS" or "error ERRNO - TEXT" (mysqlclient does not tell the SQLSTATE).

    connect HOST [KEY=NUMBER...]      more arguments of MySQLdb.connect()
    query SQL                         the first row, its columns separated by '|'
    large N SQL                       ... with a text of N bytes for its one %s
    begin | commit | rollback         a transaction as a program of this library has it
    ping | id | shut                  `shut` shuts its socket down
    again                             a ping for which the library itself may connect anew
"""
import os
import socket
import sys

import MySQLdb


class Program:
    def connect(self, rest):
        host, *more = rest.split()
        options = {key: int(value) for key, value in (word.split("=") for word in more)}
        self.one = MySQLdb.connect(host=host, user="app", passwd="app", db="app",
                                   **{"autocommit": True, **options})

    def query(self, sql, arguments=None):
        cursor = self.one.cursor()
        cursor.execute(sql, arguments)
        row = cursor.fetchone() if cursor.description else ()
        cursor.close()
        return "|".join("NULL" if v is None else str(v) for v in row or ())

    def large(self, rest):
        size, sql = rest.split(" ", 1)
        return self.query(sql, ("x" * int(size),))

    def begin(self, _):
        self.one.autocommit(False)

    def commit(self, _):
        self.one.commit()

    def rollback(self, _):
        self.one.rollback()

    def ping(self, _):
        self.one.ping()

    def again(self, _):
        self.one.ping(True)

    def id(self, _):
        return self.one.thread_id()

    def shut(self, _):
        with socket.socket(fileno=os.dup(self.one.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)


def main():
    program = Program()
    for line in sys.stdin:
        verb, _, rest = line.rstrip("\n").partition(" ")
        try:
            print("ok", *filter(None, [str(getattr(program, verb)(rest) or "")]), flush=True)
        except MySQLdb.Error as error:
            number, text = (*error.args, "")[:2] if error.args else (0, "")
            print(f"error {number} - {text}", flush=True)


main()
