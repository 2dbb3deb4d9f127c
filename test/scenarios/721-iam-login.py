#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""auth = iam: the prober logs in with a fresh RDS token for that very host, in the region that the
host's name tells, under TLS alone."""
import os
import tempfile

from lib import tap, worlds
from lib.prober import Prober
from lib.servers import aws, fakes
from lib.servers.clear_server import ClearServer
from lib.waiting import wait_for

ELSEWHERE = "shop.cluster-abc.eu-west-1.rds.amazonaws.com"
KEYS = {"AWS_ACCESS_KEY_ID": aws.ID, "AWS_SECRET_ACCESS_KEY": aws.SECRET,
        "AWS_SESSION_TOKEN": aws.SESSION, "AWS_REGION": "us-east-1", "HOME": "/nonexistent"}


def configuration(server, **keys):
    keys = {"endpoint": "localhost", "port": server.port, "user": "app_user", "auth": "iam", **keys}
    return "\n".join(["[cluster iam]", *(f"{k.replace('_', '-')} = {v}" for k, v in keys.items()),
                      ""])


def of_another_region():
    with tempfile.TemporaryDirectory() as folder, ClearServer(folder, ELSEWHERE) as server, \
            Prober(config=configuration(server, endpoint=ELSEWHERE, aws_region="us-east-1",
                                        ssl_ca=server.ca), environment=KEYS) as prober:
        prober.foreground()
        wait_for(lambda: server.passwords)
        token = server.passwords[0]
        tap.ok("%2Feu-west-1%2Frds-db%2F" in token and aws.token_holds(
            token, ELSEWHERE, server.port, "app_user"), "a token is of its host's region", token)


fakes.enter()
dns = worlds.Dns()
dns.addresses[ELSEWHERE] = ["127.0.0.1"]
with tempfile.TemporaryDirectory() as folder, ClearServer(folder) as server_:
    def holds(password):
        return aws.token_holds(password, "localhost", server_.port, "app_user")

    log = os.path.join(folder, "log")
    options = ("--log-file", log)
    with Prober(config=configuration(server_, ssl_ca=server_.ca), environment=KEYS,
                options=options) as prober:
        prober.foreground()
        wait_for(lambda: server_.passwords)
        tap.ok(holds(server_.passwords[0]), "the password is a token that the service would accept",
               server_.passwords[0])
        tap.ok("X-Amz-Security-Token" in server_.passwords[0], "with the session's token")
        with open(log) as lines:
            tap.ok("X-Amz" not in lines.read(), "which is in no log")
    seen = len(server_.passwords)
    with Prober(config=configuration(server_), environment=KEYS, options=options) as prober:
        prober.foreground()
        wait_for(lambda: os.path.getsize(log) and "login-unfit" in open(log).read())
        tap.ok(len(server_.passwords) == seen,
               "a server that no known authority vouches for gets none")
of_another_region()
tap.done()
