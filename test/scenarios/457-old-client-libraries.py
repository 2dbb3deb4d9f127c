#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Client libraries that can do less than is asked of the usual ones, and handles that are none of
our business.

A library without mariadb_get_infov() is served as far as it goes, and switched off means off: none
of its calls does anything else then. A handle that follows nothing is served from however many
places of a program it is used; with PELORUS_LONG, on a machine at rest, that costs next to nothing.
"""
import os
import statistics
import tempfile

from lib.paths import LIBRARY
from lib.programs import guests
from lib.programs import writer as w
from lib.tap import done, note, ok

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
LONG = bool(os.environ.get("PELORUS_LONG"))
ROUNDS, RUNS, MORE_NS = 50, 5 if LONG else 1, 500


def environment(folder, **more):
    return {"LD_PRELOAD": LIBRARY, "PELORUS_RUNTIME_DIR": os.path.join(folder, "run"),
            "PELORUS_PROBER": "off", **more}


def run(environment_, *words):
    code, out, err = guests.run([w.program("standin/old"), *words], environment_)
    return code, out.decode().strip(), err.decode().strip()[-300:]


def check_async(text, host, environment_):
    plain, found = run({}, host, "async"), run(environment_, host, "async")
    ok(found == plain == (0, "connected, went well, 0", ""), f"without get_infov, {text}: it "
       "connects and executes", f"{found}, without us {plain}")


def per_statement(environment_):
    """Nanoseconds, the median of some runs; None if one did not end well."""
    found = [run(environment_, "localhost", "sites", str(ROUNDS)) for _ in range(RUNS)]
    return None if any(f[0] for f in found) else statistics.median(int(f[1]) for f in found)


def check_sites(text, plain, environment_):
    found = per_statement(environment_)
    note(f"512 places, {text}: {found} ns a statement, {plain} ns without us")
    ok(found is not None and (not LONG or found - plain < MORE_NS),
       f"512 places that execute, {text}" + (f": {MORE_NS} ns a statement at most" if LONG else ""))


def main():
    with tempfile.TemporaryDirectory(prefix="pelorus-old-") as folder:
        here = environment(folder)
        cases = [("a followed name", WRITER, here), ("another name", "localhost", here),
                 ("switched off", WRITER, environment(folder, PELORUS_DISABLED="1")),
                 ("excluded", WRITER, environment(folder, PELORUS_EXCLUDE="old"))]
        for case in cases:
            check_async(*case)
        plain = per_statement({})
        check_sites("of a handle that follows nothing", plain, here)
        check_sites("switched off", plain, environment(folder, PELORUS_DISABLED="1"))
    done()


main()
