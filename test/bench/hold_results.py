# SPDX-License-Identifier: Apache-2.0
"""Writes down what test/bench/bench_hold.py found: two tables in Markdown, a picture in SVG."""
import os
import statistics

import bench_results as draw
import record

from lib.paths import ROOT

PANEL, GAP, TOP, LEFT, RIGHT, WIDTH = 120, 34, 60, 60, 20, 980
BIN_S = 0.5
LIMIT_S = 8  # how long the programs are waited for


def median(values):
    return statistics.median(values)


def first(told):
    """The median of the first writes; how many were given up."""
    back = [t.first_ms for t in told if t.first_ms is not None]
    if len(back) < len(told):
        late = f"> {LIMIT_S} s"
        return f"{late} ({len(told) - len(back)} of {len(told)})" if back else late
    return draw.seconds(median(back))


def errors(told):
    """The median of the errors; the most, if that is another."""
    counts = [len(t.errors) for t in told]
    text = f"{median(counts):.0f}"
    return f"{text} (max {max(counts)})" if max(counts) > float(text) else text


def of_those(told):
    flight, own, others = ([len(getattr(t, kind)) for t in told]
                           for kind in ("flight", "own", "others"))
    text = f"{max(flight)}, {max(own)}"
    return text + (f", **others {max(others)}**" if max(others) else "")


def row(name, at_once, told):
    """`told` is {variant: [Told]}; the last variant is the one that is looked at closely."""
    cells = [name, str(at_once)]
    for mine in told.values():
        cells += [errors(mine), first(mine)] if mine else ["", ""]
    held = list(told.values())[-1]
    if not held:
        return [*cells, "", ""]
    above = [t.above_ms for t in held]
    return [*cells, of_those(held), "" if None in above else draw.seconds(median(above))]


def table(found, variants):
    clients = {}
    for _, told in found:
        for (name, variant), one in told.items():
            clients.setdefault(name, {v: [] for v in variants})[variant].append(one)
    titles = ["client", "at once"]
    for variant in variants:
        titles += [f"{variant}: errors", "first write"]
    titles += ["of those in flight, of its own time limit", "first write after the floor's"]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for name, told in clients.items():
        width = next(t.width for mine in told.values() for t in mine)
        lines.append("| " + " | ".join(row(name, width, told)) + " |")
    return "\n".join(lines)


def per_second(found, variant, begin_s, end_s, peer):
    """Errors per second of all clients of a variant, each client's mean over its failovers."""
    bins = [0.0] * int((end_s - begin_s) / BIN_S)
    count = {}
    for _, told in found:
        for name, v in told:
            count[name, v] = count.get((name, v), 0) + 1
    for _, told in found:
        for (name, v), one in told.items():
            if v != variant or name.startswith(peer):
                continue
            for at in one.moments:
                if begin_s <= at < end_s:
                    bins[int((at - begin_s) / BIN_S)] += 1 / BIN_S / count[name, v]
    return bins


def panel(bins, y, title, most, x, begin_s):
    out = [draw.text(LEFT, y - 6, title),
           f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y + PANEL}" y2="{y + PANEL}" '
           f'stroke="{draw.INK}"/>',
           draw.text(LEFT - 8, y + 11, f"{most:.0f}", 'text-anchor="end" font-size="11"'),
           draw.text(LEFT - 8, y + PANEL, "0", 'text-anchor="end" font-size="11"')]
    for i, value in enumerate(bins):
        height = max(value / most * PANEL, 1.5 if value else 0)
        at = x(begin_s + i * BIN_S)
        if value:
            out.append(f'<rect x="{at:.1f}" y="{y + PANEL - height:.1f}" '
                       f'width="{x(begin_s + (i + 1) * BIN_S) - at - 1:.1f}" '
                       f'height="{height:.1f}" fill="{draw.BAD}"/>')
    return out


def svg(detect_s, found, variants, peer):
    failure = statistics.mean((e["failure"]["boot_ns"] - e["writable"]["boot_ns"]) / 1e9
                              for e, _ in found)
    begin_s, end_s = int(failure) - 2, 8
    height = TOP + len(variants) * (PANEL + GAP) + 30
    clients = len({name for _, told in found for name, _ in told if not name.startswith(peer)})

    def x(t):
        return LEFT + (t - begin_s) / (end_s - begin_s) * (WIDTH - LEFT - RIGHT)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'font-family="sans-serif" font-size="13" fill="{draw.INK}">',
           f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
           draw.text(12, 20, f"Errors per second that {clients} programs were told, "
                             f"{detect_s} s without a writer", 'font-size="16"'),
           f'<rect x="{x(failure):.1f}" y="{TOP - 24}" width="{x(0) - x(failure):.1f}" '
           f'height="{height - TOP - 12}" fill="{draw.NONE}" opacity="0.35"/>']
    for t in range(begin_s, end_s + 1):
        out += [f'<line x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{TOP - 24}" y2="{height - 34}" '
                f'stroke="{draw.GRID}"/>']
        if t % 2 == 0:
            out.append(draw.text(x(t), height - 16, f"{t} s", 'text-anchor="middle"'))
    all_bins = {v: per_second(found, v, begin_s, end_s, peer) for v in variants}
    most = max(1.0, *(max(bins) for bins in all_bins.values()))
    for i, (variant, bins) in enumerate(all_bins.items()):
        words = variant if i == 0 else f"under Pelorus, {variant}"
        title = f"{words}: {sum(bins) * BIN_S:.0f} errors in all"
        out += panel(bins, TOP + i * (PANEL + GAP), title, most, x, begin_s)
    return "\n".join([*out, "</svg>", ""])


def said(found):
    """The words of the errors that are neither in flight nor of a time limit, where held."""
    lines = []
    for name, variant in dict.fromkeys(key for _, told in found for key in told):
        texts = [text for _, told in found for text in
                 (told[name, variant].others if (name, variant) in told else [])]
        if texts and variant.endswith("30 s"):
            lines.append(f"- {name}: {len(texts)} x {texts[0][:160]}")
    return ["", "Other errors of those that are held:", "", *lines] if lines else []


def write(found, variants, peer, problems, document, quick):
    folder = record.folder(quick)
    title, method = document.split("\n", 1)
    parts = [f"# {title.rstrip('.')}", ""]
    for detect_s, told in found.items():
        if not told:
            continue
        shown = [v for v in variants if any(v == variant for _, t in told for _, variant in t)]
        parts += [f"## {detect_s} s without a writer", "", table(told, shown), *said(told), ""]
    parts += [f"- {name}: not measured: {why}" for name, why in problems.items()]
    longest = max(found)
    if found[longest]:
        with open(os.path.join(folder, "hold.svg"), "w") as out:
            out.write(svg(longest, found[longest], variants, peer))
        parts += ["![errors per second over the failover](hold.svg)", ""]
    command = f"test/bench/run {'--quick ' if quick else ''}hold"
    with open(os.path.join(folder, "hold.md"), "w") as out:
        out.write("\n".join([*parts, method.strip(), "", *record.made_by(command)[:-1],
                             f"- {record.pools()}", ""]))
    print("written: " + os.path.relpath(os.path.join(folder, "hold.md"), ROOT), flush=True)
