#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""PELORUS_AUTH=iam: an unmodified program's password is replaced by a fresh RDS token, under TLS
alone."""
import os

import MySQLdb

from lib import tap
from lib.prober import Prober
from lib.programs import loopback
from lib.servers import aws
from lib.servers.clear_server import ClearServer
from lib.waiting import wait_for

NAME = "db.iam.test"
FOLDER = loopback.enter(hosts={NAME: "127.0.0.1"}, PELORUS_CLUSTER=NAME, PELORUS_AUTH="iam")
KEYS = {"AWS_ACCESS_KEY_ID": aws.ID, "AWS_SECRET_ACCESS_KEY": aws.SECRET,
        "AWS_REGION": "us-east-1", "HOME": "/nonexistent", "LD_PRELOAD": ""}


def configuration(server):
    return (f"[cluster iam]\nendpoint = {NAME}\nport = {server.port}\nuser = monitor\n"
            f"ssl-ca = {server.ca}\nauth = iam\n")


def connect(server, name=NAME, **options):
    """What the server was shown by a program that knows nothing of tokens; the error, if any."""
    seen = len(server.passwords)
    try:
        MySQLdb.connect(host=name, port=server.port, user="app_user", password="its own",
                        connect_timeout=10, **options).close()
        error = None
    except MySQLdb.Error as e:
        error = e.args[0]
    mine = [p for p in server.passwords[seen:] if "DBUser=monitor" not in p]
    return mine, error


with ClearServer(FOLDER, NAME) as server_, \
        Prober(config=configuration(server_), directory=os.path.join(FOLDER, "run"),
               environment=KEYS) as prober:
    prober.foreground()
    wait_for(lambda: any("DBUser=monitor" in p for p in server_.passwords))
    shown, error_ = connect(server_, ssl={"ca": server_.ca})
    tap.ok(error_ is None and len(shown) == 1 and
           aws.token_holds(shown[0], NAME, server_.port, "app_user"),
           "the program's password is replaced by a token of its own user", f"{shown} {error_}")
    shown, error_ = connect(server_)
    tap.ok(not shown and error_ == 2026, "a server that no known authority vouches for gets none",
           f"{shown} {error_}")
    shown, error_ = connect(server_, name="127.0.0.1", ssl={"ca": server_.ca})
    tap.ok(shown in ([], ["its own"]), "a plain address is left alone", f"{shown} {error_}")
    server_.tls = False
    shown, error_ = connect(server_, ssl={"ca": server_.ca})
    tap.ok(not shown and error_ == 2026, "a server without TLS is shown nothing",
           f"{shown} {error_}")
tap.done()
