#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A replica whose replication has stopped grows older with each second, and tells a lag of NULL:
nobody is sent there while another replica is fit.  If none is, the one that stopped is better than
nobody."""
import glob
import os

from lib import tap
from lib.environ import preload
from lib.lab import Lab
from lib.prober import Prober, cluster_section


def root(lab, instance, statement):
    path = glob.glob(os.path.join(lab.state, "servers", instance + ".*", "sock"))[0]
    lab.exec("mariadb", "-uroot", "-S", path, "-e", statement)


def reached(lab, p):
    """The servers that a dozen connects by the reader's name lead to."""
    done = lab.exec("sh", "-c", 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do "$@"; done', "sh",
                    "env", *(f"{k}={v}" for k, v in preload(p.directory).items()),
                    "mariadb", "-N", "-B", "-h", lab.reader_name, "-uapp",
                    "-papp", "-e", "SELECT @@aurora_server_id", check=False)
    return set(done.stdout.split()) or done.stderr


def stops(lab, p, text, statement, old, fit):
    """Stops the replication of one; waits until its lag is told as unknown."""
    root(lab, old, statement)
    p.wait(lambda c: c.instances[old].lag_ms == 0xFFFFFFFF, 20)
    got = reached(lab, p)
    tap.ok(got == fit, text, got)


with Lab(instances=3, name="stopped") as lab_:
    root(lab_, lab_.writer, "GRANT SLAVE MONITOR ON *.* TO 'pelorus'@'%'")
    one, two = sorted(i["id"] for i in lab_.status()["instances"] if i["id"] != lab_.writer)
    hosts = ", ".join(lab_.host(i["id"]) for i in lab_.status()["instances"])
    with Prober(lab_, cluster_section(lab_, dialect="read_only", members=hosts,
                                      reader_endpoint=lab_.reader_name)) as prober:
        prober.wait_settled(3)
        prober.wait(lambda c: {c.instances[i].lag_ms for i in (one, two)} == {0}, 20)
        tap.ok(reached(lab_, prober) == {one, two}, "both replicas get connections")
        stops(
            lab_,
            prober,
            "one that applies no more: nobody is sent there",
            "STOP SLAVE SQL_THREAD",
            one,
            {two},
        )
        root(lab_, one, "START SLAVE")
        prober.wait(lambda c: c.instances[one].lag_ms == 0, 20)
        stops(
            lab_,
            prober,
            "one that hears no more: nobody is sent there",
            "STOP SLAVE IO_THREAD",
            one,
            {two},
        )
        stops(lab_, prober, "when the other one has stopped too, both are better than nobody",
              "STOP SLAVE", two, {one, two})
        root(lab_, one, "START SLAVE")
        prober.wait(lambda c: c.instances[one].lag_ms == 0, 20)
        got = reached(lab_, prober)
        tap.ok(got == {one}, "one that goes on again gets connections at once", got)
tap.done()
