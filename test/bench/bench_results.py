# SPDX-License-Identifier: Apache-2.0
"""Writes down the race of test/bench/bench_outage.py: a table in Markdown, a timeline in SVG.

Both go where test/bench/record.py says.
"""
import os
import statistics

import record

from lib.paths import ROOT

BEFORE_S, AFTER_S = 1.0, 9.0
WIDTH, LEFT, ROW, TOP = 980, 190, 30, 64
GOOD, BAD, NONE, INK, GRID = "#2e7d32", "#c62828", "#ffcc80", "#37474f", "#cfd8dc"
LEGEND = ((540, GOOD, "written"), (640, BAD, "error told"), (756, NONE, "no writer"),
          (858, "none", "no answer yet"))


class Picture:
    """What each client told around one failover, in seconds from `writable`."""

    def __init__(self, race, events, order):
        zero = events["writable"]["boot_ns"]
        self.failure = (events["failure"]["boot_ns"] - zero) / 1e9
        self.rows = {}
        for name in (n for n in order if n in race.entries):
            writer = race.entries[name].writer
            self.rows[name] = [(t, word) for ns, word, n, _ in list(writer.lines) if n > 0 and
                               -BEFORE_S <= (t := (ns - zero) / 1e9) <= AFTER_S]


def seconds(ms):
    return f"{ms / 1000:.1f} s" if abs(ms) >= 1000 else f"{ms:.0f} ms" if abs(ms) >= 100 \
        else f"{ms:.1f} ms"


def cell(cells, key):
    if key not in cells.values:
        return ""
    median, worst = cells.median(key), cells.worst(key)
    limit = f"> {cells.limits[key]} s"
    text = f"{limit if median is None else seconds(median)} "
    if worst != median:
        text += f"(max {limit if worst is None else seconds(worst)}) "
    if "Pelorus" in key[2] and (above := cells.above_floor(key)) is not None:
        text += f"floor + {seconds(above)} "
    return text + f"n={len(cells.values[key])}"


def percentile_99(cells, keys):
    """Of all failovers, whatever the mode."""
    values = sorted((v for k in keys for v in cells.values.get(k, ())),
                    key=lambda v: (v is None, v))
    value = values[min(len(values) - 1, int(0.99 * len(values)))]
    limit = max(cells.limits[k] for k in keys if k in cells.limits)
    return f"{f'> {limit} s' if value is None else seconds(value)} n={len(values)}"


def table(cells, dns):
    modes = [m for m in ("crash", "graceful", "blackhole", "reboot")
             if any(k[:2] == (dns, m) for k in cells.values)]
    names = dict.fromkeys(k[2] for k in cells.values if k[0] == dns)
    lines = ["| client | " + " | ".join(modes) + " | p99 of all | errors told, median |",
             "|---|" + "---|" * (len(modes) + 2)]
    for name in names:
        keys = [(dns, m, name) for m in modes]
        errors = [f"{statistics.median(cells.errors[k]):.0f}" for k in keys if k in cells.errors]
        lines.append(f"| {name} | " + " | ".join(cell(cells, k) for k in keys) +
                     f" | {percentile_99(cells, keys)} | {', '.join(errors)} |")
    return "\n".join(lines)


def ratio(cells, dns, mode, peer, ours):
    """How many times longer the peer's outage is; a lower bound if it was given up."""
    key, own = (dns, mode, peer), (dns, mode, ours)
    if key not in cells.values or not cells.median(own):
        return None
    median = cells.median(key)
    value = (cells.limits[key] * 1000 if median is None else median) / cells.median(own)
    return f"{'more than ' if median is None else ''}{value:.0f} x"


def ratios(cells):
    lines = []
    for dns in sorted({k[0] for k in cells.values}, reverse=True):
        for mode in dict.fromkeys(k[1] for k in cells.values if k[0] == dns):
            told = [f"{peer} {r}" for peer, ours in (
                ("AWS wrapper", "mysql2 pool + Pelorus"), ("mysql2 pool", "mysql2 pool + Pelorus"),
                ("mysqli", "mysqli + Pelorus"), ("Connector/J aurora", "mysql2 pool + Pelorus"))
                if (r := ratio(cells, dns, mode, peer, ours))]
            if told:
                lines.append(f"- {mode}, DNS {said(dns)}: " + ", ".join(told))
    return "\n".join(lines)


def said(dns):
    return "never moves" if dns == "never" else f"moves after {dns[:-1]} s"


def markdown(cells, command, pictures):
    parts = ["# Outage that the client side adds to a failover", "",
             "The peer's median outage as a multiple of the same client's under Pelorus:", "",
             ratios(cells), ""]
    for dns in sorted({k[0] for k in cells.values}, reverse=True):
        parts += [f"## DNS {said(dns)}", "", table(cells, dns), ""]
    parts += ["Milliseconds from the moment at which the new writer took its first write to the "
              "first row of the client on it; median, worst, median of the differences to the "
              "floor in the same failover, number of failovers; the worst of so few is their p99 "
              "too, and the last column but one has that of all modes together. `floor` knows the "
              "new writer beforehand and tries each millisecond. Errors: of the columns from "
              "left to right.", ""]
    parts += [f"![{name}]({name}.svg)" for name in pictures]
    return "\n".join([*parts, "", *record.made_by(command)])


def bar(x, y, width, colour):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="16" fill="{colour}"/>'


def text(x, y, words, more=""):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{words}</text>'


def runs(pixels):
    """(first, how many) of neighbours in a sorted list; a gap of one pixel is none."""
    found = []
    for pixel in pixels:
        if found and pixel <= found[-1][0] + found[-1][1] + 1:
            found[-1][1] = pixel - found[-1][0] + 1
        else:
            found.append([pixel, 1])
    return found


def legend():
    return [part for at, colour, words in LEGEND for part in (
        f'<rect x="{at}" y="13" width="12" height="12" fill="{colour}" stroke="{GRID}"/>',
        text(at + 18, 24, words))]


def svg(picture, title):
    """A row for each client: green where it wrote, red where it was told an error."""
    height = TOP + ROW * len(picture.rows) + 36

    def x(t):
        return LEFT + (t + BEFORE_S) / (BEFORE_S + AFTER_S) * (WIDTH - LEFT - 20)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'font-family="sans-serif" font-size="13" fill="{INK}">',
           f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
           text(12, 24, title, 'font-size="16"'), *legend()]
    for t in range(int(-BEFORE_S), int(AFTER_S) + 1):
        out += [f'<line x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{TOP - 8}" y2="{height - 30}" '
                f'stroke="{GRID}"/>', text(x(t), height - 12, f"{t} s", 'text-anchor="middle"')]
    failure = max(picture.failure, -BEFORE_S)
    out.append(bar(x(failure), TOP - 20, x(0) - x(failure), NONE))
    out.append(text(x(0) + 4, TOP - 8, "the new writer is writable", 'font-size="11"'))
    for row, (name, told) in enumerate(picture.rows.items()):
        y = TOP + row * ROW
        out.append(text(LEFT - 8, y + 18, name, 'text-anchor="end"'))
        for kind, colour in (("ok", GOOD), ("error", BAD)):
            out += [bar(first, y + 6, n, colour) for first, n in runs(
                sorted({round(x(t)) for t, word in told if word == kind}))]
    return "\n".join([*out, "</svg>", ""])


def write(cells, pictures, quick):
    folder = record.folder(quick)
    command = "test/bench/run --quick outage" if quick else "test/bench/run outage"
    named = {f"{mode}-dns-{dns}": (picture, f"A failover by {mode}, DNS {said(dns)}")
             for (mode, dns), picture in pictures.items()}
    for name, (picture, title) in named.items():
        with open(os.path.join(folder, name + ".svg"), "w") as out:
            out.write(svg(picture, title))
    with open(os.path.join(folder, "outage.md"), "w") as out:
        out.write(markdown(cells, command, named))
    print("written: " + os.path.relpath(folder, ROOT), flush=True)
