#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`pelorus doctor` where the user may log in, and may not ask: by a server that refuses questions
with the errors of MariaDB and of MySQL."""

from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.tap import done, ok
from lib.waiting import wait_for

# The words, the account as the server has it (None: it does not tell), and what is to be granted.
CASES = {
    1227: ("Access denied; you need (at least one of) the REPLICA MONITOR privilege(s) for this "
           "operation", "pelorus@127.0.%", "GRANT REPLICA MONITOR ON *.* TO 'pelorus'@'127.0.%';"),
    1142: ("SELECT command denied to user 'pelorus'@'127.0.0.1' for table 'replica_host_status'",
           "pelorus@localhost", "GRANT REPLICATION CLIENT ON *.* TO 'pelorus'@'localhost';"),
    1044: ("Access denied for user 'pelorus'@'%' to database 'information_schema'", None,
           "GRANT REPLICATION CLIENT ON *.* TO the user that it logged in as;"),
}


def main():
    fakes.enter()
    dns = fakes.Dns()
    for net, (code, (text, account, grant)) in enumerate(CASES.items(), 1):
        cluster = fakes.Cluster(dns, 3, net, f"case{net}")
        for server in cluster.servers.values():
            server.query_error, server.account = (code, text), account
        with Prober(cluster, cluster_section(cluster)) as prober:
            prober.wait(lambda c: c.why == "denied")
            wait_for(lambda: "question-refused" in prober.log())
            prober.environment["PELORUS_CONFIG"] = ""
            made = prober.pelorus("doctor", "--cluster", cluster.writer_name, limit=60)
            ok(made.returncode == 1 and "FAIL  privileges: " in made.stdout and
               text in made.stdout and f"the user lacks privileges: {grant}\n" in made.stdout,
               f"no privileges, error {code}: told from a wrong password, with what mends it",
               made.stdout)
            asked = [server.questions for server in cluster.servers.values()]
            wait_for(lambda asked=asked: sum(map(len, asked)) >= 6)
            ok(prober.log().count("question-refused") == 1, "it is said once, however often tried",
               prober.log())
        cluster.close()
    done()


main()
