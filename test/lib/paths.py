# SPDX-License-Identifier: Apache-2.0
"""Where everything is: the tree, and the build that is tested (PELORUS_BUILD; build/main)."""
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BUILD = os.environ.get("PELORUS_BUILD", os.path.join(ROOT, "build", "main"))

LIBRARY = os.path.join(BUILD, "lib", "libpelorus.so")
PELORUSD = os.path.join(BUILD, "probes", "pelorusd")
PELORUS = os.path.join(BUILD, "tools", "pelorus", "pelorus")
MAPCTL = os.path.join(BUILD, "test", "lib", "mapctl")
MAPLAYOUT = os.path.join(BUILD, "test", "lib", "maplayout")

LAB = os.path.join(ROOT, "tools", "lab", "lab")
CLIENTS = os.path.join(ROOT, "test", "clients")
