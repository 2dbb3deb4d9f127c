#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""An own name, a CNAME of the cluster's endpoint, and TLS that verifies: the certificate covers the
endpoint and not the alias, and a token is signed for the endpoint and not for the alias.  So the
prober goes by the name that the cluster itself has, whatever the name is that programs use."""
import tempfile

from lib import tap, worlds
from lib.prober import Prober
from lib.servers import aws, fakes
from lib.worlds import authority, certified, expect, side_by_side

KEYS = {"AWS_ACCESS_KEY_ID": aws.ID, "AWS_SECRET_ACCESS_KEY": aws.SECRET,
        "AWS_SESSION_TOKEN": aws.SESSION, "AWS_REGION": "us-east-1", "HOME": "/nonexistent"}


class World:
    dns = folder = ca = None
    number = 0

    def __init__(self, config, alias=True, chain=False, own="db.shop{}.example", names=None,
                 environment=None, instances=1):
        with worlds.lock:
            World.number += 1
            n = World.number
        self.cluster = c = fakes.Cluster(self.dns, instances, n, f"alias{n}")
        self.own = own.format(n)
        self.dns.aliases[self.own] = c.writer_name
        if own == "db.own.example":
            del self.dns.aliases[self.own]
            for i, server in c.servers.items():
                self.dns.addresses[f"{i}.pattern.example"] = [server.address]
        if chain:  # through another name that nobody follows
            self.dns.aliases[self.own] = f"middle{n}.example"
            self.dns.aliases[f"middle{n}.example"] = c.writer_name
        covered = names(c) if names else [c.writer_name, c.reader_name,
                                          *(f"{i}.{c.domain}" for i in c.servers)]
        for server in c.servers.values():
            server.tls = certified(self.folder, self.ca, *covered)
        command = ["env", *(f"{k}={v}" for k, v in (environment or {}).items())]
        self.prober = Prober(c, config, prefix=command if environment else (),
                             options=["--follow", self.own] if alias else [])

    def __enter__(self):
        self.prober.__enter__()
        return self

    def __exit__(self, *_):
        self.prober.__exit__()
        self.cluster.close()

    def knows(self, text, name=None, seconds=15):
        name = name or self.own
        try:
            c = self.prober.view.wait(lambda v: (c := v.find(name)) and c.state == "known" and c,
                                      seconds)
            expect(c.writer == "demo-1", text, c.writer)
            said = [line for line in self.prober.log().splitlines() if "level=info" not in line]
            return expect(not said, f"{text}, and no login fails on the way", said[:3])
        except TimeoutError:
            came = {i: len(s.came) for i, s in self.cluster.servers.items()}
            return expect(False, text, f"{self.prober.log()[-700:]}\n{came} connections")


def settings(**keys):
    keys = {"user": "pelorus", "password": "pelorus", "ssl": "on", "ssl-ca": World.ca,
            "ssl-verify-server-cert": "on", **keys}
    return "\n".join(["[pelorus]", *(f"{k} = {v}" for k, v in keys.items() if v), ""])


def alias():
    with World(settings()) as w:
        w.knows("an alias, and a certificate for the endpoint: the cluster is known")


def alias_of_many():
    with World(settings(), instances=3) as w:
        w.knows("an alias of a cluster with readers: the cluster is known")


def alias_of_alias():
    with World(settings(), chain=True) as w:
        w.knows("an alias of an alias: the cluster is known")


def configured_alias():
    """The alias stands in the configuration, as the endpoint of a section."""
    section = settings() + "\n[cluster own]\nendpoint = db.section.example\n"
    with World(section, alias=False, own="db.section.example") as w:
        w.knows("an alias in the configuration: the cluster is known")


def no_alias():
    """An own name that is no alias has no other name to go by: its certificate is for that."""
    def names(cluster):
        World.dns.addresses["db.own.example"] = [cluster.servers["demo-1"].address]
        return ["db.own.example", "*.pattern.example"]
    with World(settings(**{"host-pattern": "?.pattern.example"}), names=names,
               own="db.own.example") as w:
        w.knows("a name that is no alias, and a certificate for it: the cluster is known")


def nobody_elses():
    """What covers neither the endpoint nor the own name is not fit, alias or not."""
    with World(settings(), names=lambda c: ["db.elsewhere.example"]) as w:
        w.prober.view.wait(lambda _: w.prober.log().count("code=login-unfit") +
                           w.prober.log().count("certificate"), 15)
        record = w.prober.view.find(w.own)
        expect(record.state == "unknown" and not any(s.logins for s in w.cluster.servers.values()),
               "a certificate for another name: nobody is logged in to", record.state)


def token():
    """auth = iam: the token is for a host that the service knows, which an alias is not."""
    with World(settings(auth="iam", password=None), environment=KEYS) as w:
        for server in w.cluster.servers.values():
            server.plugin = "mysql_clear_password"
        hosts = [w.cluster.writer_name, w.cluster.reader_name,
                 *(f"{i}.{w.cluster.domain}" for i in w.cluster.servers)]
        w.knows("an alias and tokens: the cluster is known")
        shown = [p.rstrip(b"\0").decode() for s in w.cluster.servers.values() for p in s.said
                 if b"Action=connect" in p]
        expect(shown and all(any(aws.token_holds(p, h, fakes.PORT, "pelorus") for h in hosts)
                             for p in shown),
               "each token is for the endpoint or the instance", [p[:90] for p in shown])


fakes.enter()
World.dns = worlds.Dns()
with tempfile.TemporaryDirectory() as folder_:
    World.folder, World.ca = folder_, authority(folder_)
    side_by_side((alias,), (alias_of_many,), (alias_of_alias,), (configured_alias,),
                 (no_alias,), (nobody_elses,), (token,))
tap.done()
