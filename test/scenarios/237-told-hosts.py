#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Hosts that a coordinator tells are believed inside `allowed-hosts`, and where that is not set
inside the domain of the endpoint: whoever can write the coordinator's key gets no login of ours
elsewhere."""
import subprocess
import tempfile

from lib import tap, worlds
from lib.paths import PELORUS
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.servers.http_server import HttpServer
from lib.worlds import expect, side_by_side

EVIL = "evil.example.org"


def words(cluster, *hosts):
    return {
        "primary": f"{hosts[0]}:{fakes.PORT}",
        "secondary": [f"{h}:{fakes.PORT}" for h in hosts[1:]],
    }


def section(cluster, web, **keys):
    return cluster_section(cluster, source="http", url=f"{web.url}/doc", poll="100ms",
                           dialect="read_only", **keys)


def accepted(text):
    """Whether the command finds a configuration good."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as out:
        out.write(text)
        out.flush()
        return subprocess.run([PELORUS, "config", "check", "--config", out.name],
                              capture_output=True, text=True, timeout=20).returncode == 0


def told(text, number, believed, **keys):
    cluster = fakes.Cluster(dns, 2, number, f"told{number}")
    for server in cluster.servers.values():
        server.plain, server.lag_s = True, 0
    evil = fakes.Server(f"127.9.9.{number}", "evil")
    evil.plain, evil.lag_s = True, 0
    dns.addresses[f"{number}.{EVIL}"] = [evil.address]
    own = [f"{i}.{cluster.domain}" for i in cluster.servers]
    with HttpServer() as web:
        web.answer("/doc", words(cluster, *own))
        config = section(cluster, web, **keys)
        if not accepted(config):
            expect(not keys, f"{text}: is asked for by the configuration", config)
            return
        with Prober(cluster, config) as p:
            p.wait_known(seconds=15)
            web.answer("/doc", words(cluster, f"{number}.{EVIL}", *own))
            seen = len(web.requests("/doc"))
            web.request("/doc", after=seen + 2)
            expect(bool(evil.who) == believed, text, f"{len(evil.came)} connections, {evil.who}")
            expect(p.cluster().writer is not None, f"{text}: and its own writer stays")
    evil.close()
    cluster.close()


def two_labels(number):
    """The domain of such an endpoint is everybody's."""
    evil = fakes.Server(f"127.9.9.{number}", "evil")
    evil.plain, evil.lag_s = True, 0
    host = f"{number}.stranger.example"
    dns.addresses[host] = [evil.address]
    config = (f"[cluster short]\nendpoint=db{number}.example\nuser=u\npassword=p\nsource=http\n"
              "url={url}/doc\npoll=100ms\ndialect=read_only\n")
    with HttpServer() as web:
        web.answer("/doc", {"primary": f"{host}:{fakes.PORT}", "secondary": []})
        with Prober(config=config.format(url=web.url)) as p:
            p.start()
            web.request("/doc", after=4)
            expect(not evil.who, "an endpoint of two labels: its domain is no pattern", evil.who)
    evil.close()


fakes.enter()
dns = worlds.Dns()
side_by_side(
    (told, "no pattern: a host of another domain gets no login", 1, False),
    (lambda: told("a pattern: a host outside it gets none", 2, False,
                  allowed_hosts="*.told2.us-east-1.rds.amazonaws.com"),),
    (lambda: told("a pattern that has it: it is asked", 3, True, allowed_hosts="*"),),
    (two_labels, 4))
tap.done()
