#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Twenty hosts and one etcd: one tells what it sees, the others verify that at once."""


from lib import tap
from lib.servers.etcd import Etcd
from lib.trials import fleets

fleets.run(Etcd)
tap.done()
