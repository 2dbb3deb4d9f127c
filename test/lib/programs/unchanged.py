# SPDX-License-Identifier: Apache-2.0
"""Guests that must do under the preload what they do alone, compared by what a user sees of
them."""
import os
import re
import subprocess
import threading

from lib import environ, published
from lib.programs import guests
from lib.tap import ok


def short(result):
    code, out, err = result
    return f"status {code}, {len(out)} bytes out, stderr {err[-300:]!r}, out {out[-300:]!r}"


def environment(libc, folder):
    """Preloaded, with a runtime directory of its own and no prober."""
    return environ.preload(os.path.join(folder, "run"), libc.library)


def compare(libc, text, command, folder, differs=None, **kw):
    """Runs a command without and with the preload; returns what it did without.

    What `differs` from run to run, a pattern, is left out of stderr.
    """
    plain = libc.run(command, **kw)
    under = libc.run(command, environment(libc, folder), **kw)
    if differs:
        plain, under = ((code, out, re.sub(differs, b"", err)) for code, out, err in (plain, under))
    ok(plain == under, f"{libc.name}: {text}",
       f"without: {short(plain)}\nwith: {short(under)}")
    return plain


def check_libc(libc, folder):
    """The small and the threaded guest of test/guests, built for this libc."""
    maps = libc.build("maps", folder)
    got = libc.run([maps, "libpelorus"], environment(libc, folder))
    ok(got[0] == 0 and libc.library.encode() in got[1] and not got[2],
       f"{libc.name}: the library loads", short(got))
    small = libc.build("list", folder)
    got = compare(libc, "a program like ls runs unchanged", [small, "/usr/include"], folder)
    ok(got[0] == 0 and b"stdio.h" in got[1], f"{libc.name}: and it does list", short(got))
    compare(libc, "its failure is unchanged", [small, "/nonexistent"], folder)
    listener = guests.Listener()
    threads = libc.build("threads", folder)
    got = compare(libc, "a threaded program runs unchanged",
                  [threads, str(listener.port), "50"], folder)
    ok(got[0] == 0, f"{libc.name}: and all of its calls are as expected", short(got))
    listener.close()


def check_failover(libc, folder):
    """A guest with one connection is moved to the new writer; without the preload it is lost."""
    command = libc.build("follow", folder)
    one = guests.Listener("127.0.0.1", greeting=b"one\n")
    two = guests.Listener("127.0.0.2", greeting=b"two\n", port=one.port)
    with published.Map(folder) as published_map:
        name = published_map.cluster(0, [("one", "127.0.0.1"), ("two", "127.0.0.2")], one.port)
        argv, env = libc.command([command, name, str(one.port), "3"],
                                 {**environment(libc, folder), "PELORUS_CLUSTER": name})
        child = subprocess.Popen(argv, env=environ.plain(**env), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        late = threading.Timer(60, child.kill)
        late.start()
        try:
            heard = [child.stdout.readline()]
            for writer in (1, 0):
                published_map.tell(f"writer 0 {writer}")
                heard += [child.stdout.readline(), child.stdout.readline()]
            errors = child.communicate(timeout=60)[1]
        finally:
            late.cancel()
            child.kill()
            child.wait()
        ok(heard == ["one\n", "ended\n", "two\n", "ended\n", "one\n"] and child.returncode == 0,
           f"{libc.name}: a connection follows the writer, twice",
           f"{heard} {child.returncode} {errors[-300:]}")
    plain = libc.run([command, name, str(one.port), "1"])
    ok(plain[0] == 3, f"{libc.name}: the same name leads nowhere without the library", short(plain))
    one.close()
    two.close()
