# SPDX-License-Identifier: Apache-2.0
"""Builds, runs every part, shows readable progress and ends with `N passed, N failed`.

A part is one of: a build variant with its unit tests, or an executable under test/scenarios.
Every part prints TAP; cases are counted, not parts.  A part that dies before its plan, or says
nothing, is a failure.  The full output of each part is kept under build/log/.

Most scenarios wait for events most of the time: WORKERS of them run at once.  One that measures, or
loads the machine on purpose, says "# alone" in a line of its own and runs by itself, after the rest.
A scenario that failed among others is run once more by itself, for these machines are noisy; one that
passes only then is named as unsteady, and its first output is kept.
"""
import argparse
import concurrent.futures
import fnmatch
import os
import re
import signal
import subprocess
import sys
import time

from lib.paths import ROOT

LOGS = os.path.join(ROOT, "build", "log")
SCENARIOS = os.path.join(ROOT, "test", "scenarios")
WORKERS = 3

# name: (build folder, extra meson options, environment)
BUILDS = {
    "build": ("build/main", [], {"CC": "gcc"}),
    "build-clang": ("build/clang", [], {"CC": "clang"}),
    "build-sanitized": ("build/asan", ["-Db_sanitize=address,undefined", "-Db_lundef=false"],
                        {"CC": "gcc"}),
}


running = set()  # children to be ended with us


class Tally:
    """What one part, or all, came to; `text` is what there is to read about its failures."""

    def __init__(self):
        self.passed = self.failed = 0
        self.skips = []
        self.failures = []
        self.text = ""

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skips += other.skips
        self.failures += other.failures

    def fail(self, why):
        self.failed += 1
        self.failures.append(why)

    def take(self, part, output):
        """Counts the TAP lines of one part; returns False if it did not reach its plan."""
        planned = False
        for line in output.splitlines():
            m = re.match(r"\s*(ok|not ok)\b\s*\d*\s*-?\s*(.*)", line)
            if m:
                text = m.group(2)
                skipped = re.search(r"# ?SKIP\b\s*(.*)", text, re.I)
                if m.group(1) == "not ok" and not skipped:  # cmocka skips with "not ok"
                    self.failed += 1
                    self.failures.append(f"{part}: {text}")
                elif skipped:
                    self.skips.append(f"{part}: {text.split('#')[0].strip()}: {skipped.group(1)}")
                else:
                    self.passed += 1
            elif re.match(r"\s*1\.\.\d+", line):
                planned = True
        return planned


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


def unit_tests(folder):
    """The cmocka programs that the build made, each printing TAP."""
    tests = os.path.join(ROOT, folder, "test", "unit")
    if not os.path.isdir(tests):
        return []
    return sorted(os.path.join(tests, f) for f in os.listdir(tests)
                  if f.startswith("test_") and os.access(os.path.join(tests, f), os.X_OK)
                  and os.path.isfile(os.path.join(tests, f)))


def build(name, options):
    tally = Tally()
    folder, extra, env = BUILDS[name]
    log = os.path.join(LOGS, name + ".log")
    setup = ["meson", "setup", folder, *extra, *options]
    if os.path.exists(os.path.join(ROOT, folder, "build.ninja")):
        setup.append("--reconfigure")
    for step in (setup, ["meson", "compile", "-C", folder]):
        code, output = run(step, log, env)
        if code != 0:
            tally.fail(f"{name}: {' '.join(step)}: {code}")
            tally.text = output[-4000:]
            return tally
    tally.passed += 1
    for program in unit_tests(folder):
        part = f"{name}/{os.path.basename(program)}"
        code, output = run([program], os.path.join(LOGS, part.replace("/", "-") + ".log"),
                           {"CMOCKA_MESSAGE_OUTPUT": "TAP",
                            "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "halt_on_error=1"})
        judge(part, code, output, tally)
    return tally


def scenario(name):
    tally = Tally()
    code, output = run([os.path.join(SCENARIOS, scenarios()[name])],
                       os.path.join(LOGS, name + ".log"),
                       {"PELORUS_BUILD": os.path.join(ROOT, "build", "main")})
    judge(name, code, output, tally)
    return tally


def judge(part, code, output, tally):
    failed = tally.failed
    planned = tally.take(part, output)
    if (code != 0 or not planned) and tally.failed == failed:
        tally.fail(f"{part}: ended with {code}" + ("" if planned else ", no plan"))
    if tally.failed != failed:
        tally.text += output[-6000:]


def scenarios():
    """The executable files by their names without ending."""
    return {os.path.splitext(f)[0]: f for f in sorted(os.listdir(SCENARIOS))
            if os.access(os.path.join(SCENARIOS, f), os.X_OK) and re.match(r"\d\d\d-", f)}


def is_alone(name):
    with open(os.path.join(SCENARIOS, scenarios()[name])) as text:
        return "# alone\n" in text


def run_parts(parts, workers, options, total, again=None):
    """False if the build that all others need has failed; `again` takes the scenarios that failed."""
    def one(part):
        begin = time.monotonic()
        tally = build(part, options) if part in BUILDS else scenario(part)
        return part, tally, time.monotonic() - begin

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for done in concurrent.futures.as_completed([pool.submit(one, p) for p in parts]):
            part, tally, seconds = done.result()
            print(f"{tally.text}-- {part}: {tally.passed} passed, {tally.failed} failed, "
                  f"{len(tally.skips)} skipped, {seconds:.1f} s", flush=True)
            if tally.failed and again is not None and part not in BUILDS:
                again.append(part)
                log = os.path.join(LOGS, part + ".log")
                os.replace(log, log + ".first")
            else:
                total.add(tally)
    return not any(f.startswith("build: ") for f in total.failures)


def select(names):
    parts = [*BUILDS, *scenarios()]
    return [p for p in parts if not names or
            any(fnmatch.fnmatch(p, n) or fnmatch.fnmatch(p.split("-", 1)[-1], n) for n in names)]


def report(total):
    for line in total.skips:
        print(f"skipped: {line}")
    for line in total.failures:
        print(f"FAILED: {line}")
    skipped = f", {len(total.skips)} skipped" if total.skips else ""
    print(f"{total.passed} passed, {total.failed} failed{skipped}")
    return 1 if total.failed else 0


def main():
    parser = argparse.ArgumentParser(prog="test/run")
    parser.add_argument("--list", action="store_true", help="list the parts")
    parser.add_argument("--ci", action="store_true", help="warnings are errors")
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
    total = Tally()
    options = ["-Dtests=enabled", f"-Dwerror={'true' if args.ci else 'false'}"]
    rest = [p for p in wanted if p != "build"]
    alone = [p for p in rest if p not in BUILDS and is_alone(p)]
    if run_parts(["build"], 1, options, total):
        again = []
        run_parts([p for p in rest if p not in alone], WORKERS, options, total, again)
        run_parts(alone, 1, options, total, again)
        run_parts(again, 1, options, total)
        for part in again:
            print(f"unsteady, or failed twice: {part}")
    return report(total)


if __name__ == "__main__":
    sys.exit(main())
