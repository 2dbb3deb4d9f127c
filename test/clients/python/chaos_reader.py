#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads by the reader's name, anew connected after each tenth answer: chaos_reader.py HOST NUMBER
[MS].

Says as test/clients/c/writer.c does, and behind "ok N" who answered and when the connection began.
"""
import select
import sys
import time

import pymysql


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def tell(text):
    print(now(), text, flush=True)


def main():
    host, pause = sys.argv[1], int(sys.argv[3]) / 1000
    connection, begin, n = None, 0, 0
    while not select.select([sys.stdin], [], [], pause)[0]:
        n += 1
        try:
            if connection is None:
                begin = now()
                connection = pymysql.connect(host=host, user="app", password="app", database="app")
            with connection.cursor() as cursor:
                cursor.execute("SELECT @@aurora_server_id")
                tell(f"ok {n} {cursor.fetchone()[0]} {begin}")
            if n % 10 == 0:
                connection.close()
                connection = None
        except (pymysql.Error, OSError) as error:
            tell(f"error {n} {str(error)[:80]}")
            connection = None


main()
