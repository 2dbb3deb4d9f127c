# SPDX-License-Identifier: Apache-2.0
"""A Consul for scenarios: `with Consul(lab) as consul:` is a small one of our own, Consul(lab,
real()) that program; consul.url."""
import base64
import json
import os
import shutil
import sys

from lib.servers.store import Store

OURS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "consul_server.py")


def real():
    """The path of a real one: $PELORUS_TEST_CONSUL, or on PATH; else None."""
    return os.environ.get("PELORUS_TEST_CONSUL") or shutil.which("consul")


class Consul(Store):
    NAME = "Consul"

    def __init__(self, lab=None, program=None, port=8500):
        super().__init__(lab, port)
        self.program = program

    def url_of(self, key):
        return f"{self.url}/v1/kv/{key}"

    def command(self):
        if not self.program:
            return [sys.executable, "-B", OURS, str(self.port)]
        return [self.program, "agent", "-dev", "-bind=127.0.0.1", "-client=127.0.0.1",
                f"-http-port={self.port}", "-grpc-port=-1", "-dns-port=-1"]

    def answers(self):
        """It grants sessions, which a real one does some seconds after it listens."""
        return self.call("PUT", "/v1/session/create", '{"TTL":"10s"}')[0] == 200

    def call(self, method, path, body=""):
        return self.ask(method, path, None if method == "GET" else body)

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
