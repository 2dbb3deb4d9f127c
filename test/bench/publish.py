#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From the new writer's becoming writable to the published wake word, by hand.

    test/bench/publish.py [--rounds 30] [--modes crash,graceful,blackhole,kept] [--instances 3]
                          [--detect 500ms]

--detect is how long the lab takes to notice a failure; see test/lib/trials/publishing.py.
"""
import argparse

from lib.lab import Lab
from lib.prober import Prober
from lib.trials.publishing import CALM_S, rounds, summary


def show(ms):
    print("never" if ms is None else f"{ms:.1f}", end=" ", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--modes", default="crash,graceful,blackhole")
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--detect", default="500ms")
    args = parser.parse_args()
    with Lab(instances=args.instances, detect=args.detect) as lab, Prober(lab) as prober:
        prober.wait_settled(args.instances)
        for mode in args.modes.split(","):
            calm_s = CALM_S if mode == "blackhole" else 0
            print("\n" + summary(mode, rounds(lab, prober, mode, args.rounds, show, calm_s)))


if __name__ == "__main__":
    main()
