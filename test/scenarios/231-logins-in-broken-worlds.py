#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Logins that fail for reasons of ours, a certificate, a plugin, no TLS, rest like those that the
server denies: 10 s at first, then longer, six a minute and server at most; one line says why and
what mends it.

MySQL counts handshakes that a client breaks off.  After max_connect_errors of them (100) it blocks
the host, the application's pools with it, until somebody flushes: so a prober that is not content
with a server must not come back at once.  Each world is watched for as long as two rests take.
"""
import re
import tempfile
import time

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.worlds import authority, certified, expect, note, side_by_side

SECONDS = 35  # the first try, one after 10 s, one 20 s later
TRIES = 4  # in that time: three, and the one that a second place may have had under way
FALLEN = 8  # tries per server in 20 s after it was known, more than six a minute at first
SAYS_WHY = re.compile(r"level=(?:warning|error) code=(?:access-denied|login-\S+|tls-\S+)")


class World:
    number = 0
    dns = folder = ca = None

    def __init__(self, prepare, instances=3, **keys):
        with worlds.lock:
            World.number += 1
            name = f"rest{World.number}"
        self.cluster = fakes.Cluster(self.dns, instances, World.number, name)
        prepare(self)
        self.prober = Prober(self.cluster, cluster_section(self.cluster, **keys))

    def __enter__(self):
        self.prober.__enter__()
        return self

    def __exit__(self, *_):
        self.prober.__exit__()
        self.cluster.close()

    def set(self, **fields):
        for server in self.cluster.servers.values():
            for field, value in fields.items():
                setattr(server, field, value)

    def certify(self, ca):
        names = [self.cluster.writer_name, self.cluster.reader_name,
                 *(f"{i}.{self.cluster.domain}" for i in self.cluster.servers)]
        self.set(tls=certified(self.folder, ca, *names))

    def tries(self, since=0.0):
        """By server, when it was come to."""
        return {i: [t for t in s.came if t >= since] for i, s in self.cluster.servers.items()}


def seconds(moments, begin):
    return [f"{m - begin:.1f}" for m in moments[:12]]


def never_met(text, prepare, words, **keys):
    """A cluster that nobody gets into, from the beginning."""
    begin = time.monotonic()
    with World(prepare, **keys) as w:
        server = w.cluster.servers["demo-1"]
        w.prober.view.wait(lambda _: server.came, 15)
        time.sleep(SECONDS)  # what is counted is a time
        came = w.tries()
        worst = max(came.values(), key=len)
        note(f"{text}: {len(worst)} logins at one server within {SECONDS} s, "
             f"at {seconds(worst, begin)}")
        expect(len(worst) <= TRIES, f"{text}: a login that fails rests", len(worst))
        gaps = [b - a for a, b in zip(worst, worst[1:]) if b - a > 1]
        expect(len(worst) > 1 and gaps and gaps == sorted(gaps) and gaps[0] > 8,
               f"{text}: 10 s at first, then longer", [f"{g:.1f}" for g in gaps[:8]])
        expect(sum(s.logins for s in w.cluster.servers.values()) == 0,
               f"{text}: nobody is logged in to", [s.logins for s in w.cluster.servers.values()])
        said = [line for line in w.prober.log().splitlines() if SAYS_WHY.search(line)]
        expect(len(said) == 1 and re.search(words, said[0], re.I),
               f"{text}: one line says why", "\n".join(said[:4]) or w.prober.log())
        expect(said and "what mends it" in said[0], f"{text}: and what mends it",
               "\n".join(said[:2]))
        told(w, text, words)
        why = w.prober.cluster().why
        expect(why not in ("", "starting", "no-answer", "no-credentials", "not-a-cluster"),
               f"{text}: so does the map", why)


def known_before(text, prepare, spoil, **keys):
    """The servers were known, and are restarted with what the prober is not content with."""
    with World(prepare, **keys) as w:
        w.prober.wait_settled(3)
        begin = time.monotonic()
        spoil(w)
        for server in w.cluster.servers.values():
            server.drop()
        time.sleep(20)
        came = w.tries(begin)
        worst = max(came.values(), key=len)
        note(f"{text}: {len(worst)} logins at one server within 20 s, at {seconds(worst, begin)}")
        expect(0 < len(worst) <= FALLEN, f"{text}: a login that fails rests",
               {i: len(t) for i, t in came.items()})
        late = {i: len([t for t in ts if t > begin + 11]) for i, ts in came.items()}
        expect(max(late.values()) <= 2, f"{text}: and is tried ever more seldom", late)


def refused_question(code, text, words):
    """The user is let in, and may not ask: no login fails, but none is of use either."""
    with World(lambda w: w.set(query_error=(code, text), account="pelorus@%")) as w:
        w.prober.view.wait(lambda _: w.cluster.servers["demo-1"].came, 15)
        time.sleep(SECONDS)  # what is counted is a time
        worst = max(w.tries().values(), key=len)
        late = len([t for t in worst if t > time.monotonic() - 15])
        note(f"{code} to a question: {len(worst)} logins at one server, {late} in the last 15 s")
        expect(late <= 5, f"{code} to a question: asked ever more seldom", late)
        said = [line for line in w.prober.log().splitlines() if "code=question-refused" in line]
        expect(len(said) == 1 and words in said[0] and "what mends it: GRANT" in said[0],
               f"{code} to a question: one line says why, and what mends it",
               w.prober.log()[-800:])
        expect(w.prober.cluster().why == "denied", f"{code} to a question: so does the map",
               w.prober.cluster().why)
        told(w, f"{code} to a question", "GRANT")


def told(w, text, words):
    """`pelorus doctor` says the same."""
    done = w.prober.pelorus("doctor")
    said = done.stdout + done.stderr
    expect(re.search(words, said, re.I | re.S), f"{text}: and `pelorus doctor`", said)


def recovers():
    """What rests is tried again when it is time: no restart is needed."""
    with World(lambda w: w.certify(World.other), ssl="on", ssl_ca=World.ca,
               ssl_verify_server_cert="on") as w:
        w.prober.view.wait(lambda _: w.cluster.servers["demo-1"].came, 15)
        w.certify(World.ca)
        w.prober.wait_known("demo-1", 30)
        expect(True, "a server with the right certificate at last is known")


fakes.enter()
World.dns = worlds.Dns()
with tempfile.TemporaryDirectory() as folder_:
    World.folder, World.ca = folder_, authority(folder_)
    World.other = authority(folder_, "somebody-else")
    verified = {"ssl": "on", "ssl_ca": World.ca, "ssl_verify_server_cert": "on"}
    side_by_side(
        (
            lambda: never_met(
                "a certificate of another authority",
                lambda w: w.certify(World.other),
                "certificate",
                **verified,
            ),
        ),
        (
            lambda: never_met(
                "a certificate for another name",
                lambda w: w.set(tls=certified(folder_, World.ca, "elsewhere.example.com")),
                "certificate|name",
                **verified,
            ),
        ),
        (
            lambda: never_met(
                "TLS is demanded, none is offered", lambda w: None, "TLS|SSL", ssl="on"
            ),
        ),
        (
            lambda: never_met(
                "a plugin that shows the password",
                lambda w: w.set(plugin="mysql_clear_password"),
                "mysql_clear_password",
            ),
        ),
        (
            lambda: never_met(
                "a plugin that there is not", lambda w: w.set(plugin="dialog"), "dialog"
            ),
        ),
        (
            lambda: never_met(
                "a nonce that is none",
                lambda w: w.set(plugin="caching_sha2_password\0odd"),
                "nonce",
            ),
        ),
        (
            lambda: never_met(
                "a server that demands TLS and offers none",
                lambda w: w.set(insecure=(3159, "Insecure transport is prohibited")),
                "prohibited.*demands TLS",
            ),
        ),
        (
            lambda: never_met(
                "a user that is locked",
                lambda w: w.set(greeting_error=(3118, "Account is locked")),
                "locked.*ACCOUNT UNLOCK",
            ),
        ),
        *((refused_question, code, words, words) for code, words in (
            (1044, "Access denied for user to database"),
            (1142, "SELECT command denied"),
            (1227, "you need (at least one of) the REPLICA MONITOR privilege(s)"),
        )),
        (lambda: never_met("a user that is denied", lambda w: w.set(users=set()), "denied"),),
        (
            lambda: known_before(
                "certificates are changed for wrong ones",
                lambda w: w.certify(World.ca),
                lambda w: w.certify(World.other),
                **verified,
            ),
        ),
        (
            lambda: known_before(
                "the plugin is changed for one that shows the password",
                lambda w: None,
                lambda w: w.set(plugin="mysql_clear_password"),
            ),
        ),
        (recovers,),
        workers=16,
    )
tap.done()
