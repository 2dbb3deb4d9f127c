# SPDX-License-Identifier: Apache-2.0
"""A Consul for scenarios: `with Consul(lab) as consul:` is a small one of our own, Consul(lab,
real()) that program; consul.url."""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from relay import Relay

OURS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "consul_server.py")


def real():
    """The path of a real one: $PELORUS_TEST_CONSUL, or on PATH; else None."""
    return os.environ.get("PELORUS_TEST_CONSUL") or shutil.which("consul")


class Consul:
    def __init__(self, lab=None, program=None, port=8500):
        self.lab = lab
        self.program = program
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.publish = f"{self.url}/v1/kv/fleet"

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="pconsul-")
        command = ([self.program, "agent", "-dev", "-bind=127.0.0.1", "-client=127.0.0.1",
                    f"-http-port={self.port}", "-grpc-port=-1", "-dns-port=-1"] if self.program
                   else [sys.executable, "-B", OURS, str(self.port)])
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
        """Until it grants sessions, which a real one does some seconds after it listens."""
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            if self.call("PUT", "/v1/session/create", '{"TTL":"10s"}')[0] == 200:
                return
            time.sleep(0.1)
        with open(os.path.join(self.folder, "log")) as log:
            raise RuntimeError(f"Consul does not answer: {log.read()[-2000:]}")

    def call(self, method, path, body=""):
        answer = self.relay.call(method, self.url + path, None if method == "GET" else body)
        self.sent_ns = self.relay.sent_ns
        return answer

    def put(self, key, value, lease_s=None):
        """Whoever holds the key now; with lease_s under a session of that length."""
        holder = (self.entry(key) or {}).get("Session")
        self.call("PUT", f"/v1/kv/{key}" + (f"?release={holder}" if holder else ""), value)
        if lease_s:
            words = {"TTL": f"{lease_s}s", "Behavior": "delete", "LockDelay": "0s"}
            session = json.loads(self.call("PUT", "/v1/session/create", json.dumps(words))[1])
            self.call("PUT", f"/v1/kv/{key}?acquire={session['ID']}", value)

    def delete(self, key):
        self.call("DELETE", f"/v1/kv/{key}")

    def entry(self, key):
        status, text = self.call("GET", f"/v1/kv/{key}")
        return json.loads(text)[0] if status == 200 else None

    def get(self, key):
        entry = self.entry(key)
        return base64.b64decode(entry["Value"]).decode() if entry else None
