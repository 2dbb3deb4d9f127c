# SPDX-License-Identifier: Apache-2.0
"""When writes are let in again: each member is written to all the time, by its own socket and as an
application's user, from before the failure until somebody has let one in that was begun after it.

    with Floor(members) as floor:
        moment = floor.begin(old)        then old is lost
        floor.wait(60)                   (who, moments when that write was begun and let in)
"""
import contextlib
import socket
import threading
import time

import wire
from state import Events, LabError
from wire import SqlError

EACH = 0.004
APART = 0.03  # between connections that fail
TABLE = "app.floor"
MADE = f"CREATE TABLE {TABLE} (id VARCHAR(40), at BIGINT, PRIMARY KEY (id, at))"


class Floor:
    def __init__(self, members):
        self.members, self.over, self.connections = members, False, {}
        self.news = threading.Condition()
        self.well = set()  # who has let one in
        self.since_ns, self.but, self.found = None, None, None

    def __enter__(self):
        for member in self.members:
            threading.Thread(target=self._run, args=(member,), daemon=True).start()
        return self

    def __exit__(self, *_):
        """Also ends what waits for an answer: who is cut off from its group gives none."""
        self.over = True
        for connection in list(self.connections.values()):
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _run(self, member):
        connection = None
        while not self.over:
            begin = Events.now()
            try:
                if connection is None:
                    connection = wire.Connection(member.socket_path, "app", "app")
                    self.connections[member] = connection
                connection.query(f"INSERT INTO {TABLE} VALUES ('{member.id}', {begin[1]})")
                self._let_in(member, begin)
            except SqlError:
                pass
            except (OSError, ValueError, IndexError):  # it is gone, or was while it spoke
                connection = None
                time.sleep(APART)
            time.sleep(EACH)

    def _let_in(self, member, begin):
        moment = Events.now()
        with self.news:
            self.well.add(member)
            if self.since_ns is not None and not self.found and begin[1] >= self.since_ns and \
                    member is not self.but:
                self.found = (member, begin, moment)
            self.news.notify_all()

    def begin(self, old):
        """The moment from which on it counts; old has let one in before."""
        with self.news:
            if not self.news.wait_for(lambda: old in self.well, 20):
                raise LabError(f"{old.id} lets no writes in")
            moment = Events.now()
            self.since_ns, self.but = moment[1], old
        return moment

    def again(self):
        """It counts from now on: others let writes in while somebody was being lost."""
        with self.news:
            self.since_ns, self.found = Events.now()[1], None

    def wait(self, limit):
        with self.news:
            if not self.news.wait_for(lambda: self.found, limit):
                raise LabError(f"nobody lets writes in after {limit:.0f} s")
            return self.found
