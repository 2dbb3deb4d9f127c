# SPDX-License-Identifier: Apache-2.0
"""Builds, runs every part, shows readable progress and ends with `N passed, N failed`.

A part is one of: a build variant with its unit tests, or an executable under test/scenarios.
Every part prints TAP; cases are counted, not parts.  A part that dies before its plan, or says
nothing, is a failure.  The full output of each part is kept under build/log/.
"""
import argparse
import fnmatch
import os
import re
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOGS = os.path.join(ROOT, "build", "log")

# name: (build folder, extra meson options, environment)
BUILDS = {
    "build": ("build/main", [], {"CC": "gcc"}),
    "build-clang": ("build/clang", [], {"CC": "clang"}),
    "build-sanitized": ("build/asan", ["-Db_sanitize=address,undefined", "-Db_lundef=false"],
                        {"CC": "gcc"}),
}


class Tally:
    def __init__(self):
        self.passed = self.failed = 0
        self.skips = []
        self.failures = []

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


def run(command, log, environment=None, limit=600):
    """Runs one command in its own process group, so that a late one can be ended whole."""
    env = dict(os.environ, **(environment or {}))
    with open(log, "w+") as out:
        child = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, env=env,
                                 stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            code = child.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            code = f"over its limit of {limit} s"
        except KeyboardInterrupt:
            os.killpg(child.pid, signal.SIGTERM)
            child.wait()
            raise
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


def build(name, options, tally):
    folder, extra, env = BUILDS[name]
    log = os.path.join(LOGS, name + ".log")
    setup = ["meson", "setup", folder, *extra, *options]
    if os.path.exists(os.path.join(ROOT, folder, "build.ninja")):
        setup.append("--reconfigure")
    for step in (setup, ["meson", "compile", "-C", folder]):
        code, output = run(step, log, env)
        if code != 0:
            tally.failed += 1
            tally.failures.append(f"{name}: {' '.join(step)}: {code}")
            print(output[-4000:])
            return False
    tally.passed += 1
    for program in unit_tests(folder):
        part = f"{name}/{os.path.basename(program)}"
        code, output = run([program], os.path.join(LOGS, part.replace("/", "-") + ".log"),
                           {"CMOCKA_MESSAGE_OUTPUT": "TAP",
                            "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "halt_on_error=1"})
        judge(part, code, output, tally)
    return True


def judge(part, code, output, tally):
    failed = tally.failed
    planned = tally.take(part, output)
    if (code != 0 or not planned) and tally.failed == failed:
        tally.failed += 1
        tally.failures.append(f"{part}: ended with {code}" + ("" if planned else ", no plan"))
    if tally.failed != failed:
        print(output[-6000:])


def scenarios():
    folder = os.path.join(ROOT, "test", "scenarios")
    return sorted(f for f in os.listdir(folder)
                  if os.access(os.path.join(folder, f), os.X_OK) and re.match(r"\d\d\d-", f))


def main():
    parser = argparse.ArgumentParser(prog="test/run")
    parser.add_argument("--list", action="store_true", help="list the parts")
    parser.add_argument("--ci", action="store_true", help="warnings are errors")
    parser.add_argument("names", nargs="*", help="parts, or globs of parts")
    args = parser.parse_args()
    parts = list(BUILDS) + [os.path.splitext(s)[0] for s in scenarios()]
    if args.list:
        print("\n".join(parts))
        return 0
    wanted = [p for p in parts if not args.names or
              any(fnmatch.fnmatch(p, n) or fnmatch.fnmatch(p.split("-", 1)[-1], n)
                  for n in args.names)]
    if not wanted:
        print(f"test/run: no part is named {' '.join(args.names)}; see test/run --list",
              file=sys.stderr)
        return 2
    os.makedirs(LOGS, exist_ok=True)
    tally = Tally()
    options = [f"-Dwerror={'true' if args.ci else 'false'}"]
    if "build" not in wanted:
        wanted.insert(0, "build")
    for part in wanted:
        start = time.monotonic()
        before = (tally.passed, tally.failed, len(tally.skips))
        print(f"-- {part}", flush=True)
        if part in BUILDS:
            if not build(part, options, tally) and part == "build":
                break
        else:
            script = next(s for s in scenarios() if os.path.splitext(s)[0] == part)
            code, output = run([os.path.join(ROOT, "test", "scenarios", script)],
                               os.path.join(LOGS, part + ".log"),
                               {"PELORUS_BUILD": os.path.join(ROOT, "build", "main")})
            judge(part, code, output, tally)
        print(f"   {tally.passed - before[0]} passed, {tally.failed - before[1]} failed, "
              f"{len(tally.skips) - before[2]} skipped, {time.monotonic() - start:.1f} s",
              flush=True)
    for line in tally.skips:
        print(f"skipped: {line}")
    for line in tally.failures:
        print(f"FAILED: {line}")
    skipped = f", {len(tally.skips)} skipped" if tally.skips else ""
    print(f"{tally.passed} passed, {tally.failed} failed{skipped}")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
