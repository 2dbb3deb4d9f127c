#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The same fleet by Consul: no session of which is as short as the lease."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import fleets  # noqa: E402
import tap  # noqa: E402
from consul import Consul  # noqa: E402

fleets.run(Consul)
tap.done()
