#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From the new writer's becoming writable to the published wake word.

    test/bench/publish.py [--rounds 30] [--modes crash,graceful,blackhole] [--instances 3]

The lab says, by the clock that the map uses, when the promoted instance took its first write; a
sleeper on the wake word says when it found the new writer in the map.
"""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from lab import Lab  # noqa: E402
from prober import Prober, Watch  # noqa: E402


def one_round(lab, prober, watch, mode):
    events = lab.failover(mode)
    writable = events["writable"]
    prober.wait_known(writable["id"], 30)
    time.sleep(0.05)  # the watcher's own look
    published = watch.first(events["failure"]["boot_ns"],
                            lambda c: c.state == "known" and c.writer == writable["id"])
    if mode == "blackhole":
        lab.run("heal", events["failure"]["id"])
    return (published - writable["boot_ns"]) / 1e6


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def rounds(lab, prober, mode, count, each=None):
    """The milliseconds of so many failovers, from writable to published."""
    instances = len(prober.cluster().instances)
    watch = Watch(prober)
    figures = []
    for _ in range(count):
        figures.append(one_round(lab, prober, watch, mode))
        if each:
            each(figures[-1])
        prober.wait_settled(instances, 60)
    watch.end()
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--modes", default="crash,graceful,blackhole")
    parser.add_argument("--instances", type=int, default=3)
    args = parser.parse_args()
    with Lab(instances=args.instances) as lab, Prober(lab) as prober:
        prober.wait_settled(args.instances)
        for mode in args.modes.split(","):
            values = rounds(lab, prober, mode, args.rounds,
                            lambda ms: print(f"{ms:.1f}", end=" ", flush=True))
            print(f"\n{mode}: {len(values)} rounds, median {quantile(values, 0.5):.1f} ms, "
                  f"p99 {quantile(values, 0.99):.1f} ms, max {max(values):.1f} ms")


if __name__ == "__main__":
    main()
