#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What README.md, docs/, CONTRIBUTING.md and the manual pages print is run as printed, from an
installation; what a block of the label "output" shows is said by the commands above it.

Stand-ins are put in front of two programs that only a whole system has: sudo, which runs what it is
told, and systemctl, which looks whether our own units are installed.  Blocks of the label "package"
are run by 540-package, "release" by 661-release, "kubernetes" by 662-kubernetes; "tests" is what
runs all this.
"""
import collections
import json
import os
import re
import shutil
import subprocess
import tempfile

from lib import documents
from lib.installed import Installed
from lib.lab import Lab
from lib.paths import LAB, ROOT
from lib.tap import done, note, ok

ELSEWHERE = {"package": "run by 540-package", "tests": "what runs this",
             "release": "run by 661-release", "kubernetes": "run by 662-kubernetes"}
# Of a machine that is none of ours, with keys that only a release has.
NEVER = ("sudo dnf ", "kubectl ", "minisign ", "skopeo ", "docker run ")
OURS = re.compile(r"(\$ |# )?(sudo )?([A-Z_]+=\S* )*(pelorus |tools/|test/|meson |GRANT )")
RUN = collections.Counter()  # lines, by what became of them
KNOWN = {"", "sh", "sh host", "sh install", "sh gdb", "sh proxysql", "output", "ini systemd",
         "ini pelorus", "sql", "yaml", "Dockerfile", "js", *("sh " + word for word in ELSEWHERE)}
README_LINES = 150


def shim(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as out:
        out.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)


def place(tree, lab, labs):
    """A folder as a user has it: some programs, a configuration; other labs are out of sight."""
    folder = os.path.join(tree.base, "user")
    shutil.copytree(os.path.join(ROOT, "test", "documents"), folder)
    os.symlink(os.path.join(ROOT, "tools", "demo-app", "node_modules"),
               os.path.join(folder, "node_modules"))
    shim(folder, "app", 'exec python3 "$(dirname "$0")/app.py"\n')
    shims = os.path.join(tree.base, "shims")
    os.mkdir(shims)
    shim(shims, "sudo", 'exec "$@"\n')
    shim(shims, "python3", 'exec /usr/bin/python3 "$@"\n')  # that of the machine's packages
    shim(shims, "systemctl",
         f'for unit; do :; done\n[ "$unit" != pelorusd ] || for kind in system user; do '
         f'[ -f {tree.prefix}/lib/systemd/$kind/pelorusd.service ] || exit 1; done\n')
    config = os.path.join(folder, "pelorus.conf")
    with open(os.open(config, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
        out.write("[pelorus]\nuser = pelorus\npassword = pelorus\n")
    environment = tree.environment(
        PELORUS_RUNTIME_DIR=os.path.join(folder, "run"), PELORUS_CONFIG=config, HOME=folder,
        DB_HOST=lab.writer_name, DB_USER="app", DB_PASSWORD="app", TERM="dumb",
        TMPDIR=labs, DESTDIR=os.path.join(tree.base, "dest2"))
    environment["PATH"] = shims + ":" + environment["PATH"]
    return folder, environment


def run(command, folder, environment, limit=120):
    """As subprocess.run, but one that has to end early may put away what it has begun."""
    child = subprocess.Popen(command, cwd=folder, env=environment, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
    with child:
        try:
            said, _ = child.communicate(timeout=limit)
        except BaseException:
            child.terminate()
            try:
                child.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
            raise
    return subprocess.CompletedProcess(command, child.returncode, said)


def labs_down(folder, environment):
    """Ends the labs that the documents have had brought up, if they were not let to end them."""
    while run([LAB, "down"], folder,
              environment).returncode == 0:
        pass


def check(where, line, made):
    return ok(made.returncode == 0, f"{where}: {line}", made.stdout[-3000:])


def run_block(where, text, lab, inside, folder, environment, cwd):
    """Line by line, for a line may need what the one before has made; a line may set variables.
    What all lines said."""
    lines = [line for line in text.splitlines() if line.strip()]
    if any(line.startswith("eval") for line in lines):
        lines = ["\n".join(lines)]
    said = []
    for line in lines:
        command = ["bash", "-euc", line]
        command = lab.command("exec", "--", *command) if inside else command
        made = run(command, cwd, environment)
        check(where, line.splitlines()[0], made)
        RUN["run here"] += len(line.splitlines())
        said.append(made.stdout)
    return "".join(said)


def shape(line):
    """A line of output without its numbers and its spacing."""
    return " ".join(re.sub(r"\d+(\.\d+)*", "N", line).split())


def check_output(name, text, said):
    shapes = [shape(line) for line in said.splitlines()]
    for line in text.splitlines():
        ok(shape(line) in shapes, f"{name}: is said by the commands above: {line}", said)


def check_never(name, text):
    lines = text.splitlines()
    ok(not any(map(OURS.match, lines)), f"{name}: no command of ours is left out", text)
    RUN["not run: of other machines, or with a release's key"] += sum(
        line.startswith(NEVER) for line in lines)


def check_named(folder, environment):
    """Commands that are named in passing are there, by the names that help lists."""
    there = commands(environment, folder)
    verbs = {noun: listed(run(["pelorus", noun], folder, environment).stdout)
             for noun in ("prober", "reader")}
    wrong, n = [], 0
    for name in [*documents.pages(), *documents.sources("tools/pelorus")]:
        for word, verb in re.findall(r"`pelorus ([a-z-]+)(?: ([a-z-]+))?", documents.read(name)):
            n += 1
            if word not in [*there, "help"] or word in verbs and verb not in verbs[word]:
                wrong.append(f"{name}: pelorus {word} {verb}")
    ok(n > 20 and not wrong, "each command that is named in passing is one", wrong)


def check_blocks(name, lab, folder, environment):
    said = ""
    for label, text in documents.blocks(name):
        ok(label in KNOWN, f"{name}: the block's label is known: {label or 'none'}", text)
        word = label.partition(" ")[2]
        if label == "output":
            check_output(name, text, said)
        if word in ELSEWHERE:
            RUN[ELSEWHERE[word]] += len(text.splitlines())
        if label == "":
            check_never(name, text)
        if word == "proxysql":
            check_proxysql(name, text, folder, environment)
        if not label.startswith("sh") or word in (*ELSEWHERE, "proxysql"):
            continue
        cwd = ROOT if word in ("host", "install", "gdb") else folder
        said = run_block(name, text, lab, word in ("", "gdb"), folder, environment, cwd)


def check_proxysql(name, text, folder, environment):
    """A script, where `mysql` shows two rows of ProxySQL's."""
    bin_ = os.path.join(folder, "proxysql")
    os.mkdir(bin_)
    shim(bin_, "mysql", "printf '%d\\t%s\\t3306\\t%s\\t10\\n' 10 db1 ONLINE 20 db2 SHUNNED\n")
    made = run(["sh", "-c", text], folder,
               {**environment, "PATH": bin_ + ":" + environment["PATH"]})
    check(name, text.splitlines()[0], made)
    told = json.loads(made.stdout or "[]")
    ok(len(told) == 2 and told[1] == {"hostgroup_id": 20, "hostname": "db2", "port": 3306,
                                      "status": "SHUNNED", "writer_hostgroup": 10},
       f"{name}: what it prints is JSON", made.stdout)


def codes_said():
    """{code: whether the log alone has it}, by the calls that say them, and by the tables that
    those take them from."""
    found = {}
    for name in documents.sources("probes"):
        text = documents.read(name)
        for how, call in re.findall(r"\b(log_say|log_event|say)\(([^;{]*);", text):
            for code in re.findall(r'"([a-z]+(?:-[a-z]+)*)"', call)[:1]:
                found[code] = how == "log_say" and found.get(code, True)
        tables = re.findall(r'(?:\.code = |\{(?="instance-|"[a-z]+-missing"))"([a-z-]+)"', text)
        found |= dict.fromkeys(tables, False)
    return found


def check_codes():
    """What is said against the tables that pelorus-codes(7) is made of."""
    table = {code: kind == "LINE" for kind, code in
             re.findall(r'\t(EVENT|LINE)\("([a-z-]+)",', documents.read("probes/base/codes.h"))}
    said = codes_said()
    ok(table == said, "the daemon says each code of its table, and no other, to whom that tells",
       sorted(set(table.items()) ^ set(said.items())))
    said = {reason for name in documents.sources("lib")
            for reason in re.findall(r"\bsay\((SAY_\w+)", documents.read(name))}
    table = set(re.findall(r"CODE\((SAY_\w+),", documents.read("lib/base/codes.h")))
    told = set(re.findall(r"\t(SAY_\w+)", documents.read("lib/base/say.h"))) - {"SAY_REASONS"}
    ok(table == told and not said - table, "and the library those of its own",
       sorted(table ^ told | said - table))


def check_words():
    """What can be seen without running anything."""
    lines = documents.read("README.md").count("\n")
    ok(lines <= README_LINES, f"README.md has {lines} lines, of at most {README_LINES}")
    for name in documents.pages():
        for path, anchor in documents.links(name):
            there = os.path.exists(os.path.join(ROOT, path))
            ok(there and (not anchor or anchor in documents.anchors(path)),
               f"{name}: a link leads to {path}{'#' if anchor else ''}{anchor}")
    made = run([os.path.join(ROOT, "test", "bench", "readme"), "--check"], ROOT, None)
    ok(made.returncode == 0, "the figures in the documents are those of test/bench/results",
       made.stdout)
    check_codes()
    known = {v for name in documents.sources("lib", "probes", "tools/pelorus")
             for v in re.findall(r'"(PELORUS_[A-Z_]+)=?["\\]', documents.read(name))}
    page = (documents.read("tools/man/pelorus.1.scd") +
            documents.read("tools/man/pelorus.conf.5.scd"))
    missing = {v for v in known if not re.search(rf"\b{v}\b", page)}
    ok(known and not missing, "the manual has every variable that is read", str(missing))


def blocks_of(label):
    return [text for name in documents.pages() for found, text in documents.blocks(name)
            if found == label]


def check_files(tree, lab, folder, environment):
    texts = blocks_of("ini pelorus")
    texts += documents.man_files("tools/man/pelorus.conf.5.scd")
    for i, text in enumerate(texts):
        path = os.path.join(folder, f"{i}.conf")
        secret = os.path.join(folder, "password")
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            out.write("secret\n")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            out.write(text.replace("/etc/pelorus/password", secret))
        check("configuration", text.splitlines()[0],
              run(["pelorus", "config", "check", "--config", path], folder, environment))
    for text in blocks_of("sql"):
        writer = lab.host(lab.writer)
        made = lab.exec("mariadb", "-h", writer, "-uapp", "-papp", "-f", "-e", text, check=False)
        # The application's user may not grant: that is refused after the text was understood.
        ok("1064" not in made.stderr, f"SQL: {text.splitlines()[0]}", made.stderr)
    keys = re.findall(r'\{(?:GLOBAL|CLUSTER|BOTH)\([\w.]+\), "([^"]+)"',
                      documents.read("probes/config/keys.c"))
    page = documents.read("tools/man/pelorus.conf.5.scd")
    missing = [k for k in keys if f"*{k}*" not in page]
    ok(keys and not missing, "pelorus.conf(5) has every key", str(missing))


def check_install(tree, environment):
    want = ["bin/pelorus", "libexec/pelorusd", "include/pelorus.h", "share/man/man1/pelorus.1",
            "share/man/man3/pelorus.3", "share/man/man5/pelorus.conf.5",
            "share/man/man7/pelorus-codes.7", "share/man/man8/pelorusd.8",
            "lib/systemd/system/pelorusd.service",
            "lib/systemd/user/pelorusd.service", "libexec/pelorus/lab/lab",
            "libexec/pelorus/lab/pelorus_lab.so",
            "share/bash-completion/completions/pelorus", "share/zsh/site-functions/_pelorus",
            "share/fish/vendor_completions.d/pelorus.fish"]
    missing = [w for w in want if w not in tree.files]
    ok(tree.done.returncode == 0 and not missing and tree.library,
       "meson install with DESTDIR brings everything", f"{missing}\n{tree.done.stdout[-2000:]}")
    unit = open(tree.path("lib/systemd/system/pelorusd.service")).read()
    ok("ExecStart=/usr/local/libexec/pelorusd" in unit and "@libexecdir@" not in unit,
       "the unit names the installed prober", unit)
    made = run(["pelorus", "version"], tree.base, environment)
    ok(tree.path(tree.library) in made.stdout and tree.path("libexec/pelorusd") in made.stdout,
       "the installed command finds library and prober of the same installation", made.stdout)
    made = run(["pelorus", "lab", "--help"], tree.base, environment)
    check("installed", "pelorus lab --help", made)


def listed(text):
    return re.findall(r"^  ([a-z-]+) ", text, re.M)


def commands(environment, folder):
    return listed(run(["pelorus", "--help"], folder, environment).stdout)


def check_commands(folder, environment):
    page = documents.read("tools/man/pelorus.1.scd")
    for word in commands(environment, folder):
        made = run(["pelorus", word, "--help"], folder, environment)
        ok(made.returncode == 0 and "usage:" in made.stdout, f"pelorus {word} --help", made.stdout)
        ok(f"*{word}*" in page, f"pelorus(1) tells of {word}")
        bad = run(["pelorus", word, "--no-such-option"], folder, environment)
        want = {"run": 125, "check": 3}.get(word, 2)
        ok(bad.returncode == want, f"pelorus {word} with a mistake ends with {want}",
           f"{bad.returncode}: {bad.stdout}")


def completion(tree):
    script = tree.path("share/bash-completion/completions/pelorus")
    return (f"source {script}; COMP_WORDS=(pelorus %s); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
            "_pelorus; printf '%%s\\n' \"${COMPREPLY[@]}\"")


def check_completion(tree, folder, environment):
    ask = completion(tree)
    made = run(["bash", "-euc", ask % "''"], folder, environment)
    ok(set(made.stdout.split()) == set(commands(environment, folder)),
       "bash completes every command", made.stdout)


def check_completed_instances(tree, folder, environment):
    made = run(["bash", "-euc", completion(tree) % "reader warm demo-"], folder, environment)
    ok(made.stdout.split() == ["demo-1", "demo-2", "demo-3"], "bash completes instances",
       made.stdout)


def main():
    with Installed() as tree, Lab(instances=3) as lab, \
            tempfile.TemporaryDirectory(prefix="pdoc-") as labs:
        folder, environment = place(tree, lab, labs)
        check_install(tree, environment)
        check_words()
        try:
            check_commands(folder, environment)
            check_completion(tree, folder, environment)
            check_named(folder, environment)
            check_files(tree, lab, folder, environment)
            for name in documents.pages():
                # The page before may have ended with the end of the daemon, or named a cluster that
                # is none.
                run(["pelorus", "unfollow", "db.example.com"], folder, environment)
                run(lab.command("exec", "--", "pelorus", "run", "--", "python3", "app.py"), folder,
                    environment)
                check_blocks(name, lab, folder, environment)
            check_completed_instances(tree, folder, environment)
            run(["pelorus", "stop"], folder, environment)
            # the documents have named clusters that are none
            environment["PELORUS_RUNTIME_DIR"] += "2"
            for page in documents.man_pages():
                for line in documents.man_commands(page):
                    run_block(os.path.basename(page), line, lab, True, folder, environment, folder)
        finally:
            labs_down(folder, environment)
            run(["pelorus", "stop"], folder, environment)
    for what, n in RUN.most_common():
        note(f"command lines of the documents: {n} {what}")
    done()


main()
