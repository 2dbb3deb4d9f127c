#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writers at full speed that know every instance: runs inside a lab until its input ends.

    writers.py WRITERS LOG HOST...

Each writer inserts (its number, 1, 2, 3 ...) and appends what was acknowledged to LOG.NUMBER.  An
insert with an unknown outcome is tried again under the same number, wherever a writer is found, so
the table must in the end hold every number without a hole.
"""
import os
import signal
import sys

import MySQLdb


def _connect(hosts):
    while True:
        for host in hosts:
            try:
                connection = MySQLdb.connect(host=host, user="app", passwd="app", db="app",
                                             connect_timeout=1, read_timeout=20)
                cursor = connection.cursor()
                cursor.execute("SELECT @@innodb_read_only")
                if cursor.fetchone()[0] == 0:
                    connection.autocommit(True)
                    return connection, cursor
                connection.close()
            except MySQLdb.Error:
                pass


def write(number, name, hosts):
    log = os.open(f"{name}.{number}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    connection, cursor = _connect(hosts)
    count = 1
    while True:
        try:
            cursor.execute(f"INSERT IGNORE INTO journal VALUES ({number}, {count})")
        except MySQLdb.Error:
            connection.close()
            connection, cursor = _connect(hosts)
            continue
        os.write(log, b"%d\n" % count)
        count += 1


def main():
    writers, name, hosts = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    children = []
    for number in range(writers):
        child = os.fork()
        if child == 0:
            write(number, name, hosts)
        children.append(child)
    sys.stdin.read()
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


main()
