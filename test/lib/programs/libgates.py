# SPDX-License-Identifier: Apache-2.0
"""What libpelorus.so may ask of the processes that it is loaded into, held against test/gates.

One undefined symbol that a libc lacks keeps every preloaded program from starting (status 127), so
each name that the library takes from outside stands in undefined.list, and each name on that list
must be one that musl and the oldest glibc at hand export.
"""
import os

from lib.paths import ROOT
from lib.programs import elfgate, guests
from lib.tap import note, ok, skip

GATES = os.path.join(ROOT, "test", "gates")
MUSL = "/lib/ld-musl-x86_64.so.1"
FLOOR = (2, 17)
SIZE_MAX = 128 * 1024
AARCH64_MAX = 134 * 1024  # more than it should be: its instructions are longer


def listed(name):
    return elfgate.read_list(os.path.join(GATES, name + ".list"))


def gate_symbols(lib):
    strange = lib.undefined() - listed("undefined")
    ok(not strange, "every undefined symbol is on the list", f"not on it: {sorted(strange)}")
    strange = lib.undefined(weak=True) - listed("weak")
    ok(not strange, "every weak undefined symbol is on its list", f"not on it: {sorted(strange)}")
    fortified = {s for s in lib.undefined() if s.endswith("_chk")}
    ok(not fortified, "no fortified function is called, for musl has none", str(fortified))
    ok(lib.exported() == listed("exported"), "exactly the listed symbols are exported",
       f"more: {sorted(lib.exported() - listed('exported'))}, "
       f"fewer: {sorted(listed('exported') - lib.exported())}")


def gate_others(lib):
    if os.path.exists(MUSL):
        lacking = listed("undefined") - elfgate.exports_of(MUSL)
        ok(not lacking, "musl exports every symbol on the list", f"lacks: {sorted(lacking)}")
    else:
        skip("musl exports every symbol on the list", f"no {MUSL}")
    old = guests.old_glibc()
    if old.absent:
        skip("glibc 2.31 exports every symbol on the list", old.absent)
        skip("and by the very file that is asked for it", old.absent)
        return
    exports = {name: elfgate.exports_of(os.path.join(guests.OLD, "lib", guests.ARCH, name))
               for name in lib.needed() + ["ld-linux-x86-64.so.2"]}
    lacking = listed("undefined") - set().union(*exports.values())
    ok(not lacking, "glibc 2.31 exports every symbol on the list", f"lacks: {sorted(lacking)}")
    # Before glibc 2.30 the loader looks nowhere else, and ends the program.
    lacking = {name: symbols - exports[name] for name, symbols in lib.asked_of().items()}
    ok(not any(lacking.values()), "and by the very file that is asked for it", str(lacking))


def gate_loading(lib):
    ok(set(lib.needed()) <= listed("needed"), "it needs libc's own names alone", lib.needed())
    ok("libc.so.6" in lib.needed(), "it needs libc.so.6, so that musl knows it for its own")
    high = {s: v for s, v in lib.glibc_versions().items() if v > FLOOR}
    ok(not high, "nothing is newer than glibc 2.17", high)
    ok(not lib.defines_versions(), "its version script is anonymous: no version is defined")
    ok("TEXTREL" not in lib.flags(), "its code needs no relocation")
    dynamic_tls = {r for r in lib.relocations() if "DTPMOD" in r or "TLSDESC" in r}
    ok("__tls_get_addr" not in lib.undefined() and not dynamic_tls,
       "thread-local storage, if any, is initial-exec", dynamic_tls)


def gate_own(lib):
    """What is asked of the machine's own build alone."""
    size = lib.stripped_size()
    ok(size <= SIZE_MAX, "its file is no larger than 128 KiB", f"{size} bytes")
    gate_others(lib)


def check(path, prefix="", most=SIZE_MAX):
    """Every gate that does not depend on the machine."""
    lib = elfgate.Library(path, prefix)
    gate_loading(lib)
    gate_symbols(lib)
    note(f"{lib.stripped_size()} bytes without debug information, {lib.mapped_size()} mapped")
    ok(lib.mapped_size() <= most, f"no more than {most // 1024} KiB of it are mapped")
    return lib
