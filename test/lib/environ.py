# SPDX-License-Identifier: Apache-2.0
"""What a program finds in its environment: nothing of ours, or the preload and a runtime
directory."""
import os

from lib.paths import LIBRARY


def plain(**more):
    ours = ("PELORUS_", "LD_PRELOAD")
    return {**{k: v for k, v in os.environ.items() if not k.startswith(ours)}, **more}


def preload(directory, library=LIBRARY, prober="off", **more):
    """What is added to it for a program that is served, by default without starting a prober."""
    return {"LD_PRELOAD": library, "PELORUS_RUNTIME_DIR": directory, "PELORUS_PROBER": prober,
            **more}
