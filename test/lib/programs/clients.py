# SPDX-License-Identifier: Apache-2.0
"""Client libraries that scenarios use and no package of the distribution holds."""
import contextlib
import fcntl
import os
import shutil
import subprocess

from lib.paths import CLIENTS, ROOT
from lib.programs import wheels

BUILDS = os.path.join(ROOT, "build")
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.0"
AIODNS = [  # with the client that goes with it
    ("aiomysql", "0.3.2", "c82c5ba04137d7afd5c693a258bea8ead2aad77101668044143a991e04632eb2"),
    ("aiodns", "4.0.4", "c24dd605bac70a1676ce503f967a98483ff163507198557d8e9db16267e6cfd2"),
    ("pycares", "5.2.1", "d7e026212ac345a0d7d8a55c94d61f7977f5e1797c340a7685d1899fd32aca0e"),
    ("cffi", "2.1.1", "34e261f78cb6ceaaa36f42f2613f4380d94d9c759a9c73c769ee6e0247364632"),
    ("typing_extensions", "4.16.0",
     "481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8")]
NODE = os.path.join(CLIENTS, "node")
JAR = "/usr/share/java/mariadb-java-client.jar"


@contextlib.contextmanager
def alone(what):
    """Scenarios run side by side, and one alone installs."""
    os.makedirs(BUILDS, exist_ok=True)
    with open(os.path.join(BUILDS, what + ".lock"), "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def node_problem():
    """Installs the exact versions of test/clients/node; None, or why they are not there."""
    with alone("node"):
        return _install_node()


def _install_node():
    if not shutil.which("node") or not shutil.which("npm"):
        return "there is no node or npm here"
    installed = os.path.join(NODE, "node_modules", ".package-lock.json")
    wanted = os.path.join(NODE, "package-lock.json")
    if os.path.exists(installed) and os.path.getmtime(installed) >= os.path.getmtime(wanted):
        return None
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=NODE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        return "npm cannot install: " + done.stdout.strip().splitlines()[-1]
    os.utime(installed)
    return None


def java_problem():
    """None, or why the Java client cannot run."""
    if not shutil.which("javac"):
        return "there is no Java compiler here"
    if not os.path.exists(JAR):
        return "libmariadb-java is not installed"
    return None


def maven(name, *sources):
    """(class path, None) of test/clients/java/NAME.xml with these programs, or (None, why it cannot
    be had)."""
    if not shutil.which("javac") or not shutil.which("mvn"):
        return None, "there is no Java compiler or no Maven here"
    with alone(name):
        return _install_maven(name, sources)


def _install_maven(name, sources):
    folder = os.path.join(CLIENTS, "java")
    pom, jars = os.path.join(folder, name + ".xml"), os.path.join(BUILDS, name)
    if not os.path.isdir(jars) or os.path.getmtime(jars) < os.path.getmtime(pom):
        shutil.rmtree(jars, ignore_errors=True)
        done = subprocess.run(["mvn", "-q", "-B", "-f", pom, f"{COPY}:copy-dependencies",
                               f"-DoutputDirectory={jars}"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            shutil.rmtree(jars, ignore_errors=True)
            return None, f"Maven cannot fetch {name}: " + _last(done.stdout)
    path = f"{jars}:{jars}/*"
    subprocess.run(["javac", "-cp", path, "-d", jars,
                    *(os.path.join(folder, one) for one in sources)], check=True)
    return path, None


def hickory(name="resolve", *more):
    """(program, None), made of test/clients/hickory, or (None, why it cannot be had)."""
    if not shutil.which("cargo"):
        return None, "there is no cargo here"
    done = subprocess.run(["cargo", "build", "-q", "--target-dir", os.path.join(BUILDS, "cargo"),
                           *more], cwd=os.path.join(CLIENTS, "hickory"), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode != 0:
        return None, "cargo cannot build: " + _last(done.stderr)
    return os.path.join(BUILDS, "cargo", "debug", name), None


def go(static, name="writer"):
    """(program, None), made of test/clients/go, or (None, why it cannot be had): a static one that
    asks DNS by itself, or one that asks libc; both dial by their own system calls."""
    if not shutil.which("go"):
        return None, "there is no Go here"
    program = os.path.join(BUILDS, "go", f"{name}-{'static' if static else 'cgo'}")
    more = ["-ldflags=-linkmode=external", "-tags=netcgo"]
    done = subprocess.run(["go", "build", "-trimpath", *([] if static else more), "-o", program,
                           f"./{name}"], cwd=os.path.join(CLIENTS, "go"), capture_output=True,
                          text=True, env={**os.environ, "CGO_ENABLED": "0" if static else "1"},
                          stdin=subprocess.DEVNULL)
    return (None, "go cannot build: " + _last(done.stderr)) if done.returncode else (program, None)


def _last(text):
    return (text.strip().splitlines() or ["?"])[-1]


def aiodns():
    """(PYTHONPATH, None), or (None, why it cannot be had)."""
    folders = []
    for name, version, sha256 in AIODNS:
        folder, why = wheels.unpack(name, version, sha256)
        if why:
            return None, why
        folders.append(folder)
    return ":".join(folders), None
