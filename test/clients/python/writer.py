#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""As test/clients/c/writer.c, by mysqlclient: writer.py HOST NUMBER [MILLISECONDS]."""
import select
import sys
import time

import MySQLdb


def tell(text):
    print(time.clock_gettime_ns(time.CLOCK_BOOTTIME), text, flush=True)


def connect(host):
    return MySQLdb.connect(host=host, user="app", passwd="app", db="app", autocommit=True)


def alive(connection, host):
    """The connection, or a new one if a ping finds it dead."""
    try:
        connection.ping()
    except MySQLdb.Error:
        try:
            return connect(host)
        except MySQLdb.Error:
            pass
    return connection


def main():
    host, number = sys.argv[1:3]
    pause = int(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 0.005
    connection = connect(host)
    tell("ok 0")
    n = 0
    while not select.select([sys.stdin], [], [], pause)[0]:
        n += 1
        try:
            connection.cursor().execute("INSERT INTO journal (writer, n) VALUES (%s, %s)",
                                        (int(number), n))
            tell(f"ok {n}")
        except MySQLdb.Error as error:
            # mysqlclient does not tell the SQLSTATE.
            tell(f"error {n} {error.args[0]} - {error.args[1]}")
            connection = alive(connection, host)


main()
