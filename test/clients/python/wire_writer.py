#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""As test/clients/c/writer.c, by libraries that speak the protocol themselves:

    wire_writer.py HOST NUMBER MILLISECONDS pymysql|aiomysql|asyncmy [WIDTH]

pymysql has one connection, made anew after an error; the others a pool of four, by which WIDTH
loops write side by side.  An error ends with the moment at which its statement was begun.
"""
import asyncio
import importlib
import select
import sys
import time

HOST, NUMBER, PAUSE_MS, KIND = sys.argv[1:5]
WIDTH = int(sys.argv[5]) if len(sys.argv) > 5 else 1
INSERT = "INSERT INTO journal (writer, n) VALUES (%s, %s)"
ACCOUNT = {"host": HOST, "user": "app", "password": "app", "autocommit": True}


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def tell(text):
    print(now(), text, flush=True)


def tell_error(n, error, begun):
    text = str(error).replace("\n", " ") or "-"
    code = error.args[0] if error.args and isinstance(error.args[0], int) else "-"
    tell(f"error {n} {code} {type(error).__name__} {text} @{begun}")


def one_connection():
    import pymysql
    connection, n = pymysql.connect(database="app", **ACCOUNT), 0
    tell("ok 0")
    while not select.select([sys.stdin], [], [], int(PAUSE_MS) / 1000)[0]:
        n, begun = n + 1, now()
        try:
            connection = connection or pymysql.connect(database="app", **ACCOUNT)
            connection.cursor().execute(INSERT, (int(NUMBER), n))
            tell(f"ok {n}")
        except pymysql.MySQLError as error:
            tell_error(n, error, begun)
            connection = None


class Loops:
    def __init__(self, pool):
        self.pool, self.n = pool, 0

    async def write(self):
        tell("ok 0")
        while True:
            self.n += 1
            n, begun = self.n, now()
            try:
                async with self.pool.acquire() as connection, connection.cursor() as cursor:
                    await cursor.execute(INSERT, (int(NUMBER), n))
                tell(f"ok {n}")
            except Exception as error:
                tell_error(n, error, begun)
            await asyncio.sleep(int(PAUSE_MS) / 1000)


async def pool():
    made = await importlib.import_module(KIND).create_pool(minsize=1, maxsize=4, db="app",
                                                           **ACCOUNT)
    loops = Loops(made)
    running = [asyncio.ensure_future(loops.write()) for _ in range(WIDTH)]
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for one in running:
        one.cancel()


one_connection() if KIND == "pymysql" else asyncio.run(pool())
