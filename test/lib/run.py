# SPDX-License-Identifier: Apache-2.0
"""Builds, runs every part, shows readable progress and ends with `N passed, N failed`.

A part is a build with its unit tests, which meson runs, or an executable under test/scenarios.
Every part prints TAP; what is counted at the end are claims, not parts: a case of a unit test is
one claim, in however many builds it holds.  A part that dies before its plan, says nothing, or says
fewer cases than test/plan expects of it, is a failure.  The full output of each part is kept under
build/log/.

Most scenarios wait for events most of the time, and take less than half a core: WORKERS of them run
at once.  One that measures, or loads the machine on purpose, says "# alone" in a line of its own
and runs by itself, after the rest.  A scenario that failed among others is run once more by itself,
for these machines are noisy; one that passes only then is unsteady, is named, and its first output
is kept.  More than UNSTEADY_MOST of them are a failure.
"""
import argparse
import concurrent.futures
import fnmatch
import json
import os
import re
import signal
import subprocess
import sys
import time

from lib import builds
from lib.paths import ROOT

LOGS = os.path.join(ROOT, "build", "log")
SCENARIOS = os.path.join(ROOT, "test", "scenarios")
PLAN = os.path.join(ROOT, "test", "plan")
PARTS = ("build", "build-clang", "build-sanitized")
WORKERS = 4
UNSTEADY_MOST = 3

running = set()  # children to be ended with us


class Tally:
    """What one part, or all, came to; `text` is what there is to read about its failures."""

    def __init__(self):
        self.claims = {}  # (unit test or part, number): True if it held
        self.checks = self.cases = 0
        self.skips = []
        self.failures = []
        self.text = ""

    def add(self, other):
        for claim, held in other.claims.items():
            self.claims[claim] = held and self.claims.get(claim, True)
        self.checks += other.checks
        self.skips += other.skips
        self.failures += other.failures

    def fail(self, part, why):
        """What is wrong with a part as a whole is a claim of its own that did not hold."""
        self.claims[part, why] = False
        self.failures.append(f"{part}: {why}")

    def counts(self):
        passed = sum(self.claims.values())
        return passed, len(self.claims) - passed

    def take(self, part, name, output):
        """The cases of one program, which number from 1 and end, or begin, with a plan."""
        count, planned, before = 0, None, self.cases
        for line in output.splitlines():
            plan = re.fullmatch(r"1\.\.(\d+)", line)
            case = re.match(r"(ok|not ok) (\d+)\b(?: - )?(.*)", line)
            if plan:
                planned = int(plan.group(1))
            elif case and int(case.group(2)) == count + 1:
                count += 1
                self.cases = before + count
                self.judge(part, (name, count), case.group(1) == "ok", case.group(3).strip())
            elif case:
                self.fail(part, f"case {case.group(2)} follows {count}")
                return
        if planned != count:
            self.fail(part, f"{count} cases, of {'no plan' if planned is None else planned}")

    def judge(self, part, claim, held, text):
        skipped = re.search(r"# ?SKIP\b\s*(.*)", text, re.I)
        if skipped:  # cmocka does so with "not ok"
            self.skips.append(f"{part}: {text.split('#')[0].strip()}: {skipped.group(1)}")
            return
        self.checks += 1
        self.claims[claim] = held
        if not held:
            self.failures.append(f"{part}: {text}")

    def hold_to_plan(self, part, plan):
        """Fewer cases than planned: one has vanished, unless something was skipped and is told."""
        if part not in plan:
            self.fail(part, f"test/plan does not say how many cases it has; there are {self.cases}")
        elif self.cases < plan[part] and not self.skips:
            self.fail(part, f"{self.cases} cases, but test/plan expects {plan[part]}")


class Total(Tally):
    """`plan` is what test/plan says; `parts` those that have passed, and their cases."""

    def __init__(self, plan):
        super().__init__()
        self.plan, self.parts = plan, {}


def end(child, number):
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        pass


def end_all(*_):
    """For an interrupted run: each part takes its servers down when it gets SIGTERM."""
    for child in list(running):
        end(child, signal.SIGTERM)
    for child in list(running):
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            end(child, signal.SIGKILL)
    os._exit(130)


def run(command, log, environment=None, limit=600):
    """Runs one command in its own process group, so that a late one can be ended whole."""
    env = dict(os.environ, **(environment or {}))
    with open(log, "w+") as out:
        child = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, env=env,
                                 stdin=subprocess.DEVNULL, start_new_session=True)
        running.add(child)
        try:
            code = child.wait(limit)
        except subprocess.TimeoutExpired:
            end(child, signal.SIGTERM)
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                end(child, signal.SIGKILL)
                child.wait()
            code = f"over its limit of {limit} s"
        finally:
            running.discard(child)
    with open(log, errors="replace") as out:
        return code, out.read()


def build(part, options):
    tally = Tally()
    with builds.lock(part):
        for step in (builds.setup(part, options), builds.compilation(part)):
            code, output = run(step, os.path.join(LOGS, part + ".log"), limit=1800)
            if code != 0:
                tally.fail(part, f"{' '.join(step)}: {code}")
                tally.text = output[-4000:]
                return tally
    tally.claims[part, "is built"] = True
    tally.checks += 1
    return tally


def unit_tests(part, tally, plan):
    """Those that meson knows of this build."""
    if tally.failures:
        return tally
    log = os.path.join(LOGS, part + ".log")
    told = os.path.join(builds.folder(part), "meson-logs", "testlog.json")
    if os.path.exists(told):
        os.unlink(told)
    code, output = run(["meson", "test", "-C", builds.folder(part), "--no-rebuild",
                        "--timeout-multiplier", "4"], log)
    with open(told) as lines:
        for test in map(json.loads, lines):
            name, failed = test["name"].split(" / ")[-1], len(tally.failures)
            tally.take(f"{part}/{name}", name, test["stdout"])
            if len(tally.failures) == failed and test["result"] not in ("OK", "SKIP"):
                tally.fail(f"{part}/{name}", f"{test['result']}, status {test['returncode']}")
            if len(tally.failures) != failed:
                tally.text += (test["stdout"] + test.get("stderr", ""))[-6000:]
    if code != 0 and not tally.failures:
        tally.fail(part, f"meson test: {code}")
        tally.text = output[-4000:]
    if not tally.failures and plan is not None:
        tally.hold_to_plan(part, plan)
    return tally


def scenario(name, plan):
    tally = Tally()
    code, output = run([os.path.join(SCENARIOS, scenarios()[name])],
                       os.path.join(LOGS, name + ".log"),
                       {"PELORUS_BUILD": builds.folder("build")})
    tally.take(name, name, output)
    if code != 0 and not tally.failures:
        tally.fail(name, f"ended with {code}")
    if not tally.failures and plan is not None:
        tally.hold_to_plan(name, plan)
    if tally.failures:
        tally.text = output[-6000:]
    return tally


def scenarios():
    """The executable files by their names without ending."""
    return {os.path.splitext(f)[0]: f for f in sorted(os.listdir(SCENARIOS))
            if os.access(os.path.join(SCENARIOS, f), os.X_OK) and re.match(r"\d\d\d-", f)}


def is_alone(name):
    with open(os.path.join(SCENARIOS, scenarios()[name])) as text:
        return "# alone\n" in text.read(2000)


def read_plan():
    with open(PLAN) as lines:
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return {part: int(count) for part, count in rows}


def write_plan(counts):
    """Puts down what the parts that have just passed said."""
    plan = {**read_plan(), **counts}
    with open(PLAN) as old:
        head = [line for line in old if line.startswith("#")]
    with open(PLAN, "w") as out:
        out.writelines(head)
        out.writelines(f"{part} {plan[part]}\n" for part in (*PARTS, *scenarios()) if part in plan)


def run_parts(parts, workers, options, total, again=None, built=None):
    """`again` takes the scenarios that failed; `built` is what came of the builds that are made."""
    def one(part):
        begin = time.monotonic()
        if part in PARTS:
            tally = (built or {}).get(part) or build(part, options)
            unit_tests(part, tally, total.plan)
        else:
            tally = scenario(part, total.plan)
        return part, tally, time.monotonic() - begin

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for done in concurrent.futures.as_completed([pool.submit(one, p) for p in parts]):
            part, tally, seconds = done.result()
            passed, failed = tally.counts()
            print(f"{tally.text}-- {part}: {passed} passed, {failed} failed, "
                  f"{len(tally.skips)} skipped, {seconds:.1f} s", flush=True)
            if failed and again is not None and part not in PARTS:
                again.append(part)
                log = os.path.join(LOGS, part + ".log")
                os.replace(log, log + ".first")
            else:
                total.add(tally)
                if not failed:
                    total.parts[part] = tally.cases


def select(names):
    parts = [*PARTS, *scenarios()]
    return [p for p in parts if not names or
            any(fnmatch.fnmatch(p, n) or fnmatch.fnmatch(p.split("-", 1)[-1], n) for n in names)]


def report(total, again, seconds):
    unsteady = [part for part in again if part in total.parts]
    if len(unsteady) > UNSTEADY_MOST:
        total.fail("test/run", f"{len(unsteady)} scenarios passed only by themselves")
    for line in total.skips:
        print(f"skipped: {line}")
    for line in total.failures:
        print(f"FAILED: {line}")
    print(f"{total.checks} checks of {len(total.claims)} claims in {seconds:.0f} s")
    print(f"{len(unsteady)} unsteady" + (": " + ", ".join(unsteady) if unsteady else ""))
    passed, failed = total.counts()
    skipped = f", {len(total.skips)} skipped" if total.skips else ""
    print(f"{passed} passed, {failed} failed{skipped}")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(prog="test/run")
    parser.add_argument("--list", action="store_true", help="list the parts")
    parser.add_argument("--ci", action="store_true", help="warnings are errors")
    parser.add_argument("--plan", action="store_true",
                        help="write to test/plan how many cases each part has that passes")
    parser.add_argument("names", nargs="*", help="parts, or globs of parts")
    args = parser.parse_args()
    wanted = select(args.names)
    if args.list:
        print("\n".join(wanted))
        return 0
    if not wanted:
        print(f"test/run: no part is named {' '.join(args.names)}; see test/run --list",
              file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end_all)
    os.makedirs(LOGS, exist_ok=True)
    begin, total, again = time.monotonic(), Total(None if args.plan else read_plan()), []
    options = ["-Dtests=enabled", f"-Dwerror={'true' if args.ci else 'false'}"]
    alone = [p for p in wanted if p not in PARTS and is_alone(p)]
    built = {"build": build("build", options)}  # which all others need
    rest = ["build", *(p for p in wanted if p != "build" and p not in alone)]
    if built["build"].failures:
        rest, alone = ["build"], []
    run_parts(rest, WORKERS, options, total, again, built)
    run_parts(alone, 1, options, total, again)
    run_parts(again, 1, options, total)
    if args.plan:
        write_plan(total.parts)
    return report(total, again, time.monotonic() - begin)


if __name__ == "__main__":
    sys.exit(main())
