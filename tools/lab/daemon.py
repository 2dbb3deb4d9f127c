# SPDX-License-Identifier: Apache-2.0
"""The supervisor: born by `lab up` in the lab's namespaces, it serves commands until `lab down`.

Three processes begin it.  The first enters new namespaces and forks; its child is the PID
namespace's init, which prepares the mounts, forks the supervisor proper and then only reaps.  When
the supervisor ends, init ends, and with it everything inside.
"""
import contextlib
import json
import os
import signal
import socket
import sys
import threading
import traceback

import commands
import ns
import state
import zone
from cluster import Lab
from plain.topologies import TOPOLOGIES
from state import LabError


def launch(path, config, plugin_dir, program, report):
    """Runs in the first process; writes "ready" or a sentence to the descriptor `report`."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    log = os.open(os.path.join(path, "daemon.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    ns.enter_new()
    ready_read, ready_write = os.pipe()
    init = os.fork()
    if init == 0:
        os.read(ready_read, 1)
        os.close(ready_read)
        os.close(ready_write)
        _init(path, config, plugin_dir, program, report)
        os._exit(1)
    state.write(path, dict(config, pid=init, started=state.started(init)))
    os.write(ready_write, b"1")
    os._exit(0)


def _init(path, config, plugin_dir, program, report):
    """PID 1: it ends when the supervisor does."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        _supervise(path, config, plugin_dir, program, report)
        os._exit(0)
    os.close(report)
    while True:
        pid, _ = os.wait()
        if pid == child:
            os._exit(0)


def _mounts(path, lab):
    """A /proc of its own, the resolver's files as applications inside are to see them."""
    try:
        ns.mount("proc", "/proc", "proc", ns.MS_NOSUID | ns.MS_NODEV | ns.MS_NOEXEC)
    except OSError:
        pass  # a container may mask parts of /proc and forbid a full one; the host's does as well
    etc = os.path.join(path, "etc")
    os.makedirs(etc)
    servers = "".join(f"nameserver {a}\n" for a in lab.network.addresses(1))
    nsswitch = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n" \
               "services: files\nprotocols: files\nnetworks: files\n"
    for name, text in (("resolv.conf", servers), ("nsswitch.conf", nsswitch)):
        with open(os.path.join(etc, name), "w") as file:
            file.write(text)
        os.chmod(file.name, 0o644)
        if not os.path.exists("/etc/" + name):
            raise LabError(f"/etc/{name} is missing here; nothing can be put in its place")
        ns.mount(file.name, "/etc/" + name, None, ns.MS_BIND)
    # What would resolve names elsewhere, and probers of the machine's, stay outside; what programs
    # leave in shared memory stays inside.
    for folder, mode in (("/run/nscd", "755"), ("/run/pelorus", "755"), ("/dev/shm", "1777")):
        if os.path.isdir(folder):
            ns.mount("tmpfs", folder, "tmpfs", ns.MS_NOSUID | ns.MS_NODEV, f"mode={mode}")


def _supervise(path, config, plugin_dir, program, report):
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    for folder in ("ns", "servers"):
        os.makedirs(os.path.join(path, folder), exist_ok=True)
    try:
        lab = TOPOLOGIES.get(config["topology"], Lab)(path, config, plugin_dir, program)
        _mounts(path, lab)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(os.path.join(path, "control.sock"))
        listener.listen(64)
        lab.network.up()
        zone.serve(lab.zone, lab.network.addresses(1))
        lab.up()
        lab.events.emit("up", name=config["name"], instances=list(lab.instances))
    except LabError as error:
        os.write(report, str(error).encode())
        return
    except BaseException:
        traceback.print_exc()
        os.write(report, b"the supervisor failed: " + traceback.format_exc().strip()
                 .splitlines()[-1].encode())
        return
    os.write(report, b"ready")
    os.close(report)
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=_serve, args=(lab, peer), daemon=True).start()


def _serve(lab, peer):
    """One command per connection: a JSON line in, a JSON line out."""
    with peer, peer.makefile("rb") as stream:
        try:
            request = json.loads(stream.readline())
            reply = {"result": commands.run(lab, request["command"], request["arguments"])}
        except LabError as error:
            reply = {"error": str(error)}
        except Exception as error:
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.flush()
        with contextlib.suppress(OSError):  # whoever asked may have gone
            peer.sendall(json.dumps(reply).encode() + b"\n")
