#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A plugin is loaded where one was that has been unloaded, and brings another client library: its
connections are made by its own.
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
"""
PROGRAM = """
import _ctypes, ctypes, sys
for path in sys.argv[1:]:
    plugin = ctypes.CDLL(path)
    place = ctypes.cast(plugin.run, ctypes.c_void_p).value
    print(place, plugin.run(), flush=True)
    _ctypes.dlclose(plugin._handle)
"""
ORDER = (1, 2, 1, 2, 2)


def compile_(folder, text, name, *options):
    path = os.path.join(folder, name)
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wl,-rpath," + folder, "-x", "c", "-", "-x",
                    "none", *options, "-o", path], input=text, text=True, check=True)
    return path


def main():
    with tempfile.TemporaryDirectory(prefix="pelorus-place-") as folder:
        plugins = {}
        for n in set(ORDER):
            client = compile_(folder, CLIENT, f"libclient{n}.so", f"-DNUMBER={n}")
            plugins[n] = compile_(folder, PLUGIN, f"plugin{n}.so", client)
        code, out, err = guests.run([sys.executable, "-c", PROGRAM, *(plugins[n] for n in ORDER)],
                                    {"LD_PRELOAD": LIBRARY, "PELORUS_PROBER": "off",
                                     "PELORUS_RUNTIME_DIR": os.path.join(folder, "run")})
    rows = [line.split() for line in out.decode().splitlines()]
    places = {place for place, _ in rows}
    note(f"{len(rows)} plugins, in {len(places)} places: {rows}")
    if code == 0 and len(places) == len(rows):
        skip("each plugin has its own library", "no two were in one place")
    else:
        ok([int(number) for _, number in rows] == list(ORDER),
           "each plugin has its own library", (code, rows, err.decode()[-300:]))
    done()


main()
