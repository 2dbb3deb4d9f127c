# SPDX-License-Identifier: Apache-2.0
"""Real servers of Oracle's MySQL 9.7, as the lab has them.

binaries = mysql97.fetch()                  Unavailable(reason) where it cannot be had
    with mysql97.Server(binaries, folder, "127.0.1.1", 1) as server:
server.sql("SELECT 1")
"""
from lib.lab import module

VERSION, fetch = module("mysql97").VERSION, module("mysql97").fetch
Server = module("plain.mysql").Server
Unavailable = module("state").LabError
