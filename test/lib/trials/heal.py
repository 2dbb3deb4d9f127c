# SPDX-License-Identifier: Apache-2.0
"""What it means that applications heal: their idle connections, by kind, after a failover.

A pool notices that its sockets are closed: no statement fails.  A program with one long connection
is told once, at its next statement; the one after it is served by the new writer.
"""

from lib.programs.apps import POOLS
from lib.tap import note, ok

TABLE = """create table writes (id bigint primary key auto_increment, client varchar(20),
server varchar(60))"""
WRONG = ("1290", "1792", "1836", "read-only")


def follow_to(apps, writer, seconds=30):
    """Waits until the prober has published this writer."""
    try:
        apps.prober.wait(lambda c: c.writer == writer, seconds)
    except TimeoutError:
        note(apps.prober.log()[-3000:])
        raise


def write_all(text, running, n=4):
    """Every application writes without an error, pools by several connections."""
    for app in running:
        answer = app.ask(f"write {n if app.kind in POOLS else 1}")
        ok(answer["ok"] > 0 and not answer["errors"], f"{text}: {app.kind} writes", answer)


def check(text, lab, running):
    """After a failover that the prober has published; the applications were idle meanwhile."""
    last = lab.sql(lab.writer, "select coalesce(max(id), 0) from writes")[0][0]
    errors = []
    for app in running:
        first = app.ask("write 4" if app.kind in POOLS else "write 1")
        expected = (4, 0) if app.kind in POOLS else (0, 1)
        ok((first["ok"], len(first["errors"])) == expected,
           f"{text}: idle {app.kind}: {'no error' if expected[0] else 'one error'}", first)
        errors += first["errors"]
        again = app.ask("write 1")
        ok((again["ok"], again["errors"]) == (1, []), f"{text}: {app.kind} goes on", again)
        errors += again["errors"]
    ok(not [e for e in errors if any(w in e for w in WRONG)],
       f"{text}: no statement was refused by a reader", errors)
    rows = lab.sql(lab.writer, f"select distinct server from writes where id > {last}")
    ok([r[0] for r in rows] == [lab.writer], f"{text}: all was written by the new writer", rows)


def fail_over(text, lab, apps, running, mode="crash"):
    lab.failover(mode)
    follow_to(apps, lab.writer)
    check(text, lab, running)
