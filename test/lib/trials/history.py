# SPDX-License-Identifier: Apache-2.0
"""What must hold of a history of writes, whatever happened meanwhile.  Pure: no I/O, no clock.

A history is what each writer was told (moment, "ok" or "error", number, text), the rows that the
table holds in the end, and who was the writer when.
"""
REFUSED = ("1290", "1792", "1836", "--read-only")


class Reign:
    def __init__(self, server, begin_ns, end_ns):
        self.server, self.begin_ns, self.end_ns = server, begin_ns, end_ns


def reigns(first, events):
    """Who was the writer from when to when, by the events `writable` of the lab, and the moments at
    which it began to make them so: on a busy machine a row can be told before it knows that it
    did.  A switchover opens its writer under a name of its own, and renames it afterwards."""
    made = [Reign(first, 0, 1 << 63)]
    for event in events:
        begin_ns = event.get("opening_ns") or event.get("renaming_ns")
        if begin_ns:
            made[-1].end_ns = event["boot_ns"]
            made.append(Reign(event["id"], begin_ns, 1 << 63))
    return made


def handovers(events):
    """Spans in which a writer that hands over in good order may refuse what it still has to do."""
    found, begin = [], None
    for event in events:
        if event["event"] == "failure" and event["mode"] == "graceful":
            begin = event["boot_ns"]
        elif event["event"] == "writable" and begin:
            found.append((begin, event["boot_ns"]))
            begin = None
    return found


def lost(told, rows):
    """Numbers that were acknowledged and are not in the table."""
    return sorted({n for _, word, n, _ in told if word == "ok" and n > 0} - set(rows))


def doubled(rows):
    """Numbers that are in the table twice: no writer here sends one twice."""
    return sorted(n for n, servers in rows.items() if len(servers) > 1)


def misplaced(told, rows, reign):
    """(number, server, ns) of acknowledged rows made by an instance that was not the writer at any
    moment from the previous answer to the acknowledgement, and by how much that was too soon or
    late."""
    found, before = [], 0
    for ns, word, n, _ in told:
        if word == "ok" and n in rows:
            server = rows[n][0]
            beside = min((max(r.begin_ns - ns, before - r.end_ns) for r in reign
                          if r.server == server),
                         default=ns)
            if beside > 0:
                found.append((n, server, beside))
        before = ns
    return found


def refused(told, excused=()):
    """(number, moment, text) of statements that a reader refused, but for spans of time in which
    nobody could know better: (begin, end) in nanoseconds."""
    return [(n, ns, text[:40]) for ns, word, n, text in told if word == "error" and
            any(code in text for code in REFUSED) and
            not any(begin <= ns <= end for begin, end in excused)]


def lagging(told, spans):
    """(server, moment) of a reader's connections that began while their instance lagged: its
    answers are "SERVER BEGIN", the spans (server, begin, end) in nanoseconds."""
    made = {tuple(text.split()) for _, word, _, text in told if word == "ok"}
    return sorted((server, int(ns)) for server, ns in made if
                  any(server == who and begin <= int(ns) <= end for who, begin, end in spans))


def back_after(told, since_ns):
    """Nanoseconds from a moment to the first success behind it; None if there is none."""
    return next((ns - since_ns for ns, word, _, _ in told if ns >= since_ns and word == "ok"), None)


def violations(name, told, rows, reign, excused=()):
    """All that is wrong with one writer's history, as sentences."""
    found = []
    for what, numbers in (("acknowledged but not in the table", lost(told, rows)),
                          ("in the table twice", doubled(rows)),
                          ("written by who was not the writer", misplaced(told, rows, reign)),
                          ("refused by a reader", refused(told, excused))):
        if numbers:
            found.append(f"{name}: {what}: {numbers[:5]}, {len(numbers)} in all")
    return found
