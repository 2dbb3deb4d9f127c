# SPDX-License-Identifier: Apache-2.0
"""What every server is, an instance that looks like Aurora's and one with nothing imitated: a
process with a folder of its own, that is started, awaited and ended.  The words of its replication
are in the modules server_mariadb and server_mysql.
"""
import os
import signal
import socket
import subprocess
import threading

from state import LabError


class Server:
    START_LIMIT = 60.0

    def __init__(self, folder):
        self.folder, self.process = folder, None
        self.expected = False  # whether the running process is meant to end
        self.on_exit = lambda server: None

    def path(self, name):
        return os.path.join(self.folder, name)

    @property
    def socket_path(self):
        return self.path("sock")

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def places(self):
        """The options that say where it lives."""
        return [f"--datadir={self.path('data')}", f"--tmpdir={self.path('tmp')}",
                f"--socket={self.socket_path}", f"--pid-file={self.path('pid')}"]

    def run(self, command, **environment):
        """Starts it, and does not wait for it."""
        self.expected = False
        with open(self.path("out.log"), "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out, cwd=self.folder,
                                            env={"PATH": os.environ["PATH"], "TZ": "UTC",
                                                 **environment})
        threading.Thread(target=self._watch, args=(self.process,), daemon=True).start()

    def launch(self, command):
        """Starts it, and returns when it takes connections."""
        ready = self.path("ready")
        if os.path.exists(ready):
            os.unlink(ready)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(ready)
            notify.settimeout(self.START_LIMIT)
            self.run(command, NOTIFY_SOCKET=ready)
            message = b""
            try:
                while b"READY=1" not in message.split(b"\n") and message != ended(self.process):
                    message = notify.recv(4096)
            except TimeoutError:
                message = b""
        if not self.running or b"READY=1" not in message:
            raise LabError(f"{self.name()} does not start: {self.complaint()}")

    def _watch(self, process):
        """Waits for the server's end; wakes one who waits for its start."""
        process.wait()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            try:
                sock.sendto(ended(process), self.path("ready"))
            except OSError:
                pass
        if process is self.process:
            self.on_exit(self)

    def name(self):
        """What people call it."""
        return os.path.basename(self.folder)

    def log(self):
        """What it has said."""
        for name in ("error.log", "out.log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as file:
                    return file.read()
        return ""

    def complaint(self):
        lines = self.log().splitlines()
        errors = [line for line in lines if "[ERROR]" in line or "lab plugin" in line]
        return (errors or lines or ["it says nothing"])[-1]

    def signal(self, number):
        if self.running:
            self.process.send_signal(number)

    def kill(self):
        """kill -9, and waits until the process is gone."""
        self.expected = True
        self.signal(signal.SIGKILL)
        self.end(10)

    def end(self, limit):
        """Waits for its end; one that takes longer is killed."""
        if self.process is not None:
            try:
                self.process.wait(limit)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def ended(process):
    """What wakes one who waits for a start; by the PID, for an earlier process may be meant."""
    return b"ENDED %d" % process.pid
