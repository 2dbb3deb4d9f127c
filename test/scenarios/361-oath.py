#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the library has sworn to its hosts: in a call that a program makes all the time it allocates
nothing, starts no thread, loads nothing, prints nothing, and never ends the program; it opens no
file or socket, takes no lock and makes no pause in the thread that calls, and so starts no daemon
there; the signal mask is behind each call as before it, and errno behind those that leave it alone
by themselves.
"""
import os
import shutil
import tempfile

from lib.lab import Lab
from lib.paths import BUILD, LIBRARY
from lib.programs import writer as w
from lib.programs.handles import await_published
from lib.tap import done, ok

COUNT = 19
TRACES = ("open", "openat", "flock", "socket", "nanosleep")
# A daemon that is late with its sign of life is looked for, on a busy machine at any time.
TRIES = 3
# The others' own system calls may find nothing to read yet, and leave EAGAIN behind.
ERRNO_IS_KEPT = ("connect", "connect-nonblocking", "recvfrom", "recvmsg", "mysql_errno")


def run(lab, host, env):
    """Lines by their first word, and the exit status."""
    found = lab.exec(w.program("c/oath"), host, str(lab.options.get("port", 3306)), env=env,
                     check=False)
    lines = [line.split(None, 3) for line in found.stdout.splitlines()]
    states = {words[1]: words[2:] for words in lines if words[0] == "state"}
    failed = [words for words in lines if words[0] == "failed"]
    breaches = [words for words in lines if words[0] not in ("state", "failed")]
    return states, failed, breaches, f"{found.returncode} {found.stderr[-300:]}"


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-oath-")
    shim = os.path.join(BUILD, "test", "guests", "oath.so")
    env = w.environment(os.path.join(directory, "run"))
    with Lab(instances=2, name="oath", dns_lag="0") as lab:
        # The prober is there before anybody is looked at.
        lab.exec("getent", "hosts", lab.writer_name, env=env, check=False)
        await_published(lab, os.path.join(directory, "run"))
        env["LD_PRELOAD"] = f"{shim}:{LIBRARY}"
        plain = run(lab, lab.host(lab.writer), dict(os.environ, LD_PRELOAD=shim))
        for _ in range(TRIES):
            led = run(lab, lab.writer_name, env)
            traces = [words for words in led[2] if words[1] in TRACES]
            if not traces:
                break
        for text, (states, failed, _, ended) in (("without us", plain), ("with us", led)):
            ok(len(states) == COUNT and not failed, f"{text}: all {COUNT} calls go well",
               f"{states} {failed} {ended}")
        told = [words for words in led[2] if words not in traces]
        ok(not told, "none of them allocates, starts, loads, prints or ends", told)
        ok(not traces, "or opens, locks or pauses, least of all a connect that does not block",
           traces)
        masks = [what for what, (_, mask) in led[0].items() if mask != "1"]
        ok(not masks, "the signal mask is behind each as before it", masks)
        changed = [what for what in ERRNO_IS_KEPT if led[0].get(what, "0")[0] != "1"]
        ok(not changed, "errno, too, where it is nobody's business to change it", changed)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
