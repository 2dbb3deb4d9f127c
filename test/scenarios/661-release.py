#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""tools/release: everything that is published, twice the same bytes, signed; each thing that it
makes is used.  What is refused: a tree that is changed, a version without a date.

Releases are made of a clone, so that one can be changed.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile

from lib import documents
from lib.paths import ROOT
from lib.programs import schema
from lib.tap import done, note, ok, skip


def run(*words, cwd=None, **more):
    return subprocess.run(words, cwd=cwd, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, GIT_CONFIG_NOSYSTEM="1", **more))


def clone(folder):
    tree = os.path.join(folder, "tree")
    run("git", "clone", "-q", "--no-hardlinks", ROOT, tree)
    return tree


def commit(tree, name, old, new):
    path = os.path.join(tree, name)
    with open(path) as file:
        text = file.read()
    with open(path, "w") as out:
        out.write(text.replace(old, new, 1))
    run("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "t", cwd=tree)


def release(tree, out, *words):
    return run("tools/release", *words, out, cwd=tree)


def refused(folder):
    """What ends before anything is made."""
    tree, out = clone(folder), os.path.join(folder, "none")
    made = release(tree, out)
    printed = [text for label, text in documents.blocks("docs/kubernetes.md")
               if label == "sh release"]
    ok(printed == ["tools/release --draft ../out\n"],
       "what the document prints is what is tried here")
    ok(made.returncode == 1 and "no date for 0.1.0" in made.stdout,
       "a version that CHANGELOG.md gives no date is not released", made.stdout)
    made = release(tree, out, "--draft", "--sign", "gnupg:x")
    ok(made.returncode == 2, "nor is a way to sign that nobody knows", made.stdout)
    open(os.path.join(tree, "mine"), "w").close()
    made = release(tree, out, "--draft")
    ok(made.returncode == 1 and "not committed" in made.stdout, "nor a tree that is changed",
       made.stdout)
    os.unlink(os.path.join(tree, "mine"))
    commit(tree, "tools/packaging/pelorus.spec", "Version: 0.1.0", "Version: 0.2.0")
    made = release(tree, out, "--draft")
    ok(made.returncode == 1 and "0.2.0" in made.stdout, "nor one that tells of two versions",
       made.stdout)
    run("git", "reset", "-q", "--hard", "HEAD~", cwd=tree)
    ok(not os.path.exists(out) or not os.listdir(out), "and nothing is made then")
    return tree


def sums(folder):
    with open(os.path.join(folder, "SHA256SUMS")) as lines:
        return dict(reversed(line.split()) for line in lines)


def keys(folder):
    key = os.path.join(folder, "key")
    run("minisign", "-G", "-W", "-s", key, "-p", key + ".pub")
    return key


def make(tree, folder):
    """Two of them, of two clones at two places, at two times; the first's folder."""
    outs = [os.path.join(folder, f"out{i}") for i in (1, 2)]
    key = keys(folder)
    second = os.path.join(folder, "another")
    run("git", "clone", "-q", tree, second)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda words: release(*words), (
            (tree, outs[0], "--draft", "--sign", "minisign:" + key),
            (second, outs[1], "--draft"))))
    if not ok(all(m.returncode == 0 for m in made), "two releases of one commit are made",
              made[0].stdout[-2000:] + made[1].stdout[-2000:]):
        done()
    one, two = map(sums, outs)
    ok(one == two and len(one) > 8, "they are the same, byte for byte",
       [name for name in one if two.get(name) != one[name]])
    have = {name: hashlib.sha256(open(os.path.join(outs[0], name), "rb").read()).hexdigest()
            for name in os.listdir(outs[0]) if not name.startswith("SHA256SUMS")}
    ok(have == one, "SHA256SUMS has the sum of each")
    made = run("minisign", "-V", "-p", key + ".pub", "-m", os.path.join(outs[0], "SHA256SUMS"))
    ok(made.returncode == 0, "and is signed by the key that was given", made.stdout)
    return outs[0]


def check_gpg(folder, out):
    home = os.path.join(folder, "gnupg")
    os.mkdir(home, 0o700)
    run("gpg", "--batch", "--passphrase", "", "--quick-gen-key", "t@t", "default", "default",
        "never", GNUPGHOME=home)
    copy = os.path.join(folder, "SHA256SUMS")
    shutil.copy(os.path.join(out, "SHA256SUMS"), copy)
    line, = (line for line in open(os.path.join(ROOT, "tools/release")) if "gpg --batch" in line)
    command = line.split(") ", 1)[1].rsplit(";;", 1)[0]
    made = run("bash", "-euc", f"sign=gpg:t@t out={folder}; {command}", GNUPGHOME=home)
    told = run("gpg", "--verify", copy + ".asc", copy, GNUPGHOME=home)
    ok(made.returncode == 0 and told.returncode == 0, "gpg signs as well",
       made.stdout + told.stdout)
    run("gpgconf", "--kill", "all", GNUPGHOME=home)


def check_tarball(folder, out):
    """Unpacked where nobody foresaw it."""
    path, = (f for f in os.listdir(out) if re.fullmatch(r"pelorus-[\d.]+-linux-\w+\.tar\.gz", f))
    there = os.path.join(folder, "any where")
    os.mkdir(there)
    with tarfile.open(os.path.join(out, path)) as tar:
        ok(all(m.uid == m.gid == 0 for m in tar), "the tarball's files are root's")
        tar.extractall(there)
    root = os.path.join(there, os.listdir(there)[0])
    command = os.path.join(root, "bin", "pelorus")
    made = run(command, "version")
    ok(made.returncode == 0 and made.stdout.count(root) == 2,
       "its command finds its own library and daemon", made.stdout)
    library, = (os.path.join(at, f) for at, _, names in os.walk(root) for f in names
                if f == "libpelorus.so")
    runs = os.path.join(folder, "run")
    os.mkdir(runs, 0o700)
    alone = dict(PELORUS_RUNTIME_DIR=runs, PELORUS_CLUSTER="db.example.com")
    # The space in the folder's name, which the loader takes for two libraries: a link without one.
    short = os.path.join(folder, "short")
    os.symlink(os.path.dirname(library), short)
    run("getent", "ahosts", "db.example.com", LD_PRELOAD=os.path.join(short, "libpelorus.so"),
        **alone)
    status = run(command, "status", PELORUS_PROBER="off", **alone)
    ok(status.returncode == 0, "its library starts the daemon beside it", status.stdout)
    run(command, "stop", **alone)


def check_sbom(out):
    path, = (f for f in os.listdir(out) if f.endswith(".spdx.json"))
    with open(os.path.join(out, path)) as file:
        told = json.load(file)
    wrong = schema.errors("spdx-2.3.json", told)
    ok(not wrong, "the list of what it consists of is SPDX 2.3", wrong)
    names = [p["SPDXID"] for p in told["packages"]]
    ends = {r[e] for r in told["relationships"] for e in ("spdxElementId", "relatedSpdxElement")}
    ok(len(names) == len(set(names)) and ends <= {"SPDXRef-DOCUMENT", *names},
       "what is related is listed, once")
    listed = {p["packageFileName"]: p["checksums"][0]["checksumValue"] for p in told["packages"]
              if "packageFileName" in p}
    ok(listed == {k: v for k, v in sums(out).items() if k != path},
       "it has each file that is published, and its sum")
    ok({"debian-libc6", "debian-libmariadb3", "debian-libcurl4", "debian-ca-certificates"} <=
       {p["name"] for p in told["packages"]}, "and the packages that the image brings")


def main():
    if not all(map(shutil.which, ("rpmbuild", "dh", "minisign", "gpg"))):
        skip("a release", "rpmbuild, debhelper, minisign or gpg are not installed")
        done()
    with tempfile.TemporaryDirectory(prefix="prelease-") as folder:
        tree = refused(folder)
        out = make(tree, folder)
        note("\n".join(f"{f}: {os.path.getsize(os.path.join(out, f))} bytes"
                       for f in sorted(os.listdir(out))))
        check_gpg(folder, out)
        check_tarball(folder, out)
        check_sbom(out)
    done()


main()
