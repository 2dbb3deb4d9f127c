#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A global database (dialect = global) of real servers in two regions, and a third of which nothing
is configured: MariaDB that looks like Aurora by the lab's plugin.

The writer fails over within its region, is handed to the other one, and to the one that is out of
reach, while DNS goes on to lead where it led first.  Readers are those of the home region.
"""
import contextlib
import os
import subprocess
import tempfile

from lib import tap, worlds
from lib.paths import LIBRARY
from lib.prober import Prober, Watch
from lib.programs import peers
from lib.servers import fakes, mariadb
from lib.trials.floors import now_ns
from lib.waiting import within

GLOBAL = "shop.global-xyz.global.rds.amazonaws.com"
HOME, AWAY, APART = "us-east-1", "eu-west-1", "ap-south-1"
DOMAIN = f"abc1.{HOME}.rds.amazonaws.com"
WRITER, READER = f"shop.cluster-{DOMAIN}", f"shop.cluster-ro-{DOMAIN}"
PATTERNS = {HOME: f"?.{DOMAIN}", AWAY: "?.eu.shop.example"}
REGIONS = {"use-1": HOME, "use-2": HOME, "euw-1": AWAY, "euw-2": AWAY}
FAR = "aps-1"
LATE = 1.0  # seconds from writable to published; nobody fails before a hand-over
HOLD = 4
LAG = 70


def host(instance):
    return PATTERNS[REGIONS[instance]].replace("?", instance)


class Database:
    """What a Prober takes for a lab, and the servers by id."""

    writer_name, options = GLOBAL, {"port": 3306}

    def __init__(self, stack, folder):
        self.table = os.path.join(folder, "global.tsv")
        self.write_table("use-1")
        regions = os.path.join(folder, "regions.tsv")
        with open(regions, "w") as out:
            out.writelines(f"{region}\t{LAG}\t{LAG}\n" for region in (HOME, AWAY, APART))
        self.servers = {}
        for n, name in enumerate(REGIONS, 1):
            self.servers[name] = stack.enter_context(mariadb.Server(
                folder, f"127.0.1.{n}", n, name, f"--aurora-global-file={self.table}",
                f"--aurora-regions-file={regions}"))
            dns.addresses[host(name)] = [self.servers[name].address]
        dns.aliases.update({GLOBAL: WRITER, WRITER: host("use-1"), READER: host("use-2")})
        self.servers["use-1"].promote()
        self.follow("use-1")

    def popen(self, *command, **options):
        return subprocess.Popen(command, **options)

    def write_table(self, writer):
        rows = [(name, "MASTER_SESSION_ID" if name == writer else f"session-{name}", region,
                 0 if name == writer else LAG) for name, region in (*REGIONS.items(),
                                                                    (FAR, APART))]
        with open(self.table + ".new", "w") as out:
            out.writelines("\t".join(map(str, row)) + "\n" for row in rows)
        os.rename(self.table + ".new", self.table)

    def follow(self, writer):
        for name, server in self.servers.items():
            if name != writer and server.process.poll() is None:
                server.follow(self.servers[writer])

    def address(self, name):
        return self.servers[name].address


def section(**keys):
    keys = {"endpoint": GLOBAL, "reader_endpoint": READER, "dialect": "global",
            "global_regions": f"{PATTERNS[HOME]}, [{AWAY}]{PATTERNS[AWAY]}", "home_region": HOME,
            "hold": f"{HOLD}s", "user": "pelorus", "password": "pelorus", **keys}
    return "\n".join(["[cluster shop]", *(f"{k.replace('_', '-')} = {v}" for k, v in keys.items()
                                          if v), ""])


def reached(p, name):
    """The servers that so many connects by a name lead to that none of three is left out."""
    done = p.execute(["sh", "-c", 'for i in $(seq 40); do "$@"; done', "sh", "env",
                      f"LD_PRELOAD={LIBRARY}", "PELORUS_PROBER=off", "mariadb",
                      "--no-defaults", "-N", "-B", "-h", name, "-uapp", "-papp", "-e",
                      "SELECT @@aurora_server_id"])
    return set(done.stdout.split()) or done.stderr


def is_writer(name):
    return lambda c: c.state == "known" and c.writer == name


def members(db):
    with Prober(db, section()) as p:
        c = p.wait_settled(4)
        tap.ok(set(c.instances) == set(REGIONS) and c.writer == "use-1",
               "one name is enough: the members of both regions, and the writer of all",
               list(c.instances))
        tap.ok(not any(FAR in name for name, *_ in dns.asked), "a region without a pattern is out "
               "of reach: nobody there is even looked up")
        p.wait(lambda c: c.instances["euw-1"].lag_ms == LAG, 10)
        tap.ok(True, "a reader's lag is that behind the writer's region")
        tap.ok(reached(p, READER) == {"use-2"}, "readers are those of the home region")
        tap.ok(reached(p, GLOBAL) == {"use-1"}, "the writer is the writer")
        tap.ok("code=instance-held" not in "".join(
            line for line in p.log().splitlines() if "level=warning" in line),
            "that readers of another region do not serve is no warning", p.log()[-600:])
    with Prober(db, section(home_region=AWAY)) as p:
        p.wait_settled(4)
        tap.ok(reached(p, READER) == {"euw-1", "euw-2"} and reached(p, GLOBAL) == {"use-1"},
               "with another home: its readers, and the writer where it is")
    with Prober(db, section(home_region=None)) as p:
        p.wait_settled(4)
        tap.ok(reached(p, READER) == {"use-2", "euw-1", "euw-2"}, "without a home: all readers",
               reached(p, READER))


def recognised():
    """Amazon's driver wants a pattern for each region that is in the table."""
    patterns = [*PATTERNS.values(), "?.ap.shop.example"]
    option = "globalClusterInstanceHostPatterns=" + ",".join(
        f"[{region}]{pattern}" for region, pattern in zip((HOME, AWAY, APART), patterns))
    for name in (GLOBAL, WRITER):
        peers.recognise(name, {peers.JAVA: "GlobalAuroraMysqlDialect"}, [host("use-1")],
                        [*map(host, REGIONS), patterns[-1].replace("?", FAR)], options=[option])


def of_no_such_region(db):
    """A typing mistake: it is said, and names lead where DNS does."""
    with Prober(db, section(global_regions="[us-east-2]?.nowhere.example", home_region=None)) as p:
        p.wait(lambda c: c.why == "not-a-cluster", 20)
        tap.ok(reached(p, GLOBAL) == {"use-1"}, "patterns that no member has: said, and DNS alone")


class Trial:
    def __init__(self, db, prober):
        self.db, self.prober, self.watch = db, prober, Watch(prober)

    def promoted(self, text, name):
        """A new writer, and how long after its promotion it was published."""
        begin = now_ns()
        self.db.servers[name].promote()
        writable = now_ns()
        told = self.watch.wait_first(begin, is_writer(name))
        late = (told - writable) / 1e9 if told else None
        tap.note(f"{text}: published {1000 * (late or 0):.0f} ms after it was writable")
        tap.ok(within(late, LATE), f"{text}: the new writer is published",
               f"{late} {self.prober.log()[-900:]}")
        self.db.write_table(name)

    def within(self):
        self.db.servers["use-1"].kill()
        self.promoted("within a region", "use-2")
        self.prober.wait(lambda c: c.instances["use-1"].health == "unreachable", 20)
        tap.ok(reached(self.prober, READER) == {"use-2"}, "a home without readers: the writer "
               "serves reads, and no other region does", reached(self.prober, READER))
        self.db.servers["use-1"].start()
        self.db.follow("use-2")
        self.prober.wait(lambda c: c.instances["use-1"].role == "reader", 30)

    def across(self):
        """As planned; DNS leads to a reader then."""
        self.db.servers["use-2"].demote()
        self.promoted("across regions", "euw-1")
        self.db.follow("euw-1")
        tap.ok(reached(self.prober, GLOBAL) == {"euw-1"}, "the global name goes there before DNS "
               "does")
        self.prober.wait(lambda c: all(c.instances[i].role == "reader" and
                                       c.instances[i].admission == "admitted"
                                       for i in ("use-1", "use-2")), 30)
        tap.ok(reached(self.prober, READER) == {"use-1", "use-2"}, "a home without the writer: all "
               "of it reads", reached(self.prober, READER))

    def lost(self):
        """All of the home region."""
        for name in ("use-1", "use-2"):
            self.db.servers[name].kill()
        self.prober.wait(lambda c: all(c.instances[i].health == "unreachable"
                                       for i in ("use-1", "use-2")), 20)
        tap.ok(is_writer("euw-1")(self.prober.cluster()) and
               reached(self.prober, READER) == {"euw-1"}, "a home that is lost: the writer serves",
               reached(self.prober, READER))
        for name in ("use-1", "use-2"):
            self.db.servers[name].start()
        self.db.follow("euw-1")
        self.prober.wait_settled(4, 30)

    def out_of_reach(self):
        """The writer is where no pattern leads: there are readers alone, and DNS."""
        self.db.servers["euw-1"].demote()
        self.db.write_table(FAR)
        dns.aliases[WRITER] = host("use-2")
        self.prober.wait(lambda c: c.state == "known" and c.writer is None, 6 * HOLD)
        self.prober.wait(lambda c: c.names[GLOBAL].addresses == [self.db.address("use-2")], 20)
        tap.ok(reached(self.prober, GLOBAL) == {"use-2"}, "a writer out of reach: its name leads "
               "where DNS leads", reached(self.prober, GLOBAL))
        tap.ok(reached(self.prober, READER) == {"use-1", "use-2"}, "and readers' to readers")
        self.promoted("back within reach", "euw-2")

    def one_writer(self):
        """In what was published: never two, never one who was a reader for long."""
        odd = [(c.writer, c.instances[c.writer].self_role) for _, c in self.watch.seen
               if c.state == "known" and c.writer and
               c.instances[c.writer].self_role == "reader"]
        tap.ok(not odd, "no reader was published as the writer", odd[:5])

    def end(self):
        self.watch.end()


def run(db):
    recognised()
    members(db)
    of_no_such_region(db)
    with Prober(db, section()) as p:
        p.wait_settled(4)
        trial = Trial(db, p)
        try:
            for part in (trial.within, trial.across, trial.lost, trial.out_of_reach,
                         trial.one_writer):
                part()
        finally:
            trial.end()


peers.fetch()  # where there is a network: inside the namespace there is none
fakes.enter()
dns = worlds.Dns()
with tempfile.TemporaryDirectory() as folder_, contextlib.ExitStack() as stack_:
    os.chmod(folder_, 0o755)
    run(Database(stack_, folder_))
tap.done()
