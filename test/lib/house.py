# SPDX-License-Identifier: Apache-2.0
"""How the tree is laid out: the rooms of lib/ and probes/ and which may use which, as meson is
told, and who really uses whom, by the includes and by the symbols that the compiled files want."""
import collections
import glob
import json
import os
import re
import subprocess

from lib.paths import BUILD, ROOT

TREES = ("lib", "probes")
FLOOR = "lib/base/floor.c"  # what an old libc lacks, by libc's names: who calls these calls libc


def read(*path):
    with open(os.path.join(ROOT, *path)) as text:
        return text.read()


def rooms(tree):
    """{room: what it may use, all the way down}, the lowest first, from the table in
    meson.build."""
    table = re.search(r"^(?:lib_)?rooms = [\[{]\n(.*?)^[\]}]", read(tree, "meson.build"), re.M |
                      re.S)
    made = {}
    for room, below in re.findall(r"^\s*'([\w/]+):?(?:'?:?\s*)(.*)", table.group(1), re.M):
        made[room] = set()
        for name in re.findall(r"[\w/]+", below):
            made[room] |= {name} | made[name]
    return made


def room_of(path, rooms_):
    """The innermost room that a file is in; "" for those that stand outside and see all."""
    folder = os.path.dirname(path).partition("/")[2]
    while folder not in rooms_ and folder:
        folder = os.path.dirname(folder)
    return folder


def sources(tree):
    return sorted(os.path.relpath(f, ROOT) for ending in "ch"
                  for f in glob.glob(os.path.join(ROOT, tree, "**", "*." + ending), recursive=True))


def includes(tree):
    """(file, file) of every #include of one of ours, by the tree's own folders, then lib/."""
    for path in sources(tree):
        for name in re.findall(r'^#include "([^"]+)"', read(path), re.M):
            for folder in (tree, "lib", "include", os.path.dirname(path)):
                if os.path.exists(os.path.join(ROOT, folder, name)):
                    yield path, os.path.join(folder, name)
                    break


def objects():
    """{source: object file} of what the build has compiled of the two trees."""
    with open(os.path.join(BUILD, "compile_commands.json")) as commands:
        made = {}
        for row in json.load(commands):
            source = os.path.relpath(os.path.join(BUILD, row["file"]), ROOT)
            if source.split(os.sep)[0] in TREES:
                made[source] = os.path.join(BUILD, row["output"])
        return made


def calls():
    """(source, source, symbol) for each symbol that one has from another."""
    where, wants = {}, collections.defaultdict(set)
    found = objects()
    for source, made in found.items():
        told = subprocess.run(["nm", "-P", made], capture_output=True, text=True, check=True).stdout
        for symbol, kind in (line.split()[:2] for line in told.splitlines()):
            if kind == "U":
                wants[source].add(symbol)
            elif kind.isupper() and source != FLOOR:
                where[symbol] = source
    for source, symbols in wants.items():
        for symbol in symbols:
            if where.get(symbol, source) != source:
                yield source, where[symbol], symbol


def upward(arrows, rooms_, tree):
    """Those from a room to one that it may not use."""
    for arrow in arrows:
        begin, end = arrow[0], arrow[1]
        if begin.split("/")[0] != tree or end.split("/")[0] != tree:
            continue
        room, used = room_of(begin, rooms_), room_of(end, rooms_)
        if room and room != used and used not in rooms_[room]:
            yield arrow


def circles(arrows):
    """The groups of nodes each of which leads to every other of its group."""
    after = collections.defaultdict(set)
    for begin, end in arrows:
        after[begin].add(end)

    def reached(start):
        seen, ahead = set(), [start]
        while ahead:
            for node in after[ahead.pop()] - seen:
                seen.add(node)
                ahead.append(node)
        return seen
    reach = {node: reached(node) for node in list(after)}
    groups = {frozenset(n for n in reach[node] if node in reach.get(n, ())) for node in reach
              if node in reach[node]}
    return [sorted(group) for group in groups if len(group) > 1]
