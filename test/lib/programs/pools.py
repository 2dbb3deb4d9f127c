# SPDX-License-Identifier: Apache-2.0
"""Writers by pools and drivers of many languages: what they are run by, and how it is got.

What no package of the distribution holds is put into build/: jars by Maven, a program by Cargo,
wheels by pip, each in the versions that test/clients says.
"""
import functools
import glob
import os
import shutil
import subprocess

from lib.paths import CLIENTS, ROOT
from lib.programs import clients, wheels
from lib.programs.writer import program

JARS = os.path.join(ROOT, "build", "java")
CRATE = os.path.join(CLIENTS, "rust")
TARGET = os.path.join(ROOT, "build", "rust")
ASYNCMY = ("asyncmy", "0.2.18", "15a1121488913b65d52ded4f96074fd97be775ebe3d6546f3696a114a64ec5d0")
AIOMYSQL = ("aiomysql", "0.3.2",
            "c82c5ba04137d7afd5c693a258bea8ead2aad77101668044143a991e04632eb2")
WIDE, WIDE_PAUSE_MS = 4, 20  # side by side, so that together a statement is begun each 5 ms


class Pool:
    """A writer: `command HOST NUMBER PAUSE *more`; `problem` says why there is none, if so."""

    def __init__(self, name, command, more=(), problem=None, width=1, url=None, env=None):
        self.name, self.command, self.problem, self.width = name, command, problem, width
        self.more = (*more, str(width)) if width > 1 else more
        self.pause_ms = WIDE_PAUSE_MS if width > 1 else 5
        self.url, self.env = url, env or {}

    def host(self, name):
        return self.url.format(name) if self.url else name


def ran(command, what):
    """None, or the last line of what a command said that failed."""
    if not shutil.which(command[0]):
        return f"there is no {command[0]}"
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    if done.returncode != 0:
        return f"{command[0]} cannot {what}: {(done.stdout.strip().splitlines() or ['?'])[-1]}"
    return None


@functools.cache
def jars_problem():
    wanted = os.path.join(CLIENTS, "java", "pom.xml")
    if os.path.isdir(JARS) and os.path.getmtime(JARS) >= os.path.getmtime(wanted):
        return None
    shutil.rmtree(JARS, ignore_errors=True)
    return ran(["mvn", "--quiet", "--batch-mode", "--file", wanted,
                "-Dmaven.repo.local=" + os.path.join(ROOT, "build", "m2"),
                "dependency:copy-dependencies", "-DoutputDirectory=" + JARS], "get jars")


@functools.cache
def crate_problem():
    return ran(["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", TARGET,
                "--manifest-path", os.path.join(CRATE, "Cargo.toml")], "build sqlx")


def java(folder):
    """(command, why not) of HikariCP."""
    if not shutil.which("javac"):
        return [], "there is no Java compiler here"
    if why := jars_problem():
        return [], why
    path = ":".join([folder, *sorted(glob.glob(os.path.join(JARS, "*.jar")))])
    subprocess.run(["javac", "-cp", path, "-d", folder, os.path.join(CLIENTS, "java", "Pool.java")],
                   check=True)
    return ["java", "-cp", path, "Pool"], None


def python(name, kind, wheel=None, width=1):
    folder, why = wheels.unpack(*wheel) if wheel else (None, None)
    return Pool(name, [wheels.PYTHON, os.path.join(CLIENTS, "python", "wire_writer.py")], (kind,),
                why, width, env={"PYTHONPATH": folder} if folder else {})


def groups(folder):
    """All that can be had, in groups that two cores bear at once; Amazon's are peers.

    A pool of Node makes its four logins on one core: beside another it waits for that."""
    node, hikari = clients.node_problem(), java(folder)
    pool = ["node", os.path.join(CLIENTS, "node", "writer.mjs")]
    php = ["php", os.path.join(CLIENTS, "php", "writer.php")]
    url = "jdbc:{}mysql://{{}}:3306/app"
    return [[
        Pool("mysql2 pool", pool, ("mysql2",), node, WIDE),
    ], [
        Pool("TypeORM", pool, ("typeorm",), node, WIDE),
    ], [
        Pool("Sequelize", pool, ("sequelize",), node, WIDE),
        Pool("AWS wrapper (Node)", pool, ("aws",), node, WIDE),
    ], [
        Pool("mysqli", php, ("mysqli",)),
        Pool("PDO", php, ("pdo",)),
        python("PyMySQL", "pymysql"),
        python("aiomysql pool", "aiomysql", AIOMYSQL, WIDE),
        python("asyncmy pool", "asyncmy", ASYNCMY, WIDE),
        Pool("libmariadb (C)", [program("c/writer")]),
    ], [
        Pool("HikariCP, Connector/J", hikari[0], (), hikari[1], WIDE, url.format("")),
        Pool("sqlx (Rust)", [os.path.join(TARGET, "release", "writer")], (), crate_problem(), WIDE),
        Pool("AWS wrapper (JDBC), HikariCP", hikari[0], (), hikari[1], WIDE,
             url.format("aws-wrapper:")),
    ]]
