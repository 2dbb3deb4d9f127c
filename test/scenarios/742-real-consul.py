#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A real Consul, where there is one: as a source, and as the place where a fleet meets."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import fleets  # noqa: E402
import tap  # noqa: E402
from consul import Consul, real  # noqa: E402
from lab import Lab  # noqa: E402
from pushes import follow  # noqa: E402


def followed():
    with Lab(instances=3) as lab, Consul(lab, real()) as store:
        follow(lab, store, sorted(i["id"] for i in lab.status()["instances"]))


if real():
    followed()
    fleets.run(lambda lab: Consul(lab, real()))
else:
    tap.skip("a real Consul", "no consul on PATH, nor $PELORUS_TEST_CONSUL")
tap.done()
