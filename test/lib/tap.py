# SPDX-License-Identifier: Apache-2.0
"""What a scenario prints: TAP lines (ok, not ok, ok # SKIP reason) that test/lib/run.py counts.

A scenario is an executable file in test/scenarios named NNN-what.py.  It calls ok()/skip()/note()
and ends with done().  A figure that was measured is printed by note(), so that it can be read in
the log of a passing run too.

SIGTERM, which the runner sends to a late scenario, and the kernel to one whose runner is gone, ends
it by SystemExit, so that each `with` takes down what it has put up.
"""
import atexit
import ctypes
import os
import signal
import sys
import traceback

PR_SET_PDEATHSIG = 1

_count = 0
_failed = 0
_ended = False


def _line(word, text, tail=""):
    global _count
    _count += 1
    print(f"{word} {_count} - {text}{tail}", flush=True)


def ok(condition, text, why=""):
    """Counts one expectation; `why` is printed when it does not hold."""
    global _failed
    if condition:
        _line("ok", text)
    else:
        _failed += 1
        _line("not ok", text)
        if why:
            note(why)
    return bool(condition)


def skip(text, reason):
    _line("ok", text, f" # SKIP {reason}")


def as_root(text):
    """True for root; else that case is skipped: a prober shows its insides to root alone."""
    if os.getuid() != 0:
        skip(text, "only root may look into a prober, or cut it off")
    return os.getuid() == 0


def note(text):
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


def done():
    """Ends the scenario; the plan line tells the runner that nothing was cut short."""
    global _ended
    _ended = True
    print(f"1..{_count}", flush=True)
    sys.exit(1 if _failed else 0)


def _hook(kind, value, trace):
    ok(False, f"ends without an exception ({kind.__name__})",
       "".join(traceback.format_exception(kind, value, trace)))


def _unfinished():
    if not _ended:
        print("Bail out! ended before its plan", flush=True)


sys.excepthook = _hook
atexit.register(_unfinished)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
