# SPDX-License-Identifier: Apache-2.0
"""The side of the user: finds a lab, hands it commands, brings it up and down."""
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import time

import daemon
import ns
import state
from plain.topologies import TOPOLOGIES
from servers import KINDS
from state import LabError

UP_LIMIT = 120.0
HERE = os.path.dirname(os.path.abspath(__file__))
NEEDED = (("dnsmasq", "dnsmasq-base"), ("ip", "iproute2"), ("nsenter", "util-linux"))


def plugin_dir(name):
    """The folder with a server's plugin: of this build, of any, or installed."""
    root = os.path.dirname(os.path.dirname(HERE))
    builds = [os.environ.get("PELORUS_BUILD", ""), os.path.join(root, "build", "main"),
              os.path.join(root, "build")]
    folders = [os.path.join(b, "tools", "lab") for b in builds if b]
    folders += [os.path.join(root, "lib", "pelorus"), "/usr/local/lib/pelorus",
                "/usr/lib/pelorus", HERE]
    for folder in folders:
        if os.path.exists(os.path.join(folder, name)):
            return os.path.abspath(folder)
    raise LabError(f"the server plugin {name} is not built; run: "
                   "meson setup build/main && meson compile -C build/main")


def ask(path, command, **arguments):
    """One command to the lab's supervisor; its result, or LabError with its sentence."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.connect(os.path.join(path, "control.sock"))
        except OSError:
            raise LabError(f"the lab in {path} does not answer") from None
        line = b""
        with contextlib.suppress(ConnectionError), sock.makefile("rb") as stream:
            sock.sendall(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
            line = stream.readline()
    if not line:
        raise LabError(f"the lab in {path} ended before it answered")
    reply = json.loads(line)
    if "error" in reply:
        raise LabError(reply["error"])
    return reply["result"]


def _check(path, config):
    """Everything that can be known to fail, before anything is begun."""
    if state.read(path):
        raise LabError(f"a lab is up already in {path}")
    if os.path.isdir(path) and os.listdir(path) and \
            not os.path.exists(os.path.join(path, "lab.json")):
        raise LabError(f"{path} is not empty and holds no lab; name another place with --state")
    if os.path.exists(path) and not os.path.isdir(path):
        raise LabError(f"{path} is not a directory")
    if len(os.fsencode(path)) > state.PATH_MAX:
        raise LabError(f"the state directory's path is longer than {state.PATH_MAX} bytes")
    topology, kind = TOPOLOGIES.get(config["topology"]), KINDS[config["kind"]]
    for name, package in NEEDED:
        if not shutil.which(name):
            raise LabError(f"there is no {name} here: install the package {package}")
    folder = None if topology else plugin_dir(kind.PLUGIN)
    problem = ns.why_not_permitted()
    if problem:
        raise LabError(problem)
    return topology.needed() if topology else kind.find(), folder


def up(path, config):
    """Brings a lab up; when it returns, the lab is ready."""
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    program, folder = _check(path, config)
    with state.claim(path):
        state.register(path)
        _begin(path, config, folder, program)


def _begin(path, config, folder, program):
    read, write = os.pipe()
    first = os.fork()
    if first == 0:
        try:
            os.close(read)
            daemon.launch(path, config, folder, program, write)
        except BaseException as error:
            os.write(write, str(error).encode())
        os._exit(1)
    os.close(write)
    try:
        os.waitpid(first, 0)
        said = _hear(read)
    except BaseException:
        _await_end(first)  # only then it is written down what there is to destroy
        destroy(path)
        raise
    if said != "ready":
        destroy(path)
        raise LabError(said or "the supervisor ended without a word")


def _await_end(child):
    try:
        os.waitpid(child, 0)
    except ChildProcessError:
        pass


def _hear(fd):
    end = time.monotonic() + UP_LIMIT
    said = b""
    while True:
        if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            return f"the lab is not ready after {UP_LIMIT:.0f} s"
        part = os.read(fd, 4000)
        said += part
        if not part or said == b"ready":
            return said.decode(errors="replace")


def destroy(path):
    """Ends everything of a lab, whether it answers or not, and removes what it left."""
    config = state.read(path)
    if config:
        try:
            fd = os.pidfd_open(config["pid"])
        except ProcessLookupError:
            fd = None
        if fd is not None:
            with contextlib.suppress(ProcessLookupError):  # it may end by itself meanwhile
                if state.alive(config["pid"], config["started"]):
                    signal.pidfd_send_signal(fd, signal.SIGKILL)
            select.select([fd], [], [], 20)
            os.close(fd)
    state.clear(path)
    state.unregister(path)


def down(path):
    destroy(path)


def execute(path, config, command):
    """Runs a command inside; its exit status."""
    pid = config["pid"]
    told = os.path.join(path, "pelorus.conf")
    if os.path.exists(told):
        os.environ["PELORUS_CONFIG"] = told
    folder = os.getcwd()
    uid, gid = os.getuid(), os.getgid()
    kinds = (("user",) if uid != 0 else ()) + ("mnt", "pid")
    try:
        spaces = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in kinds]
        for fd in spaces:
            ns.setns(fd)
        net = os.open(os.path.join(path, "ns", "app"), os.O_RDONLY | os.O_CLOEXEC)
        ns.setns(net, ns.NEWNET)
    except OSError as error:
        raise LabError(f"the lab in {path} cannot be entered: {error}") from None
    try:
        os.chdir(folder)
    except OSError:
        os.chdir("/")
    child = os.fork()
    if child == 0:
        _become(command, uid, gid)
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: _pass_on(child, n))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status if status >= 0 else 128 - status


def _pass_on(child, number):
    try:
        os.kill(child, number)
    except ProcessLookupError:
        pass  # it got the signal itself, with its whole group


def _become(command, uid, gid):
    """Becomes the command, with the user's own id."""
    try:
        ns.die_with_parent()
        if uid != 0:
            ns.unshare(ns.NEWUSER)
            ns.map_user(uid, 0, gid, 0)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"lab: {command[0]}: {error.strerror}\n".encode())
    os._exit(127)
