#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes to every instance all the time, and so knows who takes writes: runs inside a lab until its
input ends.

    everywhere.py HOST...

Of each row that was acknowledged it says when that was, by which host (its number), and which row
of that host's.  One of an unknown outcome is not written again.
"""
import os
import sys
import threading
import time

import pymysql

EACH = 0.01
LIMIT = 1  # seconds that a write may take


def write(number, host):
    login = {"host": host, "user": "app", "password": "app", "database": "app", "autocommit": True,
             "connect_timeout": LIMIT, "read_timeout": LIMIT, "write_timeout": LIMIT}
    connection, count = None, 0
    while True:
        count += 1
        try:
            connection = connection or pymysql.connect(**login)
            connection.cursor().execute(f"INSERT INTO everywhere VALUES ({number}, {count})")
            moment = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            os.write(1, b"%d %d %d\n" % (moment, number, count))
        except pymysql.err.MySQLError as error:
            if connection and error.args[0] != 1290:
                connection._force_close()
                connection = None
        time.sleep(EACH)


for number_, host_ in enumerate(sys.argv[1:]):
    threading.Thread(target=write, args=(number_, host_), daemon=True).start()
sys.stdin.read()
