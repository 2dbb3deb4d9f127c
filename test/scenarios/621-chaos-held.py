#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The same with a lab that is without a writer for 15 s at each failure: what is told is counted.

    621-chaos-held.py [options of 620-chaos.py]
"""
import os
import runpy
import sys

STEPS = "crash,blackhole"

if len(sys.argv) == 1:
    sys.argv += ["--steps", STEPS]
sys.argv += ["--detect", "15s"]
runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), "620-chaos.py"))
