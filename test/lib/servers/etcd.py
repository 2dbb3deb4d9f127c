# SPDX-License-Identifier: Apache-2.0
"""A real etcd for scenarios: `with Etcd() as etcd:`, or Etcd(lab) inside the lab; etcd.url."""
import base64
import json
import os

from lib.servers.store import Store


class Etcd(Store):
    NAME = "etcd"

    def __init__(self, lab=None, port=23790):
        super().__init__(lab, port)

    def url_of(self, key):
        return f"{self.url}/{key}"

    def command(self):
        peer = f"http://127.0.0.1:{self.port + 1}"
        return ["etcd", "--name", "one", "--data-dir", os.path.join(self.folder, "data"),
                "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", f"one={peer}", "--log-level", "error"]

    def answers(self):
        return self.get("ready-question") is not False

    def call(self, path, request):
        """One question to the JSON gateway; the answer, or None."""
        status, text = self.ask("POST", path, json.dumps(request))
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
