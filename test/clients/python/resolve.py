#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""As test/clients/c/writer.c, by PyMySQL and the address that aiodns finds: resolve.py HOST NUMBER
[MILLISECONDS].  PYTHONPATH leads to aiodns."""
import asyncio
import select
import sys
import time

import aiodns
import pymysql


def tell(text):
    print(time.clock_gettime_ns(time.CLOCK_BOOTTIME), text, flush=True)


async def address(resolver, host):
    return (await resolver.getaddrinfo(host, family=2)).nodes[0].addr[0].decode()


async def connect(resolver, host):
    return pymysql.connect(host=await address(resolver, host), user="app", password="app",
                           database="app", autocommit=True, connect_timeout=10)


async def main():
    host, number = sys.argv[1:3]
    pause = int(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 0.005
    resolver, connection, n = aiodns.DNSResolver(), None, 0
    tell(f"ok 0 {await address(resolver, host)}")
    while not select.select([sys.stdin], [], [], pause)[0]:
        n += 1
        try:
            connection = connection or await connect(resolver, host)
            connection.cursor().execute("INSERT INTO journal (writer, n) VALUES (%s, %s)",
                                        (int(number), n))
            tell(f"ok {n}")
        except pymysql.Error as error:
            tell(f"error {n} {error.args[0]} - {error.args[-1]}")
            connection = None


asyncio.run(main())
