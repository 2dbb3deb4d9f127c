#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What another user hands over besides a name and a port is dropped before it is kept.

A directory that is shared with other users lets them follow what is configured, and hint.  A
credential of theirs is refused, and stays refused when the worker dies and the next one is told
what was followed.
"""
import os
import signal
import subprocess
import time

from lib import tap, worlds
from lib.paths import BUILD
from lib.prober import Prober, cluster_section
from lib.servers import fakes

STRANGER = 65534
SPEED, AFTER = 60, 8  # the clock of a prober that shall live for some minutes
MINUTES = 12  # more than a name is kept that nobody wants


def foreign(p, verb, **fields):
    """The answer that another user gets: asked by a child that becomes one."""
    end, start = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(STRANGER, STRANGER, STRANGER)
            os.setresuid(STRANGER, STRANGER, STRANGER)
            os.write(start, p.ask(verb, **fields).encode())
        finally:
            os._exit(0)
    os.close(start)
    with os.fdopen(end) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text.strip()


def shared(cluster, config):
    """A prober whose directory other users may enter."""
    p = Prober(cluster, config)
    os.chmod(p.folder, 0o755)
    os.makedirs(p.directory)
    os.chmod(p.directory, 0o755)
    return p


def users(cluster):
    return sorted({u for s in cluster.servers.values() for u in s.who})


def next_worker(p):
    """Kills the worker; returns when another beats."""
    old = p.worker()
    os.kill(old, signal.SIGKILL)
    p.view.wait(lambda v: v.pid != old and v.pid, 10)
    begin = p.view.heartbeat_ns
    p.view.wait(lambda v: v.heartbeat_ns > begin, 10)


def attempts(cluster, name):
    """Whatever a stranger could hand over, in every form that names the cluster."""
    return [{"name": n, "user": f"stranger{i}", "password": "x" * 4, **more}
            for i, (n, more) in enumerate((
                (name, {}), (name.upper(), {}), (cluster.reader_name, {}), (name, {"port": 3306}),
                (name, {"ssl": "on"}), (name, {"permanent": "on"})))]


def without_any(dns):
    """No credential of our own: the stranger's would be the only one, and be tried at once."""
    cluster = fakes.Cluster(dns, 2, 1, "foreign1")
    with shared(cluster, cluster_section(cluster, user=None,
                                         reader_endpoint=cluster.reader_name)) as p:
        p.wait(lambda c: c.why == "no-credentials", 10)
        answers = [foreign(p, "follow", **a) for a in attempts(cluster, cluster.writer_name)]
        tap.ok(
            any("credential" in a for a in answers), "a stranger hands credentials over", answers
        )
        time.sleep(1.5)  # that nobody logs in
        tap.ok(not users(cluster), "they are not used", users(cluster))
        for turn in ("the next worker", "the one after it"):
            next_worker(p)
            asked = len(dns.times)
            p.view.wait(lambda _, asked=asked: len(dns.times) > asked + 4, 10)
            time.sleep(1.5)
            tap.ok(not users(cluster), f"nor by {turn}", users(cluster))
        tap.ok(p.cluster().why == "no-credentials", "there are none still", p.cluster().why)
        tap.ok("stranger" not in p.log(), "the log does not name them", p.log()[-500:])
    cluster.close()


def beside_a_good_one(dns):
    """Our own is refused for a while: even then nobody else's is tried."""
    cluster = fakes.Cluster(dns, 2, 2, "foreign2")
    with shared(cluster, cluster_section(cluster, reader_endpoint=cluster.reader_name)) as p:
        p.wait_settled(2)
        for a in attempts(cluster, cluster.writer_name):
            foreign(p, "follow", **a)
        for server in cluster.servers.values():
            server.users = set()
        next_worker(p)
        p.view.wait(lambda _: any("pelorus" in s.who[-1:] for s in cluster.servers.values()), 10)
        time.sleep(2)
        tap.ok(users(cluster) == ["pelorus"], "beside our own that is refused: only that is tried",
               users(cluster))
    cluster.close()


def port(dns):
    """A port, too, counts from our own user alone: before the first contact a stranger's would send
    every login elsewhere."""
    cluster = fakes.Cluster(dns, 2, 4, "foreign4")
    for server in cluster.servers.values():
        server.close()
    elsewhere = [fakes.Server(s.address, i, port=9) for i, s in cluster.servers.items()]
    with shared(cluster, cluster_section(cluster)) as p:
        p.wait(lambda c: c.names[cluster.writer_name].addresses, 10)
        foreign(p, "follow", name=cluster.writer_name, port=9)
        for turn in ("", ", nor by the next worker"):
            time.sleep(2)  # that nobody comes
            tap.ok(not any(s.came for s in elsewhere) and p.cluster().port == fakes.PORT,
                   f"a stranger's port is not dialled{turn}", [s.came for s in elsewhere])
            next_worker(p)
    for server in elsewhere:
        server.close()
    cluster.close()


def what_our_own_user_hands_over(dns):
    """The same request from our own user counts, before and after a worker's end."""
    cluster = fakes.Cluster(dns, 2, 3, "foreign3")
    with shared(cluster, cluster_section(cluster, user=None)) as p:
        p.wait(lambda c: c.why == "no-credentials", 10)
        p.ask("follow", name=cluster.writer_name, user="ours", password="y")
        p.wait_known("demo-1", 10)
        next_worker(p)
        p.wait_known("demo-1", 10)
        tap.ok(users(cluster) == ["ours"], "our own user's credential is kept over a worker's end",
               users(cluster))
    cluster.close()


def for_ever(dns):
    """Root may want a name for ever, of a prober for the whole system too, which takes nobody's
    credentials: the next worker is told so."""
    cluster = fakes.Cluster(dns, 2, 5, "foreign5")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    fast = ["env", f"LD_PRELOAD={os.path.join(BUILD, 'test', 'lib', 'fast_clock.so')}",
            f"FAST_CLOCK={SPEED}", f"FAST_CLOCK_AFTER={AFTER}"]
    with Prober(cluster, "[pelorus]\nuser = pelorus\npassword = pelorus\n", prefix=fast,
                directory="/run/pelorus") as p:
        os.chmod(p.directory, 0o755)
        answer = p.ask("follow", name=cluster.writer_name, permanent=1, user="root", password="x")
        tap.ok("refused" in answer, "a system's prober takes no credential", answer)
        p.wait_settled(2, 10)
        next_worker(p)
        p.wait_settled(2, 10)
        end = p.view.heartbeat_ns + MINUTES * 60 * 10**9
        p.view.wait(lambda v: v.heartbeat_ns > end, 60)
        tap.ok(p.cluster(), "what root wants for ever is there for ever")
    cluster.close()


if os.environ.get("PELORUS_FAKES") is None and not tap.as_root("a stranger's credentials"):
    tap.done()
fakes.enter(users=True)
dns_ = worlds.Dns()
for part in (without_any, beside_a_good_one, port, what_our_own_user_hands_over,
             for_ever):
    part(dns_)
tap.done()
