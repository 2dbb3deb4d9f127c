#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A resolver that drops every question for AAAA: what it answered for A is used."""
import time

from lib import tap
from lib.prober import Prober, cluster_section
from lib.servers import fakes


class HalfDeaf(fakes.Dns):
    def answer(self, question, tcp):
        reply = super().answer(question, tcp)
        return b"" if self.asked[-1][1] == 28 else reply

    def _serve_udp(self):
        while True:
            question, client = self.udp.recvfrom(2000)
            reply = self.answer(question, False)
            if reply:
                self.udp.sendto(reply, client)


fakes.enter()
dns = HalfDeaf()
cluster = fakes.Cluster(dns, 2, 1, "half")
begin = time.monotonic()
with Prober(cluster, cluster_section(cluster)) as prober:
    prober.wait_settled(2, 20)
    tap.ok(prober.cluster().writer == "demo-1", "the topology is known without answers for AAAA")
    tap.note(f"after {time.monotonic() - begin:.1f} s")
cluster.close()
tap.done()
