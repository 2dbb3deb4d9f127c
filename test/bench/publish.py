#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""From the new writer's becoming writable to the published wake word, by hand.

    test/bench/publish.py [--rounds 30] [--modes crash,graceful,blackhole,kept] [--instances 3]
                          [--detect 500ms] [--server mysql] [--floor]
    test/bench/publish.py --topology group|multi-az|replication|galera [--rounds 30]
                          [--modes kill,minority]

--detect is how long the lab takes to notice a failure.  With --floor a client writes to all
instances each 10 ms: second come the figures that count from the first row which the new writer
let in, and in the end whether a row was lost.  See test/lib/trials/publishing.py, and
test/lib/trials/topologies.py for real clusters with nothing imitated.
"""
import argparse
import os

from lib.lab import Lab
from lib.prober import Prober
from lib.trials import topologies
from lib.trials.publishing import CALM_S, Witness, rounds, summary

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


def of_aurora(args):
    with Lab(instances=args.instances, detect=args.detect, server=args.server) as lab, \
            Prober(lab) as prober:
        prober.wait_settled(args.instances)
        witness = Witness(lab) if args.floor else None
        for mode in args.modes.split(","):
            calm_s = CALM_S if mode == "blackhole" else 0
            figures = rounds(lab, prober, mode, args.rounds, show, calm_s, witness)
            print("\n" + summary(mode, figures))
            if witness:
                print("from the floor: " + summary(mode, witness.late))
                witness.late = []
        if witness:
            print("{} rows acknowledged, {} lost".format(*witness.end()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--topology", choices=sorted(MODES), default="aurora")
    parser.add_argument("--modes")
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--detect", default="500ms")
    parser.add_argument("--server", choices=("mariadb", "mysql"), default="mariadb")
    parser.add_argument("--floor", action="store_true")
    args = parser.parse_args()
    args.modes = args.modes or MODES[args.topology]
    of_aurora(args) if args.topology == "aurora" else of_topology(args)


if __name__ == "__main__":
    main()
