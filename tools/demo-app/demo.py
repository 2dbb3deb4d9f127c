# SPDX-License-Identifier: Apache-2.0
"""One program, one failover, two timelines side by side: without and with Pelorus.

With `-- COMMAND` it is your own program.  It finds its database in DB_HOST, DB_PORT, DB_USER,
DB_PASSWORD, DB_NAME and in DATABASE_URL, and has to make its tables itself.  It must go on writing,
at least a row each second: the rows that it writes, as the servers count them, are what is shown.
Two copies run at once; should it listen somewhere, PORT is another one for each.
"""
import argparse
import math
import os
import signal
import sys
import time

import attempts
from experiment import PREFIXES, Experiment, Trouble
from rows import Rows

BEFORE, STEP = 1.5, 0.5
WIDTH = 48


def steps_before(gap):
    """A slow machine has no writer for longer: the first step is one in which there was one."""
    return max(int(BEFORE / STEP), math.ceil(gap / STEP) + 1)


def draw(program, zero, gap, after, title):
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    bold, red, green, off = ("",) * 4 if plain else ("\033[1m", "\033[31m", "\033[32m", "\033[0m")

    def cell(name, low):
        wrote, text = program.cell(name, low, low + STEP)
        return f"{green if wrote else red}{text[:WIDTH]:{WIDTH}}{off}"
    print(f"\n{bold}   moment    {'without Pelorus':{WIDTH}}with Pelorus{off}")
    for i in range(-steps_before(gap), int(after / STEP)):
        if i == 0:
            print(f"{bold}   --------  {title}{off}")
        cells = "".join(cell(name, zero + i * STEP) for name in PREFIXES)
        print(f"   {i * STEP:+5.1f} s   {cells.rstrip()}")


def summary(program, zero, after):
    words = []
    for name, beginning in zip(PREFIXES, ("Without Pelorus", "with Pelorus")):
        first = program.first(name, zero)
        back = f"did not write again within {after:g} s" if first is None else \
            f"wrote again after {(first - zero) * 1000:.0f} ms"
        words.append(f"{beginning} the program {back}{program.remark(name)}")
    return "; ".join(words) + "."


def parse():
    parser = argparse.ArgumentParser(prog="tools/demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", default="crash",
                        choices=("crash", "graceful", "blackhole", "reboot"))
    parser.add_argument("--dns-lag", default="never", metavar="TIME",
                        help="when DNS shows the new writer: 5s, or never, the default")
    parser.add_argument("--after", type=float, default=6.0, metavar="SECONDS",
                        help="for how long both are watched afterwards (default: 6)")
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="your own program")
    return parser.parse_args()


def show(args, experiment):
    experiment.up()
    program = Rows(experiment, args.command) if args.command else attempts.Attempts(experiment)
    what = "your program twice, counted in rows" if args.command else attempts.TEXT
    dns = "DNS frozen" if args.dns_lag == "never" else f"DNS {args.dns_lag} late"
    print(f"A cluster of three servers, {dns}; {what}.", flush=True)
    try:
        program.start()
        program.wait_working()
        failure, writable = experiment.failover(args.mode)
        time.sleep(max(0.0, writable["t"] + args.after + 0.2 - time.time()))
    finally:
        program.finish()
    gap = writable["t"] - failure["t"]
    draw(program, writable["t"], gap, args.after,
         f"{writable['id']} takes writes; the old writer failed ({args.mode}) {gap:.1f} s before")
    print("\n" + summary(program, writable["t"], args.after))


def main():
    args = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with Experiment(args.dns_lag) as experiment:
            show(args, experiment)
    except Trouble as trouble:
        sys.exit(f"tools/demo: {trouble}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
