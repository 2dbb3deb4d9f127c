#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A plugin is loaded where one was that has been unloaded, and brings another client library: its
connections are made by its own.  So are those of a second library behind calls of the first from
more places of made-up code than are remembered.
"""
import os
import subprocess
import sys
import tempfile

from lib.paths import LIBRARY
from lib.programs import guests
from lib.tap import done, note, ok, skip

# A client library that says which one it is.
CLIENT = """
static int handle;
void *mysql_init(void *given) { return &handle; }
void *mysql_real_connect(void *h, const char *host, const char *user, const char *password,
    const char *db, unsigned port, const char *path, unsigned long flags)
{ return h == &handle ? h : 0; }
int mysql_real_query(void *h, const char *text, unsigned long n) { return NUMBER; }
void mysql_close(void *h) { }
"""
PLUGIN = """
#include <string.h>
#include <sys/mman.h>
void *mysql_init(void *);
void *mysql_real_connect(void *, const char *, const char *, const char *, const char *, unsigned,
    const char *, unsigned long);
int mysql_real_query(void *, const char *, unsigned long);
void mysql_close(void *);
int run(void)
{
    void *h = mysql_init(0);
    void *made = mysql_real_connect(h, "localhost", "app", "app", "app", 3306, 0, 0);
    int said = made ? mysql_real_query(h, "SELECT 1", 8) : -1;
    mysql_close(h);
    return said;
}
static int ask(int (*query)(void *, const char *, unsigned long))
{
    volatile int said = query(0, 0, 0);
    return said;
}
void make_up(int places)
{
    while (places--) {
        char *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
            -1, 0);
        memcpy(code, (char *)ask, 128);
        __builtin___clear_cache(code, code + 128);
        ((int (*)(int (*)(void *, const char *, unsigned long)))code)(mysql_real_query);
    }
}
"""
PROGRAM = """
import _ctypes, ctypes, sys
made_up, *paths = sys.argv[1:]
for path in paths:
    plugin = ctypes.CDLL(path)
    plugin.make_up(int(made_up))
    place = ctypes.cast(plugin.run, ctypes.c_void_p).value
    print(place, plugin.run(), flush=True)
    _ctypes.dlclose(plugin._handle)
"""
ORDER = (1, 2, 1, 2, 2)
MADE_UP = 70


def compile_(folder, text, name, *options):
    path = os.path.join(folder, name)
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wl,-rpath," + folder, "-x", "c", "-", "-x",
                    "none", *options, "-o", path], input=text, text=True, check=True)
    return path


def run(folder, plugins, order, made_up):
    """The place and the library of each plugin."""
    code, out, err = guests.run(
        [sys.executable, "-c", PROGRAM, str(made_up), *(plugins[n] for n in order)],
        {"LD_PRELOAD": LIBRARY, "PELORUS_PROBER": "off",
         "PELORUS_RUNTIME_DIR": os.path.join(folder, "run")})
    rows = [tuple(map(int, line.split())) for line in out.decode().splitlines()]
    note(f"{len(rows)} plugins, {made_up} made-up callers each: {rows}")
    return [place for place, _ in rows], [n for _, n in rows], (code, rows, err.decode()[-300:])


def main():
    with tempfile.TemporaryDirectory(prefix="pelorus-place-") as folder:
        plugins = {}
        for n in set(ORDER):
            client = compile_(folder, CLIENT, f"libclient{n}.so", f"-DNUMBER={n}")
            plugins[n] = compile_(folder, PLUGIN, f"plugin{n}.so", client)
        places, said, trouble = run(folder, plugins, ORDER, 0)
        if said == list(ORDER) and len(set(places)) == len(places):
            skip("each plugin has its own library", "no two were in one place")
        else:
            ok(said == list(ORDER), "each plugin has its own library", trouble)
        _, said, trouble = run(folder, plugins, (1, 2), MADE_UP)
        ok(said == [1, 2], "... the second behind many calls of made-up code, too", trouble)
    done()


main()
