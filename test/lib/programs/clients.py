# SPDX-License-Identifier: Apache-2.0
"""Client libraries that scenarios use and no package of the distribution holds."""
import os
import shutil
import subprocess

from lib.paths import CLIENTS

NODE = os.path.join(CLIENTS, "node")
JAR = "/usr/share/java/mariadb-java-client.jar"


def node_problem():
    """Installs the exact versions of test/clients/node; None, or why they are not there."""
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
