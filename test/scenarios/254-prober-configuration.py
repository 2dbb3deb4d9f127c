#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A broken configuration: refused at the start with 2, file, line and key; on reload the old one
stays.  A password that others may read is none.  The form of the log's lines is the file's, unless
the command line tells it."""
import json
import os
import re
import signal

from lib.prober import Prober
from lib.tap import as_root, done, ok
from lib.waiting import wait_for

GOOD = "[cluster one]\nendpoint = localhost\nport = 1\n"
SECRET = GOOD + "user = monitor\npassword = 'very secret'\n"


def at_start():
    with Prober() as p:
        for text, said in (("[pelorus]\npoll = often\n", "2: poll: expected a duration"),
                           ("[cluster one]\nusre = x\n", "2: usre: expected a known key"),
                           ("nothing\n", "1: nothing: expected a [pelorus]")):
            p.configure(text)
            run = p.start()
            ok(run.returncode == 2 and f"{p.config}:{said}" in run.stderr,
               f"refused with file, line, key: {said}", f"{run.returncode} {run.stderr}")
        ok(not os.path.exists(p.directory), "and nothing was begun")
        run = p.start("--config", "/nonexistent/pelorus.conf")
        ok(run.returncode == 2 and "/nonexistent/pelorus.conf" in run.stderr,
           "a file that is named must be there", run.stderr)
        p.environment["PELORUS_CONFIG"] = p.config
        del p.options[:]
        p.configure("[pelorus]\nport = 0\n")
        p.command = lambda *words: [Prober.command(p)[0], "--no-defaults", *words]
        run = p.start()
        ok(run.returncode == 2 and p.config in run.stderr, "$PELORUS_CONFIG names it as well")


def who_may_read():
    for mode in (0o604, 0o660, 0o644):
        with Prober() as p:
            p.configure(SECRET, mode)
            run = p.start()
            ok(run.returncode == 2 and "others may read" in run.stderr and
               "very secret" not in run.stderr, f"a password in a file of mode {mode:o} is refused",
               run.stderr)
            p.configure(GOOD, mode)
            ok(p.start().returncode == 0, "without a password it is not")
    with Prober() as p:
        p.configure(SECRET, 0o600)
        ok(p.start().returncode == 0, "in a file of one's own it is taken")
    with Prober() as p:
        path = os.path.join(p.folder, "password")
        with open(path, "w") as out:
            out.write("very secret\n")
        p.configure(GOOD + f"user = monitor\npassword-file = {path}\n", 0o644)
        os.chmod(path, 0o644)
        run = p.start()
        ok(run.returncode == 2 and path in run.stderr, "a password-file that others may read, too")
        os.chmod(path, 0o400)
        ok(p.start().returncode == 0, "one of one's own is read")
    text = "root's, which a group may read and nobody else, is taken; another user's is not"
    if as_root(text):
        of_a_group(text)


def of_a_group(text):
    """As a secret of Kubernetes is mounted: 0440, root's, with the group of the pod."""
    made = []
    for owner, mode in ((0, 0o440), (0, 0o640), (0, 0o460), (0, 0o444), (65534, 0o440)):
        with Prober() as p:
            path = os.path.join(p.folder, "password")
            with open(path, "w") as out:
                out.write("very secret\n")
            os.chmod(path, mode)
            os.chown(path, owner, 65534)
            p.configure(GOOD + f"user = monitor\npassword-file = {path}\n", 0o644)
            made.append(p.start().returncode)
    ok(made == [0, 0, 2, 2, 2], text, made)


def reload():
    with Prober(config=GOOD) as p:
        p.start()
        pids = p.note_pids()
        wait_for(lambda: any(c["key"] == "localhost" for c in p.status()["clusters"]))
        p.configure("[pelorus]\npoll = never\n")
        run = p.pelorus("reload")
        ok(run.returncode == 1 and f"{p.config}:2: poll: expected" in run.stderr,
           "a broken file is refused on reload, with file, line and key", run.stderr)
        ok(any(c["key"] == "localhost" for c in p.status()["clusters"]),
           "the old one stays in force")
        run = p.pelorus("unfollow", "localhost")
        ok(run.returncode == 1 and "the configuration names it" in run.stderr,
           "what it names is not forgotten by hand", run.stderr)
        os.kill(pids[0], signal.SIGHUP)
        wait_for(lambda: p.log().count("code=configuration-refused") == 2)
        ok(p.note_pids() == pids, "SIGHUP: the same")
        os.kill(pids[1], signal.SIGKILL)
        wait_for(lambda: (p.is_up() or {}).get("pid", pids[1]) != pids[1])
        p.note_pids()
        wait_for(lambda: any(c["key"] == "localhost" for c in p.status()["clusters"]))
        ok(True, "even a new worker takes the old one when the file is broken")
        p.configure(GOOD + "[cluster two]\nendpoint = ip6-localhost\nport = 1\n")
        ok(p.pelorus("reload").returncode == 0, "a good one is taken")
        wait_for(lambda: any(c["key"] == "ip6-localhost" for c in p.status()["clusters"]))
        ok(True, "and followed")
        p.configure(SECRET, 0o644)
        run = p.pelorus("reload")
        ok(run.returncode == 1 and "others may read" in run.stderr, "a readable secret is refused")


TEXT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z (info|warning|error) ([a-z-]+)[^:]*: .+")


def is_json(line):
    try:
        return json.loads(line)["code"] != ""
    except ValueError:
        return False


def form_of(p):
    line = p.log().splitlines()[-1]
    return "json" if is_json(line) else "text" if TEXT.fullmatch(line) else \
        "logfmt" if line.startswith("time=") else line


def forms():
    with Prober(config="[pelorus]\nlog-format = text\n") as p:
        p.start()
        ok(form_of(p) == "text", "log-format says how lines are written", p.log())
        p.configure("[pelorus]\nlog-format = json\n")
        ok(p.pelorus("reload").returncode == 0 and form_of(p) == "json",
           "a reload changes it", p.log())
        os.kill(p.status()["pid"], signal.SIGKILL)
        wait_for(lambda: "worker-died" in p.log())
        lines = [li for li in p.log().splitlines() if "worker-died" in li]
        ok(all(map(is_json, lines)), "in both processes", lines)
        wait_for(lambda: p.is_up())
    with Prober(config="[pelorus]\nlog-format = text\n", options=["--log-format", "logfmt"]) as p:
        p.start()
        p.pelorus("reload")
        ok(form_of(p) == "logfmt", "the command line outweighs the file", p.log())


for part in (at_start, who_may_read, reload, forms):
    part()
done()
