# SPDX-License-Identifier: Apache-2.0
"""Blocks of the documents: what is printed there, and in what place it is meant to run."""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(name):
    with open(os.path.join(ROOT, name)) as text:
        return text.read()


def blocks(name):
    """(label, text) of each fenced block of a Markdown file; the label is "" without one."""
    return re.findall(r"^```([^\n]*)\n(.*?)^```$", read(name), re.M | re.S)


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
