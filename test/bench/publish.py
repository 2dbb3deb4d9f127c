#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""From the new writer's becoming writable to the published wake word, by hand.

    test/bench/publish.py [--rounds 30] [--modes crash,graceful,blackhole,kept] [--instances 3]
                          [--detect 500ms]
    test/bench/publish.py --topology galera [--rounds 30] [--modes killed,stopped,cut]

--detect is how long the lab takes to notice a failure; see test/lib/trials/publishing.py, and
test/lib/trials/galera.py for three real nodes of Galera.
"""
import argparse

from lib.lab import Lab
from lib.prober import Prober
from lib.servers import fakes
from lib.trials import galera
from lib.trials.publishing import CALM_S, rounds, summary


def show(ms):
    print("never" if ms is None else f"{ms:.1f}", end=" ", flush=True)


def of_galera(args):
    fakes.enter()
    with galera.Cluster() as cluster, Prober(cluster, cluster.section()) as prober:
        prober.wait_settled(3)
        with galera.Trial(cluster, prober) as trial:
            for mode in (args.modes or "killed,stopped,cut").split(","):
                figures = galera.rounds(trial, mode, args.rounds, show)
                print("\n" + summary(mode, figures))
        print(f"published without its group: {trial.routed:.2f} s at the most")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--topology", choices=("aurora", "galera"), default="aurora")
    parser.add_argument("--modes")
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--detect", default="500ms")
    args = parser.parse_args()
    if args.topology == "galera":
        of_galera(args)
        return
    with Lab(instances=args.instances, detect=args.detect) as lab, Prober(lab) as prober:
        prober.wait_settled(args.instances)
        for mode in (args.modes or "crash,graceful,blackhole").split(","):
            calm_s = CALM_S if mode == "blackhole" else 0
            print("\n" + summary(mode, rounds(lab, prober, mode, args.rounds, show, calm_s)))


if __name__ == "__main__":
    main()
