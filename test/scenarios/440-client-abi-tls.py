#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The client ABI over TLS: a lost connection has another error there, and the new one is verified.

The program verifies the server's certificate against the cluster's name; the prober has nothing to
log in with but what the program hands over, its TLS settings among it.
"""
import os
import shutil
import tempfile

from lib.lab import Lab, now
from lib.programs import writer as w
from lib.tap import done, note, ok


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-abi-")
    env = w.environment(directory)
    del env["PELORUS_USER"], env["PELORUS_PASSWORD"]
    with Lab(instances=3, name="tls", tls=True) as lab:
        lab.sql("writer", w.TABLE)
        writer = w.Writer(lab, "C over TLS", 1, env,
                          more=[os.path.join(lab.state, "tls", "ca.pem")],
                          command=[w.program("c/writer")])
        ok(writer.wait_for(), "a program writes over TLS", writer.stderr)
        for mode in ("crash", "graceful", "blackhole"):
            begin = now()
            writable = lab.failover(mode)["writable"]["boot_ns"]
            ok(writer.wait_for(writable), f"{mode}: the same handle writes again", writer.stderr)
            errors = writer.errors(after_ns=begin)
            fit = all(e[3].split()[0] in ("2013", "2026", "1053") for e in errors)
            ok(len(errors) <= 1 and fit,
               f"{mode}: no error, but for one statement that was under way",
               "\n".join(map(str, errors)))
            first = next((ns for ns, word, _, _ in writer.lines if ns > writable and word == "ok"),
                         0)
            note(f"{mode}: {[e[3].split()[:2] for e in errors]}, "
                 f"{(first - writable) / 1e6:.1f} ms from writable to written")
        ok(writer.end() == 0, "it ends well", writer.stderr)
        for _, twice, lost, rows in w.count(lab, [writer]):
            ok(not twice and not lost, "no row is there twice, no acknowledged one is lost",
               (twice, lost))
            note(f"{len(writer.acknowledged())} acknowledged, {rows} rows")
        log = open(os.path.join(directory, "prober.log")).read()
        ok("code=writer-changed" in log, "the prober logs in over TLS with what was handed over",
           log)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
