# SPDX-License-Identifier: Apache-2.0
"""A real etcd for scenarios: `with Etcd() as etcd:`, or Etcd(lab) inside the lab; etcd.url."""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time

from relay import Relay


class Etcd:
    def __init__(self, lab=None, port=23790):
        self.lab = lab
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.publish = f"{self.url}/fleet"

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="petcd-")
        peer = f"http://127.0.0.1:{self.port + 1}"
        command = ["etcd", "--name", "one", "--data-dir", os.path.join(self.folder, "data"),
                   "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
                   "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                   "--initial-cluster", f"one={peer}", "--log-level", "error"]
        with open(os.path.join(self.folder, "log"), "w") as log:
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            self.process = (self.lab.popen(*command, **options) if self.lab
                            else subprocess.Popen(command, **options))
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
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            if self.get("ready-question") is not False:
                return
            time.sleep(0.1)
        with open(os.path.join(self.folder, "log")) as log:
            raise RuntimeError(f"etcd does not answer: {log.read()[-2000:]}")

    def call(self, path, request):
        """One question to the JSON gateway; the answer, or None.  self.sent_ns is when it went."""
        status, text = self.relay.call("POST", self.url + path, json.dumps(request))
        self.sent_ns = self.relay.sent_ns
        return json.loads(text) if status == 200 else None

    def put(self, key, value, lease_s=None):
        """With lease_s the key goes after so many seconds."""
        words = {"key": encode(key), "value": encode(value)}
        if lease_s:
            words["lease"] = self.call("/v3/lease/grant", {"TTL": lease_s})["ID"]
        return self.call("/v3/kv/put", words)

    def delete(self, key):
        return self.call("/v3/kv/deleterange", {"key": encode(key)})

    def get(self, key):
        """The value; None if there is no such key; False if nobody answers."""
        answer = self.call("/v3/kv/range", {"key": encode(key)})
        if answer is None:
            return False
        entries = answer.get("kvs") or []
        return base64.b64decode(entries[0]["value"]).decode() if entries else None


def encode(text):
    return base64.b64encode(text.encode()).decode()
