#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connections by mysqlclient, all in one process, led by lines on its input; each is answered by
one line: "ok FAILED MS LAST", how many of its calls failed, what all took together, and the last
error's number.

    connect HOST N [KEY=NUMBER...]    N more; more arguments of MySQLdb.connect()
    shut                              shuts the sockets of all down
    query SQL                         on each
    close                             of all
"""
import os
import socket
import sys
import time

import MySQLdb


class Pool:
    def __init__(self):
        self.all = []

    def connect(self, rest):
        host, count, *more = rest.split()
        options = {key: int(value) for key, value in (word.split("=") for word in more)}
        for _ in range(int(count)):
            yield lambda: self.all.append(MySQLdb.connect(
                host=host, user="app", passwd="app", db="app", autocommit=True, **options))

    def shut(self, _):
        for one in self.all:
            with socket.socket(fileno=os.dup(one.fileno())) as copy:
                yield lambda copy=copy: copy.shutdown(socket.SHUT_RDWR)

    def query(self, sql):
        for one in self.all:
            yield lambda one=one: one.query(sql) or one.store_result()

    def close(self, _):
        while self.all:
            yield self.all.pop().close


def main():
    pool = Pool()
    for line in sys.stdin:
        verb, _, rest = line.rstrip("\n").partition(" ")
        failed, last, spent = 0, 0, 0
        for call in getattr(pool, verb)(rest):
            begin = time.monotonic()
            try:
                call()
            except MySQLdb.Error as error:
                failed, last = failed + 1, error.args[0]
            spent += time.monotonic() - begin
        print(f"ok {failed} {1000 * spent:.0f} {last}", flush=True)


main()
