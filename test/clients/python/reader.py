#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connects to a name again and again, and tells when, and who was there: reader.py HOST
[MILLISECONDS].

A line is: begin and end of the connection in ns, the server's id; or the error.
"""
import select
import sys
import time

import MySQLdb


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def main():
    pause = int(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.005
    while not select.select([sys.stdin], [], [], pause)[0]:
        begin = now()
        try:
            connection = MySQLdb.connect(host=sys.argv[1], user="app", passwd="app", db="app",
                                         connect_timeout=10)
            end = now()
            cursor = connection.cursor()
            cursor.execute("SELECT @@aurora_server_id")
            print(begin, end, cursor.fetchone()[0], flush=True)
            connection.close()
        except MySQLdb.Error as error:
            print(begin, now(), f"error {error}", flush=True)


main()
