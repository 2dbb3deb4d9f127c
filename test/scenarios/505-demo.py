#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`tools/demo -- COMMAND`: the experiment with a program that it knows nothing of; and the
picture."""
import os
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree

from lib.paths import ROOT
from lib.tap import done, note, ok, skip

DEMO = os.path.join(ROOT, "tools", "demo")
FOLDER = os.path.join(ROOT, "test", "documents")
ROW = re.compile(r"^ +([+-]\d+\.\d) s +(?:(\d+) rows|- no row) +(?:(\d+) rows|- no row)$")


def demo(*words):
    made = subprocess.run([DEMO, *words], cwd=FOLDER, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180)
    return made.returncode, made.stdout


def columns(said):
    """[(moment, rows without, rows with)]"""
    return [(float(m[1]), int(m[2] or 0), int(m[3] or 0))
            for m in map(ROW.match, said.splitlines()) if m]


def check_program():
    status, said = demo("--after", "4", "--", "/usr/bin/python3", "writer.py")
    rows = columns(said)
    ok(status == 0 and len(rows) >= 11, "a small Python program, from its own folder: two columns",
       said)
    ok(all(row[1] > 5 and row[2] > 5 for row in rows[:1]), "both copies write before the failover",
       said)
    late = [row for row in rows if row[0] >= 1.0]
    ok(late and all(row[1] == 0 for row in late),
       "with frozen DNS the one without Pelorus does not write again", said)
    ok(late and all(row[2] > 5 for row in late), "the one with Pelorus does, all the time", said)
    told = re.search(r"with Pelorus the program wrote again after (\d+) ms\.$", said, re.M)
    ok("Without Pelorus the program did not write again within 4 s" in said and told and
       int(told[1]) < 1000,
       "and so it is summed up", said)
    note(told[0] if told else "")


def check_dns():
    """The same program can come back by itself if DNS moves: the demo does not hide that."""
    status, said = demo("--after", "5", "--dns-lag", "1s", "--", "sh", "-c",
                        "mariadb() { command mariadb -h $DB_HOST -P $DB_PORT -u $DB_USER "
                        "-p$DB_PASSWORD $DB_NAME -e \"$1\"; }; mariadb 'CREATE TABLE t (a INT)'; "
                        "while sleep 0.2; do mariadb 'INSERT INTO t VALUES (1)'; done")
    rows = columns(said)
    ok(status == 0 and rows and all(row[1] and row[2] for row in rows if row[0] >= 3.0),
       "a shell loop, DNS a second late: both copies write in the end", said)


def check_troubles():
    status, said = demo("--", "sh", "-c", "echo nothing to do; exit 3")
    ok(status == 1 and "ended with status 3 before the failover" in said and
       "nothing to do" in said,
       "a program that ends is told of, with what it said", said)
    status, said = demo("--", "sh", "-c", 'echo "$DATABASE_URL $DB_NAME $PORT"; exit 3')
    ok(re.search(r"mysql://(demo_\w+):demo@\S+\.rds\.amazonaws\.com:3306/\1 \1 800[12]$", said,
                 re.M),
       "it is told of its database by a URL as well, and of a port of its own", said)


def check_picture():
    """The script that makes the README's picture still does."""
    with tempfile.TemporaryDirectory(prefix="pelorus-picture-") as folder:
        path = os.path.join(folder, "picture.svg")
        made = subprocess.run([os.path.join(ROOT, "docs", "record"), path],
                              stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180)
        seen = "".join(xml.etree.ElementTree.parse(path).getroot().itertext()) \
            if made.returncode == 0 else ""
    ok("tools/demo" in seen and "Without Pelorus the program" in seen and
       "the writer is demo-2" in seen,
       "docs/record draws the demo, and watch through a failover", made.stdout)


check_program()
check_dns()
check_troubles()
if shutil.which("tmux"):
    check_picture()
else:
    skip("docs/record", "there is no tmux")
done()
