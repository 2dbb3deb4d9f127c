#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A refused write is executed on the new writer, whatever kind of cluster it is and whoever has
told of the name.

The writer becomes a reader and keeps its connections, as in a switchover. The program's next INSERT
is refused, which is evidence enough: its clean session is moved, and the INSERT executed once.
Roles are told by innodb_read_only or by read_only alone; the name has Aurora's form, or stands in
pelorus.conf. Nothing is severed here, so that the refusal comes first.
"""

from lib.prober import Prober, cluster_section
from lib.programs import writer as w
from lib.programs.handles import Handle
from lib.servers import fakes
from lib.tap import done, note, ok

INSERT = "INSERT INTO orders VALUES ({})"
OWN_AFFAIR = "INSERT INTO locked"  # refused by the writer, for a reason of its own
OWN_NAME = "db.shop.example"


class Server(fakes.Server):
    """Takes writes, or refuses them, and answers for each variable that is asked for; the plain one
    has an innodb_read_only that tells nothing."""

    def __init__(self, *words, **more):
        super().__init__(*words, **more)
        self.written = []

    def value(self, variable):
        innodb = self.read_only and not self.plain
        return {"read_only": int(self.read_only), "innodb_read_only": int(innodb),
                "autocommit": 1, "aurora_server_id": self.id}.get(variable)

    def _answer(self, connection, query):
        if query.startswith(("INSERT", "CALL")):
            self.questions.append(query)
            if self.read_only or OWN_AFFAIR in query:
                self._send(connection, 1, self._error(1290, "The server is running with the "
                                                      "--read-only option"))
                return
            self.written.append(query)
            self._send(connection, 1, self.OK)
        elif query.startswith("SELECT @@") and "FROM" not in query:
            names = query[len("SELECT "):].replace("@@global.", "@@").lower().split(",")
            row = [self.value(name.strip(" @")) for name in names]
            self._rows(connection, len(row), [row])
        else:
            super()._answer(connection, query)


class Case:
    dns = None
    number = 0

    def __init__(self, text, plain, own_name):
        Case.number += 1
        self.text = text
        fakes.Cluster.kind = Server
        self.cluster = fakes.Cluster(self.dns, 3, Case.number, f"refused{Case.number}")
        for server in self.cluster.servers.values():
            server.plain = plain
        self.name = OWN_NAME if own_name else self.cluster.writer_name
        if own_name:
            self.dns.aliases[OWN_NAME] = self.dns.aliases[self.cluster.writer_name]
        members = ", ".join(f"{id_}.{self.cluster.domain}" for id_ in self.cluster.servers)
        more = {"dialect": "read_only", "members": members} if plain else {}
        self.config = cluster_section(self.cluster, endpoint=self.name, **more)

    def wait(self, prober, address):
        return prober.view.wait(lambda v: (c := v.find(self.name)) and c.state == "known" and
                                len(c.instances) == 3 and c.instances[c.writer].ip4 == address
                                and all(i.routable for i in c.instances.values()), 20)

    def run(self):
        one, two = (self.cluster.servers[f"demo-{i}"] for i in (1, 2))
        with Prober(self.cluster, self.config) as prober:
            self.wait(prober, one.address)
            handle = Handle(self.cluster, "C", w.environment(prober.directory, PELORUS_SEVER="off"))
            heard = [handle("connect " + self.name), handle("query " + INSERT.format(1))]
            ok(heard == ["ok", "ok"] and one.written == [INSERT.format(1)],
               f"{self.text}: a write is at the writer", heard)
            one.read_only, two.read_only = True, False
            heard = handle("query " + INSERT.format(2))
            asked = [q for q in one.questions if q == INSERT.format(2)]
            note(f"{self.text}: {heard}; refused {len(asked)} times, {two.written}")
            ok(heard == "ok", f"{self.text}: the program does not hear of the refusal", heard)
            ok(two.written == [INSERT.format(2)] and len(asked) == 1,
               "... its write was refused once and is executed once", f"{asked} {two.written}")
            self.check_own_affair(handle)
            handle.end()
            self.check_call(prober, one, two)
        self.cluster.close()

    def check_call(self, prober, new, old):
        """What a procedure did before it was refused, nobody knows: a lock may be held."""
        self.wait(prober, old.address)
        handle = Handle(self.cluster, "C", w.environment(prober.directory, PELORUS_SEVER="off"))
        heard = [handle("connect " + self.name)]
        old.read_only, new.read_only = True, False
        heard += [handle("query CALL p()"), handle("query " + INSERT.format(4))]
        ok(heard[0] == "ok" and all(h.startswith("error 1290") for h in heard[1:]),
           f"{self.text}: behind a CALL that was refused, so is what follows: its session stays",
           heard)
        ok(INSERT.format(4) not in new.written, "... and nothing is executed elsewhere", heard)
        handle.end()

    def check_own_affair(self, handle):
        heard = handle(f"query {OWN_AFFAIR} VALUES (3)")
        asked = [id_ for id_, server in self.cluster.servers.items()
                 for q in server.questions if q.startswith(OWN_AFFAIR)]
        ok(heard.startswith("error 1290") and len(asked) == 1,
           "... and one that the writer itself refuses is told, and sent once", f"{heard} {asked}")


def main():
    fakes.enter()
    Case.dns = fakes.Dns()
    Case("Aurora, its own name", False, False).run()
    Case("Aurora, a name from the configuration", False, True).run()
    Case("plain replication, a name of Aurora's form", True, False).run()
    Case("plain replication, a name from the configuration", True, True).run()
    done()


main()
