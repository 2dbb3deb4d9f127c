#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`pelorus doctor` names the cause and what mends it, in each trouble that a new user meets; and
has nothing to say where all is well."""
import json
import os
import shutil
import struct
import subprocess
import tempfile

from lib.lab import Lab
from lib.paths import PELORUS
from lib.prober import Prober, cluster_section
from lib.programs import guests
from lib.tap import done, ok, skip


class Patient:
    """A user with a runtime directory, a configuration and an environment of its own."""

    def __init__(self, lab, base):
        self.lab, self.base = lab, base

    def doctor(self, *words, run=None, **environment):
        environment = dict(os.environ, PELORUS_RUNTIME_DIR=run or os.path.join(self.base, "run"),
                           PELORUS_CONFIG="", HOME=self.base, **environment)
        return subprocess.run(self.lab.command("exec", "--", PELORUS, "doctor", *words),
                              env=environment, stdin=subprocess.DEVNULL, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def says(made, what, *texts, status=1):
    """Every text stands in the output, and it ended as it must."""
    missing = [t for t in texts if t not in made.stdout]
    ok(made.returncode == status and not missing, what,
       f"{made.returncode}, without {missing}:\n{made.stdout}")


def well(patient, lab):
    with Prober(lab) as prober:
        prober.wait_settled(3)
        made = patient.doctor("--cluster", lab.writer_name, "--", "node", run=prober.directory)
        says(made, "all is well: nothing to mend", "Nothing is wrong.", "leads to the writer",
             "loads the library for", "has its lookups from the library, version", status=0)
        ok("FAIL" not in made.stdout and "note" not in made.stdout, "and not a word more",
           made.stdout)
        made = patient.doctor("--cluster", lab.writer_name, "--json", "--", "node",
                              run=prober.directory)
        told = json.loads(made.stdout)
        ok(made.returncode == told["failures"] == told["notes"] == 0 and
           len(told["findings"]) > 5 and {f["finding"] for f in told["findings"]} == {"ok"},
           "the same in JSON", made.stdout)
        in_short(prober, lab)
        lab.run("dns", "freeze")
        old = lab.writer
        lab.failover("crash")
        new = prober.wait_known(lab.writer).writer
        made = patient.doctor("--cluster", lab.writer_name, run=prober.directory)
        says(made, "DNS frozen", "leads to", "not to the writer", "DNS is late or frozen",
             f"go to {new} all the same", status=0)
        ok(new == lab.writer and new != old, "after a failover", f"{old}, then {new}")


def in_short(prober, lab):
    """What monitoring asks for."""
    name = lab.writer_name
    for words, status, said in (
            (("--all",), 0, "OK - demo.cluster"), ((name,), 0, "OK"),
            (("--follows", name), 2, "no process follows it"),
            (("--role", "reader", "--max-lag", "9s", name), 0, "2 of 2 readers"),
            (("--max-lag", "9s", name), 3, "--role reader"), (("--role", "x", name), 3, "not x"),
            ((), 3, "usage"), (("--all", name), 3, "usage")):
        made = prober.pelorus("check", *words)
        ok(made.returncode == status and said in made.stdout + made.stderr,
           f"check {' '.join(words)}: {said}", made.stdout + made.stderr)
    found = json.loads(prober.pelorus("resolve", "--json", name).stdout)
    ok(found["verdict"] == "instance" and found["to"]["instance"] == lab.writer and
       found["to"]["port"] == 3306 and found["to"]["role"] == "writer" and
       found["dns"][0]["instance"] == lab.writer and found["reason"] == "by-role",
       "resolve --json tells where a name leads", found)
    made = prober.pelorus("resolve", "--json", "no.such.name")
    ok(made.returncode == 4 and json.loads(made.stdout)["reason"] == "not-followed",
       "and of one that nobody follows", made.stdout)


def credentials(patient, lab):
    with Prober(lab, cluster_section(lab, password="wrong")) as prober:
        prober.view.wait(lambda v: v.find(lab.writer_name), 20)
        says(patient.doctor("--cluster", lab.writer_name, run=prober.directory), "a wrong password",
             "FAIL  credentials:", "Access denied for user 'pelorus'",
             "user or password is wrong", "CREATE USER")


def prober(patient, lab):
    name = ("--cluster", lab.writer_name)
    says(patient.doctor(*name, PELORUS_PROBER="off"), "no prober is allowed",
         "FAIL  prober:", "PELORUS_PROBER=off forbids", "unset PELORUS_PROBER")
    says(patient.doctor(*name, PELORUS_PROBER="/nonexistent/pelorusd"), "no prober is there",
         "FAIL  prober:", "no pelorusd to start", "install pelorusd")
    says(patient.doctor(*name, PELORUS_PROBER="/bin/false"), "a prober that gives up",
         "FAIL  prober:", "gave up", "--foreground --verbose")


def go_targets(patient, off):
    """By their files; GODEBUG decides what the last one does."""
    rows = {"static Go": (False, (), "is a static Go program"),
            "Go with a resolver of its own, though dynamic":
                (False, ("-buildmode=pie",), "with a resolver of its own"),
            "Go that may look up by libc": (True, (), "GODEBUG=netdns=cgo")}
    for text, (cgo, flags, words) in rows.items():
        program, why = guests.build_go(patient.base, cgo, *flags)
        if why:
            skip(text, why)
            continue
        says(patient.doctor("--", program, **off), text, "FAIL  target:", words,
             "no preload is at work", "pelorus run --trap")


def target(patient, lab):
    off = {"PELORUS_PROBER": "off"}
    says(patient.doctor(PELORUS_LIBRARY="/nonexistent/libpelorus.so", **off),
         "the library is missing",
         "FAIL  library:", "cannot be found", "PELORUS_LIBRARY")
    broken = os.path.join(patient.base, "libpelorus.so")
    with open(broken, "w") as out:
        out.write("no library\n")
    says(patient.doctor("--", "node", PELORUS_LIBRARY=broken, **off), "a library that is none",
         "a child of ours is not interposed", "does not load the library")
    static = guests.host().build("list-static", patient.base)
    if os.path.exists(static):
        says(patient.doctor("--", static, **off), "a static target", "FAIL  target:",
             "is statically linked", "link it dynamically")
    else:
        skip("a static target", "no static program can be linked here")
    go_targets(patient, off)
    text = "a link to a program whose libraries lie beside it"
    if shutil.which("java"):
        says(patient.doctor("--", "java", **off), text, "loads the library for")
    else:
        skip(text, "no java")
    musl = guests.musl()
    if not musl.absent:
        says(patient.doctor("--", musl.build("list", patient.base), **off),
             "a musl target: its own loader is asked",
             "ld-musl", "loads the library for")
    else:
        skip("a musl target", musl.absent)
    privileged = os.path.join(patient.base, "privileged")
    shutil.copy("/bin/true", privileged)
    if os.getuid() == 0:
        os.chown(privileged, 65534, 65534)
        os.chmod(privileged, 0o4755)
        made = subprocess.run([PELORUS, "doctor", "--", privileged], text=True,
                              env=dict(os.environ, HOME=patient.base, **off,
                                       PELORUS_RUNTIME_DIR=os.path.join(patient.base, "run")),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        says(made, "a set-user-ID target", "FAIL  target:", "gains privileges",
             "AmbientCapabilities")
    else:
        skip("a set-user-ID target", "needs root to make one")
    says(patient.doctor("--", "no-such-program", **off), "a target that is not there",
         "FAIL  target:", "No such file")


def directory(patient, lab):
    run = os.path.join(patient.base, "odd")
    os.mkdir(run, 0o700)
    with open(os.path.join(run, "topology.map"), "wb") as out:
        out.write(struct.pack("=QII", 0x31504d5355524c50, 99, 4096) + bytes(8 << 20))
    says(patient.doctor(run=run), "a map of another version", "FAIL  map:",
         "is one of another version", "of one release")
    os.chmod(run, 0o777)
    says(patient.doctor(run=run), "a directory that others may write", "FAIL  runtime directory:",
         "mode 0777", "remove")
    if os.getuid() == 0:
        # Of a third user: one's own and root's are trusted, and root trusts what it is told.
        os.chmod(run, 0o700)
        os.chown(run, 12345, 12345)
        made = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               PELORUS, "doctor"], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=dict(os.environ, HOME=patient.base,
                                                                 PELORUS_RUNTIME_DIR=run))
        says(made, "a directory of another user", "FAIL  runtime directory:", "has owner 12345",
             "give it to user 65534")
    else:
        skip("a directory of another user", "needs root to make one")


def configuration(patient, lab):
    path = os.path.join(patient.base, "pelorus.conf")
    with open(path, "w") as out:
        out.write("[pelorus]\nstal-time = 1s\n")
    environment = dict(os.environ, PELORUS_CONFIG=path, PELORUS_PROBER="off", HOME=patient.base,
                       PELORUS_RUNTIME_DIR=os.path.join(patient.base, "run"))
    made = subprocess.run([PELORUS, "doctor"], env=environment, text=True, stdout=subprocess.PIPE)
    says(made, "a mistake in the configuration", "FAIL  configuration:", "pelorus.conf:2",
         "stall-time",
         "mend that line")


with Lab(instances=3) as the_lab, tempfile.TemporaryDirectory(prefix="pdoctor-") as folder:
    os.chmod(folder, 0o755)
    the_patient = Patient(the_lab, folder)
    for part in (target, prober, directory, configuration, credentials, well):
        part(the_patient, the_lab)
done()
