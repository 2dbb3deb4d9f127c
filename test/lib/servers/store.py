# SPDX-License-Identifier: Apache-2.0
"""What the key-value stores of scenarios have in common: a server of its own, inside a lab or not,
that is asked through a relay; `with Etcd(lab) as store:`, store.url, store.stop()."""
import os
import shutil
import subprocess
import tempfile
import time

from lib.servers.relay import Relay

START_S = 60


class Store:
    NAME = ""

    def __init__(self, lab, port):
        self.lab, self.port = lab, port
        self.url = f"http://127.0.0.1:{port}"
        self.publish = self.url_of("fleet")

    def url_of(self, key):
        """As a configuration names a key."""
        raise NotImplementedError

    def command(self):
        """The words that start it, in the foreground; self.folder is there for its files."""
        raise NotImplementedError

    def answers(self):
        """Whether it can be used yet."""
        raise NotImplementedError

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="pstore-")
        with open(os.path.join(self.folder, "log"), "w") as log:
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            self.process = (self.lab.popen(*self.command(), **options) if self.lab
                            else subprocess.Popen(self.command(), **options))
        self.relay = Relay(self.lab)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def __exit__(self, *_):
        self.relay.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self):
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            if self.answers():
                return
            time.sleep(0.1)
        with open(os.path.join(self.folder, "log")) as log:
            raise RuntimeError(f"{self.NAME} does not answer: {log.read()[-2000:]}")

    def ask(self, method, path, body=None):
        """(status, text) of one request; self.sent_ns is when it went."""
        answer = self.relay.call(method, self.url + path, body)
        self.sent_ns = self.relay.sent_ns
        return answer
