# SPDX-License-Identifier: Apache-2.0
"""What a scrape of many clusters costs, and whom it keeps waiting.

    python3 -m lib.trials.scrapes CLUSTERS INSTANCES [first]      prints figures as JSON

It has a network of its own; with `first` the daemon, and who asks beside, go before all others.

The clusters are those of a map that an earlier daemon is said to have left: for its first seconds
the next one shows them as they are, while it looks for servers that are not there.  Meanwhile one
process scrapes, and then another asks /healthz without a pause: what that waits for is the loop.
"""
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from lib.paths import PELORUSD, ROOT
from lib.published import Map
from lib.waiting import wait_for

PORT, ROUNDS, PAUSE = 9187, 15, 0.03


def ask(path):
    """The answer's body, and how long it took in milliseconds."""
    begun, text = time.perf_counter(), b""
    with socket.create_connection(("127.0.0.1", PORT), 10) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        while more := s.recv(1 << 20):
            text += more
    taken = (time.perf_counter() - begun) * 1000
    return text.partition(b"\r\n\r\n")[2].decode(), taken


def go_first():
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))


def keep_asking(over, waits, first):
    found = []
    if first:
        go_first()
    while not over.is_set():
        found.append(ask("/healthz")[1])
    waits.put(found)


def beside(work, first):
    """What work() gives, and what another waited for meanwhile, in milliseconds, sorted."""
    over, waits = multiprocessing.Event(), multiprocessing.Queue()
    other = multiprocessing.Process(target=keep_asking, args=(over, waits, first))
    other.start()
    made = work()
    over.set()
    found = waits.get()
    other.join()
    return made, sorted(found)


def scrape():
    made = []
    for _ in range(ROUNDS):
        made.append(ask("/metrics"))
        time.sleep(PAUSE)
    return made


def figures_of(clusters, instances, first):
    made = scrape()
    text, taken = made[-1][0], sorted(ms for _, ms in made)
    _, found = beside(scrape, first)
    _, rest = beside(lambda: time.sleep(0.7), first)
    lines = [t.count("\npelorus_instance_writer{") for t, _ in made]
    return {"scrape, median, ms": taken[ROUNDS // 2], "scrape, longest, ms": taken[-1],
            "beside, median, ms": found[len(found) // 2], "beside, longest, ms": found[-1],
            "without any, longest, ms": rest[-1], "lines": text.count("\n"), "bytes": len(text),
            "scrapes that lack something": sum(n != clusters * instances for n in lines)}


def listens():
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", PORT)) == 0


def inside(clusters, instances, first=False):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="pscrapes-") as folder:
        with Map(folder) as published:
            names = [published.cluster(n, [(f"i{n}-{i}", f"10.9.{n}.{i + 1}")
                                           for i in range(instances)], 3306)
                     for n in range(clusters)]
        config = os.path.join(folder, "pelorus.conf")
        with open(os.open(config, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            out.write("[pelorus]\nuser = a\npassword = b\n"
                      f"metrics-listen = 127.0.0.1:{PORT}\n" +
                      "".join(f"[cluster {n}]\n" for n in names))
        daemon = subprocess.Popen([PELORUSD, "--foreground", "--runtime-dir",
                                   os.path.join(folder, "run"), "--config", config,
                                   "--no-defaults"], stderr=subprocess.DEVNULL,
                                  preexec_fn=go_first if first else None)
        try:
            wait_for(listens)
            return figures_of(clusters, instances, first)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()


def measure(clusters, instances, first=False):
    words = ["unshare", "-n" if first else "-rn", "/usr/bin/python3", "-B", "-m",
             "lib.trials.scrapes", str(clusters), str(instances), *(["first"] if first else [])]
    made = subprocess.run(words, cwd=os.path.join(ROOT, "test"), stdout=subprocess.PIPE, text=True,
                          timeout=60)
    return json.loads(made.stdout)


if __name__ == "__main__":
    print(json.dumps(inside(int(sys.argv[1]), int(sys.argv[2]), "first" in sys.argv)))
