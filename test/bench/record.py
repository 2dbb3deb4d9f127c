# SPDX-License-Identifier: Apache-2.0
"""Writes down what a part of the measurements found: results/NAME.md, a table in Markdown.

--quick writes to build/bench instead, for its figures are too few to show.
"""
import datetime
import os
import platform
import re
import subprocess

import bench

from lib.builds import commit
from lib.paths import ROOT
from lib.programs import pools as programs

FOLDER = os.path.join(bench.HERE, "results")
QUICK = os.path.join(ROOT, "build", "bench")


def folder(quick):
    made = QUICK if quick else FOLDER
    os.makedirs(made, exist_ok=True)
    return made


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip().splitlines()[0] if done.returncode == 0 else "none"


def versions():
    with open("/proc/cpuinfo") as info:
        cpu = re.search(r"model name\s*: (.*)", info.read())
    with open(os.path.join(bench.HERE, "..", "clients", "node", "package.json")) as package:
        pinned = re.findall(r'"(aws-advanced-nodejs-wrapper|mysql2)": "([^"]+)"', package.read())
    jar = output("dpkg-query", "-W", "-f=${Version}", "libmariadb-java")
    return [f"{cpu.group(1) if cpu else platform.machine()}, {os.cpu_count()} cores, Linux "
            f"{platform.release()}, load average of the last 15 minutes {os.getloadavg()[2]:.1f}",
            output("mariadbd", "--version"),
            "Node " + output("node", "--version") + ", " +
            ", ".join(f"{name} {version}" for name, version in pinned),
            output("php", "--version"), f"MariaDB Connector/J {jar}"]


def pools():
    """What test/lib/programs/pools.py gets."""
    with open(os.path.join(bench.HERE, "..", "clients", "java", "pom.xml")) as pom:
        jars = re.findall(r"<artifactId>([^<]+)</artifactId>\s*<version>([^<]+)</version>",
                          pom.read())
    with open(os.path.join(bench.HERE, "..", "clients", "rust", "Cargo.lock")) as lock:
        crate = re.search(r'name = "sqlx"\nversion = "([^"]+)"', lock.read()).group(1)
    with open(os.path.join(bench.HERE, "..", "clients", "node", "package.json")) as package:
        node = re.findall(r'"(sequelize|typeorm)": "([^"]+)"', package.read())
    named = [*node, *jars[1:-1], programs.AIOMYSQL, programs.ASYNCMY, ("sqlx", crate),
             ("PyMySQL", output("dpkg-query", "-W", "-f=${Version}", "python3-pymysql")),
             ("libmariadb", output("dpkg-query", "-W", "-f=${Version}", "libmariadb3"))]
    return ", ".join(" ".join(one[:2]) for one in named)


def made_by(command):
    return [f"Made on {datetime.date.today().isoformat()} with the tree of {commit()}, by "
            f"`{command}` on:", "",
            *[f"- {v}" for v in versions()], ""]


def markdown(name, title, method, rows, notes, quick):
    lines = [f"# {title}", ""]
    if notes:
        lines += [*notes, ""]
    lines += ["| what | measured | bound |", "|---|---|---|"]
    lines += [f"| {what} | {value} | {bound} |" for what, value, bound in rows]
    command = f"test/bench/run {'--quick ' if quick else ''}{name}"
    return "\n".join([*lines, "", method, "", *made_by(command)])


def write(name, document, rows, notes, quick):
    """`document` is what the head of the part's file says: what it measures, and how."""
    title, method = document.split("\n", 1)
    path = os.path.join(folder(quick), name + ".md")
    with open(path, "w") as out:
        out.write(markdown(name, title.rstrip("."), method.strip(), rows, notes, quick))
    print("written: " + os.path.relpath(path, ROOT), flush=True)
