# SPDX-License-Identifier: Apache-2.0
"""Waiting for what comes, and looking whether a process lives."""
import os
import time

LIMIT = 20
ROOM = 1 if os.environ.get("PELORUS_LONG") else 5


def within(took, limit):
    """Whether something came, and soon enough: as soon as is said with PELORUS_LONG, on a machine
    at rest; in an ordinary run, among others, there is room for a slow one."""
    return took is not None and took <= limit * ROOM


def wait_for(condition, limit=LIMIT, every=0.005):
    """What `condition` gives as soon as it is true; TimeoutError after `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{condition} did not come true within {limit} s")
        time.sleep(every)


def alive(pid):
    """True for a process that runs; a zombie that nobody waits for does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
