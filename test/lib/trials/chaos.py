# SPDX-License-Identifier: Apache-2.0
"""A seeded schedule of what can go wrong, played on a lab and the prober of its applications.

Each step ends with the network healed, a writer, and a prober that may run; what it did is told.
The same seed gives the same steps with the same targets, as far as the instances then live.
"""
import os
import random
import signal
import time

from lib.lab import now

STEPS = {
    "crash": 3, "graceful": 3, "blackhole": 3, "reboot": 2, "handover": 2, "flap": 1,
    "kill_reader": 1, "stop_reader": 1, "pause_reader": 1, "pause_writer": 1, "cut_reader": 1,
    "cut_writer": 1, "scale": 1, "dns_freeze": 1, "dns_flicker": 1, "prober_killed": 2,
    "prober_stopped": 1, "map_deleted": 1, "failover_without_prober": 2, "reader_lags": 1,
    "switchover": 1,
}
ONCE = ("switchover",)
# After these a client has nothing more to wait for once the new writer is writable.
FAILOVERS = ("crash", "graceful", "reboot", "handover", "flap", "dns_freeze", "dns_flicker",
             "map_deleted",
             "failover_without_prober")
RETRY_S, RETRY_LIMIT_S = 0.2, 30
MAX_LAG, LAG_MS, LAG_S = "5s", 60000, 2


class Chaos:
    def __init__(self, lab, apps, seed):
        self.lab, self.apps = lab, apps
        self.random = random.Random(seed)
        self.left = dict(STEPS)
        self.added = 0
        self.lagged = []  # (reader, begin, end): it lagged, the prober knew, and others did not lag
        self.prober_lost = []  # moments

    def next(self):
        name = self.random.choices(list(self.left), list(self.left.values()))[0]
        if name in ONCE:
            del self.left[name]
        return name

    def play(self, name):
        """Does one step; the moment since which there are a writer and, but for a failover, which
        must do without, a network that is whole."""
        begin = now()
        getattr(self, name)()
        well = now()
        if name in FAILOVERS:
            well = max((e["boot_ns"] for e in self.lab.events()
                        if e["event"] == "writable" and e["boot_ns"] > begin), default=well)
        self.heal_all()
        return well if name in FAILOVERS else now()

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

    def lagging(self, reader):
        """Whether the prober says so, and has another that it would rather give out."""
        cluster = self.apps.prober.view.find(self.lab.reader_name)
        fit = {i.id: i.lagged for i in cluster.instances.values() if i.role == "reader" and
               i.health == "ok" and i.admission == "admitted" and i.routable} if cluster else {}
        return fit.get(reader) and not all(fit.values())

    def reader_lags(self):
        reader = self.reader()
        if not reader:
            return
        self.lab_does("set", reader, f"lag={LAG_MS}")
        end = time.monotonic() + RETRY_LIMIT_S
        while not self.lagging(reader):
            if time.monotonic() > end:
                raise RuntimeError(f"no prober sees that {reader} lags")
            time.sleep(0.05)
        begin = now()
        time.sleep(LAG_S)
        self.lagged.append((reader, begin, now()))
        self.lab_does("set", reader, "lag=0")

    def kill_probers(self):
        self.apps.stop_prober()
        self.prober_lost.append(now())

    def prober_killed(self):
        """The worker alone, or both of its processes."""
        pids = self.apps.probers()
        if self.random.random() < 0.5 and pids:
            os.kill(max(pids), signal.SIGKILL)
        else:
            self.kill_probers()
        time.sleep(0.5)

    def prober_stopped(self):
        self.apps.signal_prober(signal.SIGSTOP)
        try:
            self.crash()
            time.sleep(2)
        finally:
            self.apps.signal_prober(signal.SIGCONT)

    def map_deleted(self):
        os.unlink(os.path.join(self.apps.runtime, "topology.map"))
        self.crash()

    def failover_without_prober(self):
        self.kill_probers()
        self.lab_does("failover", "--mode", self.random.choice(("crash", "graceful", "reboot")))

    def switchover(self):
        self.lab_does("switchover")
