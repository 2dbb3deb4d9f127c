#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds an idle connection, and tells when it has ended:

    held.py HOST

Each line of input makes a new connection, of which it says "ready"; CLOCK_BOOTTIME in nanoseconds
follows once poll() has told of its end.
"""
import select
import sys
import time

import pymysql

for _ in sys.stdin:
    connection = pymysql.connect(host=sys.argv[1], user="app", password="app", database="app")
    print("ready", flush=True)
    poll = select.poll()
    poll.register(connection._sock, select.POLLIN)
    poll.poll()
    print(time.clock_gettime_ns(time.CLOCK_BOOTTIME), flush=True)
