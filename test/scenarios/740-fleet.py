#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Twenty hosts and one etcd: one probes, the others verify what it says and ask little."""


from lib import fleets, tap
from lib.etcd import Etcd

fleets.run(Etcd)
tap.done()
