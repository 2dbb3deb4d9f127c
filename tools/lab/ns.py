# SPDX-License-Identifier: Apache-2.0
"""Linux namespaces: the few system calls that Python lacks, and whether they are permitted.

As root a lab has its own mount, network and PID namespaces; as an ordinary user the same inside a
user namespace, in which the user is root.  The PID namespace makes the end certain: when its init
is gone, the kernel ends every process of the lab.
"""
import ctypes
import os
import signal

NEWNS, NEWPID, NEWNET, NEWUSER = 0x20000, 0x20000000, 0x40000000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags):
    _check(_libc.unshare(flags), "unshare")


def setns(fd, kind=0):
    _check(_libc.setns(fd, kind), "setns")


def mount(source, target, kind=None, flags=0, options=None):
    def text(value):
        return value.encode() if value else None
    _check(_libc.mount(text(source), text(target), text(kind), ctypes.c_ulong(flags),
                       text(options)),
           f"mount {target}")


def die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def map_user(inside_uid, outside_uid, inside_gid, outside_gid):
    """Maps one user and group into the user namespace that this process has just made."""
    for name, text in (("setgroups", "deny"),
                       ("uid_map", f"{inside_uid} {outside_uid} 1"),
                       ("gid_map", f"{inside_gid} {outside_gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def enter_new():
    """Moves this process into a lab's namespaces; its next child is the PID namespace's init."""
    uid, gid = os.getuid(), os.getgid()
    if uid != 0:
        unshare(NEWUSER)
        map_user(0, uid, 0, gid)
    unshare(NEWNS | NEWNET | NEWPID)
    mount(None, "/", None, MS_REC | MS_PRIVATE)


def _setting(path):
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def why_not_permitted():
    """Tries, in a child, what enter_new() does.  None, or a sentence that names the obstacle."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            enter_new()
            os._exit(0)
        except OSError as error:
            os.write(write, str(error).encode())
            os._exit(1)
    os.close(write)
    problem = os.read(read, 500).decode()
    os.close(read)
    _, status = os.waitpid(child, 0)
    if status == 0:
        return None
    for path, name, bad in (
            ("/proc/sys/kernel/unprivileged_userns_clone", "kernel.unprivileged_userns_clone", 0),
            ("/proc/sys/user/max_user_namespaces", "user.max_user_namespaces", 0),
            ("/proc/sys/user/max_net_namespaces", "user.max_net_namespaces", 0),
            ("/proc/sys/user/max_pid_namespaces", "user.max_pid_namespaces", 0),
            ("/proc/sys/user/max_mnt_namespaces", "user.max_mnt_namespaces", 0),
            ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
             "kernel.apparmor_restrict_unprivileged_userns", 1)):
        if _setting(path) == bad:
            return f"namespaces are not permitted here: {name} is {bad} ({problem})"
    return ("namespaces are not permitted here, probably by a container's seccomp or "
            f"capability rules ({problem})")


def hold_net(path):
    """Makes a network namespace and pins it at `path` in this mount namespace."""
    open(path, "w").close()
    ready_read, ready_write = os.pipe()
    done_read, done_write = os.pipe()
    child = os.fork()
    if child == 0:
        unshare(NEWNET)
        os.write(ready_write, b"1")
        os.read(done_read, 1)
        os._exit(0)
    os.read(ready_read, 1)
    try:
        mount(f"/proc/{child}/ns/net", path, None, MS_BIND)
    finally:
        os.write(done_write, b"1")
        os.waitpid(child, 0)
        for fd in (ready_read, ready_write, done_read, done_write):
            os.close(fd)


def release(path):
    _check(_libc.umount2(path.encode(), 2), f"umount {path}")
    os.unlink(path)
