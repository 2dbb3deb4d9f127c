# SPDX-License-Identifier: Apache-2.0
"""From the new writer's becoming writable to the published wake word.

The lab says, by the clock that the map uses, when the promoted instance took its first write; a
sleeper on the wake word says when it was woken to the new writer in the map.  `kept` is a graceful
handover that breaks no connection.

A writer that falls silent has not recanted, and who claims beside it for the third time in ten
seconds is disputed on purpose: many black holes must be CALM_S from one another.
"""
import time

from lib.prober import Watch

WORDS = {"kept": ("graceful", "--keep-connections")}
CALM_S = 11


def one_round(lab, watch, mode):
    """The milliseconds of one failover; None if no sleeper saw the new writer."""
    events = lab.failover(*WORDS.get(mode, (mode,)))
    writable = events["writable"]
    published = watch.wait_first(events["failure"]["boot_ns"],
                                 lambda c: c.state == "known" and c.writer == writable["id"], 30)
    if mode == "blackhole":
        lab.run("heal", events["failure"]["id"])
    return (published - writable["boot_ns"]) / 1e6 if published else None


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def rounds(lab, prober, mode, count, each=None, calm_s=0):
    """The milliseconds of so many failovers, from writable to published; None where it was not."""
    instances = len(prober.cluster().instances)
    watch = Watch(prober)
    figures = []
    for _ in range(count):
        figures.append(one_round(lab, watch, mode))
        if each:
            each(figures[-1])
        prober.wait_settled(instances, 60)
        time.sleep(calm_s)
    watch.end()
    return figures


def summary(mode, figures):
    values = [f for f in figures if f is not None]
    missed = [str(i + 1) for i, f in enumerate(figures) if f is None]
    text = f"{mode}: {len(values)} rounds"
    if values:
        text += (f", median {quantile(values, 0.5):.1f} ms, p99 {quantile(values, 0.99):.1f} ms, "
                 f"max {max(values):.1f} ms")
    return text + (f", never seen in round {' '.join(missed)}" if missed else "")
