#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Notices: posted, tried again, given to a program, never in the way; and no secret anywhere."""
import json
import os
import tempfile

from lib import tap
from lib.lab import Lab
from lib.prober import Prober, cluster_section
from lib.servers.http_server import HttpServer

HOOK = "/services/T000/hook-secret"


def configuration(lab, where):
    return f"[pelorus]\n{where}\n" + cluster_section(lab)


def events(server):
    return [json.loads(r["body"])["event"] for r in server.requests(HOOK)]


def codes(server):
    return [(e["code"], e["text"]) for e in events(server)]


def wait_code(p, server, code, instance=None, words="", after=0):
    def look(_):
        return any(e["code"] == code and (not instance or e.get("instance") == instance) and
                   words in e["text"] for e in events(server)[after:])
    try:
        return p.view.wait(look, 30)
    except TimeoutError:
        return False


def posted(lab, server):
    server.answer(HOOK, "ok")
    with Prober(lab, configuration(lab, f"notify = {server.url}{HOOK}")) as p:
        p.wait_settled(3)
        tap.ok(wait_code(p, server, "writer-changed", lab.writer), "the first writer is told",
               codes(server))
        first = server.requests(HOOK)[0]
        body = json.loads(first["body"])
        tap.ok(first["headers"]["Content-Type"] == "application/json" and
               lab.writer_name in body["text"] and body["event"]["cluster"] == lab.writer_name,
               "as JSON with a sentence for chats", body)
        lab.failover("crash")
        tap.ok(wait_code(p, server, "writer-changed", lab.writer),
               "a new writer is told", codes(server))
        tap.ok(wait_code(p, server, "instance-health"), "and what became of the old one",
               codes(server))
        tap.ok("hook-secret" not in p.log(), "the URL is in no log")


def tried_again(lab, server):
    server.answer(HOOK, status=500)
    seen = len(server.requests(HOOK))
    with Prober(lab, configuration(lab, f"notify = {server.url}{HOOK}")) as p:
        server.request(HOOK, after=seen + 1)
        tap.ok(p.log().count("notice-trouble") == 1, "what fails is tried again, and said once",
               p.log()[-500:])
        server.answer(HOOK, "ok")
        seen = len(server.requests(HOOK))
        server.request(HOOK, after=seen + 2, seconds=30)
        order = [json.loads(r["body"])["event"]["seq"] for r in server.requests(HOOK)[seen:]]
        tap.ok(order == sorted(order), "then all come, in their order", order)


def expect(p, server, title, after, code, instance=None, words=""):
    tap.ok(wait_code(p, server, code, instance, words, after), f"told: {title}",
           codes(server)[after:])


def what_befalls_instances(lab, server):
    reader = next(i["id"] for i in lab.status()["instances"] if i["id"] != lab.writer)
    config = f"[pelorus]\nnotify = {server.url}{HOOK}\n" + cluster_section(lab, max_lag="500ms")
    with Prober(lab, config) as p:
        p.wait_settled(3)
        seen = len(events(server))
        lab.run("kill", reader)
        expect(p, server, "an instance is unreachable", seen, "instance-health", reader,
               "is unreachable")
        lab.run("start", reader)
        expect(p, server, "it is back", seen, "instance-health", reader, "is ok")
        lab.run("set", reader, "lag=9000")
        expect(p, server, "its lag is above the limit", seen, "instance-lag", reader,
               "more than max-lag")
        lab.run("set", reader, "lag=20")
        expect(p, server, "and below again", seen, "instance-lag", reader, "serves again")


def who_comes_and_goes(lab, server):
    def name(*ids):
        hosts = [lab.host(i) for i in ids]
        server.answer("/doc", {"primary": hosts[0], "secondary": hosts[1:]})
    writer, other, third = [lab.writer] + [i["id"] for i in lab.status()["instances"]
                                           if i["id"] != lab.writer]
    config = f"[pelorus]\nnotify = {server.url}{HOOK}\n" + cluster_section(
        lab, user=None, source="http", url=f"{server.url}/doc", poll="100ms")
    name(writer, other)
    with Prober(lab, config) as p:
        p.wait_known(writer)
        seen = len(events(server))
        name(writer, other, third)
        expect(p, server, "an instance was added", seen, "instance-joined", third)
        name(writer, other)
        expect(p, server, "it was removed", seen, "instance-left", third)


def who_is_denied(lab, server):
    config = f"[pelorus]\nnotify = {server.url}{HOOK}\n" + cluster_section(lab, password="wrong")
    seen = len(events(server))
    with Prober(lab, config) as p:
        expect(p, server, "credentials fail", seen, "access-denied")
        expect(p, server, "the topology is unknown, and why", seen, "topology-unknown",
               words="every credential was refused")
        tap.ok("wrong" not in json.dumps(codes(server)), "without the password")


def program(lab, folder):
    path, out = os.path.join(folder, "take"), os.path.join(folder, "taken")
    with open(path, "w") as script:
        script.write(f"#!/bin/sh\n(cat; echo; env; echo) >> {out}\n")
    os.chmod(path, 0o755)
    with Prober(lab, configuration(lab, f"notify-command = {path}"),
                prefix=["env", "LEAKED_SECRET=yes"]) as p:
        p.wait_settled(3)

        def text():
            return open(out).read() if os.path.exists(out) else ""
        found = p.view.wait(lambda _: "writer-changed" in text(), 30)
        tap.ok(found, "a program has the notice as its standard input", text()[-500:])
        tap.ok("LEAKED_SECRET" not in text(), "and nothing of the prober's environment")
        events = [json.loads(line) for line in text().splitlines() if line.startswith("{")]
        tap.ok(events and all("event" in e for e in events), "each as one JSON object")


with Lab(instances=3) as lab_, HttpServer(lab_) as server_, \
        tempfile.TemporaryDirectory() as folder_:
    os.chmod(folder_, 0o755)
    posted(lab_, server_)
    tried_again(lab_, server_)
    what_befalls_instances(lab_, server_)
    who_comes_and_goes(lab_, server_)
    who_is_denied(lab_, server_)
    program(lab_, folder_)
tap.done()
