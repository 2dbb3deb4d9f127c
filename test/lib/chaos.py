# SPDX-License-Identifier: Apache-2.0
"""A seeded schedule of what can go wrong, played on a lab and the prober of its applications.

Each step ends with the network healed, a writer, and a prober that may run; what it did is told.
The same seed gives the same steps with the same targets, as far as the instances then live.
"""
import os
import random
import signal
import time

from lab import now

STEPS = {
    "crash": 3, "graceful": 3, "blackhole": 3, "reboot": 2, "handover": 2, "flap": 1,
    "kill_reader": 1, "stop_reader": 1, "pause_reader": 1, "pause_writer": 1, "cut_reader": 1,
    "cut_writer": 1, "scale": 1, "dns_freeze": 1, "dns_flicker": 1, "prober_killed": 2,
    "prober_stopped": 1, "map_deleted": 1, "failover_without_prober": 2, "switchover": 1,
}
ONCE = ("switchover",)
RETRY_S, RETRY_LIMIT_S = 0.2, 30


class Chaos:
    def __init__(self, lab, apps, seed):
        self.lab, self.apps = lab, apps
        self.random = random.Random(seed)
        self.left = dict(STEPS)
        self.added = 0

    def next(self):
        name = self.random.choices(list(self.left), list(self.left.values()))[0]
        if name in ONCE:
            del self.left[name]
        return name

    def play(self, name):
        """Does one step; the moment since which all is well again."""
        getattr(self, name)()
        self.heal_all()
        return now()

    def lab_does(self, *words):
        """What cannot be done yet, as nothing lives to be promoted, can a little later."""
        end = time.monotonic() + RETRY_LIMIT_S
        while True:
            done = self.lab.run(*words, check=False)
            if done.returncode == 0:
                return
            if time.monotonic() > end:
                raise RuntimeError(f"lab {' '.join(words)}: {done.stderr.strip()}")
            time.sleep(RETRY_S)

    def reader(self):
        readers = sorted(i["id"] for i in self.lab.status()["instances"]
                         if i["role"] == "reader" and i["health"] == "up")
        return readers[self.random.randrange(1000) % len(readers)] if readers else None

    def heal_all(self):
        """Every instance is up and reachable, DNS follows."""
        self.lab_does("dns", "follow")
        end = time.monotonic() + RETRY_LIMIT_S
        while time.monotonic() < end:
            ill = [i for i in self.lab.status()["instances"] if i["health"] != "up" and
                   not i["id"].endswith("-old1")]
            if not ill:
                return
            for instance in ill:
                self.lab.run("heal", instance["id"], check=False)
            time.sleep(RETRY_S)
        raise RuntimeError(f"instances do not get well: {ill}")

    def crash(self):
        self.lab_does("failover", "--mode", "crash")

    def graceful(self):
        self.lab_does("failover", "--mode", "graceful")

    def blackhole(self):
        self.lab_does("failover", "--mode", "blackhole")

    def reboot(self):
        self.lab_does("failover", "--mode", "reboot")

    def handover(self):
        self.lab_does("failover", "--mode", "graceful", "--keep-connections")

    def flap(self):
        begin = time.monotonic()
        for i in range(5):
            self.lab_does("failover", "--mode", self.random.choice(("crash", "graceful")))
            time.sleep(max(0.0, begin + 2 * (i + 1) - time.monotonic()))

    def on_reader(self, bad, good, seconds):
        reader = self.reader()
        if reader:
            self.lab_does(bad, reader)
            time.sleep(seconds)
            self.lab_does(good, reader)

    def kill_reader(self):
        self.on_reader("kill", "start", 0.5)

    def stop_reader(self):
        self.on_reader("stop", "start", 0.5)

    def pause_reader(self):
        self.on_reader("pause", "resume", 2)

    def cut_reader(self):
        self.on_reader("cut", "heal", 2.5)

    def pause_writer(self):
        writer = self.lab.writer
        self.lab_does("pause", writer)
        time.sleep(1)
        self.lab_does("resume", writer)

    def cut_writer(self):
        """Silence, and no failover."""
        writer = self.lab.writer
        self.lab_does("cut", writer)
        time.sleep(2.5)
        self.lab_does("heal", writer)

    def scale(self):
        self.added += 1
        name = f"extra-{self.added}"
        self.lab_does("add", name)
        time.sleep(0.5)
        if self.lab.writer != name:
            self.lab_does("remove", name)

    def dns_freeze(self):
        self.lab_does("dns", "freeze")
        self.crash()

    def dns_flicker(self):
        self.crash()
        self.lab_does("dns", "flicker")

    def signal_prober(self, number):
        for pid in self.apps.probers():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def prober_killed(self):
        """The worker alone, or both of its processes."""
        pids = self.apps.probers()
        if self.random.random() < 0.5 and pids:
            os.kill(max(pids), signal.SIGKILL)
        else:
            self.signal_prober(signal.SIGKILL)
        time.sleep(0.5)

    def prober_stopped(self):
        self.signal_prober(signal.SIGSTOP)
        try:
            self.crash()
            time.sleep(2)
        finally:
            self.signal_prober(signal.SIGCONT)

    def map_deleted(self):
        os.unlink(os.path.join(self.apps.runtime, "topology.map"))
        self.crash()

    def failover_without_prober(self):
        self.signal_prober(signal.SIGKILL)
        self.lab_does("failover", "--mode", self.random.choice(("crash", "graceful", "reboot")))

    def switchover(self):
        self.lab_does("switchover")
