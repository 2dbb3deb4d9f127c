# SPDX-License-Identifier: Apache-2.0
"""Blocks of the documents: what is printed there, and in what place it is meant to run."""
import os
import re

from lib.paths import ROOT


def read(name):
    with open(os.path.join(ROOT, name)) as text:
        return text.read()


def blocks(name):
    """(label, text) of each fenced block of a Markdown file; the label is "" without one."""
    return re.findall(r"^```([^\n]*)\n(.*?)^```$", read(name), re.M | re.S)


def pages():
    """All Markdown of the tree's users, in the order in which it is read."""
    docs = sorted(f for f in os.listdir(os.path.join(ROOT, "docs")) if f.endswith(".md"))
    return ["README.md", *(os.path.join("docs", f) for f in docs), "CONTRIBUTING.md", "SECURITY.md",
            "CHANGELOG.md"]


def links(name):
    """(file, anchor) of each link within the tree; the file is relative to its top."""
    prose = re.sub(r"^```.*?^```$", "", read(name), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield os.path.normpath(os.path.join(os.path.dirname(name), path) if path
                                   else name), anchor


def anchors(name):
    """The names that headings can be linked by."""
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
            for title in re.findall(r"^#+ (.*)$", read(name), re.M)}


def sources(*folders):
    """The C files below some folders."""
    return [os.path.relpath(os.path.join(where, name), ROOT) for folder in folders
            for where, _, names in os.walk(os.path.join(ROOT, folder))
            for name in names if name.endswith(".c")]


def man_pages():
    folder = os.path.join("tools", "man")
    return sorted(os.path.join(folder, f) for f in os.listdir(os.path.join(ROOT, folder))
                  if f.endswith(".scd"))


def man_commands(name):
    """The command lines of a manual page: those of its examples that begin with a dollar."""
    return [line[2:] for _, text in blocks(name) for line in text.splitlines()
            if line.startswith("$ ")]


def man_files(name):
    """Its other examples: contents of files."""
    return [text for _, text in blocks(name) if not text.startswith("$ ")]
