#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Labs that do not end as they should, and two that begin at once: nothing is left that `lab down`
does not remove, and nobody takes another's place."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading

from lib import tap
from lib.lab import Lab, module
from lib.programs.apps import children
from lib.waiting import wait_for

SMALL = "size=24m"  # less than one server needs


def processes(lab):
    listed = subprocess.run(["ps", "-eo", "args"], stdout=subprocess.PIPE, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if lab.state in line]


def init_of(lab):
    with open(os.path.join(lab.state, "lab.json")) as told:
        return json.load(told)["pid"]


def is_gone(lab, text):
    try:
        wait_for(lambda: not processes(lab))
    except TimeoutError:
        pass
    tap.ok(not processes(lab), f"{text}: no process is left", processes(lab))


def killed(text, whom):
    """Its supervisor, or the first process of its namespace, is killed; then it is taken down."""
    with Lab(instances=2) as lab:
        os.kill(whom(init_of(lab)), signal.SIGKILL)
        is_gone(lab, text)
        done = lab.run("status", check=False)
        tap.ok(done.returncode == 2 and "no lab is up" in done.stderr, f"{text}: none is up",
               done.stderr)
        done = lab.run("down", check=False)
        tap.ok(done.returncode == 0 and not os.path.exists(lab.state),
               f"{text}: `down` removes what it left", done.stderr)


def killed_while_it_comes_up():
    """Whoever brings it up is killed; it ends when it is ready and nobody hears of it."""
    lab = Lab(instances=2)
    child = subprocess.Popen(lab.command("up", "--instances", "2"), stderr=subprocess.DEVNULL)
    wait_for(lambda: os.path.exists(os.path.join(lab.state, "servers")))
    child.kill()
    child.wait()
    is_gone(lab, "`up` is killed")
    done = lab.run("down", check=False)
    tap.ok(done.returncode == 0 and not os.path.exists(lab.state),
           "`up` is killed: `down` removes what it left", done.stderr)
    lab.down()


def two_at_once():
    """In one place: one of them is up, and the other says that it cannot be."""
    lab = Lab()
    both = [subprocess.Popen(lab.command("up", "--instances", "1"), stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = sorted((p.communicate(timeout=120)[1], p.returncode) for p in both)
    tap.ok([code for _, code in told] == [0, 2] and "up already" in told[1][0],
           "of two that begin in one place one is up", told)
    tap.ok(lab.run("status", check=False).returncode == 0, "and it is well")
    lab.down()


def come_and_go():
    """The last one out removes the list of labs, while another puts itself down."""
    state, problems = module("state"), []

    def again_and_again(path):
        try:
            for _ in range(500):
                state.register(path)
                with contextlib.suppress(state.LabError):  # several, or none
                    state.find(ended=True)
                state.unregister(path)
        except OSError as error:
            problems.append(error)

    with tempfile.TemporaryDirectory(prefix="plab-list-") as folder:
        before, tempfile.tempdir = tempfile.tempdir, folder
        threads = [threading.Thread(target=again_and_again, args=(f"/{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tempfile.tempdir = before
    tap.ok(not problems, "labs that come and go side by side are listed", problems)


def asker_goes_away():
    """Whoever asked has gone before the answer is there."""
    with Lab(instances=2) as lab:
        child = subprocess.Popen(lab.command("failover", "--detect", "2s"),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lab.wait_event("failure")
        child.kill()
        child.wait()
        lab.wait_event("back")
        with open(os.path.join(lab.state, "daemon.log")) as log:
            said = log.read()
        tap.ok("Traceback" not in said, "an answer that nobody hears is no trouble", said[-900:])


def full_disk():
    """`up` where there is no room for a server's data."""
    if os.getuid() != 0:
        tap.skip("a full disk", "only root may mount a small one")
        return
    folder = tempfile.mkdtemp(prefix="plab-full-")
    lab = Lab(prefix=["unshare", "-m", "sh", "-c",
                      f'mount -t tmpfs -o {SMALL} none {folder} && "$@"; s=$?; '
                      f'ls -A {folder} >&2; exit $s', "sh"])
    shutil.rmtree(os.path.dirname(lab.state))
    lab.state = os.path.join(folder, "lab")
    done = lab.run("up", check=False, limit=180)
    tap.ok(done.returncode == 2 and done.stderr.count("\n") == 1,
           "a full disk is told in one sentence, and no file is left", done.stderr)
    is_gone(lab, "a full disk")
    os.rmdir(folder)


killed("its supervisor is killed", lambda init: children(init)[0])
killed("its init is killed", lambda init: init)
killed_while_it_comes_up()
two_at_once()
come_and_go()
asker_goes_away()
full_disk()
tap.done()
