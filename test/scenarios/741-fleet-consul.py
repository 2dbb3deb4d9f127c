#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The same fleet by Consul: no session of which is as short as the lease."""


from lib import tap
from lib.servers.consul import Consul
from lib.trials import fleets

fleets.run(Consul)
tap.done()
