#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that use libmariadb, unmodified, through failovers: one handle each, a row each 5 ms.

A statement that was refused or never sent is executed on the new writer without the program's
knowledge; one that was under way when the connection broke is told once, in the library's own
words, and never executed again.  The handle goes on; mysql2 alone makes another.  In the end the
table is counted: no row twice, no acknowledged row lost.
"""
import shutil
import tempfile

from lib.lab import Lab, now
from lib.programs import writer as w
from lib.tap import done, note, ok

IN_FLIGHT = {"2013", "2055", "2026", "1053"}


def start(lab, directory):
    return [w.Writer(lab, kind, number, w.environment(directory, preload="linked" not in kind))
            for number, kind in enumerate(w.PROGRAMS, 1)]


def judge(writer, mode, begin):
    """One failover as one program saw it."""
    errors = writer.errors(after_ns=begin)
    fit = all(e[3].split()[0] in IN_FLIGHT for e in errors)
    ok(len(errors) <= 1 and fit,
       f"{writer.kind}, {mode}: no error, but for one statement that was under way",
       "\n".join(map(str, errors)))
    return len(errors)


def fail_over(lab, writers, mode):
    begin = now()
    events = lab.failover(mode)
    writable = events["writable"]["boot_ns"]
    for writer in writers:
        ok(writer.wait_for(writable), f"{writer.kind}, {mode}: it writes again",
           writer.stderr)
    for writer in writers:
        first = next((ns for ns, word, n, _ in writer.lines if ns > writable and word == "ok"), 0)
        note(f"{mode}, {writer.kind}: {judge(writer, mode, begin)} errors, "
             f"{(first - writable) / 1e6:.1f} ms from writable to written")


def count(lab, writers):
    for writer, twice, lost, rows in w.count(lab, writers):
        ok(not twice, f"{writer.kind}: no row is there twice", twice)
        ok(not lost, f"{writer.kind}: no acknowledged row is lost", lost)
        note(f"{writer.kind}: {len(writer.acknowledged())} acknowledged, "
             f"{len(writer.errors())} errors, {rows} rows")


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-abi-")
    with Lab(instances=3, name="abi") as lab:
        lab.sql("writer", w.TABLE)
        writers = start(lab, directory)
        for writer in writers:
            ok(writer.wait_for(), f"{writer.kind} writes", writer.stderr)
        for mode in ("crash", "graceful", "blackhole"):
            fail_over(lab, writers, mode)
        for writer in writers:
            ok(writer.end() == 0, f"{writer.kind} ends well", writer.stderr)
        count(lab, writers)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
