# SPDX-License-Identifier: Apache-2.0
"""A real etcd for scenarios: `with Etcd() as etcd:`, or Etcd(lab) inside the lab; etcd.url."""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request


class Etcd:
    def __init__(self, lab=None, port=23790):
        self.lab = lab
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

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
        relay = [sys.executable, "-B", os.path.abspath(__file__)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.relay = (self.lab.popen(*relay, **pipes) if self.lab
                      else subprocess.Popen(relay, **pipes))
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.relay.stdin.close()
        self.relay.wait(10)
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
        self.relay.stdin.write(json.dumps([self.url + path, request]) + "\n")
        self.relay.stdin.flush()
        answer, self.sent_ns = json.loads(self.relay.stdout.readline())
        return answer

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


def relay_questions():
    """Asks what its standard input says: where etcd lives, in this network namespace."""
    for line in sys.stdin:
        url, request = json.loads(line)
        answer = None
        sent_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        try:
            with urllib.request.urlopen(url, json.dumps(request).encode(), timeout=5) as reply:
                answer = json.loads(reply.read())
        except (OSError, ValueError):
            pass
        print(json.dumps([answer, sent_ns]), flush=True)


if __name__ == "__main__":
    relay_questions()
