# SPDX-License-Identifier: Apache-2.0
"""What a failover is measured against: whom a client that knows all servers could write to.

    floor = Floor(addresses, table)     writes to each of them, all the time
    floor.first(since_ns, but)          when the first write since then was let in, and by whom
    with Commits(prober, table) as c:   writes to whoever is published
    c.longest()                         how long somebody was published who let no write in
"""
import threading
import time

import pymysql

EACH = 0.01
LIMIT = 1  # seconds that a write may take
SOON = 0.3  # ... for who wants to know when it was the last that was let in


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Writer:
    """One address, written to on a connection that is made anew after an error."""

    def __init__(self, address, table, limit=LIMIT, user="app", password="app-secret"):
        self.address, self.table, self.connection = address, table, None
        self.login = {"host": address, "user": user, "password": password, "autocommit": True,
                      "connect_timeout": LIMIT, "read_timeout": limit, "write_timeout": limit,
                      "ssl": {"check_hostname": False, "verify_mode": False}}

    def write(self):
        """Whether a row was let in."""
        try:
            if self.connection is None:
                self.connection = pymysql.connect(**self.login)
            with self.connection.cursor() as cursor:
                cursor.execute(f"INSERT INTO {self.table} () VALUES ()")
            return True
        except pymysql.err.MySQLError as error:
            if error.args[0] != 1290:
                self.close()
            return False

    def close(self):
        if self.connection is not None:
            self.connection._force_close()
            self.connection = None


class Floor:
    def __init__(self, addresses, table, **login):
        self.table, self.login, self.over, self.seen = table, login, False, []
        self.threads = [threading.Thread(target=self._run, args=(a,), daemon=True)
                        for a in addresses]
        for thread in self.threads:
            thread.start()

    def _run(self, address):
        writer = Writer(address, self.table, **self.login)
        while not self.over:
            if writer.write():
                self.seen.append((now_ns(), address))
            time.sleep(EACH)
        writer.close()

    def first(self, since_ns, but=None, seconds=40):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for moment, address in list(self.seen):
                if moment >= since_ns and address != but:
                    return moment, address
            time.sleep(EACH)
        return None, None

    def end(self):
        self.over = True
        for thread in self.threads:
            thread.join()


class Commits(threading.Thread):
    def __init__(self, prober, table, **login):
        super().__init__(daemon=True)
        self.prober, self.table, self.login, self.over = prober, table, login, False
        self.gaps = []  # (seconds, address)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.join()

    def longest(self):
        return max(self.gaps, default=(0, None))

    def _published(self):
        c = self.prober.cluster()
        return c.instances[c.writer].ip4 if c and c.state == "known" and c.writer else None

    def run(self):
        address, well, writer = None, 0, None
        while not self.over:
            is_now = self._published()
            if is_now != address:
                if writer:
                    self.gaps.append((time.monotonic() - well, address))
                    writer.close()
                address, well = is_now, time.monotonic()
                writer = Writer(address, self.table, SOON, **self.login) if address else None
            if writer and writer.write():
                self.gaps.append((time.monotonic() - well, address))
                well = time.monotonic()
            time.sleep(EACH)
        if writer:
            writer.close()
