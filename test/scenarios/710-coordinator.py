#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A coordinator over HTTP as a source: its word without credentials, against credentials, and when
it misbehaves."""
import json

from lib import tap
from lib.lab import Lab
from lib.paths import LIBRARY
from lib.prober import Prober, cluster_section
from lib.servers.http_server import HttpServer

BAD = {
    "500": ({"status": 500}, "it answered 500"),
    "redirect": ({"behaviour": "redirect"}, "it answered with a redirect"),
    "10 MB": ({"behaviour": "huge"}, "its answer is too large"),
    "garbage": ({"behaviour": "garbage"}, "cut off"),
    "a cut connection": ({"behaviour": "close"}, "cut off"),
    "other JSON": ({"body": "[1]"}, "not what the format says"),
    "a host outside the pattern": ({"body": {"primary": "evil.example.org:3306"}},
                                   "outside the allowed pattern"),
    "nobody": ({"body": {}}, "names nobody"),
}


def document(lab, primary, *secondary):
    return {"primary": lab.host(primary) + ":3306", "secondary": [lab.host(s) for s in secondary]}


def section(lab, server, user=None, **keys):
    domain = lab.writer_name.split(".cluster-", 1)[1]
    return cluster_section(lab, user=user, source="http", url=f"{server.url}/doc", poll="100ms",
                           allowed_hosts=f"*.{domain}", **keys)


def reached(lab, p):
    """Which instance an unmodified client under the preload gets to by the writer's name."""
    done = lab.exec("env", f"LD_PRELOAD={LIBRARY}", f"PELORUS_RUNTIME_DIR={p.directory}",
                    "PELORUS_PROBER=off", "mariadb", "-N", "-B", "-h", lab.writer_name, "-uapp",
                    "-papp", "-e", "SELECT @@server_id", check=False)
    return done.stdout.strip() or done.stderr


def server_id(lab, instance):
    return lab.sql(instance, "SELECT @@server_id")[0][0]


def alone(lab, server, ids):
    """No credentials: the document is followed, to the writer it names and back."""
    writer, other, third = ids
    server.answer("/doc", document(lab, writer, other, third))
    with Prober(lab, section(lab, server)) as p:
        c = p.wait_known(writer)
        tap.ok(c, "the writer that the document names is published")
        c = p.wait(lambda c: len(c.instances) == 3 and
                   all(i.routable for i in c.instances.values()) and c)
        tap.ok(c and c.instances[other].role == "reader", "and so are the readers")
        before = p.cluster().generation
        tap.ok(reached(lab, p) == server_id(lab, writer), "a program gets to the writer",
               reached(lab, p))
        server.answer("/doc", document(lab, other, writer, third))
        c = p.wait_known(other)
        tap.ok(c and c.generation > before, "another primary moves the writer and the generation")
        tap.ok(reached(lab, p) == server_id(lab, other), "and programs follow", reached(lab, p))
        server.answer("/doc", document(lab, other, writer))
        c = p.wait(lambda c: len(c.instances) == 2 and c)
        tap.ok(c and third not in c.instances, "who is named no more is gone")
        misbehave(lab, server, p, other)


def misbehave(lab, server, p, writer):
    for name, (answer, words) in BAD.items():
        asked, told = len(server.requests("/doc")), p.log().count(words)
        server.answer("/doc", **answer)
        said = p.view.wait(lambda _, w=words, n=told: p.log().count(w) > n, 20)
        server.request("/doc", after=asked + 1)
        c = p.cluster()
        tap.ok(said and c.state == "known" and c.writer == writer and
               p.log().count(words) == told + 1,
               f"{name}: what is known stays, said once", p.log()[-600:])
        server.answer("/doc", document(lab, writer))
        p.view.wait(lambda _: p.log().count("coordinator-trouble-over") ==
                    p.log().count("level=warning code=coordinator-trouble "), 20)
    tap.ok("coordinator-trouble-over" in p.log(), "and that it is over")


def lies(lab, server, ids):
    """Credentials: the instances' own words count."""
    writer, other, third = ids
    server.answer("/doc", document(lab, other, writer, third))
    with Prober(lab, section(lab, server, user="pelorus", dialect="read_only")) as p:
        c = p.wait_settled(3)
        tap.ok(c and c.writer == writer, "a reader that is named primary is not the writer",
               c and c.writer)
        server.answer("/doc", document(lab, third, writer, other))
        asked = len(server.requests("/doc"))
        server.request("/doc", after=asked + 3)
        tap.ok(p.cluster().writer == writer, "nor is another")
        events = lab.failover("crash")
        new = lab.writer
        c = p.wait_known(new, 30)
        tap.ok(c and c.writer == new, "a failover is followed all the same", json.dumps(events))


with Lab(instances=3) as lab_, HttpServer(lab_) as server_:
    first = lab_.writer
    names = [first] + sorted(i["id"] for i in lab_.status()["instances"]
                             if i["id"] != first)
    alone(lab_, server_, names)
    lies(lab_, server_, names)
tap.done()
