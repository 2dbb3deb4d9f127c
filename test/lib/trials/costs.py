# SPDX-License-Identifier: Apache-2.0
"""What a prober costs: its host while all is well, and the servers while nothing is."""
import os
import socket
import threading
import time

from lib.lab import Lab
from lib.prober import Prober, cluster_section


def cpu_seconds(lab, pid):
    """By the scheduler's own clock: ticks miss most of what sleeps so much."""
    return int(lab.exec("cat", f"/proc/{pid}/schedstat").stdout.split()[0]) / 1e9


def private_dirty_kib(lab, pid):
    text = lab.exec("cat", f"/proc/{pid}/smaps_rollup").stdout
    return int(text.split("Private_Dirty:")[1].split()[0])


def family(lab, pid):
    """The worker and the parent that supervises it."""
    parent = lab.exec("cat", f"/proc/{pid}/stat").stdout.rsplit(")", 1)[1].split()[1]
    return [pid, int(parent)]


def counters(lab, instance):
    rows = dict(lab.sql(instance, "SHOW GLOBAL STATUS WHERE Variable_name IN "
                                  "('Questions', 'Connections')", user="app"))
    return {k: int(v) for k, v in rows.items()}


def connected(lab, instance):
    return int(lab.sql(instance, "SHOW GLOBAL STATUS LIKE 'Threads_connected'", user="app")[0][1])


def rates(lab, instance, seconds):
    before, begin = counters(lab, instance), time.monotonic()
    time.sleep(seconds)
    after, took = counters(lab, instance), time.monotonic() - begin
    return {k: (after[k] - before[k]) / took for k in before}


def hint(prober, seconds):
    """A client whose writes are refused for ever, and which says so each 10 ms."""
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.connect(os.path.join(prober.directory, "control"))
    request = f"hint\nname={prober.lab.writer_name}\n".encode()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        control.send(request)
        answer = control.recv(60000)
        if not answer.startswith(b"ok"):
            raise RuntimeError(f"a hint was refused: {answer}")
        time.sleep(0.01)
    control.close()


def steady(lab, prober, seconds):
    """(percent of a core, MiB of private dirty memory) of the prober's processes."""
    pids = family(lab, prober.view.pid)
    begin = time.monotonic(), sum(cpu_seconds(lab, p) for p in pids)
    time.sleep(seconds)
    spent = sum(cpu_seconds(lab, p) for p in pids) - begin[1]
    return 100 * spent / (time.monotonic() - begin[0]), \
        sum(private_dirty_kib(lab, p) for p in pids) / 1024


def measure(instances, seconds, tls):
    options = {"tls": True} if tls else {}
    figures = {}
    with Lab(instances=instances, **options) as lab:
        reader = lab.host(f"demo-{instances}")
        base, before = rates(lab, reader, 3), connected(lab, reader)
        keys = {"ssl": "on", "ssl_verify_server_cert": "on", "ssl_ca": lab.status()["ca"]} \
            if tls else {}
        with Prober(lab, cluster_section(lab, **keys)) as prober:
            prober.wait_settled(instances, 60)
            time.sleep(2)
            figures["CPU, percent of a core"], figures["private dirty, MiB"] = \
                steady(lab, prober, seconds)
            figures["connections per instance"] = connected(lab, reader) - before
            calm = rates(lab, reader, 4)
            figures["steady, statements per second and server"] = \
                calm["Questions"] - base["Questions"]
            hints = threading.Thread(target=hint, args=(prober, 4))
            hints.start()
            hinted = rates(lab, reader, 4)
            hints.join()
            figures["hints without end, further statements per second and server"] = \
                max(hinted["Questions"] - calm["Questions"], 0)
            lab.run("failover", "--no-promote")
            prober.wait(lambda c: c.writer is None, 20)
            alarm = rates(lab, reader, 3)
            figures["alarm, statements per second and server"] = \
                alarm["Questions"] - base["Questions"]
            figures["alarm, new connections per second and server"] = \
                max(alarm["Connections"] - base["Connections"], 0)
    return figures
