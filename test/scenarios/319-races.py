#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of the library, used by many threads at once under the thread sanitizer.

By hand, for longer: RACE_ROUNDS=1000000 test/scenarios/319-races.py
"""
import os

from lib import tap
from lib.fuzzing import race

ROUNDS = os.environ.get("RACE_ROUNDS", "5000")

race("lib_race", "sockets, names and handles: no race, nothing torn or mixed", ROUNDS)
tap.done()
