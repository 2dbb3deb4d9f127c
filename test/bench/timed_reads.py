#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An application that looks through listings, a new connection for each: timed_reads.py HOST SEED.

The listings come from the seed.  A line for each read: who answered, milliseconds of the statement
alone.  With a second seed's output as statements instead: timed_reads.py --statements SEED COUNT.
"""
import random
import select
import sys
import time

LISTINGS = 400  # that the application's users look at, of those that exist
SQL = "SELECT COUNT(*), MAX(text) FROM item WHERE listing = {}"


def statements(seed):
    chosen = random.Random(seed)
    while True:
        yield SQL.format(chosen.randrange(LISTINGS))


def main():
    if sys.argv[1] == "--statements":
        print("USE app;")
        for _, statement in zip(range(int(sys.argv[3])), statements(sys.argv[2])):
            print(statement + ";")
        return
    import MySQLdb
    for statement in statements(sys.argv[2]):
        if select.select([sys.stdin], [], [], 0.002)[0]:
            return
        connection = MySQLdb.connect(host=sys.argv[1], user="app", passwd="app", db="app")
        cursor = connection.cursor()
        cursor.execute("SELECT @@aurora_server_id")
        who = cursor.fetchone()[0]
        begin = time.perf_counter()
        cursor.execute(statement)
        cursor.fetchall()
        print(who, 1000 * (time.perf_counter() - begin), flush=True)
        connection.close()


main()
