# SPDX-License-Identifier: Apache-2.0
"""Guests that must do under the preload what they do alone, compared by what a user sees of them."""
import os

import guests
from tap import ok


def short(result):
    code, out, err = result
    return f"status {code}, {len(out)} bytes out, stderr {err[-300:]!r}, out {out[-300:]!r}"


def environment(libc, folder):
    """Preloaded, with a runtime directory of its own and no prober."""
    return {"LD_PRELOAD": libc.library, "PELORUS_RUNTIME_DIR": os.path.join(folder, "run"),
            "PELORUS_PROBER": "off"}


def compare(libc, text, command, folder, **kw):
    """Runs a command without and with the preload; returns what it did without."""
    plain = libc.run(command, **kw)
    under = libc.run(command, environment(libc, folder), **kw)
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
