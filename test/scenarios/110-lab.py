#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The lab does what its commands say, as root and as a user, and leaves nothing behind."""
import os
import shutil
import subprocess
import tempfile
import time

from lib import tap
from lib.lab import Lab, now
from lib.paths import BUILD, LAB, ROOT

NOBODY = "65534"
STATUSES = "SELECT DISTINCT status FROM mysql.rds_topology"


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True).stdout


def traces():
    """What a lab could leave on the machine."""
    with open("/etc/resolv.conf") as file:
        resolver = file.read()
    with open("/proc/self/mountinfo") as file:
        mounts = sorted(line.split()[4] for line in file)
    return {"ip netns": output("ip", "netns"), "links": output("ip", "-br", "link"),
            "resolv.conf": resolver, "mounts": mounts}


def processes(lab):
    return [line for line in output("ps", "-eo", "args").splitlines() if lab.state in line]


def copy_for_everybody(folder):
    """The tool and its plugin where another user can read them; the tool's path."""
    shutil.copytree(os.path.join(ROOT, "tools", "lab"), os.path.join(folder, "lab"),
                    ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(os.path.join(BUILD, "tools", "lab", "pelorus_lab.so"), os.path.join(folder, "lab"))
    os.chmod(folder, 0o755)
    os.mkdir(os.path.join(folder, "cache"))
    os.chmod(os.path.join(folder, "cache"), 0o777)
    return os.path.join(folder, "lab", "lab")


def answers(lab, host, question="SELECT @@aurora_server_id"):
    """What an instance says in its first column, or the client's error."""
    got = lab.sql(host, question, check=False)
    return got if isinstance(got, str) else got[0][0]


KNOCK = """import socket, sys
try:
    socket.create_connection((sys.argv[1], 3306), 1)
except OSError as error:
    print(type(error).__name__)
"""


def is_silent(lab, host):
    """Whether a connection attempt gets no answer at all."""
    said = lab.exec("/usr/bin/python3", "-c", KNOCK, lab.host(host)).stdout
    return said == "TimeoutError\n"


ASK = """import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.settimeout(10)
    name = b"".join(bytes([len(p)]) + p.encode() for p in sys.argv[1].split(".")) + b"\\0"
    sock.sendto(b"\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + name + b"\\0\\1\\0\\1", ("10.77.0.1", 53))
    reply = sock.recv(4096)
first = 12 + len(name) + 4
label = 2 if reply[first] >= 0xc0 else len(name)
kind, _, ttl = (int.from_bytes(reply[first + label + a:first + label + b], "big")
                for a, b in ((0, 2), (2, 4), (4, 8)))
print(int.from_bytes(reply[6:8], "big"), kind, ttl)
"""


def look(lab, who):
    tap.note(f"{who}: up after {lab.up_seconds:.2f} s; 4 s are the aim on a machine at rest")
    told = lab.status()
    tap.ok([i["role"] for i in told["instances"]] == ["writer", "reader", "reader"],
           f"{who}: one writer, two readers")
    lab.sql("writer", "CREATE TABLE t (i INT PRIMARY KEY); INSERT INTO t VALUES (1)")
    tap.ok(answers(lab, "writer") == told["writer"], f"{who}: the writer's name leads to it")
    records = lab.exec("/usr/bin/python3", "-c", ASK, lab.writer_name).stdout
    tap.ok(records == "2 5 5\n", f"{who}: it is a CNAME for 5 s, with one address", records)
    tap.ok({answers(lab, "reader") for _ in range(2)} ==
           {i["id"] for i in told["instances"][1:]}, f"{who}: the reader's name takes turns")
    tap.ok("1290" in str(lab.sql("reader", "INSERT INTO t VALUES (2)", check=False)),
           f"{who}: a reader refuses writes with 1290")
    tap.ok([answers(lab, i["id"], "SELECT @@innodb_read_only") for i in told["instances"]] ==
           ["0", "1", "1"], f"{who}: innodb_read_only tells the role")
    places = [answers(lab, i["id"], "SELECT @@tmpdir") for i in told["instances"]]
    tap.ok(len(set(places)) == 3 and all(p.startswith(lab.state + "/") for p in places),
           f"{who}: each server has a place of its own for temporary tables", str(places))
    table = lab.sql("reader", "SELECT server_id, session_id = 'MASTER_SESSION_ID' "
                    "FROM information_schema.replica_host_status ORDER BY 1")
    tap.ok(table == [(i["id"], str(int(i["role"] == "writer"))) for i in told["instances"]],
           f"{who}: REPLICA_HOST_STATUS tells the topology", str(table))
    tap.ok(lab.sql("writer", "SELECT server_id FROM information_schema.replica_host_status LIMIT 1",
                   user="pelorus", database=None) and
           "1044" in str(lab.sql("writer", "SELECT * FROM app.t", user="pelorus", check=False)),
           f"{who}: the monitoring user sees the topology and no data")
    tap.ok(lab.exec("sh", "-c", "exit 7", check=False).returncode == 7,
           f"{who}: exec hands the exit status on")


def fail_over(lab, who):
    for mode in ("crash", "graceful", "blackhole", "reboot"):
        old, before = lab.writer, now()
        events = lab.failover(mode, *(["--detect", "1500ms"] if mode == "crash" else []))
        new = events["writable"]["id"]
        tap.ok(events["failure"]["id"] == old != new == lab.writer,
               f"{who}: {mode}: another instance writes")
        pause_ms = (events["writable"]["boot_ns"] - events["failure"]["boot_ns"]) / 1e6
        tap.ok(pause_ms >= 1500, f"{who}: --detect: none writes for so long", pause_ms) \
            if mode == "crash" else None
        if mode == "blackhole":
            tap.ok(is_silent(lab, old),
                   f"{who}: blackhole: the old writer is silent, not refusing")
            lab.run("heal", old)
        lab.wait_event("back", before, id=old)
        tap.ok("1290" in str(lab.sql(old, "INSERT INTO t VALUES (3)", check=False)),
               f"{who}: {mode}: the old writer is a reader")
        tap.ok(lab.sql(new, "SELECT COUNT(*) FROM t") == [("1",)], f"{who}: {mode}: data is there")
        lab.wait_event("topology", before)
        table = lab.sql(new, "SELECT server_id FROM information_schema.replica_host_status "
                        "WHERE session_id = 'MASTER_SESSION_ID'")
        tap.ok(table == [(new,)], f"{who}: {mode}: the table names the new writer", str(table))
        tap.ok(answers(lab, "writer") == old, f"{who}: {mode}: DNS does not, yet") \
            if mode == "reboot" else None
        lab.run("dns", "follow")
        tap.ok(answers(lab, "writer") == new, f"{who}: {mode}: DNS does when told to")


def scale(lab, who):
    before = now()
    lab.run("add", "demo-9")
    lab.wait_event("add", before, id="demo-9")
    tap.ok(answers(lab, "demo-9", "SELECT COUNT(*) FROM t") == "1", f"{who}: add: it has the data")
    lab.run("remove", "demo-9")
    rows = lab.sql("writer", "SELECT server_id FROM information_schema.replica_host_status")
    tap.ok(("demo-9",) in rows, f"{who}: remove: its row lingers")
    reader = next(i["id"] for i in lab.status()["instances"] if i["role"] == "reader")
    lab.run("cut", reader)
    tap.ok(is_silent(lab, reader), f"{who}: cut: silence")
    lab.run("heal", reader)
    tap.ok(answers(lab, reader) == reader, f"{who}: heal: it answers again")
    for command, undo in (("pause", "resume"), ("kill", "start"), ("stop", "start")):
        lab.run(command, reader)
        health = {i["id"]: i["health"] for i in lab.status()["instances"]}[reader]
        lab.sql(lab.writer, "REPLACE INTO t VALUES (1)")
        lab.run(undo, reader)
        tap.ok(health != "up" and answers(lab, reader) == reader,
               f"{who}: {command} and {undo}", health)


def phases(lab, since):
    return [e["state"] for e in lab.events() if e["event"] == "switchover" and
            e["boot_ns"] > since]


def switch_over(lab, who):
    old = {i["id"]: i["addresses"] for i in lab.status()["instances"]}
    writer, before = lab.writer, now()
    lab.run("switchover", "--statuses", "rollback")
    tap.ok({i["id"]: i["addresses"] for i in lab.status()["instances"]} == old and
           answers(lab, "writer") == writer, f"{who}: switchover: rolled back, nothing has changed")
    tap.ok(phases(lab, before) == ["provisioning", "available", "initiated", "in_progress",
                                   "available", "rolled-back"],
           f"{who}: switchover: rolled back, it goes back to AVAILABLE", phases(lab, before))
    before = now()
    lab.run("switchover")
    new = {i["id"]: i["addresses"] for i in lab.status()["instances"]}
    tap.ok(lab.writer == writer and all(new[i] != old[i] for i in old),
           f"{who}: switchover: the same ids at other addresses", str(new))
    tap.ok(phases(lab, before) == ["provisioning", "available", "initiated", "in_progress",
                                   "read_only", "in_post_processing", "renamed", "completed",
                                   "over"], f"{who}: switchover: all phases",
           phases(lab, before))
    tap.ok(lab.sql(f"{writer}-old1", STATUSES) == [("SWITCHOVER_IN_PROGRESS",)] and
           lab.sql(writer, STATUSES) == [], f"{who}: switchover: the old side's table is frozen")
    lab.sql("writer", "INSERT INTO t VALUES (4)")
    tap.ok(lab.sql(f"{writer}-old1", "SELECT @@aurora_server_id, @@innodb_read_only") ==
           [(f"{writer}-old1", "1")] and new[f"{writer}-old1"] == old[writer],
           f"{who}: switchover: the old ones are renamed, read-only and up")


def shape(lab, who):
    reader = next(i["id"] for i in lab.status()["instances"] if i["role"] == "reader")
    lab.run("set", reader, "lag=777", "cpu=42", "full=1")
    tap.ok("1040" in answers(lab, reader), f"{who}: full: every slot is taken")
    lab.run("set", reader, "full=0")
    row = lab.sql(reader, "SELECT cpu, replica_lag_in_milliseconds FROM "
                  f"information_schema.replica_host_status WHERE server_id = '{reader}'")
    tap.ok(row == [("42", "777")], f"{who}: lag and cpu are what was set", str(row))
    lab.run("set", reader, "loss=100")
    tap.ok(is_silent(lab, reader), f"{who}: loss: nothing arrives")
    lab.run("set", reader, "loss=0")
    delayed = lab.run("set", reader, "delay=50", check=False)
    if delayed.returncode == 2:
        tap.skip(f"{who}: delay", delayed.stderr.strip())
    else:
        lab.run("set", reader, "delay=0")
        tap.ok(delayed.returncode == 0, f"{who}: delay", delayed.stderr)
    writer = lab.writer
    lab.run("firewall", writer)
    tap.ok(is_silent(lab, writer) and answers(lab, "writer") == writer,
           f"{who}: firewall: only the cluster's name leads to the writer")
    lab.run("firewall", writer, "--lift")
    lab.run("dns", "point", "db.example.com", "writer")
    lab.run("dns", "point", "writer", reader)
    tap.ok(answers(lab, "db.example.com") == reader, f"{who}: dns point, through two names")
    lab.run("dns", "follow")
    before = now()
    lab.run("dns", "flicker")
    flickers = [e["id"] for e in lab.events()
                if e["event"] == "dns" and e["boot_ns"] > before and e["name"] == lab.writer_name]
    tap.ok(flickers[0] == flickers[2] == writer != flickers[1], f"{who}: dns flicker",
           str(flickers))


def refuse(lab, who):
    for words, part in ((("kill", "nobody"), "no instance nobody"), (("up",), "up already"),
                        (("remove", lab.writer), "is the writer"),
                        (("failover", "--mode", "soft"), "no mode soft"),
                        (("failover", "--to", lab.writer), "the writer already"),
                        (("set", lab.writer, "speed=1"), "no setting speed"),
                        (("heal", lab.writer), "not cut off")):
        done = lab.run(*words, check=False)
        tap.ok(done.returncode == 2 and part in done.stderr and done.stderr.count("\n") == 1,
               f"{who}: refused in one sentence: {' '.join(words)}", done.stderr)


def leave(lab, who, before):
    follower = subprocess.Popen(lab.command("events", "-f"), stdout=subprocess.PIPE, text=True)
    first = follower.stdout.readline()
    lab.run("down")
    follower.communicate(timeout=20)
    tap.ok('"event"' in first and follower.returncode == 0, f"{who}: events -f ends with the lab")
    tap.ok(not processes(lab), f"{who}: down: no process is left", str(processes(lab)))
    tap.ok(not os.path.exists(lab.state), f"{who}: down: no file is left")
    tap.ok(traces() == before, f"{who}: down: the machine is as it was")
    done = lab.run("status", check=False)
    tap.ok(done.returncode == 2 and "no lab is up" in done.stderr, f"{who}: then no lab is up")


def everything(who, prefix, tool, **options):
    before = traces()
    with Lab(prefix=prefix, tool=tool, **options) as lab:
        look(lab, who)
        fail_over(lab, who)
        scale(lab, who)
        shape(lab, who)
        switch_over(lab, who)
        refuse(lab, who)
        leave(lab, who, before)


def not_begun(prefix, tool, what, part, *command):
    """`lab up` under a command that takes something away."""
    lab = Lab(prefix=[*prefix, *command], tool=tool)
    done = lab.run("up", check=False)
    tap.ok(done.returncode == 2 and part in done.stderr and done.stderr.count("\n") == 1,
           f"refused in one sentence: {what}", done.stderr)
    tap.ok(not processes(lab) and not os.path.exists(lab.state), f"{what}: nothing half-started")
    lab.down()


def interrupted(tool):
    """An interrupt while the lab comes up."""
    lab = Lab(tool=tool, instances=8)
    child = subprocess.Popen(lab.command("up", "--instances", "8"), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    while child.poll() is None and not os.path.exists(os.path.join(lab.state, "servers")):
        time.sleep(0.005)
    child.terminate()
    child.wait(20)
    tap.ok(not processes(lab) and not os.path.exists(lab.state), "an interrupted up leaves nothing")
    lab.down()


def sixteen(tool):
    with Lab(tool=tool, instances=16) as lab:
        tap.note(f"16 instances: up after {lab.up_seconds:.2f} s; 20 s are the aim")
        events = lab.failover("crash")
        tap.ok("writable" in events, "16 instances: a crash failover")


def main():
    is_root = os.getuid() == 0
    folder = tempfile.mkdtemp(prefix="plab-tool-")
    try:
        tool = copy_for_everybody(folder)
        user = ["env", "-u", "PELORUS_BUILD", f"XDG_CACHE_HOME={folder}/cache"]
        if is_root:
            everything("root", [], LAB, dns_lag="never")
            user = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", *user]
        else:
            tap.skip("root: everything", "this is not root")
        everything("user", user, tool, ipv6="dual", tls=True, dns_lag="60s")
        not_begun(user, tool, "namespaces that are not permitted", "user.max_net_namespaces",
                  "unshare", "-Ur", "sh", "-c",
                  'echo 0 >/proc/sys/user/max_net_namespaces; exec "$@"', "sh")
        not_begun(user, tool, "no server", "mariadb-server", "unshare", "-Urm", "sh", "-c",
                  'mount --bind /dev/null "$(command -v mariadbd || echo /usr/sbin/mariadbd)"; '
                  'exec "$@"', "sh")
        sixteen(LAB)
        interrupted(LAB)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tap.done()


main()
