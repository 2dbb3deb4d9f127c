#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The runner counts what a part says, and nothing else: a case that vanishes is a failure."""
from lib.run import Tally, Total
from lib.tap import done, ok

GOOD = ("1..2\nok 1 - a\n# ok 2 - a note\nok    library: it is there\n  ok 2 - of a child\n"
        "ok 2 - b\n")

# what it is, what the part says, how many pass and how many fail
ROWS = (
    ("its own lines count, others do not", GOOD, 2, 0),
    ("what does not hold fails", "1..2\nok 1 - a\nnot ok 2 - b\n", 1, 1),
    ("a skip is neither", "1..2\nok 1 - a\nok 2 - b # SKIP no c\n", 1, 0),
    ("nor is cmocka's", "1..2\nok 1 - a\nnot ok 2 # SKIP b\n", 1, 0),
    ("a plan that is not met", "1..3\nok 1 - a\nok 2 - b\n", 2, 1),
    ("no plan", "ok 1 - a\nBail out! ended before its plan\n", 1, 1),
    ("a case that is swallowed", "ok 1 - a\nsaid: ok 2 - b\nok 3 - c\n1..3\n", 1, 1),
    ("nothing at all", "", 0, 1),
)


def counts(output):
    tally = Tally()
    tally.take("part", "part", output)
    return tally.counts()


for text, output, *expected in ROWS:
    ok(list(counts(output)) == expected, text, counts(output))

total = Total({})
for build in ("gcc", "clang"):
    one = Tally()
    one.take(build + "/test_a", "test_a", GOOD)
    total.add(one)
ok(total.counts() == (2, 0) and total.checks == 4, "a row in two builds is one claim",
   total.counts())
one = Tally()
one.take("asan/test_a", "test_a", GOOD.replace("ok 2 - b", "not ok 2 - b"))
total.add(one)
ok(total.counts() == (1, 1), "which fails if it does in one of them", total.counts())

for text, plan, output, failed in (("as many as planned", 2, GOOD, 0), ("one fewer", 3, GOOD, 1),
                                   ("one fewer, and one skipped", 3, ROWS[2][1], 0),
                                   ("a part that is not in the plan", None, GOOD, 1)):
    one = Tally()
    one.take("part", "part", output)
    one.hold_to_plan("part", {"part": plan} if plan else {})
    ok(one.counts()[1] == failed, text, one.failures)
done()
