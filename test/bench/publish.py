#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""From the new writer's becoming writable to the published wake word, by hand.

    test/bench/publish.py [--rounds 30] [--modes crash,graceful,blackhole,kept] [--instances 3]
                          [--detect 500ms]
    test/bench/publish.py --topology group|multi-az|replication|galera [--rounds 30]
                          [--modes kill,minority]

--detect is how long the lab takes to notice a failure; see test/lib/trials/publishing.py, and
test/lib/trials/topologies.py for real clusters with nothing imitated.
"""
import argparse
import os

from lib.lab import Lab
from lib.prober import Prober
from lib.trials import topologies
from lib.trials.publishing import CALM_S, rounds, summary

MODES = {"aurora": "crash,graceful,blackhole", "group": "kill,graceful,shutdown,pause,minority",
         "multi-az": "kill,graceful,pause", "replication": "kill,graceful,pause",
         "galera": "kill,shutdown,pause,minority"}


def show(ms):
    print("never" if ms is None else f"{ms:.1f}", end=" ", flush=True)


def of_topology(args):
    with Lab(topology=args.topology, instances=args.instances, detect=args.detect) as lab, \
            Prober(lab, topologies.configuration(lab)) as prober:
        prober.wait_settled(args.instances, 60)
        with topologies.Rows(lab, prober) as rows:
            for mode in args.modes.split(","):
                done = topologies.rounds(lab, prober, mode, args.rounds,
                                         lambda r: show(r.late_ms))
                print("\n" + summary(mode, [r.late_ms for r in done]))
                print(f"  who was lost stayed published {max(r.routed_s or 0 for r in done):.2f} s "
                      f"at the most; other than the new writer after it "
                      f"{max(r.unrest_s for r in done):.2f} s")
            print("rows: {} acknowledged, {} of them lost".format(*rows.lost()))
    print(f"load: {os.getloadavg()[0]:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--topology", choices=sorted(MODES), default="aurora")
    parser.add_argument("--modes")
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--detect", default="500ms")
    args = parser.parse_args()
    args.modes = args.modes or MODES[args.topology]
    if args.topology != "aurora":
        of_topology(args)
        return
    with Lab(instances=args.instances, detect=args.detect) as lab, Prober(lab) as prober:
        prober.wait_settled(args.instances)
        for mode in args.modes.split(","):
            calm_s = CALM_S if mode == "blackhole" else 0
            print("\n" + summary(mode, rounds(lab, prober, mode, args.rounds, show, calm_s)))


if __name__ == "__main__":
    main()
