#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A real Consul, where there is one: as a source, and as the place where a fleet meets."""


from lib import tap
from lib.lab import Lab
from lib.servers.consul import Consul, real
from lib.trials import fleets
from lib.trials.pushes import follow


def followed():
    with Lab(instances=3) as lab, Consul(lab, real()) as store:
        follow(lab, store, sorted(i["id"] for i in lab.status()["instances"]))


if real():
    followed()
    fleets.run(lambda lab: Consul(lab, real()))
else:
    tap.skip("a real Consul", "no consul on PATH, nor $PELORUS_TEST_CONSUL")
tap.done()
