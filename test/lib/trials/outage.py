# SPDX-License-Identifier: Apache-2.0
"""What one program was told around a failover, judged by when each statement was begun."""
import re

FLIGHT_S = 0.15  # a program that does not look sees the loss at its next statement
AFTER_S, LATEST_S = 1.0, 3.0
WAITED_S = 0.9
# of a login that a dying server had taken, behind the statement that was lost
CUT_OFF = re.compile(r"reset by peer|ECONNRESET|cannot log in", re.I)
TIME_IS_OUT = re.compile(r"timed?[ -]?out|ETIMEDOUT|\(\)[\"')]*$", re.I)  # (): of asyncio


def is_own_limit(text, waited_s):
    """A time limit of the program's own."""
    return waited_s >= WAITED_S and bool(TIME_IS_OUT.search(text))


def sort(errors, failure_s, width):
    """Errors as (begun, ended, text), in seconds: (in flight, of its own time limit, others)."""
    flight, own, others = [], [], []
    for begun, ended, text in errors:
        if is_own_limit(text, ended - begun):
            own.append(text)
        elif (begun < failure_s + FLIGHT_S and
              len(flight) < width * (2 if CUT_OFF.search(text) else 1)):
            flight.append(text)
        else:
            others.append(text)
    return flight, own, others


def begun_of(line, before, pause_ms):
    """When a statement was begun: the writer tells, or had paused since its line before."""
    stamp = re.search(r"@(\d+)$", line[3])
    return int(stamp.group(1)) if stamp else before + pause_ms * 10**6 if before else line[0]


class Told:
    """Times in seconds from `writable`."""

    def __init__(self, lines, pool, events, first_ms, floor_ms):
        zero, self.width = events["writable"]["boot_ns"], pool.width
        self.failure = (events["failure"]["boot_ns"] - zero) / 1e9
        self.first_ms = first_ms
        self.above_ms = None if None in (first_ms, floor_ms) else first_ms - floor_ms
        self.errors, before = [], None
        for line in list(lines):
            if line[1] == "error" and self.failure <= (at := (line[0] - zero) / 1e9):
                begun = begun_of(line, before, pool.pause_ms)
                self.errors.append(((begun - zero) / 1e9, at, re.sub(r" ?@\d+$", "", line[3])))
            before = line[0]
        self.moments = [at for _, at, _ in self.errors]
        until = min(max(AFTER_S, (first_ms or 0) / 1000), LATEST_S)
        self.errors = [e for e in self.errors if e[1] <= until]
        self.flight, self.own, self.others = sort(self.errors, self.failure, pool.width)
