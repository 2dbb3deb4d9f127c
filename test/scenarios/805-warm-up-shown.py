#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""New, held, warming, admitted: what topology, watch, metrics, events and notices show of it."""
import json
import os
import re

from lib import tap
from lib.lab import Lab
from lib.paths import PELORUS
from lib.prober import Prober, cluster_section
from lib.servers.http_server import HttpServer
from lib.terminal import Terminal, shows

HOOK = "/hook"
STATEMENTS = 10000
BAR = re.compile(r"^demo-3 warming \[(#* *)\] (\d+)/10000$")


def configuration(lab, server, path, timeout):
    return f"[pelorus]\nnotify = {server.url}{HOOK}\n" + cluster_section(
        lab, user="app", password="app", admit_stable="1s", admit_max_lag="500ms",
        warm_up=f"file:{path}", warm_up_limit=STATEMENTS, warm_up_parallel=1,
        warm_up_timeout=timeout, warm_up_on_failure="hold")


def pelorus(prober, *words):
    return prober.pelorus(*words, limit=60).stdout


def admission(prober, id, word):
    return prober.wait(lambda c: id in c.instances and c.instances[id].admission == word, 40)


def family(name, types):
    """Whether a sample of that name has been announced."""
    of = re.sub("_(bucket|sum|count)$", "", name)
    return name in types or types.get(of) == "histogram"


def metrics(prober):
    """Name and labels to value; counts an expectation if the text is not as Prometheus wants it."""
    found, types, wrong = {}, {}, []
    for line in pelorus(prober, "metrics").splitlines():
        kind = re.fullmatch(r"# TYPE (\w+) (gauge|counter|histogram)", line)
        sample = re.fullmatch(r'(\w+)(\{\w+="[^"]*"(?:,\w+="[^"]*")*\})? (\S+)', line)
        if kind:
            types[kind[1]] = kind[2]
        elif sample and family(sample[1], types) and sample[1] + (sample[2] or "") not in found:
            found[sample[1] + (sample[2] or "")] = float(sample[3])
        elif not line.startswith("# HELP "):
            wrong.append(line)
    wrong += [n for n, kind in types.items() if (kind == "counter") != n.endswith("_total")]
    if wrong:
        tap.ok(False, "metrics are as Prometheus wants them", wrong)
    return found


def instance(lab, id, name, **labels):
    more = "".join(f',{k}="{v}"' for k, v in labels.items())
    return f'{name}{{cluster="{lab.writer_name}",instance="{id}"{more}}}'


def states(lab, prober, id):
    found = metrics(prober)
    return {s: found.get(instance(lab, id, "pelorus_instance_admission", state=s))
            for s in ("new", "warming", "admitted", "held")}


def only(word):
    return {s: float(s == word) for s in ("new", "warming", "admitted", "held")}


def total(lab, found, name):
    return found.get(f'pelorus_{name}_total{{cluster="{lab.writer_name}"}}')


def noticed(prober, server, code, id):
    """The text of that notice, as soon as it has come."""
    def look(_):
        for r in server.requests(HOOK):
            body = json.loads(r["body"])
            if body["event"]["code"] == code and body["event"].get("instance") == id:
                return body["text"]
        return None
    try:
        return prober.view.wait(look, 30)
    except TimeoutError:
        return ""


def check_held(lab, prober, server):
    lab.run("add", "demo-3")
    lab.run("set", "demo-3", "lag=900")
    admission(prober, "demo-3", "held")
    text = pelorus(prober, "topology")
    tap.ok("held (lag 9" in text, "held for its lag: topology", text)
    tap.ok(states(lab, prober, "demo-3") == only("held"), "metrics")
    text = noticed(prober, server, "instance-held", "demo-3")
    tap.ok("held (lag 9" in text and noticed(prober, server, "instance-new", "demo-3"),
           "and notices, after that it was new", text)
    lab.run("set", "demo-3", "lag=0")


def bars(lines):
    return [m for m in map(BAR.match, lines) if m]


def check_warming(lab, prober, terminal):
    admission(prober, "demo-3", "warming")
    prober.wait(lambda c: c.instances["demo-3"].warm_done > STATEMENTS / 40, 40)
    found = metrics(prober)
    done = found.get(instance(lab, "demo-3", "pelorus_warm_up_statements_done"))
    tap.ok(states(lab, prober, "demo-3") == only("warming") and done and done < STATEMENTS and
           found.get(instance(lab, "demo-3", "pelorus_warm_up_statements")) == STATEMENTS,
           "warming: metrics tell how far it is", done)
    text = pelorus(prober, "topology")
    tap.ok(re.search(r"warming \d+/10000", text), "topology, too", text)
    terminal.type(f"{PELORUS} watch")
    terminal.wait(lambda s: shows(s, ", warming ") and
                  any(m[1].startswith("#") and len(m[1]) == 40 for m in bars(s)),
                  "watch has a bar")
    terminal.resize(36, 10)
    terminal.wait(lambda s: any(line.startswith("demo-3 warming [#") and "]" not in line
                                for line in s) and len(s) <= 10 and not shows(s, "last events"),
                  "which is cut, not wrapped, on a small terminal")
    terminal.resize(110, 30)
    terminal.wait(bars, "and whole again on a large one")
    seen = []

    def moves(lines):
        seen.extend(int(m[2]) for m in bars(lines))
        return seen and seen[-1] > seen[0]
    terminal.wait(moves, "and moves on")


def check_admitted(lab, prober, server, terminal):
    pelorus(prober, "admit", "demo-3")
    admission(prober, "demo-3", "admitted")
    terminal.wait(lambda s: shows(s, "demo-3 reader ok ", "instance-admitted") and not bars(s),
                  "admitted by hand: the bar is gone")
    terminal.key("q")
    tap.ok(states(lab, prober, "demo-3") == only("admitted"), "metrics")
    tap.ok("is admitted" in noticed(prober, server, "instance-admitted", "demo-3"), "a notice")
    words = [line.split()[1] for line in pelorus(prober, "events").splitlines()
             if " demo-3: " in line and line.split()[1].startswith("instance-")]
    wanted = ["instance-new", "instance-held", "instance-new", "instance-warming",
              "instance-admitted"]
    tap.ok([w for w in words if w in wanted] == wanted, "events tell all of it in its order", words)


def check_failed(lab, prober, server, path):
    os.unlink(path)
    prober.configure(configuration(lab, server, path, "4s"))
    pelorus(prober, "reload")
    lab.run("add", "demo-4")
    admission(prober, "demo-4", "held")
    text = pelorus(prober, "topology")
    tap.ok("held (not warmed)" in text, "a warm-up that came to nothing: topology", text)
    found = metrics(prober)
    tap.ok(total(lab, found, "warm_up_failures") >= 1 and
           total(lab, found, "warm_up_timeouts") == 1 and total(lab, found, "warm_ups") == 1,
           "metrics count it", {k: v for k, v in found.items() if "warm_up" in k})
    for code, word in (("warm-up-failed", "No such file"), ("warm-up-timed-out", "it is held"),
                       ("instance-held", "came to nothing")):
        text = noticed(prober, server, code, "demo-4")
        tap.ok(word in text, f"a notice of {code}", text)
    pelorus(prober, "hold", "demo-3")
    admission(prober, "demo-3", "held")
    text = pelorus(prober, "topology")
    tap.ok("held (by hand)" in text, "held by hand: topology", text)


def main():
    with Lab(instances=2) as lab, HttpServer(lab) as server:
        server.answer(HOOK, "ok")
        lab.sql("writer", "CREATE TABLE warm (n INT PRIMARY KEY, t VARCHAR(20)); INSERT INTO warm"
                " SELECT seq, 'x' FROM seq_1_to_20000")
        path = os.path.join(os.path.dirname(lab.state), "long.sql")
        with open(path, "w") as out:
            out.write("USE app;\n" +
                      "SELECT COUNT(*), MAX(t), SUM(n % 7) FROM warm;\n" * STATEMENTS)
        with Prober(lab, configuration(lab, server, path, "10m")) as prober:
            prober.wait_settled(2)
            environment = dict(prober.environment, TERM="xterm-256color", LANG="C.UTF-8")
            environment.pop("TMUX", None)
            with Terminal(environment, 110, 30) as terminal:
                check_held(lab, prober, server)
                check_warming(lab, prober, terminal)
                check_admitted(lab, prober, server, terminal)
            check_failed(lab, prober, server, path)
    tap.done()


main()
