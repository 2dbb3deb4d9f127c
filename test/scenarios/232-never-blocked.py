#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""An hour of a certificate that does not fit, against real servers that block a host after ten
handshakes that it broke off: the host is not blocked, for applications have the same address.

The hour passes in a minute: the prober's clock runs fast, while its servers do not.
"""
import os
import tempfile

from lib import tap, worlds
from lib.lab import Lab
from lib.paths import BUILD
from lib.prober import Prober, cluster_section

SPEED = 60
HOUR_NS = 3600 * 10**9
IDLE_S, HINTS_NS = 20, 30 * 10**9
ERRORS = 10  # max_connect_errors: so many in a row, and the next is refused with 1129
TRIES = 30  # an hour of rests: 10 s, 20 s ... 5 min makes 16 of one server, from the endpoint too


def count(lab, instance, what):
    return int(lab.sql(instance, f"SHOW GLOBAL STATUS LIKE '{what}'")[0][1])


def hour(text, lab, **keys):
    """What the servers saw of the prober, and whether they still talk to this host.

    All the time a program asks for the cluster, each half minute, so that it is woken again.
    """
    shim = os.path.join(BUILD, "test", "lib", "fast_clock.so")
    ids = sorted(i["id"] for i in lab.status()["instances"])
    before = {i: count(lab, i, "Connections") for i in ids}
    with Prober(lab, cluster_section(lab, **keys),
                prefix=["env", f"LD_PRELOAD={shim}", f"FAST_CLOCK={SPEED}"]) as prober:
        begin = prober.view.heartbeat_ns
        while prober.view.heartbeat_ns < begin + HOUR_NS:
            asked = prober.view.heartbeat_ns
            prober.ask("hint", name=lab.writer_name)
            prober.view.wait(lambda v, at=asked: v.heartbeat_ns > at + HINTS_NS, 60)
        log = prober.log()
    blocked, tries = [], {}
    for i in ids:
        told = lab.sql(i, "SELECT 1", check=False)
        if told != [("1",)]:
            blocked.append(f"{i}: {told}")
        else:
            tries[i] = count(lab, i, "Connections") - before[i] - 2
    tap.note(f"{text}: {tries or 'not to be counted'} connections in an hour")
    tap.ok(not blocked, f"{text}: an hour, and the host is not blocked", blocked)
    tap.ok(tries and max(tries.values()) <= TRIES,
           f"{text}: and it was tried ever more seldom", tries)
    said = [line for line in log.splitlines() if "code=login" in line]
    tap.ok(said, f"{text}: with a line that says why", log[-500:])


with tempfile.TemporaryDirectory() as folder, \
        Lab(instances=2, name="block", tls=True,
            server=[f"max-connect-errors={ERRORS}", "skip-name-resolve=0"]) as lab_:
    other = worlds.authority(folder)
    hour("a certificate of another authority", lab_, ssl="on", ssl_ca=other,
         ssl_verify_server_cert="on", idle=f"{IDLE_S}s")
tap.done()
