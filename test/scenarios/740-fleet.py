#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Twenty hosts and one etcd: one probes, the others verify what it says and ask little."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import fleets  # noqa: E402
import tap  # noqa: E402
from etcd import Etcd  # noqa: E402

fleets.run(Etcd)
tap.done()
