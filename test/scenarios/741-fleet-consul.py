#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The same fleet by Consul: no session of which is as short as the lease."""


from lib import fleets, tap
from lib.consul import Consul

fleets.run(Consul)
tap.done()
