#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Notices: posted, tried again, given to a program, never in the way; and no secret anywhere."""
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import tap  # noqa: E402
from http_server import HttpServer  # noqa: E402
from lab import Lab  # noqa: E402
from prober import Prober, cluster_section  # noqa: E402

HOOK = "/services/T000/hook-secret"


def configuration(lab, where):
    return f"[pelorus]\n{where}\n" + cluster_section(lab)


def codes(server):
    return [json.loads(r["body"])["event"]["code"] for r in server.requests(HOOK)]


def wait_code(p, server, code, instance=None):
    def look(_):
        return any(e["code"] == code and (not instance or e.get("instance") == instance)
                   for e in (json.loads(r["body"])["event"] for r in server.requests(HOOK)))
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


def program(lab, folder):
    path, out = os.path.join(folder, "take"), os.path.join(folder, "taken")
    with open(path, "w") as script:
        script.write(f"#!/bin/sh\n(cat; echo; env; echo) >> {out}\n")
    os.chmod(path, 0o755)
    with Prober(lab, configuration(lab, f"notify-command = {path}"),
                command=["env", "LEAKED_SECRET=yes"]) as p:
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
    program(lab_, folder_)
tap.done()
