#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""PELORUS_AUTH=iam where no token can be had: the program logs in as it does without the library.

What TLS a token would have needed is not demanded for the program's own password.
"""
import os
import shutil
import tempfile
import time

from lib.lab import Lab
from lib.programs import writer as w
from lib.programs.handles import Handle
from lib.tap import done, ok

KIND = "Python mysqlclient"
SOON_S = 2  # a token is waited for 3 s


def check(text, env, **options):
    with Lab(instances=2, name="token", **options) as lab:
        plain, led = (Handle(lab, KIND, e) for e in (dict(os.environ), env))
        expected = plain("connect " + lab.writer_name)
        heard = led("connect " + lab.writer_name)
        ok(heard == expected == "ok", f"{text}: without a token the own password does as before",
           f"{heard}; without us {expected}")
        begin = time.monotonic()
        heard = led("connect " + lab.writer_name)
        seconds = time.monotonic() - begin
        ok(heard == "ok" and seconds < SOON_S, "... and the next connect does not wait for one",
           f"{heard} after {seconds:.1f} s")
        for handle in (plain, led):
            handle.end()


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-token-")
    for number, (text, options) in enumerate((("no TLS", {}), ("TLS", {"tls": True}))):
        own = os.path.join(directory, str(number))
        os.mkdir(own, 0o700)
        env = dict(w.environment(own), PELORUS_AUTH="iam", PELORUS_USER="pelorus",
                   PELORUS_PASSWORD="pelorus", HOME="/nonexistent", PELORUS_PROBER="off",
                   PELORUS_LOG=os.path.join(directory, "said"))
        check(text, env, **options)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
