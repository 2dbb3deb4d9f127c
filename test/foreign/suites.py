# SPDX-License-Identifier: Apache-2.0
"""How each suite is built, told where the server is, run, and read.

Each is a class with build(sources, folder), which works on a copy in `folder`, and run(folder,
server), which returns {name of the case: "ok", "failed" or "skipped"}.  What is printed by builds
that fail is shown; what cases print goes to the server's log.
"""
import collections
import glob
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

LIMIT = 900  # seconds, for one program of a suite


class Server:
    """Where the cluster is, and how programs are run that reach it."""

    def __init__(self, lab, host, user, password, env, log):
        self.lab, self.host, self.user, self.password = lab, host, user, password
        self.env, self.log = env, log

    def exec(self, folder, *command, limit=LIMIT, **more):
        """Runs a command in a folder; what it printed to its standard output, and its status."""
        words = ["timeout", "-k", "5", str(limit), *command]
        done = self.lab.exec("sh", "-c", 'cd "$0" && exec "$@"', folder, *words, check=False,
                             limit=limit + 60, env={**self.env, **more}, errors="replace",
                             stderr=subprocess.STDOUT)
        self.log.write(f"=== {' '.join(command)}\n{done.stdout}\n=== {done.returncode}\n")
        self.log.flush()
        return done.stdout, done.returncode


def build(folder, *command, may_fail=False):
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0 and not may_fail:
        raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}")


def copy(sources, folder):
    target = os.path.join(folder, "sources")
    shutil.copytree(sources, target, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    return target


def change(path, pattern, text):
    with open(path) as file:
        before = file.read()
    with open(path, "w") as file:
        file.write(re.sub(pattern, text, before))


def read_tap(program, text, status):
    """Cases of one program by their titles, less the numbers in them; that it ends is one, too."""
    cases = {f"{program}: ends": "ok" if status == 0 else "failed"}
    seen = collections.Counter()
    for word, title in re.findall(r"^(not ok|ok) \d+[ -]*(.*)$", text, re.M):
        state = "skipped" if re.search(r"# *skip", title, re.I) else \
            "ok" if word == "ok" or "# TODO" in title else "failed"
        name = re.sub(r"\d+", "N", title.partition("#")[0].strip())
        seen[name] += 1
        cases[f"{program}: {name}, {seen[name]}"] = state
    return cases


def read_junit(path):
    cases = {}
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        kinds = {child.tag for child in case}
        cases[name] = "failed" if kinds & {"failure", "error"} else \
            "skipped" if "skipped" in kinds else "ok"
    return cases


class Suite:
    def __init__(self, only=""):
        self.only = only

    def build(self, sources, folder):
        copy(sources, folder)


class ConnectorC(Suite):
    """MariaDB Connector/C's own unit tests, as far as they can be linked with the shared library.

    Needs cmake and what the sources need (zlib, OpenSSL).
    """

    def build(self, sources, folder):
        target = copy(sources, folder)
        change(os.path.join(target, "unittest", "libmariadb", "CMakeLists.txt"),
               r" mariadbclient\)", " libmariadb)")
        build(target, "cmake", "-S.", "-Bbuilt", "-DWITH_UNIT_TESTS=ON", "-DWITH_EXTERNAL_ZLIB=ON")
        build(target, "make", "-C", "built", "-k", f"-j{os.cpu_count()}", may_fail=True)

    def run(self, folder, server):
        cases = {}
        built = os.path.join(folder, "sources", "built", "unittest", "libmariadb")
        for path in sorted(glob.glob(os.path.join(built, "*"))):
            name = os.path.basename(path)
            if not os.path.isfile(path) or not os.access(path, os.X_OK) or self.only not in name:
                continue
            text, status = server.exec(
                built, path, "-h", server.host, "-u", server.user, "-p", server.password, "-d",
                "test", "-P", "3306", limit=180, MARIADB_CC_TEST="1", MYSQL_TEST_HOST=server.host,
                MYSQL_TEST_PLUGINDIR=os.path.join(folder, "sources", "built", "plugins"))
            cases.update(read_tap(name, text, status))
        return cases


class Pytest(Suite):
    tests = "."

    def pytest(self, folder, server, **more):
        report = os.path.join(folder, "report.xml")
        words = ["-k", self.only] if self.only else []
        server.exec(os.path.join(folder, "sources"), "python3", "-m", "pytest", "-q", "-p",
                    "no:cacheprovider", f"--junitxml={report}", *words, self.tests, **more)
        return read_junit(report)


class Mysqlclient(Pytest):
    """mysqlclient's tests, its extension built for `python3`.  Needs pytest, libmariadb-dev."""
    tests = "tests"

    def build(self, sources, folder):
        target = copy(sources, folder)
        build(target, "python3", "setup.py", "build_ext", "--inplace")

    def run(self, folder, server):
        with open(os.path.join(folder, "sources", "tests", "suite.cnf"), "w") as file:
            file.write(f"[MySQLdb-tests]\nhost = {server.host}\nuser = {server.user}\n"
                       f"password = {server.password}\ndatabase = test\n"
                       "default-character-set = utf8mb4\n")
        return self.pytest(folder, server, TESTDB="suite.cnf",
                           PYTHONPATH=os.path.join(folder, "sources", "src"))


class PyMySQL(Pytest):
    """PyMySQL's tests.  Needs pytest and cryptography."""
    tests = "pymysql/tests"

    def run(self, folder, server):
        common = {"host": server.host, "port": 3306, "user": server.user,
                  "password": server.password}
        databases = [{**common, "database": "test1", "use_unicode": True, "local_infile": True},
                     {**common, "database": "test2"}]
        with open(os.path.join(folder, "sources", "pymysql", "tests", "databases.json"), "w") as f:
            json.dump(databases, f)
        return self.pytest(folder, server)


class PHP(Suite):
    """php-src's tests of mysqli and pdo_mysql, run by the installed `php` and its extensions."""

    def build(self, sources, folder):
        for part in ("run-tests.php", "ext/mysqli/tests", "ext/pdo_mysql/tests", "ext/pdo/tests"):
            target = os.path.join(folder, "sources", part)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            path = os.path.join(sources, part)
            (shutil.copytree if os.path.isdir(path) else shutil.copy)(path, target)

    def run(self, folder, server):
        sources = os.path.join(folder, "sources")
        report = os.path.join(folder, "report")
        php, _ = server.exec(sources, "php", "-r", "echo PHP_BINARY;")
        tests = sorted(glob.glob(os.path.join(sources, "ext", "*mysql*", "tests", "*.phpt")))
        if os.path.exists(report):
            os.remove(report)
        # They share tables: one at a time.
        server.exec(sources, "php", "run-tests.php", "-q", "-n", "-j1", "-p", php.strip(), "-W",
                    report, *self.extensions(sources, server),
                    *[t for t in tests if self.only in t], limit=3 * LIMIT,
                    MYSQL_TEST_HOST=server.host, MYSQL_TEST_USER=server.user,
                    MYSQL_TEST_PASSWD=server.password, MYSQL_TEST_DB="test",
                    PDO_MYSQL_TEST_DSN=f"mysql:host={server.host};dbname=test",
                    PDO_MYSQL_TEST_HOST=server.host, PDO_MYSQL_TEST_DB="test",
                    PDO_MYSQL_TEST_USER=server.user, PDO_MYSQL_TEST_PASS=server.password,
                    NO_INTERACTION="1", SKIP_ONLINE_TESTS="1")
        names = {"PASSED": "ok", "SKIPPED": "skipped", "XFAILED": "skipped"}
        with open(report) as file:
            rows = [line.rstrip("\n").split("\t") for line in file]
        return {os.path.relpath(test.strip(), sources): names.get(result.strip(" :"), "failed")
                for result, test in (row[:2] for row in rows if len(row) > 1)}

    def extensions(self, sources, server):
        text, _ = server.exec(sources, "php", "-r", "echo ini_get('extension_dir');")
        names = ("mysqlnd", "mysqli", "pdo", "pdo_mysql", "mbstring")
        paths = [os.path.join(text.strip(), name + ".so") for name in names]
        return [word for path in paths if os.path.exists(path)
                for word in ("-d", f"extension={path}")]


class NodeMysql2(Suite):
    """node-mysql2's tests, a program each.  Needs its node_modules beside its sources."""

    def run(self, folder, server):
        cases, sources = {}, os.path.join(folder, "sources")
        for path in sorted(glob.glob(os.path.join(sources, "test", "**", "*.test.*"),
                                     recursive=True)):
            name = os.path.relpath(path, sources)
            if self.only not in name or name.startswith("test/tsc-build"):
                continue
            loader = ["--import", "tsx"] if path.endswith("ts") else []
            _, status = server.exec(sources, "node", *loader, name, limit=60, CI="1",
                                    MYSQL_HOST=server.host, MYSQL_USER=server.user,
                                    MYSQL_PASSWORD=server.password, MYSQL_DATABASE="test")
            cases[name] = "ok" if status == 0 else "failed"
        return cases


class RubyMysql2(Suite):
    """Ruby mysql2's specs, with its extension built.  Needs ruby-dev, rspec, libmariadb-dev."""

    def build(self, sources, folder):
        target = copy(sources, folder)
        built = os.path.join(target, "ext", "mysql2")
        build(built, "ruby", "extconf.rb")
        build(built, "make")
        os.makedirs(os.path.join(target, "lib", "mysql2"), exist_ok=True)
        shutil.copy(os.path.join(built, "mysql2.so"), os.path.join(target, "lib", "mysql2"))

    def run(self, folder, server):
        sources, report = os.path.join(folder, "sources"), os.path.join(folder, "report.json")
        account = (f"  host: {server.host}\n  username: {server.user}\n"
                   f"  password: {server.password}\n  database: test\n")
        with open(os.path.join(sources, "spec", "configuration.yml"), "w") as file:
            file.write(f"root:\n{account}\nuser:\n{account}")
        words = ["-e", self.only] if self.only else []
        server.exec(sources, "rspec", "-Ilib", "--format", "json", "--out", report, *words,
                    MYSQL2_SPEC_NO_LOCAL_SOCKET="1")
        with open(report) as file:
            examples = json.load(file)["examples"]
        names = {"passed": "ok", "pending": "skipped"}
        return {e["full_description"]: names.get(e["status"], "failed") for e in examples}


class DBDMariaDB(Suite):
    """Perl DBD::MariaDB's tests.  Needs libdbi-perl, libtest-deep-perl, libmariadb-dev."""

    def build(self, sources, folder):
        target = copy(sources, folder)
        build(target, "perl", "Makefile.PL", "--testdb=test", "--testhost=localhost",
              "--mariadb_config=mariadb_config")
        build(target, "make")

    def run(self, folder, server):
        cases, sources = {}, os.path.join(folder, "sources")
        known = os.path.join(sources, "t", "MariaDB.mtest")
        if os.path.exists(known):
            os.remove(known)
        for path in sorted(glob.glob(os.path.join(sources, "t", "*.t"))):
            name = os.path.basename(path)
            if self.only not in name:
                continue
            text, status = server.exec(sources, "perl", "-Mblib", f"t/{name}", limit=180,
                                       DBI_DSN=f"DBI:MariaDB:database=test;host={server.host}",
                                       DBI_USER=server.user, DBI_PASS=server.password,
                                       CONNECTION_TESTING="1")
            cases.update(read_tap(name, text, status))
        return cases


SUITES = {
    "connector-c": ConnectorC,
    "mysqlclient": Mysqlclient,
    "pymysql": PyMySQL,
    "php": PHP,
    "node-mysql2": NodeMysql2,
    "ruby-mysql2": RubyMysql2,
    "dbd-mariadb": DBDMariaDB,
}
