# SPDX-License-Identifier: Apache-2.0
"""What a shared library asks of the process that it is loaded into, read by binutils.

For the gates of libpelorus.so: each question is answered from the file, for whatever machine it was
built; nothing is executed but the readelf of the right toolchain.
"""
import os
import re
import subprocess
import tempfile


def _run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


class Library:
    def __init__(self, path, prefix=""):
        self.path = path
        self.readelf = prefix + "readelf"
        self.strip = prefix + "strip"
        self.dynamic = _run(self.readelf, "-dW", path)
        self.symbols = [s for s in map(self._symbol, _run(self.readelf, "--dyn-syms", "-W",
                                                          path).splitlines()) if s]

    @staticmethod
    def _symbol(line):
        """(name, version, defined, weak) of one line of readelf's table."""
        m = re.match(r"\s*\d+:\s+[0-9a-f]+\s+\S+\s+(\S+)\s+(\S+)\s+\S+\s+(\S+)\s+(\S+)", line)
        if not m or m.group(2) == "LOCAL":
            return None
        name, _, version = m.group(4).partition("@")
        return name, version.lstrip("@"), m.group(3) != "UND", m.group(2) == "WEAK"

    def needed(self):
        return re.findall(r"\(NEEDED\).*\[(.*?)\]", self.dynamic)

    def flags(self):
        """Words of FLAGS and FLAGS_1, and TEXTREL if it has its own entry."""
        words = re.findall(r"\(FLAGS(?:_1)?\)\s+(?:Flags: )?(.*)", self.dynamic)
        return set(" ".join(words).split()) | set(re.findall(r"\((TEXTREL)\)", self.dynamic))

    def undefined(self, weak=False):
        """Names that must be found elsewhere, without those that may be absent."""
        return {n for n, _, defined, is_weak in self.symbols if not defined and is_weak == weak}

    def exported(self):
        return {n for n, _, defined, _ in self.symbols if defined}

    def glibc_versions(self):
        """{symbol: (2, 17)} of what is taken from glibc by version."""
        found = {}
        for name, version, defined, _ in self.symbols:
            m = re.match(r"GLIBC_([0-9.]+)", version)
            if m and not defined:
                found[name] = tuple(int(n) for n in m.group(1).split("."))
        return found

    def asked_of(self):
        """{file: symbols} of what is taken by version: the file that the linker found it in."""
        file, files, found = None, {}, {}
        for line in _run(self.readelf, "-VW", self.path).partition("Version needs")[2].splitlines():
            m = re.search(r"File: (\S+)", line)
            file = m.group(1) if m else file
            m = re.search(r"Name: .* Version: (\d+)", line)
            if m:
                files[m.group(1)] = file
        for name, number in re.findall(r" UND (\w+)@\S+ \((\d+)\)",
                                       _run(self.readelf, "--dyn-syms", "-W", self.path)):
            found.setdefault(files[number], set()).add(name)
        return found

    def defines_versions(self):
        return "VERDEF" in self.dynamic

    def relocations(self):
        """The kinds of its relocations, as a set."""
        return set(re.findall(r"R_[A-Z0-9_]+", _run(self.readelf, "-rW", self.path)))

    def has_tls(self):
        return bool(re.search(r"^\s+TLS\s", _run(self.readelf, "-lW", self.path), re.M))

    def mapped_size(self):
        """Bytes of the file that are mapped: without the holes that alignment to 64 KiB makes."""
        loads = re.findall(r"^\s+LOAD\s+0x\S+\s+0x\S+\s+0x\S+\s+(0x\S+)",
                           _run(self.readelf, "-lW", self.path), re.M)
        return sum(int(n, 16) for n in loads)

    def stripped_size(self):
        with tempfile.NamedTemporaryFile() as out:
            subprocess.run([self.strip, "--strip-unneeded", "-o", out.name, self.path], check=True)
            return os.stat(out.name).st_size


def read_list(path):
    """Names, one on a line; what follows a # is said to the reader."""
    with open(path) as lines:
        return {n for n in (line.split("#")[0].strip() for line in lines) if n}


def exports_of(path, prefix=""):
    """What a library (a libc) defines for others."""
    return Library(path, prefix).exported()
