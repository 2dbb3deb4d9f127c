#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""PyMySQL: one long connection, made anew after an error; see test/clients/node/loop.mjs."""
import json
import sys
import time

import pymysql

PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 3306
SQL = "INSERT INTO writes (client, server) VALUES (%s, @@hostname)"


class Writer:
    def __init__(self, host):
        self.host = host
        self.connection = None

    def insert(self):
        if self.connection is None:
            self.connection = pymysql.connect(host=self.host, port=PORT, user="app", password="app",
                                              database="app", autocommit=True)
        with self.connection.cursor() as cursor:
            cursor.execute(SQL, ("pymysql",))

    def write(self, n):
        answer = {"ok": 0, "errors": [], "ms": 0}
        for _ in range(n):
            begin = time.monotonic()
            try:
                self.insert()
                answer["ok"] += 1
            except (pymysql.Error, OSError) as e:
                answer["errors"].append(str(e))
                self.connection = None
            answer["ms"] = max(answer["ms"], (time.monotonic() - begin) * 1e3)
        return answer


def main():
    writer = Writer(sys.argv[1])
    print(json.dumps(writer.write(1)), flush=True)
    for line in sys.stdin:
        print(json.dumps(writer.write(int(line.split()[1]))), flush=True)


main()
