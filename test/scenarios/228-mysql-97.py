#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A pair of real MySQL 9.7 servers, source and replica, with require_secure_transport=ON and
accounts of caching_sha2_password: a program's DB_HOST, DB_USER and DB_PASSWORD alone let the prober
in.

caching_sha2_password has two ways.  A server that remembers the account's hash is content with a
scramble, which anybody may see; one that does not wants the password itself, and that is shown to a
server alone that a certificate vouches for.  So the account has to have logged in to a server once,
as its programs do; or the configuration names an authority.
"""
import contextlib
import os
import subprocess
import tempfile
import time

from lib import tap, worlds
from lib.environ import preload
from lib.paths import PELORUSD
from lib.prober import Prober, Runtime, Watch
from lib.programs import peers
from lib.servers import fakes, mysql97
from lib.waiting import within

HOST, HOSTS = "db.shop.example", ("db1.shop.example", "db2.shop.example")
ADDRESSES = ("127.0.1.1", "127.0.1.2")
OF_RDS = "shop.abc123.us-east-1.rds.amazonaws.com"
PASSWORD = "app-secret"
PUBLISHED = 1.0  # seconds from writable to published
CODE = """import os, sys, pymysql
host = sys.argv[1] if len(sys.argv) > 1 else os.environ["DB_HOST"]
while True:
    with pymysql.connect(host=host, user=os.environ["DB_USER"], password=os.environ["DB_PASSWORD"],
                         ssl={"check_hostname": False, "verify_mode": False}) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@server_id, @@super_read_only, @@version")
            print(*cursor.fetchone(), flush=True)
    if len(sys.argv) > 1 or not sys.stdin.readline():
        break
"""


class Pair:
    """What Runtime and Prober take for a lab: where the name leads, and how a command is begun."""

    writer_name, options = HOST, {"port": 3306}

    def popen(self, *command, **options):
        return subprocess.Popen(command, **options)


def section(**keys):
    keys = {"endpoint": HOST, "dialect": "read_only", "members": ", ".join(HOSTS), **keys}
    return "\n".join(
        ["[cluster shop]", *(f"{k.replace('_', '-')} = {v}" for k, v in keys.items()), ""]
    )


def write(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    return path


def environment(**more):
    return {"DB_HOST": HOST, "DB_USER": "app", "DB_PASSWORD": PASSWORD, **more}


def log_in(host):
    """As a program of the account does, once: the server remembers it from then on."""
    done = subprocess.run(
        ["/usr/bin/python3", "-c", CODE, host],
        env={**os.environ, **environment()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
    )
    return done.stdout.split() or done.stderr


def leads_to(number):
    dns.addresses[HOST] = [ADDRESSES[number]]


def address_of_writer(c):
    return c.instances[c.writer].ip4 if c and c.state == "known" and c.writer else None


def refused_in_clear(one):
    done = subprocess.run(["mariadb", "--no-defaults", "--skip-ssl", "-h", one.address, "-uapp",
                           f"-p{PASSWORD}", "-e", "SELECT 1"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=20)
    tap.ok("3159" in done.stderr, "MySQL 9.7 refuses a login without TLS with 3159", done.stderr)


def by_environment(folder, one, two):
    told = [log_in(a) for a in ADDRESSES]
    tap.ok([t[0] for t in told] == ["1", "2"] and told[0][2].startswith(mysql97.VERSION),
           "the account has logged in to both, once", told)
    config = write(os.path.join(folder, "pelorus.conf"), section())
    p = Runtime(os.path.join(folder, "run"), Pair())
    program = p.popen(["env", *(f"{k}={v}" for k, v in environment(
        PELORUS_CLUSTER=HOST, PELORUS_CONFIG=config,
        **preload(p.directory, prober=PELORUSD)).items()), "/usr/bin/python3", "-c", CODE],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    c = None
    try:
        tap.ok(program.stdout.readline().split()[:2] == ["1", "0"], "a program gets to the writer")
        try:
            c = p.wait_settled(2, 20)
            tap.ok(address_of_writer(c) == one.address,
                   "its DB_HOST, DB_USER, DB_PASSWORD let the prober in to both")
        except TimeoutError:
            with contextlib.suppress(TimeoutError):
                c = p.cluster()
            tap.ok(False, "its DB_HOST, DB_USER, DB_PASSWORD let the prober in to both",
                   f"{c and (c.state, c.why)}\n{p.log()[-900:]}")
            return
        tap.ok("3159" not in p.log() and "what mends it" not in p.log(), "and nothing is said",
               p.log()[-600:])
        crash(p, program, one, two)
    finally:
        program.stdin.close()
        program.wait(30)
        with contextlib.suppress(OSError):
            p.ask("stop")


def crash(p, program, one, two):
    """kill -9; the replica is promoted a second later; DNS stays where it was."""
    watch = Watch(p)
    one.kill()
    time.sleep(1)
    two.promote()
    writable = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    try:
        p.wait(lambda c: address_of_writer(c) == two.address, 20)
    except TimeoutError:
        tap.ok(False, "a crash failover is followed", p.log()[-900:])
        return
    finally:
        watch.end()
    late = (watch.first(0, lambda c: address_of_writer(c) == two.address) - writable) / 1e9
    tap.note(f"crash: published {1000 * late:.0f} ms after the promotion had returned")
    tap.ok(within(late, PUBLISHED), "a crash failover is followed", late)
    program.stdin.write("\n")
    program.stdin.flush()
    tap.ok(
        program.stdout.readline().split()[:2] == ["2", "0"], "and the program is on the new writer"
    )


def by_authority(ca, one):
    """Nobody has logged in since the start of these servers: the password is wanted, and only
    shown to one with the right certificate."""
    with Prober(Pair(), section(user="app", password=PASSWORD, ssl="on", ssl_ca=ca,
                                ssl_verify_server_cert="on")) as p:
        try:
            p.wait_settled(2, 15)
            tap.ok(address_of_writer(p.cluster()) == one.address,
                   "servers that remember nobody, and an authority: the prober is in")
        except TimeoutError:
            tap.ok(False, "servers that remember nobody, and an authority: the prober is in",
                   f"{p.cluster() and p.cluster().why}\n{p.log()[-900:]}")


def unverified(one):
    """The same without an authority: nothing is shown, one line says what is missing, and it
    rests."""
    with Prober(Pair(), section(user="app", password=PASSWORD)) as p:
        p.view.wait(lambda _: "level=warning" in p.log() or "level=error" in p.log(), 15)
        before = int(one.sql("SHOW GLOBAL STATUS LIKE 'Connections'")[0][1])
        time.sleep(8)
        tries = int(one.sql("SHOW GLOBAL STATUS LIKE 'Connections'")[0][1]) - before - 1
        said = [line for line in p.log().splitlines() if "code=login" in line or "denied" in line]
        tap.ok(p.cluster().state == "unknown", "servers that remember nobody, and no authority: "
               "they stay unknown", p.cluster().state)
        tap.ok(1 <= len(said) <= 2, "a line says so, for each server at most", p.log())
        tap.ok(said and any(word in said[0] for word in ("ssl-ca", "certificate", "verif")) and
               "CREATE USER" not in said[0], "which tells what would help", said[:1])
        tap.ok(tries <= 2, "and the login rests", tries)


try:
    binaries = mysql97.fetch()  # where there is a network: inside the namespace there is none
except mysql97.Unavailable as error:
    tap.skip("MySQL 9.7 and caching_sha2_password", error)
    tap.done()
peers.fetch()
fakes.enter()
dns = worlds.Dns()
for host, address in zip(HOSTS, ADDRESSES):
    dns.addresses[host] = [address]
dns.addresses[OF_RDS] = [ADDRESSES[0]]
leads_to(0)
with tempfile.TemporaryDirectory() as folder_, contextlib.ExitStack() as stack:
    ca_ = worlds.authority(folder_)
    cert, key = worlds.certificate(folder_, ca_, HOST, *HOSTS)
    options_ = ("--require-secure-transport=ON", f"--ssl-ca={ca_}", f"--ssl-cert={cert}",
                f"--ssl-key={key}")
    source, replica = (stack.enter_context(mysql97.Server(binaries, folder_, a, n, *options_))
                       for n, a in enumerate(ADDRESSES, 1))
    tap.note(binaries.version())
    replica.follow(source)
    source.promote()
    unverified(source)
    by_authority(ca_, source)
    refused_in_clear(source)
    peers.recognise(OF_RDS, {peers.JAVA: "RdsMysqlDialect", peers.NODE: "RdsMySQLDatabaseDialect"},
                    [OF_RDS], [OF_RDS], password=PASSWORD, options=["sslMode=REQUIRED"])
    by_environment(folder_, source, replica)
tap.done()
