#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""tools/deploy/prometheus and tools/deploy/grafana, with the distribution's Prometheus: the rules
are right and fire when they should, each query of the dashboard has an answer, and what the daemon
serves at `metrics-listen` shows a failover, and that the daemon is gone.

With PELORUS_LONG, on a machine at rest: that a scrape of 64 clusters keeps nobody waiting.
"""
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile

from lib.lab import Lab
from lib.paths import ROOT
from lib.prober import Prober, cluster_section
from lib.tap import done, note, ok, skip
from lib.trials import scrapes
from lib.waiting import wait_for

RULES = os.path.join(ROOT, "tools", "deploy", "prometheus", "pelorus.rules.yml")
DASHBOARD = os.path.join(ROOT, "tools", "deploy", "grafana", "pelorus.json")
CONFIG = """
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
rule_files: [rules.yml]
scrape_configs:
  - {job_name: pelorus, static_configs: [{targets: ["127.0.0.1:9100"]}]}
"""
PORT = "9090"
# Series that are there only while a reader is warmed up, a topology is unknown, the last minute has
# seen a failover, in a fleet, or where programs follow a name.
NOT_ALWAYS = {"pelorus_warm_up_statements", "pelorus_warm_up_statements_done",
              "pelorus_cluster_why", "pelorus_cluster_fleet_leader", "pelorus_events_total",
              "pelorus_writerless_seconds", "pelorus_client_library_processes"}
LISTEN = "[pelorus]\nmetrics-listen = 127.0.0.1:9100\n"
LONG = os.environ.get("PELORUS_LONG")
LIMIT_MS = 20 if LONG else 60  # others run beside an ordinary run
GET = """
import http.client, json, sys
found = {}
for method, path in json.load(sys.stdin):
    c = http.client.HTTPConnection("127.0.0.1", 9100, timeout=10)
    c.request(method, path)
    answer = c.getresponse()
    found[method + path] = [answer.status, answer.read().decode()]
print(json.dumps(found))
"""
ASK = """
import json, sys, urllib.parse, urllib.request
def ask(path):
    with urllib.request.urlopen("http://127.0.0.1:9090/api/v1/" + path) as answer:
        return json.load(answer)["data"]
paths = json.load(sys.stdin)
print(json.dumps([ask(p) for p in paths]))
"""


def promtool(*words, **more):
    made = subprocess.run(["promtool", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, **more)
    return made.returncode, made.stdout


def names_in(text):
    found = re.findall(r"\bpelorus_[a-z_]+", text)
    return {re.sub("_(bucket|sum)$", "", n) for n in found}


def check_rules(folder):
    status, said = promtool("check", "rules", RULES)
    ok(status == 0, "promtool finds the rules right", said)
    shutil.copy(RULES, folder)
    tests = os.path.join(folder, "alerts.yml")
    shutil.copy(os.path.join(ROOT, "test", "lib", "alerts.yml"), tests)
    status, said = promtool("test", "rules", tests)
    ok(status == 0, "each alert fires in its case, and not before", said)
    with open(RULES) as rules, open(tests) as cases:
        text = cases.read()
        missing = [a for a in re.findall(r"alert: (\w+)", rules.read())
                   if f"alertname: {a}\n        exp_alerts" not in text]
    ok(not missing, "and each has a case", missing)


def panels():
    with open(DASHBOARD) as file:
        return json.load(file)["panels"]


def filled(expression):
    return expression.replace("$__rate_interval", "10s").replace("$cluster", ".*").replace(
        "$host", ".*")


def queries():
    return [filled(t["expr"]) for p in panels() for t in p["targets"]]


def panel(title):
    return next(filled(p["targets"][0]["expr"]) for p in panels() if p["title"] == title)


def check_names(metrics):
    with open(RULES) as rules:
        used = names_in(rules.read()) | names_in(" ".join(queries()))
    printed = set(re.findall(r"^# TYPE (\S+)", metrics, re.M))
    ok(printed and not used - printed, "no rule and no panel asks for what is not printed",
       used - printed)
    shown = names_in(" ".join(queries()))
    ok(not printed - shown, "what is printed is on the dashboard", printed - shown)


def heads(metrics):
    return re.findall("^# .*", metrics, re.M)


def check_served(lab, prober, folder, metrics):
    asked = [("GET", "/metrics"), ("GET", "/healthz"), ("GET", "/"), ("POST", "/metrics")]
    made = lab.exec("/usr/bin/python3", "-c", GET, stdin=None, input=json.dumps(asked))
    told = json.loads(made.stdout)
    ok([s for s, _ in told.values()] == [200, 200, 404, 405], "two paths are served, by GET alone",
       {k: s for k, (s, _) in told.items()})
    ok(heads(told["GET/metrics"][1]) == heads(metrics),
       "the daemon serves what `pelorus metrics` prints")
    path = os.path.join(folder, "pelorus.prom")
    done_ = prober.pelorus("metrics", "--textfile", path)
    with open(path) as file:
        text = file.read()
    ok(done_.returncode == 0 and not done_.stdout and heads(text) == heads(metrics) and
       os.stat(path).st_mode & 0o777 == 0o644, "and --textfile writes it, for others to read",
       done_.stderr)


def check_costs():
    for instances in (3, 32) if LONG else (3,):
        figures = scrapes.measure(64, instances, first=bool(LONG))
        for what, value in figures.items():
            note(f"64 clusters of {instances}: {what}: {value:.2f}")
        if instances == 3:
            ok(figures["scrapes that lack something"] < scrapes.ROUNDS / 2 and
               figures["scrape, median, ms"] <= LIMIT_MS,
               f"64 clusters are scraped in {LIMIT_MS} ms", figures)
        if LONG:
            ok(figures["beside, longest, ms"] <= figures["without any, longest, ms"] + 5,
               "and nobody waits 5 ms more than without", figures)


class Prometheus:
    def __init__(self, lab, folder):
        self.lab, self.folder, self.children = lab, folder, []
        with open(os.path.join(folder, "prometheus.yml"), "w") as out:
            out.write(CONFIG)
        with open(RULES) as rules, open(os.path.join(folder, "rules.yml"), "w") as out:
            out.write(re.sub(r"for: \d+[sm]", "for: 1s", rules.read()))
        self.start("prometheus", "--config.file=prometheus.yml",
                   f"--storage.tsdb.path={folder}/data",
                   f"--web.listen-address=127.0.0.1:{PORT}", cwd=folder)

    def start(self, *words, **options):
        self.children.append(self.lab.popen(*words, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                            start_new_session=True, **options))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, 15)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, 9)
                child.wait()

    def ask(self, *paths):
        made = self.lab.exec("/usr/bin/python3", "-c", ASK, check=False, stdin=None,
                             input=json.dumps(paths))
        return json.loads(made.stdout) if made.returncode == 0 else None

    def query(self, *expressions):
        """The result of each; None while there is no Prometheus."""
        from urllib.parse import quote
        told = self.ask(*("query?query=" + quote(e) for e in expressions))
        return told and [t["result"] for t in told]

    def series(self, expression):
        told = self.query(expression)
        return told[0] if told else []

    def firing(self):
        told = self.ask("alerts")
        return {a["labels"]["alertname"] for a in told[0]["alerts"]
                if a["state"] == "firing"} if told else set()


def check_dashboard(prometheus):
    """rate() needs two samples."""
    wait_for(lambda: prometheus.series("rate(pelorus_control_requests_total[10s]) >= 0"), 40, 0.2)
    asked = queries()
    told = prometheus.query(*asked)
    empty = [e for e, result in zip(asked, told) if not result and not names_in(e) & NOT_ALWAYS]
    ok(len(asked) > 20 and not empty, f"each of the dashboard's {len(asked)} queries has an answer",
       "\n".join(empty))


def check_failover(lab, prometheus):
    old = lab.writer
    lab.failover("crash")
    new = lab.writer

    def writers():
        return {s["metric"]["exported_instance"]
                for s in prometheus.series("pelorus_instance_writer == 1")}
    ok(old != new and wait_for(lambda: writers() == {new}, 20, 0.2),
       "after a failover the new writer is the one", writers())


def check_alert(prober, prometheus):
    ok("PelorusDown" not in prometheus.firing(), "no alert while the daemon is there")
    prober.end(prober.process)
    ok(wait_for(lambda: "PelorusDown" in prometheus.firing(), 30, 0.2), "one fires when it is gone")
    without, = prometheus.series(panel("Hosts without a daemon"))
    ok(without["value"][1] == "1", "and the dashboard counts the host", without)
    prober.begin()
    ok(wait_for(lambda: "PelorusDown" not in prometheus.firing(), 30, 0.2),
       "and is over when it is back")


def main():
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        skip("rules and dashboard", "prometheus is not installed")
        done()
    with tempfile.TemporaryDirectory(prefix="pprometheus-") as folder:
        check_rules(folder)
        check_costs()
        with Lab(instances=3) as lab, Prober(lab, cluster_section(lab) + LISTEN) as prober:
            prober.wait_settled(3)
            metrics = prober.pelorus("metrics").stdout
            check_served(lab, prober, folder, metrics)
            status, said = promtool("check", "metrics", input=metrics)
            ok(status == 0 and not said, "promtool has nothing to say of the metrics", said)
            check_names(metrics)
            with Prometheus(lab, folder) as prometheus:
                check_dashboard(prometheus)
                check_failover(lab, prometheus)
                check_alert(prober, prometheus)
                note(f"{len(metrics.splitlines())} lines of metrics")
    done()


main()
