#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The house: what may use what holds, nothing goes round in a circle, and no folder is a heap."""
import collections
import os
import re
import subprocess

from lib import house
from lib.paths import ROOT
from lib.tap import done, ok

MOST_FILES, MOST_LINES = 25, 10
HEAPS = ("test/scenarios", "test/known")  # lists in order, which is what they are for
SOURCE = re.compile(r"\.(c|h|py|mjs|cjs|java|php|rb|pl|go|rs)$")
TOPOLOGY = "probes/logic/topology"


def lines(arrows):
    return "\n".join(" -> ".join(arrow) for arrow in sorted(set(arrows)))


def check_tree(tree, calls):
    rooms = house.rooms(tree)
    ok(len(rooms) > 5, f"{tree}: the rooms are told in meson.build", rooms)
    folders = {os.path.dirname(f).partition("/")[2] for f in house.sources(tree)} - {""}
    ok(folders == set(rooms), f"{tree}: each folder is a room", sorted(folders ^ set(rooms)))
    includes = list(house.includes(tree))
    ok(len(includes) > 100, f"{tree}: includes are found", len(includes))
    for what, arrows in (("include", includes), ("call", calls)):
        up = list(house.upward(arrows, rooms, tree))
        ok(not up, f"{tree}: no {what} runs up", lines(up))
        between = {(house.room_of(a[0], rooms), house.room_of(a[1], rooms)) for a in arrows
                   if a[0].startswith(tree + "/") and a[1].startswith(tree + "/")}
        round_ = house.circles({a for a in between if "" not in a})
        ok(not round_, f"{tree}: no {what} makes a circle of rooms", round_)
    for room in rooms:
        check_readme(os.path.join(tree, room))


def check_readme(folder):
    path = os.path.join(ROOT, folder, "README.md")
    count = len(house.read(path).splitlines()) if os.path.exists(path) else 0
    ok(0 < count <= MOST_LINES, f"{folder}: its README has at most {MOST_LINES} lines", count)


def check_files(calls):
    """Between files of different folders, and within the topology, where only the facade
    settles."""
    apart = {(a, b) for a, b, _ in calls if os.path.dirname(a) != os.path.dirname(b)}
    ok(not house.circles(apart), "no circle of files of different rooms", house.circles(apart))
    rules = {(a, b) for a, b, _ in calls if os.path.dirname(a) == os.path.dirname(b) == TOPOLOGY}
    ok(len(rules) > 5 and not house.circles(rules), f"{TOPOLOGY}: no rule calls back",
       house.circles(rules))


def check_folders():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.split("\n")
    counts = collections.Counter(os.path.dirname(f) for f in listed if SOURCE.search(f) and
                                 os.path.exists(os.path.join(ROOT, f)))
    heaps = {f: n for f, n in counts.items() if n > MOST_FILES and f not in HEAPS}
    ok(counts and not heaps, f"no folder has more than {MOST_FILES} source files", heaps)


def check_unit_tests():
    """What meson is not told of would be run by nobody."""
    told = house.read("test", "unit", "meson.build")
    here = [f for f in house.sources("test/unit") if os.path.basename(f).startswith("test_")]
    missing = [f for f in here if not re.search(rf"\b{os.path.basename(f)[:-2]}\b", told)]
    ok(here and not missing, "every unit test is known to meson", missing)


def check_the_check():
    rooms = {"low": set(), "high": {"low"}}
    up = [("lib/low/a.c", "lib/high/b.h"), ("lib/high/b.c", "lib/low/a.h"),
          ("lib/top.c", "lib/high/b.h")]
    ok(list(house.upward(up, rooms, "lib")) == up[:1], "an arrow that runs up would be found")
    ok(house.circles([("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]) == [["a", "b", "c"]],
       "and a circle, too")


check_the_check()
found = list(house.calls())
ok(len(found) > 500, "calls are found in the build", len(found))
for each in house.TREES:
    check_tree(each, found)
check_files(found)
check_folders()
check_unit_tests()
done()
