#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Unmodified clients where hosts are not as one would like them: frozen, read-only, firewalled, in
namespaces, with IPv6, on another port, and left alone by their prober.

PELORUS_SECONDS sets how long they are frozen (7; 60 for the long form).
"""
import os
import signal
import subprocess
import time

from lib import mapview
from lib.lab import Lab
from lib.paths import PELORUSD, ROOT
from lib.programs import clients
from lib.programs.apps import POOLS, Apps, children
from lib.tap import done, note, ok, skip

TABLE = """create table writes (id bigint primary key auto_increment, client varchar(20),
server varchar(60))"""
LOOK_S = 30  # a process looks at its prober's heartbeat so often


def no_node():
    return clients.node_problem()


def kind():
    return "mysqli" if no_node() else "mysql2"


def writes(app):
    return app.ask("write 4" if app.kind in POOLS else "write 1")


def well(app, answer):
    """What an idle client may do after a failover: nothing for a pool, one error for the rest."""
    if app.kind in POOLS:
        return answer["ok"] == 4 and not answer["errors"]
    return len(answer["errors"]) <= 1 and writes(app)["ok"] == 1


def published(apps, writer, limit=30):
    apps.prober.wait(lambda c: c.writer == writer, limit)


def through_failover(lab, apps, running, text, mode="crash"):
    for app in running:
        writes(app)
    lab.failover(mode)
    published(apps, lab.writer)
    for app in running:
        answer = writes(app)
        ok(well(app, answer), f"{text}: {app.kind} follows a {mode}", str(answer))


class Abandoned:
    """An idle pool whose probers were killed: checked when its next look is over."""

    def __init__(self, lab, apps):
        self.lab, self.apps = lab, apps
        lab.sql("writer", TABLE)
        config = os.path.join(os.path.dirname(apps.runtime), "pelorus.conf")
        with open(config, "w") as f:
            f.write("[pelorus]\nidle-exit = 1s\n")
        os.chmod(config, 0o600)
        self.app = apps.start(kind(), PELORUS_CONFIG=config)
        ok(self.app.first["ok"] > 0, "a client writes", str(self.app.first))
        time.sleep(3.2)
        ok(apps.probers(), "a prober does not end while a client lives, however idle it is")

    def kill(self):
        for pid in self.apps.probers():
            os.kill(pid, signal.SIGKILL)
        self.killed = time.monotonic()

    def check(self):
        left = self.killed + LOOK_S + 2 - time.monotonic()
        note(f"{max(left, 0):.0f} s left until its look")
        end = time.monotonic() + max(left, 0) + 10
        while not self.apps.probers() and time.monotonic() < end:
            time.sleep(0.1)
        note(f"a prober is there {time.monotonic() - self.killed:.0f} s after they were killed")
        published(self.apps, self.lab.writer)
        through_failover(self.lab, self.apps, [self.app],
                         "its probers killed, no connect since", "blackhole")


def check_network(text, **options):
    with Lab(instances=2, dns_lag="never", **options) as lab, Apps(lab) as apps:
        lab.sql("writer", TABLE)
        running = [apps.start(name) for name in (kind(), "pymysql", "mysqli")]
        refused = {a.kind: a.first for a in running if not a.first["ok"]}
        ok(not refused, f"{text}: clients write", str(refused))
        if not refused:
            through_failover(lab, apps, running, text)


def check_firewall():
    """Neither the program nor its prober reaches an instance by its own address."""
    with Lab(instances=2) as lab, Apps(lab) as apps:
        lab.sql("writer", TABLE)
        for instance in lab.status()["instances"]:
            lab.run("firewall", instance["id"] if isinstance(instance, dict) else instance)
        plain = apps.start(kind(), plain=True)
        app = apps.start(kind())
        ok(plain.first["ok"] == app.first["ok"] > 0,
           "behind a firewall a client works as without us", f"{plain.first} {app.first}")
        answers = [writes(app) for _ in range(5)]
        ok(not any(a["errors"] for a in answers), "and goes on working", str(answers))


def group(apps, app):
    """Every process of the application, and its probers."""
    return [app.process.pid, *children(app.process.pid), *apps.probers()]


def command_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except OSError:
        return None


def check_frozen(lab, apps):
    seconds = float(os.environ.get("PELORUS_SECONDS", "7"))
    app = apps.start(kind())
    writes(app)
    frozen = group(apps, app)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    begin = time.monotonic()
    lab.failover("blackhole")
    time.sleep(max(0, seconds - (time.monotonic() - begin)))
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    begin = time.monotonic()
    published(apps, lab.writer)
    note(f"thawed after {seconds:g} s; the new writer was published "
         f"{time.monotonic() - begin:.2f} s later")
    answer = writes(app)
    ok(well(app, answer), f"frozen whole for {seconds:g} s through a failover, a client heals",
       str(answer))


def check_container(lab, apps):
    """Read-only root, uid 1000, no /dev/shm, a shell as process 1 of its namespace: for a program
    that is process 1 itself no prober is started."""
    # What is left writable is a small /tmp, in which the tree is mounted.
    # /dev is a new one: what lies in the machine's own is not ours to remove.
    setup = ("mount --make-rprivate / && mount -t tmpfs -o mode=1777 tmpfs /mnt &&"
             f"mkdir /mnt/tree && mount --bind {ROOT} /mnt/tree &&"
             "mount --move /mnt /tmp && mkdir /tmp/dev &&"
             "mount -t tmpfs tmpfs /tmp/dev && for n in null zero random urandom; do"
             "  touch /tmp/dev/$n && mount --bind /dev/$n /tmp/dev/$n || exit 1; done &&"
             "mount --move /tmp/dev /dev && rmdir /tmp/dev && mount -o remount,ro,bind / &&"
             'setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; exit $?')
    env = {"PELORUS_RUNTIME_DIR": "", "HOME": "/tmp"}
    prefix = ("unshare", "-mpf", "--kill-child", "--mount-proc", "sh", "-c", setup, "sh")
    app = apps.start(kind(), prefix=prefix, tree="/tmp/tree", **env)
    ok(app.first["ok"] > 0, "a read-only container without /dev/shm: a client writes",
       str(app.first))
    if not app.first["ok"]:
        return
    lab.failover("graceful")
    end, answer = time.monotonic() + 20, None
    time.sleep(1)
    answer = writes(app)
    while answer["errors"] and app.kind not in POOLS and time.monotonic() < end:
        answer = writes(app)
    ok(answer["ok"] and not answer["errors"], "and follows a failover", str(answer))
    ok("pelorusd" in [command_of(g) for g in children(app.process.pid)],
       "by a prober of its own, in its namespace")


def other_user(uid):
    """A command that runs another as that user, with the tree at /mnt."""
    setup = f'mount --make-rprivate / && mount --bind {ROOT} /mnt && exec "$@"'
    return ("unshare", "-m", "sh", "-c", setup, "sh", "setpriv", "--reuid", str(uid), "--regid",
            str(uid), "--clear-groups")


def check_sidecar(lab, apps):
    """The prober is another container's, and another user's."""
    directory = os.path.join(os.path.dirname(lab.state), "sidecar")
    os.mkdir(directory)
    os.chmod(directory, 0o755)
    os.chmod(os.path.dirname(directory), 0o755)
    os.chown(directory, 1001, 1001)
    prober = lab.popen(*other_user(1001), PELORUSD.replace(ROOT, "/mnt", 1),
                       "--foreground", "--runtime-dir", directory,
                       env={**apps.env(plain=True), "PELORUS_CONFIG": config(directory, lab)},
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        view = mapview.MapView(directory)
        view.wait(lambda v: v.find(lab.writer_name) and
                  v.find(lab.writer_name).writer == lab.writer, 20)
        app = apps.start(kind(), prefix=other_user(1000), tree="/mnt",
                         PELORUS_RUNTIME_DIR=directory, PELORUS_PROBER="off", PELORUS_USER="",
                         PELORUS_PASSWORD="")
        writes(app)
        lab.failover("crash")
        view.wait(lambda v: v.find(lab.writer_name).writer == lab.writer, 30)
        answer = writes(app)
        ok(well(app, answer), "a sidecar of another user keeps the topology", str(answer))
    finally:
        prober.kill()
        prober.wait()


def config(directory, lab):
    path = os.path.join(os.path.dirname(directory), "sidecar.conf")
    with open(path, "w") as f:
        f.write(f"[cluster lab]\nendpoint = {lab.writer_name}\nuser = app\npassword = app\n")
    os.chmod(path, 0o600)
    os.chown(path, 1001, 1001)
    return path


def main():
    if no_node():
        skip("Node's pools", no_node())
    with Lab(instances=3, name="alone", dns_lag="never") as lab, Apps(lab) as apps:
        abandoned = Abandoned(lab, apps)
        abandoned.kill()
        check_network("IPv6 beside IPv4", ipv6="dual")
        check_network("IPv6 alone", ipv6="only")
        check_network("another port", port=3307)
        check_firewall()
        with Lab(instances=3, dns_lag="never") as other, Apps(other) as others:
            other.sql("writer", TABLE)
            if os.getuid() == 0:
                check_container(other, others)
                check_sidecar(other, others)
            else:
                skip("containers and sidecars of other users", "only root becomes other users")
            check_frozen(other, others)
        abandoned.check()
    done()


main()
