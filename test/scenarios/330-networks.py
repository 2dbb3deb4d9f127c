#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two clusters at once, one of them with both families, one with IPv6 alone at another port; then
a firewall shuts the writer off from all but a forwarder, and what is said of it is said once."""
import os
import shutil

from lib.lab import Lab
from lib.programs import clients
from lib.programs.apps import Apps
from lib.tap import done, note, ok, skip
from lib.trials import heal

NO_NODE = clients.node_problem()
KINDS = [k for k in ("mysql2", "pymysql") if k != "mysql2" or not NO_NODE]


def start(text, lab, apps):
    lab.sql("writer", heal.TABLE)
    running = [apps.start(kind, PELORUS_LOG=os.path.join(apps.runtime, "said")) for kind in KINDS]
    for app in running:
        ok(app.first["ok"] and not app.first["errors"], f"{text}: {app.kind} writes", app.first)
    return running


def said(apps, name="said"):
    """What the library has said to the applications' humans."""
    try:
        with open(os.path.join(apps.runtime, name)) as f:
            return f.read().splitlines()
    except FileNotFoundError:
        return []


def start_anew(apps):
    """A prober and applications that know nothing of before."""
    for app in apps.all:
        app.end()
    apps.all.clear()
    apps.stop_prober()
    shutil.rmtree(apps.runtime)
    os.mkdir(apps.runtime, 0o700)


def check_firewall(text, lab, apps):
    """DNS leads by way of a forwarder to the writer, which applications do not reach themselves."""
    start_anew(apps)
    lab.run("firewall", lab.writer)
    for kind in KINDS:
        plain = apps.start(kind, plain=True)
        app = apps.start(kind, PELORUS_LOG=os.path.join(apps.runtime, kind))
        for each, which in ((plain, "without the preload"), (app, "with it")):
            ok(each.first["ok"] and not each.first["errors"], f"{text}: {which} {kind} writes",
               each.first)
        note(f"{text}: {kind}: first write {plain.first['ms']:.0f} ms without the preload, "
             f"{app.first['ms']:.0f} ms with it")
        ok(len(said(apps, kind)) <= 1, f"{text}: {kind}: one line at most", said(apps, kind))
    apps.prober.wait(lambda c: c.why == "unroutable")
    heal.write_all(text, apps.all)
    lines = [x for x in apps.prober.log().splitlines() if "cannot be reached directly" in x]
    ok(len(lines) == 1, f"{text}: the prober says once what is the matter", lines)
    note("\n".join(lines))


def main():
    if NO_NODE:
        skip("mysql2", NO_NODE)
    with Lab(instances=2, dns_lag="never", ipv6="dual") as dual, Apps(dual) as two_families, \
            Lab(instances=2, dns_lag="never", ipv6="only", port=4407) as six, Apps(six) as ported:
        both = start("dual", dual, two_families)
        only = start("IPv6 only, port 4407", six, ported)
        heal.fail_over("dual", dual, two_families, both)
        heal.write_all("the other cluster, meanwhile", only)
        heal.fail_over("IPv6 only, port 4407", six, ported, only, "graceful")
        heal.write_all("the first cluster, meanwhile", both)
        for apps in (two_families, ported):
            ok(not said(apps), "nothing is said while all is well", said(apps))
        check_firewall("writer behind a firewall", dual, two_families)
    done()


main()
