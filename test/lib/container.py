# SPDX-License-Identifier: Apache-2.0
"""A container as an engine makes it, of an image's unpacked root: mount and process namespaces of
its own, a read-only root, a user without capabilities.  Run as a program, by root, below `unshare
--mount --pid --fork`: its argument is JSON with root, mounts ([outside, inside, read-only]), uid,
environment and command."""
import ctypes
import json
import os
import sys

MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 32, 4096, 16384
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source, target, flags, kind=None):
    words = [w and w.encode() for w in (source, target, kind)]
    if LIBC.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), None) != 0:
        raise OSError(ctypes.get_errno(), f"mount {source} {target}")


def main():
    spec = json.loads(sys.argv[1])
    root = spec["root"]
    mount(root, root, MS_BIND | MS_REC)
    for outside, inside, read_only in spec["mounts"]:
        target = root + inside
        os.makedirs(target, exist_ok=True)
        mount(outside, target, MS_BIND)
        if read_only:
            mount(None, target, MS_REMOUNT | MS_BIND | MS_RDONLY)
    for name, kind in (("proc", "proc"), ("dev", None)):
        os.makedirs(os.path.join(root, name), exist_ok=True)
        mount(kind or "/dev", os.path.join(root, name), MS_NOSUID if kind else MS_BIND, kind)
    for name in ("etc/resolv.conf", "etc/hosts"):
        open(os.path.join(root, name), "a").close()
        mount("/" + name, os.path.join(root, name), MS_BIND)
    mount(None, root, MS_REMOUNT | MS_BIND | MS_RDONLY)
    os.chroot(root)
    os.chdir("/")
    for capability in range(64):
        LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(spec["uid"], spec["uid"], spec["uid"])
    os.setresuid(spec["uid"], spec["uid"], spec["uid"])
    program, environment = spec["command"][0], spec["environment"]
    if "/" not in program:
        program = next(p for folder in environment["PATH"].split(":")
                       if os.access(p := os.path.join(folder, program), os.X_OK))
    os.execve(program, spec["command"], environment)


main()
