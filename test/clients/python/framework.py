#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A connection kept between requests as Django keeps its own, by mysqlclient; led by lines:

    framework.py HOST
    request SQL      as a request has it: after an error the connection is pinged first, and made
                     anew if that fails
    query SQL        in the middle of a request: nothing is looked at before

Each is answered by "ok VALUES" or "error ERRNO - TEXT". A new connection gets its settings in one
statement, and then what the application hangs on it: here a tenant.
"""
import sys

import MySQLdb

FOUND_ROWS = 2
SETTINGS = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"


class Wrapper:
    def __init__(self, host):
        self.host, self.one, self.errors = host, None, False

    def connect(self):
        self.one = MySQLdb.connect(host=self.host, user="app", passwd="app", db="app",
                                   charset="utf8mb4", client_flag=FOUND_ROWS)
        self.execute(SETTINGS)
        self.one.autocommit(True)
        self.execute("SET @tenant = 42")

    def execute(self, sql):
        cursor = self.one.cursor()
        try:
            cursor.execute(sql)
            return cursor.fetchone() if cursor.description else None
        finally:
            cursor.close()

    def is_usable(self):
        try:
            self.one.ping()
        except MySQLdb.Error:
            return False
        return True

    def close_if_unusable(self):
        if self.one is None or not self.errors:
            return
        if self.is_usable():
            self.errors = False
            return
        try:
            self.one.close()
        except MySQLdb.Error:
            pass
        self.one, self.errors = None, False

    def query(self, sql):
        try:
            if self.one is None:
                self.connect()
            return self.execute(sql)
        except MySQLdb.Error:
            self.errors = True
            raise

    def request(self, sql):
        self.close_if_unusable()
        return self.query(sql)


def main():
    wrapper = Wrapper(sys.argv[1])
    for line in sys.stdin:
        verb, _, sql = line.rstrip("\n").partition(" ")
        try:
            row = getattr(wrapper, verb)(sql)
            print("ok", *(["|".join("NULL" if v is None else str(v) for v in row)] if row else []),
                  flush=True)
        except MySQLdb.Error as error:
            number, text = (*error.args, "")[:2] if error.args else (0, "")
            print(f"error {number} - {text}", flush=True)


main()
