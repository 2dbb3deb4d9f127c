#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real clients with the library and without anything to lead it: no prober, no map, none that can
be read, no directory, no credentials that help.

Each behaves as the control does, and its human reads one line at most.  Then DNS moves to a new
writer, and it follows as the control does.
"""
import os
import shutil
import time

from lib.lab import Lab
from lib.programs import clients
from lib.programs.apps import Apps
from lib.tap import done, note, ok, skip
from lib.trials import heal

NO_NODE = clients.node_problem()
KIND = "pymysql" if NO_NODE else "mysql2"
MAP_SIZE = 1441792
STALE_S = 5.1  # a prober's last word counts for 5 s


def directory(apps, name):
    path = os.path.join(os.path.dirname(apps.runtime), name)
    os.mkdir(path, 0o700)
    return path


def garbage(apps):
    path = directory(apps, "garbage")
    with open(os.path.join(path, "topology.map"), "wb") as f:
        f.write(os.urandom(MAP_SIZE))
    return path


def nowhere(apps):
    """Where no directory can be made, not even by root."""
    path = os.path.join(os.path.dirname(apps.runtime), "file")
    with open(path, "w"):
        return os.path.join(path, "run")


NO_CREDENTIALS = {"PELORUS_USER": "", "PELORUS_PASSWORD": ""}
# What is wrong, and the environment that makes it so.
CASES = [
    ("switched off", lambda a: {"PELORUS_DISABLED": "1"}),
    ("no prober", lambda a: {"PELORUS_PROBER": "off", "PELORUS_RUNTIME_DIR": directory(a, "off")}),
    ("a prober that is not there", lambda a: {"PELORUS_PROBER": "/nonexistent/pelorusd",
                                              "PELORUS_RUNTIME_DIR": directory(a, "absent")}),
    ("a map of garbage", lambda a: {"PELORUS_PROBER": "off", "PELORUS_RUNTIME_DIR": garbage(a)}),
    ("a directory that cannot be", lambda a: {"PELORUS_RUNTIME_DIR": nowhere(a)}),
    ("wrong credentials", lambda a: {"PELORUS_PASSWORD": "wrong",
                                     "PELORUS_RUNTIME_DIR": directory(a, "denied")}),
    ("no credentials", lambda a: {**NO_CREDENTIALS, "PELORUS_RUNTIME_DIR": directory(a, "none")}),
]


class Case:
    def __init__(self, apps, text, environment):
        self.text = text
        self.log = os.path.join(os.path.dirname(apps.runtime), f"said-{len(apps.all)}")
        self.directory = environment.get("PELORUS_RUNTIME_DIR")
        self.app = apps.start(KIND, PELORUS_LOG=self.log, **environment)

    def check(self, work, control):
        answer = self.app.ask(work)
        same = (answer["ok"], len(answer["errors"])) == (control["ok"], len(control["errors"]))
        ok(same, f"{self.text}: as without us", f"{answer}, without us {control}")
        return answer

    def check_said(self):
        lines = []
        if os.path.exists(self.log):
            with open(self.log) as f:
                lines = f.read().splitlines()
        ok(len(lines) <= 1, f"{self.text}: one line at most", lines)
        note(f"{self.text}: {lines[0] if lines else 'nothing is said'}")


def check_deleted(apps):
    """The prober is gone for good, and its files with it, while the program goes on."""
    app = apps.start(KIND)
    heal.follow_to(apps, apps.lab.writer)
    apps.environment["PELORUS_PROBER"] = "off"
    apps.stop_prober()
    shutil.rmtree(apps.runtime)
    time.sleep(STALE_S)
    answer = app.ask("write 4")
    ok(not answer["errors"], "the directory deleted under it: it goes on", answer)
    return app


def stop_other_probers(apps, cases):
    for case in cases:
        if case.directory:
            apps.runtime = case.directory
            apps.stop_prober()


def main():
    if NO_NODE:
        skip("Node's pool", NO_NODE)
    with Lab(instances=2, dns_lag="0") as lab, Apps(lab) as apps:
        lab.sql("writer", heal.TABLE)
        control = apps.start(KIND, plain=True)
        cases = []
        try:
            for text, environment in CASES:
                cases.append(Case(apps, text, environment(apps)))
            for case in cases:
                first = case.app.first
                ok((first["ok"], first["errors"]) == (control.first["ok"], []),
                   f"{case.text}: it writes", first)
                note(f"{case.text}: first writes {first['ms']:.0f} ms, without us "
                     f"{control.first['ms']:.0f} ms")
            deleted = check_deleted(apps)
            lab.failover("crash")
            bare = control.ask("write 4")
            for case in cases:
                case.check("write 4", bare)
            answer = deleted.ask("write 4")
            note(f"the directory deleted under it: {answer}")
            bare = control.ask("write 1")
            ok(bare["ok"] == 1, "the control follows DNS", bare)
            answer = deleted.ask("write 1")
            ok(answer["ok"] == 1, "the directory deleted under it: it follows DNS", answer)
            for case in cases:
                case.check("write 1", bare)
                case.check_said()
        finally:
            stop_other_probers(apps, cases)
    done()


main()
