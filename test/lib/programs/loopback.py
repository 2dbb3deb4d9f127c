# SPDX-License-Identifier: Apache-2.0
"""A scenario that is its own application: it runs under the preload, in namespaces of its own.

    loopback.enter(hosts={"name": "127.0.77.1"})    returns in a child that has the preload
    servers = loopback.Servers("127.0.77.1", "127.0.77.2")

What the scenario does then, lookups, connects, forks, it does as any program would.  Network and
mount namespace are private: any loopback address may be used, and /etc/hosts says what DNS would.
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

from lib.paths import LIBRARY

INSIDE = "PELORUS_TEST_FOLDER"
ADDRESSES = ("fd00:77::1/128", "fd00:77::2/128")


def _shell(hosts):
    return "; ".join([
        "ip link set lo up",
        *(f"ip addr add {a} dev lo nodad" for a in ADDRESSES),
        # A host that nobody answers for, and one that there is no way to.
        "ip link add hole type veth peer name bottom",
        "ip link set hole up; ip link set bottom up; ip addr add 10.77.0.1/24 dev hole",
        "ip neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev hole",
        "ip route add unreachable 10.78.0.0/24",
        f"mount --bind {hosts} /etc/hosts",
        'exec "$@"'])


def enter(hosts=None, **environment):
    """Returns inside, with the private folder; outside it runs the scenario there and exits."""
    folder = os.environ.pop(INSIDE, None)
    if folder:
        return folder
    folder = tempfile.mkdtemp(prefix="ploop-")
    try:
        with open(os.path.join(folder, "hosts"), "w") as f:
            f.writelines(f"{a} {n}\n" for n, a in {"localhost": "127.0.0.1",
                                                   **(hosts or {})}.items())
        env = {**os.environ, "LD_PRELOAD": LIBRARY, INSIDE: folder,
               "PELORUS_RUNTIME_DIR": os.path.join(folder, "run"), "PELORUS_PROBER": "off",
               **environment}
        child = subprocess.Popen(
            ["unshare", "-rnm", "sh", "-c", "unset LD_PRELOAD; " + _shell(f"{folder}/hosts"), "sh",
             "env", f"LD_PRELOAD={env['LD_PRELOAD']}", "/usr/bin/python3", *sys.argv], env=env)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        status = child.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(status if status >= 0 else 1)


class Servers:
    """One listener per address, on one port; each greets with its address and then keeps silent."""

    def __init__(self, *addresses, port=0):
        self.kept, self.port = [], port
        self.listeners = [self._listen(a) for a in addresses]

    def _listen(self, address):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, self.port), family=family, backlog=4096)
        self.port = listener.getsockname()[1]
        threading.Thread(target=self._serve, args=(listener, address), daemon=True).start()
        return listener

    def _serve(self, listener, address):
        while True:
            try:
                connection, _ = listener.accept()
                connection.sendall(address.encode() + b"\n")
            except OSError:
                continue
            self.kept.append(connection)

    def received(self):
        """What the youngest connection has sent us."""
        return self.kept[-1].recv(100, socket.MSG_DONTWAIT)


def greeting(sock):
    """Which server this socket is connected to."""
    sock.settimeout(10)
    return sock.recv(100).decode().strip()


def dial(name, port, family=socket.AF_INET, **options):
    """Connects as a plain program does, one address; the socket."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    for option in options.get("set", ()):
        sock.setsockopt(*option)
    sock.settimeout(options.get("timeout", 10))
    sock.connect((name, port))
    return sock


def sleepers():
    """How many threads of this process wait in a futex, the library's own aside."""
    count = 0
    for tid in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{tid}/wchan") as f, \
                 open(f"/proc/self/task/{tid}/comm") as comm:
                count += f.read().startswith("futex_") and comm.read().strip() != "pelorus"
        except OSError:
            pass
    return count
