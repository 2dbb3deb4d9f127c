# SPDX-License-Identifier: Apache-2.0
"""What Amazon's drivers, unmodified, take a cluster for: by what they say themselves.

    peers.fetch()       where there is a network, and before a namespace without one is entered
    peers.recognise(run, "shop.cluster-...", {"java": "AuroraMysqlDialect"}, writer, hosts)
"""
import glob
import json
import os
import subprocess

from lib import tap
from lib.paths import CLIENTS
from lib.programs import clients, pools

LIMIT = 90
JAVA, NODE = "AWS wrapper (JDBC)", "AWS wrapper (Node)"


def fetch():
    """{driver: why it cannot be had, or None}"""
    return {JAVA: clients.java_problem() or pools.jars_problem(), NODE: clients.node_problem()}


def command(driver, host, user, password, options):
    if driver == NODE:
        return ["node", os.path.join(clients.NODE, "fidelity.mjs"), host, "3306", user, password,
                *(["tls"] if "sslMode=REQUIRED" in options else [])]
    path = ":".join(sorted(glob.glob(os.path.join(pools.JARS, "*.jar"))))
    return ["java", "-cp", path, os.path.join(CLIENTS, "java", "Dialect.java"), f"{host}:3306",
            user, password, "&".join(options)]


def ask(driver, host, run=subprocess.run, user="app", password="app", options=()):
    """{"dialect": ..., "hosts": [{"host": ..., "role": ...}]}, or what went wrong; `options` are
    those of an URL for Java, of which the other driver heeds sslMode=REQUIRED."""
    try:
        done = run(command(driver, host, user, password, options), stdin=subprocess.DEVNULL,
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired as error:
        return {"dialect": None, "hosts": [], "why": repr(error)}
    for line in done.stdout.splitlines():
        if line.startswith('{"dialect"'):
            return json.loads(line)
    return {"dialect": None, "hosts": [], "why": (done.stderr + done.stdout)[:1500]}


def recognise(host, wanted, writers, hosts, **how):
    """`wanted` is {driver: dialect}; `hosts` are what it is to list, `writers` those of them."""
    for driver, why in fetch().items():
        if driver not in wanted:
            continue
        if why:
            tap.skip(f"{driver} recognises {host}", why)
            continue
        told = ask(driver, host, **how)
        tap.note(f"{driver}: {told['dialect']} {told.get('provider', '')}")
        tap.ok(told["dialect"] == wanted[driver], f"{driver} takes it for {wanted[driver]}", told)
        roles = {h["host"]: h["role"] for h in told["hosts"]}
        tap.ok(sorted(roles) == sorted(hosts) and
               {h for h, r in roles.items() if r == "writer"} == set(writers),
               f"{driver} lists its instances, and who is the writer", told)
